"""How the report writes things: numbers, durations, shares, long texts cut in the middle, what changed in a reply.

    duration(75.2)             # "1 min 15 s"
    clip("a" * 5000, 1000)     # Clipped(head="aaa...", left_out=4000, tail="...aaa")

Not covered: escaping; the templates do that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_MOST_COMPARED = 600  # lines; comparing grows with their square
_HEAD = 0.7


class Clipped(NamedTuple):
    """A text, or its head and tail."""

    head: str
    left_out: int = 0
    """Characters between them."""
    tail: str = ""


class Piece(NamedTuple):
    """Some lines of a reply, and whether they stayed in the conversation."""

    kind: str
    """same, gone or new."""
    text: str


def clip(text: str, most: int) -> Clipped:
    """At most `most` characters of a text, from both ends."""
    if len(text) <= most:
        return Clipped(text)
    head = int(most * _HEAD)
    return Clipped(text[:head], len(text) - most, text[len(text) - (most - head) :])


def compare(before: str, after: str) -> Iterator[Piece]:
    """What of `before` is gone, and what is new in `after`, by lines."""
    old, new = (f"{text}\n".splitlines(keepends=True) for text in (before, after))
    if len(old) + len(new) > _MOST_COMPARED:
        yield from (Piece("gone", before), Piece("new", after))
        return
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(old[i1:i2]))
        else:
            yield from (Piece(kind, text) for kind, text in (("gone", "".join(old[i1:i2])), ("new", "".join(new[j1:j2]))) if text)


def duration(seconds: float) -> str:
    """To three digits or so."""
    if seconds <= 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "under 1 ms"
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def moment(stamp: str) -> str:
    """An ISO 8601 time in UTC, to the second; other texts as they are."""
    try:
        return datetime.fromisoformat(stamp).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError):
        return stamp


def percent(share: float | None) -> str:
    """One decimal; a dash for nothing."""
    return "-" if share is None else f"{100 * share:.1f}%"


def whole(number: float) -> str:
    """With separators."""
    return f"{number:,.0f}"


def short(number: float) -> str:
    """One decimal below a hundred, two digits below one, none above; without a useless zero."""
    if number >= 99.95 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 1 else f"{number:.2g}"


def plain(name: str) -> str:
    """The value of an enum as words."""
    return str(name).replace("_", " ")
