"""How much is covered? Shares of the picture by colour.

    draw_area(random.Random(1), Level.HARD).question        # "What percentage of the picture is green?"
    draw_histogram(random.Random(1), Level.HARD).question   # "Which colour covers most of the picture: ...?"

Easy: one plain field. Hard: overlapping shapes, or a mosaic. An area is printed; the colours of a mosaic are drawn as a chart of
bars, which is then looked at.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from codedance.tasks.synthetic.canvas import Pixels, background, draw_size, fill
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan
from codedance.tasks.synthetic.measuring import is_clear
from codedance.tasks.synthetic.palette import COLOURS, RGB, Colour, pick

_AREA = (
    "What percentage of the picture is {color}?",
    "How many percent of the picture are {color}?",
    "Which share of the picture is {color}, in percent?",
)
_MOST = (
    "Which colour covers most of the picture: red, green, blue or yellow?",
    "Red, green, blue or yellow: which colour covers the largest part of the picture?",
)
_LOOK = {
    Level.EASY: ("One plain field, easy to judge.", "A single field, seen at a glance."),
    Level.HARD: ("Many pieces, this is an estimate.", "The pieces can only be estimated."),
}
_FOUR = tuple(COLOURS[name] for name in ("red", "green", "blue", "yellow"))
_TILES = (14, 28)  # divide every side
_MOST_OF_WINNER = 0.92


def draw_area(rng: random.Random, level: Level) -> Item:
    """The percentage of a colour."""
    size, colours = draw_size(rng), pick(rng, 3)
    pixels = background(rng, size)
    if level is Level.EASY:
        percent = rng.choice((25, 50, 75))
        _fill_edge(rng, pixels, percent, colours[0])
    else:
        pieces = draw_pieces(rng, size, colours)
        while not (3 <= pieces.shares[0] <= 60 and is_clear(pieces.shares[0])):
            pixels = background(rng, size)
            pieces = draw_pieces(rng, size, colours)
        pieces.paint(pixels)
        percent = round(pieces.shares[0])
    question = rng.choice(_AREA).format(color=colours[0].name)
    image, look = Image.fromarray(pixels), rng.choice(_LOOK[level])
    return Item("area", level, Ability.COMPUTATION, image, question, str(percent), look, _area_plans(colours[0]))


def _fill_edge(rng: random.Random, pixels: Pixels, percent: int, colour: Colour) -> None:
    height, width = pixels.shape[:2]
    low, left = height * percent // 100, width * percent // 100
    boxes = ((0, 0, width, low), (0, height - low, width, height), (0, 0, left, height), (width - left, 0, width, height))
    fill(pixels, rng.choice(boxes), colour.shade(rng))


@dataclass(frozen=True, slots=True)
class _Piece:
    """An ellipse, a rectangle or a triangle of one colour, by its index."""

    colour: int
    kind: int
    middle: tuple[int, int]
    reach: tuple[int, int]
    """To the right and down."""
    turn: int
    tip: int

    def paint(self, target: Pixels, value: tuple[int, ...]) -> None:
        """Fill it, one value for each channel."""
        (x, y), (across, down) = self.middle, self.reach
        if self.kind == 0:
            cv2.ellipse(target, self.middle, self.reach, self.turn, 0, 360, value, -1)
        elif self.kind == 1:
            cv2.rectangle(target, (x - across, y - down), (x + across, y + down), value, -1)
        else:
            corners = np.array([(x - across, y + down), (x + across, y + down // 2), (x + self.tip, y - down)], np.int32)
            cv2.fillConvexPoly(target, corners, value)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of some colours, one over another."""

    pieces: list[_Piece]
    shades: list[RGB]
    shares: list[float]
    """The percentage of the picture that each colour has in the end."""

    def paint(self, pixels: Pixels) -> None:
        """Lay them on a picture of their size."""
        for piece in self.pieces:
            piece.paint(pixels, self.shades[piece.colour])


def draw_pieces(rng: random.Random, size: tuple[int, int], colours: list[Colour]) -> Pieces:
    """Two to four pieces of each colour for a picture of that size; they are only painted once they are wanted."""
    shades = [colour.shade(rng) for colour in colours]
    order = [index for index in range(len(colours)) for _ in range(rng.randint(2, 4))]
    rng.shuffle(order)
    pieces = [_draw_piece(rng, size, index) for index in order]
    owners: Pixels = np.zeros(size[::-1], np.uint8)
    for piece in pieces:
        piece.paint(owners, (piece.colour + 1,))
    return Pieces(pieces, shades, [np.count_nonzero(owners == index + 1) / owners.size * 100 for index in range(len(colours))])


def _draw_piece(rng: random.Random, size: tuple[int, int], colour: int) -> _Piece:
    middle = rng.randrange(size[0]), rng.randrange(size[1])
    across, down = (round(rng.uniform(0.08, 0.22) * min(size)) for _ in range(2))
    kind, turn, tip = rng.randrange(3), rng.randrange(180), rng.randint(-across, across)
    return _Piece(colour, kind, middle, (across, down), turn, tip)


def _area_plans(colour: Colour) -> tuple[Plan, ...]:
    thought = f"I mask the {colour.name} pixels and take their share with"
    conclusion = "That is the share in percent."
    return (
        Plan(
            "numpy",
            f"{thought} numpy.",
            "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
            "a = np.array(original_image).astype(int)\n"
            f"mask = {colour.numpy_mask}\n"
            "print(round(mask.mean() * 100))",
            conclusion,
        ),
        Plan(
            "cv2",
            f"{thought} OpenCV.",
            "import cv2\n"
            "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
            "a = np.array(original_image)\n"
            f"mask = {colour.cv2_mask}\n"
            "print(round(cv2.countNonZero(mask) / mask.size * 100))",
            conclusion,
        ),
    )


def draw_histogram(rng: random.Random, level: Level) -> Item:
    """The colour that covers most, of four."""
    size = draw_size(rng)
    order = rng.sample(_FOUR, len(_FOUR))
    shades = [colour.shade(rng) for colour in order]
    pixels = _field(rng, size, shades) if level is Level.EASY else _mosaic(rng, size, shades)
    image, look = Image.fromarray(pixels), rng.choice(_LOOK[level])
    return Item("histogram", level, Ability.OPEN, image, rng.choice(_MOST), order[0].name, look, _histogram_plans())


def _field(rng: random.Random, size: tuple[int, int], shades: list[RGB]) -> Pixels:
    """Nearly all is the first one; the others share a strip at an edge."""
    width, height = size
    pixels: Pixels = np.empty((height, width, 3), np.uint8)
    fill(pixels, (0, 0, width, height), shades[0])
    strip, at_end, is_flat = rng.uniform(0.15, 0.25), rng.random() < 0.5, rng.random() < 0.5
    long, short = size if is_flat else (height, width)
    first = round((1 - strip) * short) if at_end else 0
    last = short if at_end else round(strip * short)
    for index, shade in enumerate(shades[1:]):
        begin, end = index * long // 3, (index + 1) * long // 3
        fill(pixels, (begin, first, end, last) if is_flat else (first, begin, last, end), shade)
    return pixels


def _mosaic(rng: random.Random, size: tuple[int, int], shades: list[RGB]) -> Pixels:
    """Squares in a random order, the first colour so little more often that a look does not tell."""
    side = rng.choice(_TILES)
    columns, rows = size[0] // side, size[1] // side
    weights = [1.0, *(rng.uniform(least, _MOST_OF_WINNER) for least in (0.84, 0.76, 0.68))]
    counts = [int(columns * rows * weight / sum(weights)) for weight in weights]
    counts[0] += columns * rows - sum(counts)
    tiles = [number for number, count in enumerate(counts) for _ in range(count)]
    rng.shuffle(tiles)
    mosaic: Pixels = np.array(shades, np.uint8)[np.array(tiles).reshape(rows, columns)]
    return mosaic.repeat(side, 0).repeat(side, 1)


def _histogram_plans() -> tuple[Plan, ...]:
    names = ", ".join(f'"{colour.name}"' for colour in _FOUR)
    values = ", ".join(colour.code for colour in _FOUR)
    counts = f"colors = [{values}]\nn = [(abs(a - c) < 50).all(2).sum() for c in colors]\n"
    start = "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
    ints = "a = np.array(original_image).astype(int)\n"
    numpy_code = (
        "chart = np.full((112, 112, 3), 255, np.uint8)\n"
        "for i in range(4):\n"
        "    h = round(100 * (n[i] - min(n)) / (max(n) - min(n)))\n"
        "    chart[112 - h:, 28 * i + 2:28 * i + 26] = colors[i]\n"
        "display(chart)"
    )
    pil_code = (
        'chart = Image.new("RGB", (112, 112), "white")\n'
        "draw = ImageDraw.Draw(chart)\n"
        "for i in range(4):\n"
        "    h = 100 * (n[i] - min(n)) / (max(n) - min(n))\n"
        "    draw.rectangle((28 * i, 112 - h, 28 * i + 24, 112), colors[i])\n"
        "display(chart)"
    )
    plot_code = f"plt.bar(range(4), n, color=[{names}])\nplt.ylim(min(n))\nplt.show()"
    thought = "I count the pixels of each colour and draw bars with"
    conclusion = "The highest bar tells the colour."
    return (
        Plan("numpy", f"{thought} numpy.", start + ints + counts + numpy_code, conclusion),
        Plan("pil", f"{thought} PIL.", start + "from PIL import Image, ImageDraw\n" + ints + counts + pil_code, conclusion),
        Plan(
            "matplotlib",
            f"{thought} matplotlib.",
            f"import matplotlib.pyplot as plt\n{start}{ints}{counts}{plot_code}",
            conclusion,
        ),
    )
