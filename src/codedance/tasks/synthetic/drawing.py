"""Where is it? A dot in one cell of a grid, which the plans draw on a copy.

    draw_grid(random.Random(1), Level.HARD).question   # "In which cell of a 3x3 grid is the red dot? ..."

Easy: one big dot in the middle of a cell. Hard: a tiny one among others. The plans draw the grid and something big where the dot
is, and show the copy; nothing is printed, the copy has to be looked at.
"""

from __future__ import annotations

import random

from PIL import Image

from codedance.tasks.synthetic.canvas import background, draw_size, paint, scatter, shape
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan
from codedance.tasks.synthetic.palette import Colour, pick

_GRID = (
    "In which cell of a 3x3 grid is the {color} dot? Count from 1, row by row.",
    "Count the cells of a 3x3 grid from 1, row by row. In which one is the {color} dot?",
)
_LOOK = {
    Level.EASY: ("A big dot, easy to place.", "The dot is big and alone."),
    Level.HARD: ("The dot is tiny, this is a guess.", "A tiny dot, hard to find."),
}
_MARGIN = 0.05  # of a cell's side, around its border


def draw_grid(rng: random.Random, level: Level) -> Item:
    """The cell of a dot."""
    size = draw_size(rng)
    pixels = background(rng, size)
    colours = pick(rng, 6)
    cell = rng.randint(1, 9)
    column, row = (cell - 1) % 3, (cell - 1) // 3
    if level is Level.EASY:
        radius, most = round(0.11 * min(size)), round(0.02 * min(size))
        x, y = round((column + 0.5) * size[0] / 3), round((row + 0.5) * size[1] / 3)
        places = [(x + rng.randint(-most, most), y + rng.randint(-most, most))]
    else:
        radius = rng.choice((2, 3)) if min(size) < 500 else 4
        places = _tiny_dots(rng, size, radius, rng.randint(3, 7), (column, row))
    others = rng.choices(colours[1:], k=len(places) - 1)
    for colour, place in zip([colours[0], *others], places, strict=True):
        paint(pixels, shape("circle", radius), place, colour.shade(rng))
    question = rng.choice(_GRID).format(color=colours[0].name)
    image, look = Image.fromarray(pixels), rng.choice(_LOOK[level])
    return Item("grid", level, Ability.OPEN, image, question, str(cell), look, _grid_plans(colours[0]))


def _tiny_dots(
    rng: random.Random, size: tuple[int, int], radius: int, count: int, cell: tuple[int, int]
) -> list[tuple[int, int]]:
    """Places of dots, the first one inside of the cell and not near its border."""
    while True:
        places = scatter(rng, size, [radius] * count, 5)
        for place in places:
            shares = [3 * at / side - number for at, side, number in zip(place, size, cell, strict=True)]
            if all(_MARGIN < share < 1 - _MARGIN for share in shares):
                return [place, *(other for other in places if other != place)]


def _grid_plans(colour: Colour) -> tuple[Plan, ...]:
    sizes = "h, w = a.shape[0] // 3, a.shape[1] // 3\n"
    circle = (
        "import cv2\n"
        "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
        "a = np.array(original_image)\n"
        f"x, y = cv2.findNonZero({colour.cv2_mask}).reshape(-1, 2).mean(0).astype(int).tolist()\n"
        f"{sizes}"
        "for i in range(9):\n"
        "    x0, y0 = i % 3 * w, i // 3 * h\n"
        "    cv2.rectangle(a, (x0, y0), (x0 + w, y0 + h), (0, 0, 0), 4)\n"
        f"cv2.circle(a, (x, y), h // 3, {colour.code}, -1)\n"
        "display(cv2.resize(a, (112, 112)))"
    )
    cell = (
        "import cv2\n"
        "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
        "a = np.array(original_image).astype(int)\n"
        f"y, x = np.argwhere({colour.numpy_mask}).mean(0)\n"
        f"{sizes}"
        "y, x = int(y // h * h), int(x // w * w)\n"
        f"a[y:y + h, x:x + w] = {colour.code}\n"
        "a[h - 2:h + 3] = a[2 * h - 2:2 * h + 3] = 0\n"
        "a[:, w - 2:w + 3] = a[:, 2 * w - 2:2 * w + 3] = 0\n"
        "display(cv2.resize(a.astype(np.uint8), (112, 112)))"
    )
    thought = f"On a copy I draw the grid and, where the {colour.name} dot is,"
    conclusion = "The copy shows the place in the grid."
    return (
        Plan("circle", f"{thought} a big circle.", circle, conclusion),
        Plan("cell", f"{thought} a filled cell.", cell, conclusion),
    )
