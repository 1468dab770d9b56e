"""The page of one trace: what was asked, and turn by turn what the model thought, ran, and saw.

    names = Names()
    packed = make_page(trace, verdict, run.isolation, names, room=60_000)
    names.files        # {"ab12.png": "p0", ...}: the pictures that the page names

Texts that do not fit into `room` (characters, compressed) lose their middle, and the page says how much.
Not covered: the pictures themselves.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codedance.report import words
from codedance.report.highlight import highlight
from codedance.report.operations import find_operations
from codedance.reward.scorer import Verdict
from codedance.types import Isolation, SeenImage, Trace, Turn

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_LIMITS = (40_000, 12_000, 4_000, 1_500, 500)
"""Characters of one text, tried in turn until the page fits."""


class Names:
    """Short keys for the files of pictures, in the order in which pages name them."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def key(self, file: str) -> str:
        """The same for the same file."""
        return self._keys.setdefault(file, f"p{len(self._keys)}")

    @property
    def files(self) -> dict[str, str]:
        """File to key."""
        return dict(self._keys)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a turn."""

    file: str
    caption: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnView:
    """A turn, and what is to be said about it beside its own words."""

    number: int
    turn: Turn
    operations: tuple[str, ...]
    code: Markup | None
    code_left_out: int
    """Characters."""
    raw: tuple[words.Piece, ...]
    raw_left_out: int
    pictures: tuple[Shown, ...]
    num_unseen: int
    """Pictures that the code showed and the model did not get."""
    isolation: Isolation | None
    """Where it is not the run's."""


def make_page(trace: Trace, verdict: Verdict | None, isolation: Isolation, names: Names, room: int) -> str:
    """The page, compressed; `isolation` is the run's."""
    packed = ""
    for most in _LIMITS:
        packed = _pack(_render(trace, verdict, isolation, names, most))
        if len(packed) <= room:
            break
    return packed


def unpack(packed: str) -> str:
    """The HTML of a page, as the browser unpacks it."""
    return gzip.decompress(base64.b64decode(packed)).decode()


def _pack(html: str) -> str:
    data = html.encode(errors="replace")  # half of a surrogate pair, which a model can write in JSON, is no text
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def _render(trace: Trace, verdict: Verdict | None, isolation: Isolation, names: Names, most: int) -> str:
    turns = [_view(number, turn, isolation, most) for number, turn in enumerate(trace.turns, start=1)]
    template = environment().get_template("trace.html.j2")
    return template.render(trace=trace, verdict=verdict, turns=turns, key=names.key, clip=lambda text: words.clip(text, most))


def _view(number: int, turn: Turn, isolation: Isolation, most: int) -> TurnView:
    execution, code = turn.execution, turn.code
    error = execution.error if execution is not None else None
    before = turn.text[: 2 * most]
    after = turn.context[: 2 * most] if turn.context is not None else before
    pictures = tuple(_pictures(number, turn))
    return TurnView(
        number=number,
        turn=turn,
        operations=tuple(words.plain(operation) for operation in find_operations(code or "")),
        code=highlight(code[: 2 * most], error.line if error is not None else None) if code is not None else None,
        code_left_out=max(0, len(code or "") - 2 * most),
        raw=tuple(words.compare(before, after)),
        raw_left_out=max(0, len(turn.text) - 2 * most),
        pictures=pictures,
        num_unseen=max(0, len(execution.images) - len(pictures)) if execution is not None else 0,
        isolation=execution.isolation if execution is not None and execution.isolation != replace(isolation, walls=()) else None,
    )


def _pictures(number: int, turn: Turn) -> Iterator[Shown]:
    """As the model saw them."""
    seen = [part for part in turn.observation if isinstance(part, SeenImage)]
    for place, image in enumerate(seen, start=1):
        caption = f"{image.width} x {image.height} px, {words.whole(image.tokens)} tokens"
        yield Shown(image.file, caption, f"Picture {place} shown by turn {number}", image.width, image.height)


@cache
def environment() -> Environment:
    """Templates that escape everything, with our ways of writing as filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {name: getattr(words, name) for name in ("duration", "moment", "percent", "whole", "short", "plain")}
    return made
