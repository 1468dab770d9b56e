"""Axes as matplotlib draws them, rendered once per style and size; bars and lines are painted onto copies at known pixels.

    chart = draw_chart(rng, (336, 336), highest=40, has_x=False)
    fill_bar(chart, 80, 120, chart.row(30), (20, 40, 235), is_edged=False)
    Image.fromarray(chart.pixels)

The frame's lines are one pixel wide. Tick labels are painted as well, so that one rendering serves every scale. Not covered:
legends, scales that do not begin at 0.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np

from codedance.tasks.synthetic.canvas import Pixels, Point, fill, text, write
from codedance.tasks.synthetic.palette import RGB

_DPI = 100
_LINE = 72 / _DPI
_DARK = 110
_INK = (30, 30, 30)


_Frame = tuple[float, float, float, float]
"""Left, bottom, width and height, as shares of the picture."""


@dataclass(frozen=True, slots=True)
class _Style:
    face: str
    inside: str
    spine: str
    grid: str | None
    grid_axis: Literal["both", "y"]
    dashes: str
    ticks: str
    num_ticks: int
    """Intervals of the y axis."""
    steps: int
    """Intervals of the x axis, where it has marks."""


_STYLES = (
    _Style("white", "white", "black", None, "y", "-", "out", 4, 5),
    _Style("white", "white", "black", "#d0d0d0", "y", "-", "out", 5, 6),
    _Style("white", "#f4f4f4", "#333333", "#dddddd", "both", "--", "in", 4, 4),
    _Style("#f3f3f3", "white", "#222222", "#c8c8c8", "y", ":", "out", 5, 8),
    _Style("white", "#eaeaf2", "#303030", "white", "both", "-", "out", 4, 5),
    _Style("#fbf7ee", "#fffdf8", "black", "#e0d8c8", "y", "--", "in", 5, 6),
    _Style("white", "white", "black", None, "y", "-", "out", 2, 7),
)
_TIGHT, _ROOMY = (0.12, 0.09, 0.83, 0.86), (0.125, 0.11, 0.775, 0.77)
"""Where the frame is; the second is matplotlib's own and leaves room for a title."""
_TITLES = ("Guests", "Sales", "Rain a day", "Results of the test", "Trees in the park", "Hours", "Books lent", "Speed")
_NAMES = tuple(names.split() for names in ("Mon Tue Wed Thu Fri", "A B C D E", "Jan Feb Mar Apr May", "1 2 3 4 5"))


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of axes; the numbers are the pixels of the frame's lines."""

    pixels: Pixels
    left: int
    top: int
    right: int
    bottom: int
    steps: int
    """At the right line of the frame, if x has marks; 0 at the left one."""
    highest: int
    """The value at the upper line; the lower one is 0."""

    def row(self, value: float) -> int:
        """The pixel row of a value."""
        return self.bottom - round((self.bottom - self.top) * value / self.highest)

    def column(self, share: float) -> int:
        """The pixel column at a share of the width."""
        return self.left + int((self.right - self.left) * share)


def draw_chart(rng: random.Random, size: tuple[int, int], highest: int, has_x: bool) -> Chart:
    """Axes of some style, y from 0 to `highest`, with or without marks on the x axis."""
    number, is_roomy = rng.randrange(len(_STYLES)), rng.random() < 0.4
    steps, num_ticks = _STYLES[number].steps, _STYLES[number].num_ticks
    pixels, (left, top, right, bottom) = _axes(size, number, has_x, _ROOMY if is_roomy else _TIGHT)
    chart = Chart(pixels.copy(), left, top, right, bottom, steps, highest)
    height = round(0.03 * min(size))
    for index in range(num_ticks + 1):
        ink = text(f"{highest * index / num_ticks:g}", height)
        write(chart.pixels, ink, (left - 6 - ink.shape[1] // 2, chart.row(highest * index / num_ticks)), _INK)
    if is_roomy:
        write(chart.pixels, text(rng.choice(_TITLES), round(1.2 * height)), ((left + right) // 2, top // 2), _INK)
    for index in range(steps + 1 if has_x else 0):
        write(chart.pixels, text(str(index), height), (chart.column(index / steps), bottom + 6 + height), _INK)
    return chart


def name_bars(rng: random.Random, chart: Chart, columns: list[int]) -> None:
    """A word below each of some columns."""
    height = (chart.pixels.shape[0] - chart.bottom) // 3
    for word, column in zip(rng.choice(_NAMES), columns, strict=False):
        write(chart.pixels, text(word, min(height, 10)), (column, (chart.bottom + chart.pixels.shape[0]) // 2), _INK)


@cache
def _axes(size: tuple[int, int], style_number: int, has_x: bool, frame: _Frame) -> tuple[Pixels, tuple[int, int, int, int]]:
    """Rendered axes and where their frame is: left, top, right and bottom line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style, (width, height) = _STYLES[style_number], size
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=style.face)
    axes = figure.add_axes(frame, facecolor=style.inside)
    axes.set(xlim=(0, 1), ylim=(0, 1), axisbelow=True)
    axes.set_yticks([index / style.num_ticks for index in range(style.num_ticks + 1)], labels=[])
    axes.set_xticks([index / style.steps for index in range(style.steps + 1)] if has_x else [], labels=[])
    axes.tick_params(direction=style.ticks, color=style.spine, width=_LINE, length=2.5)
    axes.spines[:].set(linewidth=_LINE, color=style.spine)
    if style.grid:
        axes.grid(axis=style.grid_axis, color=style.grid, linestyle=style.dashes, linewidth=_LINE)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
    dark = pixels.max(2) < _DARK
    rows, columns = (np.flatnonzero(dark.mean(axis) > 0.5) for axis in (1, 0))
    return pixels, (int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1]))


def fill_bar(chart: Chart, left: int, right: int, top: int, rgb: RGB, is_edged: bool) -> None:
    """A bar from `top` down to the axis; a dark edge lies around it, not in it."""
    if is_edged:
        fill(chart.pixels, (left - 1, top - 1, right + 1, chart.bottom), (20, 20, 20))
    fill(chart.pixels, (left, top, right, chart.bottom), rgb)


def draw_line(chart: Chart, points: list[Point], rgb: RGB, width: int, marker: int) -> None:
    """A polyline with round markers of a radius; no markers if that is 0."""
    cv2.polylines(chart.pixels, [np.array(points, np.int32)], False, rgb, width, cv2.LINE_AA)
    for point in points if marker else ():
        cv2.circle(chart.pixels, point, marker, rgb, -1, cv2.LINE_AA)
