"""What does the chart say? Heights of bars, values of a line.

    draw_bar(random.Random(1), Level.HARD).question   # "How high is the blue bar? The axis goes from 0 to 40."

Easy: one wide bar or one thick level line at one of three heights. Hard: several thin ones on various scales. The plans find the
frame by its dark lines and the colour by its pixels, and do the same on charts that matplotlib itself has drawn.
"""

from __future__ import annotations

import random

from PIL import Image

from codedance.tasks.synthetic.canvas import draw_size, fill
from codedance.tasks.synthetic.charts import Chart, draw_chart, draw_line, fill_bar, name_bars
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan
from codedance.tasks.synthetic.palette import Colour, pick

_EASY_SCALE, _EASY = 80, (20, 40, 60)
_SCALES = (20, 30, 40, 50, 60, 70, 90, *[_EASY_SCALE] * 4)  # two digits each: a small model takes 10 for 100
_BAR = (
    "How high is the {color} bar? The axis goes from 0 to {top}.",
    "The axis goes from 0 to {top}. What is the value of the {color} bar?",
    "The axis goes from 0 to {top}. How high is the {color} bar?",
)
_HIGHER = (
    "How much higher is the {color} bar than the {other} one? The axis goes from 0 to {top}.",
    "The axis goes from 0 to {top}. By how much is the {color} bar higher than the {other} one?",
)
_SUM = ("What is the sum of the {color} and the {other} bar? The axis goes from 0 to {top}.",)
_LINE = (
    "What is the value of the {color} line at x = {x}? x goes from 0 to {steps}, y from 0 to {top}.",
    "x goes from 0 to {steps}, y from 0 to {top}. How high is the {color} line at x = {x}?",
)
_LOOK = {
    Level.EASY: ("One clear height, easy to read off.", "The height is plain to see."),
    Level.HARD: ("Thin and crowded, this is an estimate.", "The height can only be estimated."),
}


def draw_bar(rng: random.Random, level: Level) -> Item:
    """The height of a bar; in hard pictures also how much higher it is than another one, or their sum."""
    size, colours = draw_size(rng), pick(rng, 5)
    if level is Level.EASY:
        chart = draw_chart(rng, size, _EASY_SCALE, False)
        values = [rng.choice(_EASY)]
    else:
        chart = draw_chart(rng, size, rng.choice(_SCALES), False)
        values = [_value(rng, chart) for _ in range(rng.randint(3, 5))]
        if values[1] > values[0]:
            values[:2] = values[1::-1]
    paint_bars(rng, chart, dict(zip(colours, values, strict=False)))
    kind = rng.random() if level is Level.HARD else 1.0
    wordings: tuple[str, ...] = _BAR
    sign, answer = "", values[0]
    if kind < 0.35 and values[0] > values[1]:
        wordings, sign, answer = _HIGHER, " - ", values[0] - values[1]
    elif kind < 0.45:
        wordings, sign, answer = _SUM, " + ", values[0] + values[1]
    question = rng.choice(wordings).format(color=colours[0].name, other=colours[1].name, top=chart.highest)
    plans = bar_plans(colours[: 2 if sign else 1], sign, chart.highest)
    image, look = Image.fromarray(chart.pixels), rng.choice(_LOOK[level])
    return Item("bar", level, Ability.COMPUTATION, image, question, str(answer), look, plans)


def _value(rng: random.Random, chart: Chart) -> int:
    return rng.randint(max(1, chart.highest // 20), int(0.94 * chart.highest))


def paint_bars(rng: random.Random, chart: Chart, values: dict[Colour, int]) -> dict[Colour, tuple[int, int]]:
    """Bars side by side in any order; the columns where each begins and ends."""
    share = rng.uniform(0.5, 0.85)
    is_edged = rng.random() < 0.3
    order = rng.sample(list(values), len(values))
    columns = {}
    for index, colour in enumerate(order):
        left, right = (chart.column((index + 0.5 + side * share / 2) / len(order)) for side in (-1, 1))
        fill_bar(chart, left, right, chart.row(values[colour]), colour.shade(rng), is_edged)
        columns[colour] = left, right
    if rng.random() < 0.5:
        name_bars(rng, chart, [(left + right) // 2 for left, right in columns.values()])
    return columns


def bar_plans(colours: list[Colour], sign: str, top: int) -> tuple[Plan, ...]:
    """Heights in pixels against the height of the frame; two colours are joined by `sign`."""
    by_numpy, by_cv2 = (
        f"print({sign.join(f'value({mask})' for mask in masks)})"
        for masks in ([c.numpy_mask for c in colours], [c.cv2_mask for c in colours])
    )
    axis = "axis = (a.max(2) < 110).sum(0).max() - 1\n"
    ints, as_bytes = "a = np.array(original_image).astype(int)\n", "a = np.array(original_image)\n"
    numpy_code = f"    return round(mask.sum(0).max() / axis * {top})\n"
    cv2_code = f"    return round(cv2.boundingRect(mask)[3] / axis * {top})\n"
    rows = "rows = np.where((a.max(2) < 110).mean(1) > 0.5)[0]\n"
    rows_code = f"    y = np.where(mask)[0].min()\n    return round((rows[-1] - y) / (rows[-1] - rows[0]) * {top})\n"
    define = "def value(mask):\n"
    names = " and ".join(colour.name for colour in colours)
    thought = f"I measure {names} in pixels against the"
    conclusion = "The pixels give the value."
    start = "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
    return (
        Plan("columns", f"{thought} axis.", start + ints + axis + define + numpy_code + by_numpy, conclusion),
        Plan(
            "cv2",
            f"{thought} axis with OpenCV.",
            "import cv2\n" + start + as_bytes + axis + define + cv2_code + by_cv2,
            conclusion,
        ),
        Plan("rows", f"{thought} frame.", start + ints + rows + define + rows_code + by_numpy, conclusion),
    )


def draw_curve(rng: random.Random, level: Level) -> Item:
    """The value of a line at an x."""
    size, colours = draw_size(rng), pick(rng, 2)
    if level is Level.EASY:
        chart = draw_chart(rng, size, _EASY_SCALE, True)
        x = rng.randint(1, chart.steps - 1)
        value = rng.choice(_EASY)
        row, half = chart.row(value), round(0.025 * min(size))
        fill(chart.pixels, (chart.left + 1, row - half, chart.right, row + half + 1), colours[0].shade(rng))
    else:
        chart = draw_chart(rng, size, rng.choice(_SCALES), True)
        x = rng.randint(1, chart.steps - 1)
        values = _walk(rng, chart)
        _draw_walks(rng, chart, x, values, colours)
        value = values[x]
    question = rng.choice(_LINE).format(color=colours[0].name, x=x, steps=chart.steps, top=chart.highest)
    plans = line_plans(colours[0], x, chart.steps, chart.highest)
    image, look = Image.fromarray(chart.pixels), rng.choice(_LOOK[level])
    return Item("line", level, Ability.COMPUTATION, image, question, str(value), look, plans)


def _walk(rng: random.Random, chart: Chart) -> list[int]:
    """A value for every x, none so far from its neighbour that the line gets steep."""
    most = int(1.6 * (chart.right - chart.left) / chart.steps / (chart.bottom - chart.top) * chart.highest)
    values = [_value(rng, chart)]
    while len(values) <= chart.steps:
        value = _value(rng, chart)
        if abs(value - values[-1]) <= max(1, most):
            values.append(value)
    return values


def _draw_walks(rng: random.Random, chart: Chart, x: int, values: list[int], colours: list[Colour]) -> None:
    """The line that is asked for, and often another one that is elsewhere at this x."""
    marker = rng.randint(5, 6)
    other = _walk(rng, chart)
    is_apart = abs(chart.row(other[x]) - chart.row(values[x])) > 5 * marker
    lines = [(other, colours[1]), (values, colours[0])] if is_apart else [(values, colours[0])]
    for line, colour in lines:
        points = [(chart.column(index / chart.steps), chart.row(value)) for index, value in enumerate(line)]
        draw_line(chart, points, colour.shade(rng), 2, marker)


def line_plans(colour: Colour, x: int, steps: int, top: int) -> tuple[Plan, ...]:
    """The middle of the colour in the column of x."""
    frame = (
        "dark = a.max(2) < 110\n"
        "rows = np.where(dark.mean(1) > 0.5)[0]\n"
        "cols = np.where(dark.mean(0) > 0.5)[0]\n"
        f"x = cols[0] + (cols[-1] - cols[0]) * {x} // {steps}\n"
    )
    result = f"print(round((rows[-1] - y) / (rows[-1] - rows[0]) * {top}))"
    numpy_code = f"y = np.where({colour.numpy_mask}[:, x])[0].mean()\n"
    cv2_code = f"y = np.where({colour.cv2_mask}[:, x])[0].mean()\n"
    thought = f"I find the frame, then the {colour.name} pixels at this x with"
    conclusion = "The pixels give the value."
    start = "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
    return (
        Plan(
            "numpy",
            f"{thought} numpy.",
            f"{start}a = np.array(original_image).astype(int)\n{frame}{numpy_code}{result}",
            conclusion,
        ),
        Plan(
            "cv2", f"{thought} OpenCV.", f"import cv2\n{start}a = np.array(original_image)\n{frame}{cv2_code}{result}", conclusion
        ),
    )
