"""Which digit? In a frame of a colour, near a place, upside down or mirrored.

    draw_digit(random.Random(1), Level.HARD).question   # "Which digit is in the red frame?"

Easy: one big digit in a big frame. Hard: a tiny one among others; a crop of it, enlarged, looks like an easy picture.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image

from codedance.tasks.synthetic.canvas import FONTS, VIEWS, Pixels, Point, background, draw_size, fill, scatter, text, write
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan
from codedance.tasks.synthetic.palette import Colour, pick

DIGITS = "23456789"
_FRAME = (
    "Which digit is in the {color} frame?",
    "Read the digit in the {color} frame.",
    "What digit does the {color} frame hold?",
)
_NEAR = ("Which digit is near ({x}, {y}) in the picture?", "Read the digit near ({x}, {y}).")
_LOOK = {
    Level.EASY: ("One big digit, easy to read.", "The digit fills the picture."),
    Level.HARD: ("The digit is tiny, this is a guess.", "A tiny digit, hardly readable."),
}
_DIGIT_OF_FRAME = 0.56
_CROP_HALF = 5  # view pixels around the middle of a tiny frame
_TWO_DIGITS = range(10, 100)  # so that a small model copies places more reliably
_CONCLUSION = "The enlarged crop shows the digit."
_SHOW = "\ndisplay(original_image.crop(box).resize((112, 112)))"
_TURNED_DIGITS = "23457"  # the others look like themselves or like one another
_TURNED = {
    "upside down": (
        "The picture is upside down. Which digit is in the {color} frame?",
        "The {color} frame is upside down. Read its digit.",
    ),
    "mirrored": (
        "The picture is mirrored. Which digit is in the {color} frame?",
        "The {color} frame is mirrored. Read its digit.",
    ),
}


@dataclass(frozen=True, slots=True)
class Framed:
    """A digit in a frame."""

    digit: str
    colour: Colour
    center: Point
    side: int
    """Of the frame, outside."""


def draw_digit(rng: random.Random, level: Level) -> Item:
    """A digit that a zoom makes readable."""
    size = draw_size(rng)
    pixels = background(rng, size)
    framed = place_frames(rng, size, level, DIGITS)
    for each in framed:
        paint_framed(rng, pixels, each)
    asked = framed[0]
    view = VIEWS[size]
    x, y = (round((at + 0.5) * small / large) for at, small, large in zip(asked.center, view, size, strict=True))
    is_place = rng.random() < 0.45
    if not (is_place and x in _TWO_DIGITS and y in _TWO_DIGITS):
        question = rng.choice(_FRAME).format(color=asked.colour.name)
        plans = tuple(Plan(name, thought, code + _SHOW, _CONCLUSION) for name, thought, code in find_frame(asked.colour))
    else:
        question = rng.choice(_NEAR).format(x=x, y=y)
        plans = (_near_plan(x, y, view, level),)
    look = rng.choice(_LOOK[level])
    return Item("digit", level, Ability.OPERATION, Image.fromarray(pixels), question, asked.digit, look, plans)


def place_frames(rng: random.Random, size: tuple[int, int], level: Level, digits: str) -> list[Framed]:
    """The asked frame first: alone and big, or tiny among tiny others."""
    short = min(size)
    if level is Level.EASY:
        side = round(rng.choice((0.80, 0.84, 0.88)) * short)
        center = size[0] // 2 + rng.randint(-4, 4), size[1] // 2 + rng.randint(-4, 4)
        return [Framed(rng.choice(digits), pick(rng, 1)[0], center, side)]
    count = rng.randint(3, 5)
    sides = [round(rng.uniform(0.060, 0.068) * short) for _ in range(count)]
    margin = round(0.03 * short)  # so that a crop around a frame stays inside of the picture
    places = scatter(rng, size, [side // 2 + margin for side in sides], 2)
    return [
        Framed(rng.choice(digits), colour, place, side)
        for colour, place, side in zip(pick(rng, count), places, sides, strict=True)
    ]


def paint_framed(rng: random.Random, pixels: Pixels, framed: Framed) -> None:
    """The frame and the dark digit in it."""
    (x, y), half = framed.center, framed.side // 2
    border = max(2, round(0.07 * framed.side))
    shade, low, high = framed.colour.shade(rng), half - border, half + 1
    fill(pixels, (x - half, y - half, x + high, y - low), shade)
    fill(pixels, (x - half, y + low + 1, x + high, y + high), shade)
    fill(pixels, (x - half, y - half, x - low, y + high), shade)
    fill(pixels, (x + low + 1, y - half, x + high, y + high), shade)
    ink = text(framed.digit, round(_DIGIT_OF_FRAME * framed.side), rng.choice(FONTS))
    write(pixels, ink, framed.center, (rng.randint(0, 40),) * 3)


def find_frame(colour: Colour) -> tuple[tuple[str, str, str], ...]:
    """Template, thought and code that ends with `box`, around the frame."""
    thought = f"I find the {colour.name} frame, crop it and enlarge it"
    return (
        (
            "numpy",
            f"{thought} with numpy.",
            "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
            "a = np.array(original_image).astype(int)\n"
            f"y, x = np.where({colour.numpy_mask})\n"
            "box = (x.min(), y.min(), x.max() + 1, y.max() + 1)",
        ),
        (
            "cv2",
            f"{thought} with OpenCV.",
            "import cv2\n"
            "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
            "a = np.array(original_image)\n"
            f"x, y, w, h = cv2.boundingRect({colour.cv2_mask})\n"
            "box = (x, y, x + w, y + h)",
        ),
    )


def _near_plan(x: int, y: int, view: tuple[int, int], level: Level) -> Plan:
    half = _CROP_HALF if level is Level.HARD else min(view) * 3 // 7
    code = (
        "import numpy as np\n"
        f"x, y = {x}, {y}\n"
        f"box = to_original((x - {half}, y - {half}, x + {half}, y + {half}))\n"
        "crop = original_image.crop(box)\n"
        "y, x = np.where(np.array(crop).max(2) < 100)\n"
        "h = y.max() - y.min()\n"
        "x, y = (x.min() + x.max()) // 2, (y.min() + y.max()) // 2\n"
        "display(crop.crop((x - h, y - h, x + h, y + h)).resize((112, 112)))"
    )
    return Plan("near", "I crop around that place, find the dark digit and enlarge it.", code, _CONCLUSION)


def draw_rotate(rng: random.Random, level: Level) -> Item:
    """A digit in a picture that is upside down or mirrored."""
    size = draw_size(rng)
    pixels = background(rng, size)
    framed = place_frames(rng, size, level, _TURNED_DIGITS)
    for each in framed:
        paint_framed(rng, pixels, each)
    asked = framed[0]
    turn = rng.choice(list(_TURNED))
    how = Image.Transpose.ROTATE_180 if turn == "upside down" else Image.Transpose.FLIP_LEFT_RIGHT
    question = rng.choice(_TURNED[turn]).format(color=asked.colour.name)
    plans = tuple(_turn_back(turn, *found) for found in find_frame(asked.colour))
    image, look = Image.fromarray(pixels).transpose(how), rng.choice(_LOOK[level])
    return Item("rotate", level, Ability.OPERATION, image, question, asked.digit, look, plans)


def _turn_back(turn: str, name: str, thought: str, code: str) -> Plan:
    if turn == "upside down":
        show = "\ndisplay(original_image.crop(box).rotate(180).resize((112, 112)))"
        return Plan(name, f"{thought} Then I turn it.", code + show, _CONCLUSION)
    show = "\ncrop = original_image.crop(box).resize((112, 112))\ndisplay(ImageOps.mirror(crop))"
    return Plan(name, f"{thought} Then I mirror it.", f"from PIL import ImageOps\n{code}{show}", _CONCLUSION)
