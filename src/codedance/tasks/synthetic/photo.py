"""How many? Bright objects on a surface like a photograph's: texture, uneven light, shading, blur.

    draw_photo(random.Random(1), Level.HARD).answer

The plans take the uneven light away, threshold by Otsu and count the large regions. All lengths in them are relative to the
picture, so that they work on photographs of other sizes as well.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from codedance.tasks.synthetic.canvas import TILE, Point, cut, draw_size, scatter
from codedance.tasks.synthetic.counting import quarters
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan

Light = npt.NDArray[np.int16]

_WORDS = ("objects", "coins", "stones", "grains", "cells")
_WHOLE = ("How many bright {things} are there?", "Count the bright {things}.", "How many bright {things} does the picture show?")
_HALF = ("How many bright {things} are in the {half} half?", "Count the bright {things} in the {half} half.")
_BOXES = {
    "left": "(0, 0, w // 2, h)",
    "right": "(w // 2, 0, w, h)",
    "upper": "(0, 0, w, h // 2)",
    "lower": "(0, h // 2, w, h)",
}
_LOOK = {
    Level.EASY: ("A few large bright spots, far apart.", "Large spots, each in its own corner."),
    Level.HARD: ("Many bright spots, this can only be estimated.", "The spots are many and small."),
}
_TINTS = ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.08, 0.98, 0.84), (0.86, 0.98, 1.1), (0.92, 1.06, 0.9))
_KINDS = ("dome", "coin", "flat", "struck", "struck")
_FACES = 4
"""Different patterns of struck coins."""
_DIRECTIONS = 8
_GRADIENTS = (8, 22, 30)


@dataclass(frozen=True, slots=True)
class Spot:
    """A bright object."""

    center: Point
    radius: int

    def moved(self, across: int, down: int) -> Spot:
        """The same, so many pixels to the right and down."""
        return Spot((self.center[0] + across, self.center[1] + down), self.radius)


def draw_photo(rng: random.Random, level: Level) -> Item:
    """Bright objects, in a hard picture sometimes of one half only."""
    size = draw_size(rng)
    half = ""
    if level is Level.EASY:
        radius = round(rng.uniform(0.13, 0.16) * min(size))
        spots = [Spot(place, radius) for place in quarters(rng, size, rng.randint(1, 3), 0.02)]
        count = len(spots)
    elif rng.random() < 0.3:
        half = rng.choice(list(_BOXES))
        spots, count = _in_halves(rng, size, half)
    else:
        spots = scattered(rng, size, rng.randint(5, 24)) if rng.random() < 0.55 else _lattice(rng, size)
        count = len(spots)
    question = rng.choice(_HALF if half else _WHOLE).format(things=rng.choice(_WORDS), half=half)
    image, look = render(rng, size, spots), rng.choice(_LOOK[level])
    return Item("photo", level, Ability.COMPUTATION, image, question, str(count), look, photo_plans(half))


def scattered(rng: random.Random, size: tuple[int, int], count: int, least: float = 0.041) -> list[Spot]:
    """Objects anywhere, apart from each other and from the border; `least` is the smallest radius against the picture."""
    scale = (size[0] * size[1]) ** 0.5
    most = rng.uniform(1.1, 1.3 if count > 13 else 1.7)
    radii = sorted((round(rng.uniform(1, most) * least * scale) for _ in range(count)), reverse=True)
    return [
        Spot(place, radius) for place, radius in zip(scatter(rng, size, radii, round(0.5 * least * scale)), radii, strict=True)
    ]


def _in_halves(rng: random.Random, size: tuple[int, int], half: str) -> tuple[list[Spot], int]:
    """Objects in both halves, none on the cut, and how many are in the one that is asked for."""
    width, height = size
    is_across = half in ("left", "right")
    part = (width // 2, height) if is_across else (width, height // 2)
    first, second = (scattered(rng, part, rng.randint(3, 9)) for _ in range(2))
    moved = [spot.moved(width - part[0], height - part[1]) for spot in second]
    return [*first, *moved], len(first) if half in ("left", "upper") else len(second)


def _lattice(rng: random.Random, size: tuple[int, int]) -> list[Spot]:
    columns, rows = rng.randint(3, 6), rng.randint(2, 4)
    across, down = size[0] / columns, size[1] / rows
    least = 0.041 * (size[0] * size[1]) ** 0.5
    largest = max(1.1 * least, min(rng.uniform(0.25, 0.42) * min(across, down), 2.2 * least))
    spots = []
    for place in range(columns * rows):
        radius = round(rng.uniform(max(least, 0.6 * largest), largest))
        free = max(0, round(min(across, down) / 2 - radius - 0.25 * least))
        x, y = (place % columns + 0.5) * across, (place // columns + 0.5) * down
        spots.append(Spot((round(x) + rng.randint(-free, free), round(y) + rng.randint(-free, free)), radius))
    return spots


def render(rng: random.Random, size: tuple[int, int], spots: list[Spot]) -> Image.Image:
    """The picture: the surface, light from one side, the objects, blur and a tint."""
    light: Light = cut(_texture(), rng, size)
    light += _slope(size, rng.randrange(_DIRECTIONS), rng.choice(_GRADIENTS))
    light += rng.randint(36, 80)
    kind, contrast = rng.choice(_KINDS), rng.randint(75, 110)
    for spot in spots:
        profile = _profile(kind, spot.radius, rng.randrange(_FACES) if kind == "struck" else 0)
        left, top = spot.center[0] - profile.shape[1] // 2, spot.center[1] - profile.shape[0] // 2
        light[top : top + profile.shape[0], left : left + profile.shape[1]] += profile * (contrast + rng.randint(-8, 8)) >> 7
    grey = cv2.blur(np.clip(light, 0, 255).astype(np.uint8), (3, 3))
    tint = rng.choice(_TINTS)
    if tint[0] == tint[1]:
        return Image.fromarray(grey).convert("RGB")
    return Image.merge("RGB", [Image.fromarray(cv2.LUT(grey, _table(share))) for share in tint])


@cache
def _texture() -> Light:
    """Noise of three sizes, about +-14."""
    noise = np.random.RandomState(2)
    total = np.zeros((TILE, TILE), np.float32)
    for grain, strength in ((1, 4.0), (5, 3.5), (21, 3.0)):
        rough = cv2.blur(noise.standard_normal((TILE, TILE)).astype(np.float32), (grain, grain))
        total += strength * rough / rough.std()
    return np.clip(np.rint(total), -24, 24).astype(np.int16)


@cache
def _slope(size: tuple[int, int], direction: int, gradient: int) -> Light:
    """Light that grows towards one side."""
    angle = 2 * np.pi * direction / _DIRECTIONS
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    slope: Light = np.rint(gradient * (np.cos(angle) * x + np.sin(angle) * y)).astype(np.int16)
    return slope


@cache
def _profile(kind: str, radius: int, face: int) -> Light:
    """How bright an object is from its middle to its rim, 0 to 128 and a bit more; `face` is the pattern of a struck coin."""
    side = np.arange(-radius - 1, radius + 2)
    x, y = np.meshgrid(side, side)
    out = np.hypot(x, y) / radius
    height = np.sqrt(np.clip(1 - out * out, 0, 1))
    shades: dict[str, npt.NDArray[Any]] = {
        "dome": 0.72 + 0.36 * height - 0.12 * (x + y) / radius,
        "coin": np.where(abs(out - 0.82) < 0.12, 1.15, 0.9) - 0.06 * x / radius,
        "flat": np.ones_like(out),
        "struck": np.where(out > 0.8, 1.0, 0.88 + _relief(face, len(side))),
    }
    edge = np.clip((1.03 - out) * radius / 2, 0, 1)
    rounded: npt.NDArray[np.int16] = np.rint(128 * shades[kind] * edge).astype(np.int16)
    return rounded


def _relief(face: int, side: int) -> npt.NDArray[Any]:
    """Soft dark and bright patches."""
    rough = np.random.RandomState(face).standard_normal((7, 7)).astype(np.float32)
    depth = 0.14 + 0.02 * face
    patches = cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC)
    relief: npt.NDArray[Any] = np.clip(depth * patches, -0.45, 0.35)
    return relief


@cache
def _table(share: float) -> npt.NDArray[np.uint8]:
    table: npt.NDArray[np.uint8] = np.clip(np.rint(np.arange(256) * share), 0, 255).astype(np.uint8)
    return table


def photo_plans(half: str = "") -> tuple[Plan, ...]:
    """Three ways to count; `half` is a key of the boxes, or empty for the whole picture."""
    read = 'g = np.array(original_image.convert("L"))\n'
    if half:
        read = f'w, h = original_image.size\ng = np.array(original_image.crop({_BOXES[half]}).convert("L"))\n'
    flat = "n = max(g.shape)\nflat = cv2.subtract(g, cv2.blur(g, (n // 2, n // 2)))\n"
    otsu = "mask = cv2.threshold(flat, 0, 255, cv2.THRESH_OTSU)[1]\n"
    contours = (
        "contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]\n"
        "print(sum(cv2.contourArea(c) > g.size / 300 for c in contours))"
    )
    label = (
        "mask = ndimage.binary_fill_holes(mask)\n"
        "areas = np.bincount(ndimage.label(mask)[0].ravel())[1:]\n"
        "print((areas > g.size / 300).sum())"
    )
    regions = (
        "regions = regionprops(label(flat > threshold_otsu(flat)))\nprint(sum(r.area_filled > g.size / 300 for r in regions))"
    )
    start = "import cv2\nimport numpy as np\n"
    thought = (f"I crop the {half} half, even" if half else "I even") + " out the light, threshold and count"
    conclusion = "That is the number of bright regions."
    imports = "from skimage.filters import threshold_otsu\nfrom skimage.measure import label, regionprops\n"
    return (
        Plan("contours", f"{thought} contours.", start + read + flat + otsu + contours, conclusion),
        Plan("ndimage", f"{thought} labels.", start + "from scipy import ndimage\n" + read + flat + otsu + label, conclusion),
        Plan("skimage", f"{thought} regions.", start + imports + read + flat + regions, conclusion),
    )
