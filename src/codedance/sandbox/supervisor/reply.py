"""Read what a session answers, believing nothing.

    done = parse_done(datagram, token, Room(first=131072, end=134348800, caps=caps))

Anything that is not exactly a reply of our own worker raises Forged; the session is then killed. Not covered: a session
that lies about its own prints and pictures (it could simply print them).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.guest.settings import Caps

_MOST_BYTES = 1 << 16
_MOST_NOTES, _MOST_NOTE, _MOST_TEXT = 300, 500, 4000
_ROUNDING = 2.0
"""By how much a picture's sides may miss the aspect limit, since they are whole numbers after scaling."""


class Forged(Exception):
    """The datagram is not one that the session's own machinery sends."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The pictures were taken (`sizes`), or one was not (`bad`: name and reason)."""

    sizes: list[list[int]]
    bad: list[str] | None


@dataclass(frozen=True, slots=True)
class Done:
    """A cell has ended."""

    error: list[Any] | None
    """Type, message and line."""
    out_of_memory: bool
    images: list[list[int]]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Room:
    """Where in the outbox a session's pictures may lie, and how large they may be."""

    first: int
    end: int
    caps: Caps


def parse_word(data: bytes, token: str) -> None:
    """A sign of life without content: the first word of a fresh session, and when its files are written."""
    _fields(data, token, ())


def parse_measured(data: bytes) -> Measured:
    """The one word of a session that measures its walls; no stranger's code has run in it, but the rule is one for all."""
    types = get_type_hints(Measured)
    fields = _fields(data, "", tuple(types))
    if set(fields) != set(types):
        raise Forged("a figure is missing")
    figures: dict[str, Any] = {}
    for name, kind in types.items():
        figures[name] = _text(fields[name]) if kind is str else _int(fields[name], -1, 1 << 31)
    return Measured(**figures)


def parse_loaded(data: bytes, token: str) -> Loaded:
    """The answer to `Load`."""
    fields = _fields(data, token, ("sizes", "bad"))
    if "bad" in fields:
        name, reason = _items(fields["bad"], 2)
        return Loaded([], [_text(name), _text(reason)])
    return Loaded([[_int(side, 1, 1 << 31) for side in _items(size, 2)] for size in _list(fields.get("sizes"), 4096)], None)


def parse_done(data: bytes, token: str, room: Room) -> Done:
    """The answer to `Cell`; pictures must lie one behind the other inside the outbox and obey the caps."""
    fields = _fields(data, token, ("error", "images", "notes"))
    error, out_of_memory = None, False
    if fields.get("error") is not None:
        details = _dict(fields["error"])
        line = details.get("line")
        error = [_text(details.get("type")), _text(details.get("message")), None if line is None else _int(line, 0, 1 << 30)]
        out_of_memory = details.get("out_of_memory") is True
    images = list(_images(fields.get("images"), room))
    notes = [_text(note)[:_MOST_NOTE] for note in _list(fields.get("notes"), _MOST_NOTES)]
    return Done(error, out_of_memory, images, notes)


def _images(value: Any, room: Room) -> Iterator[list[int]]:
    free = room.first
    for entry in _list(value, room.caps.images):
        offset, width, height = (_int(number, 0, room.end) for number in _items(entry, 3))
        if offset < free or width < 1 or height < 1 or offset + 3 * width * height > room.end:
            raise Forged(f"a picture of {width}x{height} at {offset} does not fit the outbox")
        aspect = max(width, height) / min(width, height)
        if width * height > room.caps.image_pixels or aspect > _ROUNDING * room.caps.image_aspect:
            raise Forged(f"a picture of {width}x{height} is beyond the limits")
        free = offset + 3 * width * height
        yield [offset, width, height]


def _fields(data: bytes, token: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    if len(data) > _MOST_BYTES:
        raise Forged("it is too long")
    try:
        fields = _dict(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise Forged(f"not JSON: {type(error).__name__}") from None
    if fields.pop("token", None) != token:
        raise Forged("the token of the request is missing")
    if not set(fields) <= set(allowed):
        raise Forged("it has fields that no reply has")
    return fields


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Forged("an object was expected")
    return value


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise Forged(f"a list of at most {most} was expected")
    return value


def _items(value: Any, count: int) -> list[Any]:
    items = _list(value, count)
    if len(items) != count:
        raise Forged(f"a list of {count} was expected")
    return items


def _int(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Forged(f"a whole number from {least} to {most} was expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        raise Forged(f"a text of at most {_MOST_TEXT} characters was expected")
    return value.encode(errors="replace").decode()
