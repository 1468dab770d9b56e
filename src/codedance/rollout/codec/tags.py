"""Find our tags in a text, once and in time proportional to its length.

    tags = Tags("<think>a</think><answer>7</answer>")
    tags.all[0].name, tags.close_of("think", 7)

Attributes, blanks and capitals do not matter. Not covered: what the tags mean.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from codedance.rollout.codec.escape import ACTION_TAGS, OBSERVATION_TAGS

_NAMES = "|".join(ACTION_TAGS + OBSERVATION_TAGS)
_TAG = re.compile(rf"<\s{{0,4}}(/?)\s{{0,4}}({_NAMES})(?:\s{{0,4}}|\s[^<>=\n]{{1,60}}=[^<>\n]{{0,120}})>", re.IGNORECASE)


class Tag(NamedTuple):
    """One tag and where it stands."""

    start: int
    end: int
    name: str
    closes: bool

    @property
    def opens_action(self) -> bool:
        """It begins code, a call or an answer."""
        return not self.closes and self.name in ("code", "tool_call", "answer")


class Tags:
    """The tags of one text."""

    def __init__(self, text: str) -> None:
        self.all = [Tag(found.start(), found.end(), found[2].lower(), bool(found[1])) for found in _TAG.finditer(text)]
        self._starts = [tag.start for tag in self.all]
        self._opens = [tag.start for tag in self.all if tag.opens_action]
        self._closes: dict[str, list[Tag]] = {}
        for tag in self.all:
            if tag.closes:
                self._closes.setdefault(tag.name, []).append(tag)

    def next(self, start: int) -> Tag | None:
        """The first one from `start` on."""
        index = bisect_left(self._starts, start)
        return self.all[index] if index < len(self.all) else None

    def close_of(self, name: str, start: int) -> Tag | None:
        """The first closing one of this name from `start` on."""
        closes = self._closes.get(name, [])
        index = bisect_left(closes, start, key=lambda tag: tag.start)
        return closes[index] if index < len(closes) else None

    def next_action(self, start: int) -> int | None:
        """Where the first action begins from `start` on."""
        index = bisect_left(self._opens, start)
        return self._opens[index] if index < len(self._opens) else None


def without_tags(text: str) -> str:
    """The text alone; a tag that was cut off at the end goes too."""
    return re.sub(r"<\s{0,4}/?[a-z_]{0,13}$", "", _TAG.sub("", text).rstrip(), flags=re.IGNORECASE)
