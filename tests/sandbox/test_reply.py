"""What sessions send is believed only if our own worker could have sent it; nothing makes the parser raise anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.sandbox.guest.settings import Caps
from codedance.sandbox.limits import Limits
from codedance.sandbox.supervisor.reply import Forged, Room, parse_done, parse_loaded, parse_word

CAPS = Caps(**{name: getattr(Limits(), name) for name in Caps.__dataclass_fields__})
ROOM = Room(first=1000, end=1_000_000, caps=CAPS)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def done(**fields: Any) -> bytes:
    return json.dumps({"token": "t", "error": None, "images": [], "notes": [], **fields}).encode()


@given(st.binary())
def test_no_bytes_do_anything_but_parse_or_be_refused(data: bytes) -> None:
    for parse in (lambda: parse_done(data, "t", ROOM), lambda: parse_loaded(data, "t"), lambda: parse_word(data, "")):
        with pytest.raises(Forged):
            parse()


@given(anything, anything, anything)
def test_no_json_does_anything_but_parse_or_be_refused(error: Any, images: Any, notes: Any) -> None:
    try:
        parsed = parse_done(done(error=error, images=images, notes=notes), "t", ROOM)
    except Forged:
        return
    assert all(offset >= 1000 and offset + 3 * width * height <= 1_000_000 for offset, width, height in parsed.images)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(-5, 2000), st.integers(-5, 2000)), max_size=20))
def test_accepted_pictures_never_overlap_and_stay_inside(images: list[tuple[int, int, int]]) -> None:
    try:
        parsed = parse_done(done(images=images), "t", ROOM)
    except Forged:
        return
    ends = [ROOM.first] + [offset + 3 * width * height for offset, width, height in parsed.images]
    assert all(offset >= end for (offset, _, _), end in zip(parsed.images, ends, strict=False))
    assert ends[-1] <= ROOM.end


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "another"},
        {"status": "ok"},
        {"images": [[1000, 10**5, 1]]},
        {"images": [[1000, 10, 10], [1000, 10, 10]]},
        {"images": [[0, 1, 1]]},
        {"images": [[1000, True, 1]]},
        {"images": [[1000, 1]]},
        {"notes": ["x"] * 301},
        {"notes": [1]},
        {"error": {"type": "E", "message": "m", "line": "1"}},
        {"error": {"type": "x" * 5000, "message": "m", "line": 1}},
    ],
    ids=str,
)
def test_each_lie_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Forged):
        parse_done(done(**fields), "t", ROOM)


def test_half_characters_cannot_travel_on() -> None:
    parsed = parse_done(done(error={"type": "E", "message": "\ud800", "line": None}, notes=["\udfff"]), "t", ROOM)
    json.dumps([parsed.error, parsed.notes], ensure_ascii=False).encode()
