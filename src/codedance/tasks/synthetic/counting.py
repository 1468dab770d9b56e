"""How many? Shapes of one colour, and bright objects in a picture like a photograph.

    draw_count(random.Random(1), Level.HARD).answer

Easy: one to three big ones, each in its own quarter. Hard: many small ones, among others.
"""

from __future__ import annotations

import random

from PIL import Image

from codedance.tasks.synthetic.canvas import SHAPES, Pixels, background, draw_size, paint, scatter, shape
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan
from codedance.tasks.synthetic.palette import Colour, pick

_COUNT = (
    "How many {color} shapes are there?",
    "How many {color} shapes are in the picture?",
    "Count the {color} shapes.",
)
_LOOK = {
    Level.EASY: ("A few big shapes, each in its own corner.", "The shapes are big and far apart."),
    Level.HARD: ("Many small shapes, this can only be estimated.", "The shapes are small and mixed."),
}
_CORNER = 1.42  # how far a shape reaches from its middle, in radii


def quarters(rng: random.Random, size: tuple[int, int], count: int, jitter: float) -> list[tuple[int, int]]:
    """The middles of `count` different quarters of a picture, each moved by up to `jitter` of the shorter side."""
    most = round(jitter * min(size))
    slots = rng.sample([(x, y) for x in (0.25, 0.75) for y in (0.25, 0.75)], count)
    return [(round(x * size[0]) + rng.randint(-most, most), round(y * size[1]) + rng.randint(-most, most)) for x, y in slots]


def draw_count(rng: random.Random, level: Level) -> Item:
    """Shapes of a colour."""
    size = draw_size(rng)
    pixels = background(rng, size)
    colours = pick(rng, 3)
    if level is Level.EASY:
        count = rng.randint(1, 3)
        kind, radius = rng.choice(SHAPES), round(rng.uniform(0.13, 0.16) * min(size))
        for place in quarters(rng, size, count, 0.03):
            paint(pixels, shape(kind, radius), place, colours[0].shade(rng))
    else:
        count = rng.randint(5, 16)
        scatter_shapes(rng, pixels, {colours[0]: count, colours[1]: rng.randint(2, 8), colours[2]: rng.randint(2, 8)})
    question = rng.choice(_COUNT).format(color=colours[0].name)
    look = rng.choice(_LOOK[level])
    image = Image.fromarray(pixels)
    return Item("count", level, Ability.COMPUTATION, image, question, str(count), look, count_plans(colours[0]))


def scatter_shapes(rng: random.Random, pixels: Pixels, counts: dict[Colour, int]) -> dict[Colour, list[tuple[int, int]]]:
    """Paint small shapes that do not touch, so many of each colour; where they lie."""
    size = pixels.shape[1], pixels.shape[0]
    colours = [colour for colour, count in counts.items() for _ in range(count)]
    rng.shuffle(colours)
    radii = [round(rng.uniform(0.016, 0.024) * min(size)) for _ in colours]
    places: dict[Colour, list[tuple[int, int]]] = {colour: [] for colour in counts}
    reach = [round(_CORNER * radius) for radius in radii]
    for colour, radius, place in zip(colours, radii, scatter(rng, size, reach, 3), strict=True):
        paint(pixels, shape(rng.choice(SHAPES), radius), place, colour.shade(rng))
        places[colour].append(place)
    return places


def count_plans(colour: Colour) -> tuple[Plan, ...]:
    """Three libraries that label regions."""
    thought = f"I mask the {colour.name} pixels and count the regions"
    conclusion = "That is the number of regions."
    return (
        Plan(
            "ndimage",
            f"{thought} with scipy.",
            "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
            "from scipy import ndimage\n"
            "a = np.array(original_image).astype(int)\n"
            f"mask = {colour.numpy_mask}\n"
            "print(ndimage.label(mask)[1])",
            conclusion,
        ),
        Plan(
            "cv2",
            f"{thought} with OpenCV.",
            "import cv2\n"
            "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
            "a = np.array(original_image)\n"
            f"mask = {colour.cv2_mask}\n"
            "print(cv2.connectedComponents(mask)[0] - 1)",
            conclusion,
        ),
        Plan(
            "skimage",
            f"{thought} with skimage.",
            "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
            "from skimage.measure import label\n"
            "a = np.array(original_image).astype(int)\n"
            f"mask = {colour.numpy_mask}\n"
            "print(label(mask).max())",
            conclusion,
        ),
    )
