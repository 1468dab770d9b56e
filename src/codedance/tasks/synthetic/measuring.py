"""How far, how wide? Distances between dots, angles between arms.

    draw_distance(random.Random(1), Level.HARD).answer

Easy: one of three values, in fixed places. Hard: any value; the answer is an integer and the true value not near a rounding edge.
"""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
from PIL import Image

from codedance.tasks.synthetic.canvas import Pixels, Point, background, draw_size, paint, scatter, shape
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan
from codedance.tasks.synthetic.palette import RGB, Colour, pick

EDGE = 0.15
"""The least distance of a true value from a rounding edge."""
_DISTANCE = (
    "The picture is 100 units wide. How far apart are the {first} and the {second} dot?",
    "How far is the {first} dot from the {second} one? The picture is 100 units wide.",
    "The picture is 100 units wide. What is the distance of the {first} and the {second} dot?",
)
_LOOK = {
    Level.EASY: ("Two big dots at the same height.", "The two big dots are easy to compare."),
    Level.HARD: ("Small dots, this can only be estimated.", "The dots are too small to measure by eye."),
}
_ANGLE = (
    "What is the angle between the {first} and the {second} arm in degrees?",
    "How many degrees are between the {first} and the {second} arm?",
    "Measure the angle between the {first} and the {second} arm in degrees.",
)
_LOOK_ANGLE = {
    Level.EASY: ("Two long arms at a familiar angle.", "A plain angle, easy to name."),
    Level.HARD: ("An odd angle, this is an estimate.", "The angle can only be estimated."),
}
_SHIFT = 4  # bits below a pixel in which OpenCV takes corners
_CV2_MIDDLE = (
    "import cv2\n"
    "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
    "a = np.array(original_image)\n"
    "def middle(mask):\n"
    "    return cv2.findNonZero(mask).reshape(-1, 2).mean(0)\n"
)


def is_clear(value: float) -> bool:
    """Whether rounding a value cannot go wrong."""
    return abs(value - math.floor(value) - 0.5) >= EDGE


def draw_distance(rng: random.Random, level: Level) -> Item:
    """Between the middles of two dots."""
    size = draw_size(rng)
    colours = pick(rng, 4)
    if level is Level.EASY:
        radius = round(0.09 * min(size))
        places = _easy_dots(rng, size)
    else:
        radius = max(4, round(rng.uniform(0.012, 0.02) * min(size)))
        places = _hard_dots(rng, size, radius)
    pixels = background(rng, size)
    for colour, place in zip(colours, places, strict=False):
        paint(pixels, shape("circle", radius), place, colour.shade(rng))
    question = rng.choice(_DISTANCE).format(first=colours[0].name, second=colours[1].name)
    answer = str(round(_units(places, size)))
    plans = _distance_plans(colours[0], colours[1])
    image, look = Image.fromarray(pixels), rng.choice(_LOOK[level])
    return Item("distance", level, Ability.COMPUTATION, image, question, answer, look, plans)


def _units(places: list[Point], size: tuple[int, int]) -> float:
    return math.dist(places[0], places[1]) / size[0] * 100


def _easy_dots(rng: random.Random, size: tuple[int, int]) -> list[Point]:
    apart, y = rng.choice((25, 50, 75)), size[1] // 2 + rng.randint(-6, 6)
    half = round(size[0] * apart / 200)
    places = [(size[0] // 2 - half, y), (size[0] // 2 + half, y)]
    return places if rng.random() < 0.5 else places[::-1]


def _hard_dots(rng: random.Random, size: tuple[int, int], radius: int) -> list[Point]:
    while True:
        places = scatter(rng, size, [radius] * rng.randint(2, 4), 4)
        if is_clear(_units(places, size)):
            return places


def _distance_plans(first: Colour, second: Colour) -> tuple[Plan, ...]:
    thought = f"I measure from the {first.name} to the {second.name} middle with"
    conclusion = "That is the distance in units."
    numpy_code = (
        "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
        "a = np.array(original_image).astype(int)\n"
        f"p = np.argwhere({first.numpy_mask}).mean(0)\n"
        f"q = np.argwhere({second.numpy_mask}).mean(0)\n"
        "print(round(np.linalg.norm(p - q) / a.shape[1] * 100))"
    )
    cv2_code = (
        f"{_CV2_MIDDLE}"
        f"p = middle({first.cv2_mask})\n"
        f"q = middle({second.cv2_mask})\n"
        "print(round(np.linalg.norm(p - q) / a.shape[1] * 100))"
    )
    skimage_code = (
        "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
        "from skimage.measure import centroid\n"
        "a = np.array(original_image).astype(int)\n"
        f"p = centroid({first.numpy_mask})\n"
        f"q = centroid({second.numpy_mask})\n"
        "print(round(np.linalg.norm(p - q) / a.shape[1] * 100))"
    )
    return (
        Plan("numpy", f"{thought} numpy.", numpy_code, conclusion),
        Plan("cv2", f"{thought} OpenCV.", cv2_code, conclusion),
        Plan("skimage", f"{thought} skimage.", skimage_code, conclusion),
    )


def draw_angle(rng: random.Random, level: Level) -> Item:
    """Between two arms from a black dot."""
    size, colours = draw_size(rng), pick(rng, 2)
    short = min(size)
    pixels = background(rng, size)
    if level is Level.EASY:
        angle, first = rng.choice((45, 90, 180)), 0.0
        length, width, dot = 0.4 * short, 0.07 * short, round(0.06 * short)
        center = size[0] // 2, size[1] // 2
    else:
        angle, first = rng.randint(20, 170), rng.uniform(0, 360)
        length, width, dot = rng.uniform(0.2, 0.28) * short, 0.018 * short, round(0.055 * short)
        reach = round(length + width) + 2
        center = rng.randint(reach, size[0] - reach), rng.randint(reach, size[1] - reach)
    second = first + angle * (1 if level is Level.EASY else rng.choice((-1, 1)))
    for colour, degrees in zip(colours, (first, second), strict=True):
        _paint_arm(pixels, center, degrees, length, width, colour.shade(rng))
    paint(pixels, shape("circle", dot), center, (10, 10, 10))
    question = rng.choice(_ANGLE).format(first=colours[0].name, second=colours[1].name)
    plans = _angle_plans(colours[0], colours[1])
    image, look = Image.fromarray(pixels), rng.choice(_LOOK_ANGLE[level])
    return Item("angle", level, Ability.COMPUTATION, image, question, str(angle), look, plans)


def _paint_arm(pixels: Pixels, start: Point, degrees: float, length: float, width: float, rgb: RGB) -> None:
    """A thick line that begins at a point; degrees count from the right, upwards."""
    along = np.array((math.cos(math.radians(degrees)), -math.sin(math.radians(degrees))))
    across = np.array((along[1], -along[0])) * width / 2
    end = start + along * length
    corners = np.array((start + across, end + across, end - across, start - across))
    cv2.fillConvexPoly(pixels, np.rint(corners * 2**_SHIFT).astype(np.int32), rgb, cv2.LINE_8, _SHIFT)


def _angle_plans(first: Colour, second: Colour) -> tuple[Plan, ...]:
    black = Colour("black", (0, 0, 0))
    thought = f"I take the directions from the black dot to {first.name} and {second.name} with"
    conclusion = "That is the angle in degrees."
    result = "d = np.degrees(np.arctan2(*(p - o)) - np.arctan2(*(q - o))) % 360\nprint(round(min(d, 360 - d)))"
    masks = [colour.numpy_mask for colour in (black, first, second)]
    numpy_code = "".join(f"{name} = np.argwhere({mask}).mean(0)\n" for name, mask in zip("opq", masks, strict=True))
    skimage_code = "".join(f"{name} = centroid({mask})\n" for name, mask in zip("opq", masks, strict=True))
    cv2_masks = [colour.cv2_mask for colour in (black, first, second)]
    cv2_code = "".join(f"{name} = middle({mask})\n" for name, mask in zip("opq", cv2_masks, strict=True))
    start = "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
    ints = "a = np.array(original_image).astype(int)\n"
    return (
        Plan("numpy", f"{thought} numpy.", start + ints + numpy_code + result, conclusion),
        Plan(
            "skimage",
            f"{thought} skimage.",
            f"{start}from skimage.measure import centroid\n{ints}{skimage_code}{result}",
            conclusion,
        ),
        Plan("cv2", f"{thought} OpenCV.", _CV2_MIDDLE + cv2_code + result, conclusion),
    )
