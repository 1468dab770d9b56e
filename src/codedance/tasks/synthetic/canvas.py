"""What every picture is made of: its size, a background, filled shapes, digits, and places that do not touch.

    pixels = background(rng, draw_size(rng))
    paint(pixels, shape("circle", 20), (100, 80), (230, 25, 25))
    Image.fromarray(pixels)

Shapes and digits are stamps made once; they have no soft edges, so that code finds every pixel of them. Lengths are given in
units of the shorter side where they should look alike at every size.
"""

from __future__ import annotations

import random
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from codedance.tasks.synthetic.palette import RGB

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Point = tuple[int, int]
"""x, y."""

VIEWS: dict[tuple[int, int], tuple[int, int]] = {
    (336, 336): (112, 112),
    (448, 336): (112, 84),
    (336, 448): (84, 112),
    (504, 504): (112, 112),
    (560, 336): (140, 84),
}
"""Width and height of the pictures, and of the view of at most 16 tokens of 28x28 pixels that a small model gets."""
_OTHER_SIZES = list(VIEWS)[1:]
_TONES = ((255, 255, 255), (246, 246, 246), (252, 246, 236), (238, 243, 249), (234, 236, 230))
_GRAIN = 14
TILE = 640
"""The side of the cached pieces, larger than any picture."""
SHAPES = ("circle", "square", "triangle", "diamond")
FONTS = ("DejaVuSans-Bold", "DejaVuSans", "DejaVuSerif-Bold", "DejaVuSansMono-Bold")
_DIGIT_HEIGHT = 0.73  # of the font size


def draw_size(rng: random.Random) -> tuple[int, int]:
    """Width and height: mostly the square, else one of the others."""
    return (336, 336) if rng.random() < 0.7 else rng.choice(_OTHER_SIZES)


def background(rng: random.Random, size: tuple[int, int]) -> Pixels:
    """A light surface, often with grain."""
    return cut(_surface(rng.choice(_TONES), rng.random() < 0.6), rng, size)


@cache
def _surface(tone: RGB, is_grainy: bool) -> Pixels:
    tile = np.full((TILE, TILE, 3), tone, np.uint8)
    if is_grainy:
        tile -= np.random.RandomState(1).randint(0, _GRAIN, (TILE, TILE, 1)).astype(np.uint8)
    return tile


def cut(tile: npt.NDArray[Any], rng: random.Random, size: tuple[int, int]) -> npt.NDArray[Any]:
    """A copy of a piece of a tile, from anywhere."""
    left, top = (rng.randrange(TILE - side) for side in size)
    return tile[top : top + size[1], left : left + size[0]].copy()


@cache
def shape(kind: str, radius: int) -> Mask:
    """A filled shape on a square of 2 * radius + 1 pixels, symmetric from left to right."""
    side = np.arange(-radius, radius + 1)
    x, y = np.meshgrid(side, side)
    filled: Mask
    if kind == "circle":
        filled = x * x + y * y <= (radius + 0.3) ** 2
    elif kind == "square":
        filled = np.maximum(abs(x), abs(y)) <= round(0.85 * radius)
    elif kind == "triangle":
        filled = 2 * abs(x) <= y + radius
    else:
        filled = abs(x) + abs(y) <= radius
    return filled


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / f"fonts/ttf/{name}.ttf", size)


@lru_cache(maxsize=2048)
def text(words: str, height: int, font: str = FONTS[1]) -> Pixels:
    """How dark each pixel of a text is, 0 to 255, cut close; digits are `height` pixels high."""
    face = _font(font, max(6, round(height / _DIGIT_HEIGHT)))
    drawn = Image.new("L", (round(face.getlength(words)) + 2 * height, 3 * height))
    ImageDraw.Draw(drawn).text((height, height), words, 255, face)
    return np.asarray(drawn.crop(drawn.getbbox()))


def fill(pixels: Pixels, box: tuple[int, int, int, int], rgb: RGB) -> None:
    """Paint a box: left, top, right, bottom; the last two are exclusive."""
    cv2.rectangle(pixels, box[:2], (box[2] - 1, box[3] - 1), rgb, -1)


def paint(pixels: Pixels, stamp: Mask, center: Point, rgb: RGB) -> None:
    """Fill a shape around a point; what lies outside of the picture is cut off."""
    left, top = center[0] - stamp.shape[1] // 2, center[1] - stamp.shape[0] // 2
    height, width = pixels.shape[:2]
    inside = stamp[max(0, -top) : height - top, max(0, -left) : width - left]
    top, left = max(0, top), max(0, left)
    pixels[top : top + inside.shape[0], left : left + inside.shape[1]][inside] = rgb


def write(pixels: Pixels, ink: Pixels, center: Point, rgb: RGB) -> None:
    """Put a text around a point, with soft edges; it must lie inside of the picture."""
    left, top = center[0] - ink.shape[1] // 2, center[1] - ink.shape[0] // 2
    under = pixels[top : top + ink.shape[0], left : left + ink.shape[1]]
    share = ink[..., None].astype(np.uint16)
    under[:] = (under * (255 - share) + np.array(rgb, np.uint16) * share + 127) // 255


def scatter(rng: random.Random, size: tuple[int, int], radii: list[int], gap: int) -> list[Point]:
    """A place for each circle, inside of the picture and at least `gap` pixels from each other."""
    while True:
        placed: list[Point] = []
        for _ in range(40 * len(radii)):
            radius = radii[len(placed)]
            x, y = (rng.randint(radius + gap, side - 1 - radius - gap) for side in size)
            for (u, v), other in zip(placed, radii, strict=False):  # hot: a generator takes twice as long
                if (x - u) ** 2 + (y - v) ** 2 <= (radius + other + gap) ** 2:
                    break
            else:
                placed.append((x, y))
                if len(placed) == len(radii):
                    return placed
