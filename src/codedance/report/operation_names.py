"""Which library name does what: operations.toml as tables for `find_operations`.

    look_up("cv2.threshold")           # Operation.THRESHOLD
    look_up("skimage.filters.sobel")   # Operation.EDGES, although skimage.filters.* is FILTER

Not covered: what the arguments say; that is in `operations`.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple


class Operation(StrEnum):
    """One kind of thing that a cell does to or with a picture."""

    READ_ORIGINAL = "read_original"
    """Goes back to the full resolution."""
    CROP = "crop"
    RESIZE = "resize"
    ROTATE = "rotate"
    """Or flip."""
    COMPOSE = "compose"
    """Paste, stack, pad."""
    DRAW_BOX = "draw_box"
    DRAW_LINE = "draw_line"
    DRAW_TEXT = "draw_text"
    DRAW_SHAPE = "draw_shape"
    PLOT = "plot"
    COLOUR = "colour"
    ENHANCE = "enhance"
    """Contrast, brightness, sharpness."""
    FILTER = "filter"
    """Blur, denoise, convolve."""
    THRESHOLD = "threshold"
    """Or mask."""
    MORPHOLOGY = "morphology"
    EDGES = "edges"
    CONTOURS = "contours"
    COMPONENTS = "components"
    """Label and count connected parts."""
    SHAPES = "shapes"
    """Lines and circles found by voting or fitting."""
    SEGMENT = "segment"
    MATCH = "match"
    """Compare pictures, find a template or key points."""
    PIXELS = "pixels"
    """Read single values or a histogram."""
    READ_TEXT = "read_text"
    MEASURE = "measure"
    """Lengths, areas, angles."""
    ARITHMETIC = "arithmetic"
    STATISTICS = "statistics"
    NUMERIC = "numeric"
    """Equations, fits, optimisation, transforms."""
    SYMBOLIC = "symbolic"
    TABLE = "table"
    FILES = "files"
    SHOW = "show"


class _Names(NamedTuple):
    aliases: dict[str, str]
    functions: dict[str, Operation]
    below: list[tuple[str, Operation]]
    """Starts of names, the longest first."""
    methods: dict[str, Operation]


def common_aliases() -> dict[str, str]:
    """What a name means where the cell does not import it itself: an earlier cell did."""
    return dict(_names().aliases)


def look_up(name: str) -> Operation | None:
    """What a dotted name does, by its own entry or by the longest one that covers it."""
    names = _names()
    return names.functions.get(name) or next((operation for start, operation in names.below if name.startswith(start)), None)


def look_up_method(name: str) -> Operation | None:
    """What a method of this name most likely does."""
    return _names().methods.get(name)


@cache
def _names() -> _Names:
    table = tomllib.loads((resources.files("codedance.report") / "operations.toml").read_text())
    aliases = table.pop("aliases")
    functions: dict[str, Operation] = {}
    methods: dict[str, Operation] = {}
    for value, entry in table.items():
        operation = Operation(value)
        for line in entry.get("functions", []):
            module, _, names = line.rpartition(": ")
            functions |= {f"{module}.{name}" if module else name: operation for name in names.split()}
        methods |= dict.fromkeys(entry.get("methods", "").split(), operation)
    below = [(name.removesuffix("*"), operation) for name, operation in functions.items() if name.endswith("*")]
    return _Names(aliases, functions, sorted(below, key=lambda entry: -len(entry[0])), methods)
