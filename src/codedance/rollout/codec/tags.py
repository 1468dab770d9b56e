"""Find the marks of the table in a text, once and in time proportional to its length.

    tags = Tags("<think>a</think><answer>7</answer>")
    tags.all[0].mark.kind, tags.close_of(tags.all[0].mark, 7)

Not covered: what the marks mean; marks of parameters, which `calls` looks for inside of a call.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from codedance.reply_marks import MARKS, OBSERVATION_NAMES, THINK, THOUGHT_NAMES, Kind, Mark

_MOST_TAGS = 2000  # a reply with more of them repeats itself
_ACTIONS = frozenset({Kind.CODE, Kind.CALL, Kind.ANSWER})
CANDIDATE = re.compile(
    r"[<\uff1c\ufe64][^<>\uff1c\uff1e\ufe64\ufe65]{1,160}[>\uff1e\ufe65]"
    r"|[\[\uff3b]\s{0,4}/?\s{0,4}[A-Z][A-Z_ ]{2,30}[\]\uff3d]"
    r"|\u25c1[^\u25c1\u25b7\n]{1,40}\u25b7"
)
"""A token in brackets, which may be a mark."""
_PLAIN_SIGNS = str.maketrans("\uff1c\ufe64\uff1e\ufe65\uff5c\uff3b\uff3d\uff0f\uff1a", "<<>>|[]/:")
_GAPS = re.compile("[\\s_\\-\u2581\u00ad\u200b-\u200f\u2060\ufeff]+")
_BARS = re.compile(r"\|{2,8}")
_ATTRIBUTES = re.compile(r"(<[^=\n]*?[^=\s])\s+[\w:.\-]{1,40}\s*=.*", re.DOTALL)
_NAMED = re.compile(r"(<[^=\n]*?[^=\s])\s*=.*", re.DOTALL)
_NAMESPACE = re.compile(r"(</?)\w+:(?=\w)")
_THOUGHT = re.compile(rf"</?\|?/?{THOUGHT_NAMES}\|?>")
_OBSERVATION = re.compile(rf"</?\|?/?{OBSERVATION_NAMES}\|?>")
_CUT_OFF = re.compile(r"[<\uff1c\u25c1]\s{0,4}/?[|\uff5c]?[a-z_:\u2581]{0,24}[|\uff5c]?$", re.IGNORECASE)


class Tag(NamedTuple):
    """One mark and where it stands."""

    start: int
    end: int
    mark: Mark
    closes: bool

    @property
    def kind(self) -> Kind:
        """What it opens or closes."""
        return self.mark.kind

    @property
    def opens_action(self) -> bool:
        """It begins code, a call or an answer."""
        return not self.closes and self.kind in _ACTIONS


class Meaning(NamedTuple):
    """What a token may be."""

    mark: Mark
    closes: bool
    tail: re.Pattern[str] | None
    """What must follow it."""


def _key(token: str) -> str:
    """The mark without what makes no difference."""
    plain = _BARS.sub("|", _GAPS.sub("", token.translate(_PLAIN_SIGNS))).replace("<\\/", "</")  # as JSON may write it
    return plain if plain.startswith("[") else plain.casefold()


def _tail(mark: str) -> tuple[str, re.Pattern[str] | None]:
    """The key of a mark's first token, and what must follow it."""
    token = CANDIDATE.match(mark)
    if token is None:
        return "", None
    pieces = [re.escape(piece) for piece in re.split(r"\s+", mark[token.end() :]) if piece]
    return _key(token[0]), re.compile(r"\s{0,4}" + r"\s{1,4}".join(pieces)) if pieces else None


def _table() -> dict[str, list[Meaning]]:
    table: dict[str, list[Meaning]] = {}
    for mark in MARKS:
        if mark.kind is Kind.PARAMETER:
            continue
        for text, closes in ((mark.open, False), (mark.close, True)):
            key, tail = _tail(text)
            if key:
                table.setdefault(key, []).append(Meaning(mark, closes, tail))
    return table


_TABLE = _table()
_ANY_OBSERVATION = next(mark for mark in MARKS if mark.kind is Kind.OBSERVATION)


@lru_cache(maxsize=4096)
def meanings(token: str) -> tuple[Meaning, ...]:
    """What a token in brackets may be."""
    key = _key(token)
    found = _TABLE.get(key)
    if found is None and "=" in token:
        plain = token.translate(_PLAIN_SIGNS)
        if attributes := _ATTRIBUTES.fullmatch(plain):
            found = _TABLE.get(_key(attributes[1] + ">"))
        elif named := _NAMED.fullmatch(plain):
            found = _TABLE.get(_key(named[1] + "=NAME>"))
    if found is None and ":" in key:
        found = _TABLE.get(_NAMESPACE.sub(r"\1", key))
    return tuple(found or _by_name(_NAMESPACE.sub(r"\1", key)))


def _by_name(key: str) -> Iterator[Meaning]:
    """What a tag is that is no row of the table, where its name says it."""
    closes = "/" in key[:3]
    if _THOUGHT.fullmatch(key):
        yield Meaning(THINK, closes, None)
    elif _OBSERVATION.fullmatch(key):
        yield Meaning(_ANY_OBSERVATION, closes, None)


class Tags:
    """The marks of one text."""

    def __init__(self, text: str, hidden: tuple[tuple[int, int], ...] = ()) -> None:
        """`hidden` are spans, in order, whose marks do not count."""
        visible = (tag for tag in _tags(text) if not _is_inside(tag.start, hidden))
        self.all = list(islice(visible, _MOST_TAGS))
        self._starts = [tag.start for tag in self.all]
        self._actions = [tag for tag in self.all if tag.opens_action]
        self._action_starts = [tag.start for tag in self._actions]
        self._closes: dict[Mark | Kind, tuple[list[int], list[Tag]]] = {}
        for tag in self.all:
            if tag.closes:  # several marks may share their closing one
                closed = {meaning.mark for meaning in meanings(text[tag.start : tag.end]) if meaning.closes}
                closed_too: set[Mark | Kind] = {tag.kind, tag.mark, *closed}
                for what in closed_too:
                    starts, tags = self._closes.setdefault(what, ([], []))
                    starts.append(tag.start)
                    tags.append(tag)

    def next(self, start: int) -> Tag | None:
        """The first one from `start` on."""
        index = bisect_left(self._starts, start)
        return self.all[index] if index < len(self.all) else None

    def between(self, start: int, end: int) -> list[Tag]:
        """Those that begin there."""
        return self.all[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def close_of(self, what: Mark | Kind, start: int) -> Tag | None:
        """The first one from `start` on that closes this mark, or any of this kind."""
        starts, tags = self._closes.get(what, ((), ()))
        index = bisect_left(starts, start)
        return tags[index] if index < len(tags) else None

    def next_action(self, start: int) -> Tag | None:
        """The first one from `start` on that opens an action."""
        return next(self.from_action(start), None)

    def from_action(self, start: int) -> Iterator[Tag]:
        """Those from `start` on that open actions."""
        for index in range(bisect_left(self._action_starts, start), len(self._actions)):
            yield self._actions[index]

    def previous_end(self, start: int) -> int:
        """Where the one before `start` ends."""
        index = bisect_left(self._starts, start)
        return self.all[index - 1].end if index else 0


def _tags(text: str) -> Iterator[Tag]:
    for token in CANDIDATE.finditer(text):
        for mark, closes, tail in meanings(token[0]):
            rest = tail.match(text, token.end()) if tail else token
            if rest is not None:
                yield Tag(token.start(), rest.end(), mark, closes)
                break


def _is_inside(at: int, spans: tuple[tuple[int, int], ...]) -> bool:
    index = bisect_left(spans, at, key=lambda span: span[1])
    return index < len(spans) and spans[index][0] <= at


def without_tags(text: str) -> str:
    """The text alone; a mark that was cut off at the end goes too."""
    kept, at = [], 0
    for tag in _tags(text):
        if tag.mark.is_common_word:
            continue
        kept.append(text[at : tag.start])
        at = max(at, tag.end)
    return _CUT_OFF.sub("", "".join((*kept, text[at:])).rstrip())
