"""Questions that join what the other families ask for; hard ones only, kept for measuring transfer.

draw_count_difference(random.Random(1), Level.HARD).question   # "How many more red than blue shapes are there?"
"""

from __future__ import annotations

import random

from PIL import Image

from codedance.tasks.synthetic.canvas import FONTS, background, draw_size, text, write
from codedance.tasks.synthetic.charting import paint_bars
from codedance.tasks.synthetic.charts import draw_chart
from codedance.tasks.synthetic.counting import scatter_shapes
from codedance.tasks.synthetic.covering import draw_pieces
from codedance.tasks.synthetic.item import Ability, Item, Level, Plan
from codedance.tasks.synthetic.measuring import is_clear
from codedance.tasks.synthetic.palette import Colour, pick
from codedance.tasks.synthetic.photo import render, scattered
from codedance.tasks.synthetic.reading import DIGITS, paint_framed, place_frames

_NUMPY = "import numpy as np\nfrom PIL.ImageColor import getrgb\n"
_INTS = "a = np.array(original_image).astype(int)\n"
_BYTES = "a = np.array(original_image)\n"
_LABEL = f"{_NUMPY}from scipy import ndimage\n{_INTS}"
_CV2 = f"import cv2\n{_NUMPY}{_BYTES}"
_LOOK = "There is much to see, this is a guess."
_SUM = "The crops show both digits; I add them."
_BRIGHT = ("yellow", "orange")
_HALVES = {"left": "[:, :w // 2]", "right": "[:, w // 2:]", "upper": "[:h // 2]", "lower": "[h // 2:]"}


def draw_count_difference(rng: random.Random, level: Level) -> Item:
    """How many more shapes of one colour than of another."""
    pixels, (first, second, third) = background(rng, draw_size(rng)), pick(rng, 3)
    fewer, more = rng.randint(2, 8), rng.randint(1, 8)
    scatter_shapes(rng, pixels, {first: fewer + more, second: fewer, third: rng.randint(2, 6)})
    numpy_code = f"print(ndimage.label({first.numpy_mask})[1] - ndimage.label({second.numpy_mask})[1])"
    cv2_code = f"print(cv2.connectedComponents({first.cv2_mask})[0] - cv2.connectedComponents({second.cv2_mask})[0])"
    thought, conclusion = "I count both colours and take the difference with", "That is the difference."
    plans = (
        Plan("ndimage", f"{thought} scipy.", _LABEL + numpy_code, conclusion),
        Plan("cv2", f"{thought} OpenCV.", _CV2 + cv2_code, conclusion),
    )
    question = f"How many more {first.name} than {second.name} shapes are there?"
    image = Image.fromarray(pixels)
    return Item("count_difference", level, Ability.COMPUTATION, image, question, str(more), _LOOK, plans)


def draw_count_half(rng: random.Random, level: Level) -> Item:
    """How many shapes of a colour are in one half."""
    size, half = draw_size(rng), rng.choice(list(_HALVES))
    colours = pick(rng, 3)
    axis, apart = int(half in ("upper", "lower")), 0.03 * min(size)
    while True:
        pixels = background(rng, size)
        counts = {colour: rng.randint(5, 9) for colour in colours}
        at = [place[axis] - size[axis] / 2 for place in scatter_shapes(rng, pixels, counts)[colours[0]]]
        if min(abs(offset) for offset in at) > apart:
            break
    count = sum((offset < 0) == (half in ("left", "upper")) for offset in at)
    sizes = "h, w = a.shape[:2]\n"
    numpy_code = f"{sizes}mask = {colours[0].numpy_mask}\nprint(ndimage.label(mask{_HALVES[half]})[1])"
    part = f"np.ascontiguousarray(mask{_HALVES[half]})"
    cv2_code = f"{sizes}mask = {colours[0].cv2_mask}\nprint(cv2.connectedComponents({part})[0] - 1)"
    thought, conclusion = f"I mask the {colours[0].name} pixels, keep the {half} half and count with", "That is the number."
    plans = (
        Plan("ndimage", f"{thought} scipy.", _LABEL + numpy_code, conclusion),
        Plan("cv2", f"{thought} OpenCV.", _CV2 + cv2_code, conclusion),
    )
    question = f"How many {colours[0].name} shapes are in the {half} half?"
    return Item("count_half", level, Ability.COMPUTATION, Image.fromarray(pixels), question, str(count), _LOOK, plans)


def draw_bar_digit(rng: random.Random, level: Level) -> Item:
    """Which digit is written in the highest bar."""
    size, count = draw_size(rng), rng.randint(3, 5)
    chart = draw_chart(rng, size, 100, False)
    values = sorted((rng.randint(25, 80) for _ in range(count)), reverse=True)
    values[0] += 10
    heights = dict(zip(pick(rng, count), values, strict=True))
    columns = paint_bars(rng, chart, heights)
    digits = {colour: rng.choice(DIGITS) for colour in heights}
    for colour, (left, right) in columns.items():
        ink = text(digits[colour], round(0.03 * min(size)), rng.choice(FONTS))
        tone = 20 if colour.name in _BRIGHT else 245
        write(chart.pixels, ink, ((left + right) // 2, chart.bottom - round(0.05 * min(size))), (tone,) * 3)
    find = "y, x = np.argwhere(a.max(2) - a.min(2) > 80)[0]\n"
    numpy_code = (
        f"{find}y, x = np.where((abs(a - a[y, x]) < 20).all(2))\n"
        "box = (x.min(), y.max() - a.shape[0] // 10, x.max(), y.max())\n"
        "display(original_image.crop(box).resize((112, 112)))"
    )
    cv2_code = (
        f"{find}x, y, w, h = cv2.boundingRect(cv2.inRange(a, a[y, x], a[y, x]))\n"
        "box = (x, y + h - a.shape[0] // 10, x + w, y + h)\n"
        "display(original_image.crop(box).resize((112, 112)))"
    )
    thought, conclusion = "I find the highest bar, crop its foot and enlarge it with", "The enlarged crop shows the digit."
    plans = (
        Plan("numpy", f"{thought} numpy.", _NUMPY + _INTS + numpy_code, conclusion),
        Plan("cv2", f"{thought} OpenCV.", _CV2 + cv2_code, conclusion),
    )
    answer = digits[next(iter(heights))]
    question = "Which digit is written in the highest bar?"
    return Item("bar_digit", level, Ability.OPERATION, Image.fromarray(chart.pixels), question, answer, _LOOK, plans)


def draw_digit_sum(rng: random.Random, level: Level) -> Item:
    """The sum of two tiny framed digits."""
    size = draw_size(rng)
    pixels = background(rng, size)
    framed = place_frames(rng, size, level, DIGITS)
    for each in framed:
        paint_framed(rng, pixels, each)
    first, second = framed[:2]
    show = "    both.paste(original_image.crop(box).resize((112, 112)), (left, 0))\ndisplay(both)"
    start = 'from PIL import Image\nboth = Image.new("RGB", (224, 112))\n'
    plans = (
        Plan(
            "numpy",
            "I crop both frames and put them side by side.",
            start + _numpy_crops(first.colour, second.colour) + show,
            _SUM,
        ),
        Plan("cv2", "I crop both frames with OpenCV.", start + _cv2_crops(first.colour, second.colour) + show, _SUM),
    )
    question = f"What is the sum of the digits in the {first.colour.name} and the {second.colour.name} frame?"
    answer = str(int(first.digit) + int(second.digit))
    return Item("digit_sum", level, Ability.OPERATION, Image.fromarray(pixels), question, answer, _LOOK, plans)


def _numpy_crops(first: Colour, second: Colour) -> str:
    return (
        f"{_NUMPY}{_INTS}for left, c in ((0, {first.code}), (112, {second.code})):\n"
        "    y, x = np.where((abs(a - c) < 50).all(2))\n"
        "    box = (x.min(), y.min(), x.max() + 1, y.max() + 1)\n"
    )


def _cv2_crops(first: Colour, second: Colour) -> str:
    return (
        f"{_CV2}for left, mask in ((0, {first.cv2_mask}), (112, {second.cv2_mask})):\n"
        "    x, y, w, h = cv2.boundingRect(mask)\n"
        "    box = (x, y, x + w, y + h)\n"
    )


def draw_area_difference(rng: random.Random, level: Level) -> Item:
    """By how many percent of the picture one colour covers more than another."""
    size, colours = draw_size(rng), pick(rng, 3)
    while True:
        pixels = background(rng, size)
        pieces = draw_pieces(rng, size, colours)
        more = pieces.shares[0] - pieces.shares[1]
        if more >= 2 and is_clear(more):
            break
    pieces.paint(pixels)
    first, second = colours[:2]
    numpy_code = f"more = {first.numpy_mask}\nless = {second.numpy_mask}\nprint(round((more.mean() - less.mean()) * 100))"
    cv2_code = (
        f"more = cv2.countNonZero({first.cv2_mask})\n"
        f"less = cv2.countNonZero({second.cv2_mask})\n"
        "print(round((more - less) / a[..., 0].size * 100))"
    )
    thought, conclusion = "I mask both colours and take the difference of their shares with", "That is the difference."
    plans = (
        Plan("numpy", f"{thought} numpy.", _NUMPY + _INTS + numpy_code, conclusion),
        Plan("cv2", f"{thought} OpenCV.", _CV2 + cv2_code, conclusion),
    )
    question = f"By how many percent of the picture is more {first.name} than {second.name}?"
    answer = str(round(more))
    return Item("area_difference", level, Ability.COMPUTATION, Image.fromarray(pixels), question, answer, _LOOK, plans)


def draw_photo_grid(rng: random.Random, level: Level) -> Item:
    """In how many quarters of a photograph there are bright objects."""
    size = draw_size(rng)
    width, height = size[0] // 2, size[1] // 2
    quarters = rng.sample([(0, 0), (width, 0), (0, height), (width, height)], rng.randint(1, 4))
    spots = [spot.moved(*quarter) for quarter in quarters for spot in scattered(rng, (width, height), rng.randint(1, 4), 0.082)]
    start = f'import cv2\n{_NUMPY}g = np.array(original_image.convert("L"))\nn = max(g.shape)\n'
    flat = "flat = cv2.subtract(g, cv2.blur(g, (n // 2, n // 2)))\n"
    mask = "mask = cv2.threshold(flat, 0, 255, cv2.THRESH_OTSU)[1]\n"
    parts = (
        "h, w = g.shape[0] // 2, g.shape[1] // 2\n"
        "parts = [mask[:h, :w], mask[:h, w:], mask[h:, :w], mask[h:, w:]]\n"
        "print(sum(int(part.mean() > 3) for part in parts))"
    )
    resize = "print(cv2.countNonZero(cv2.resize(mask, (2, 2), interpolation=cv2.INTER_AREA) // 4))"
    thought, conclusion = "I even out the light, threshold and look at each quarter", "That is the number of cells."
    plans = (
        Plan("slices", f"{thought} by slices.", start + flat + mask + parts, conclusion),
        Plan("resize", f"{thought} by a resize.", start + flat + mask + resize, conclusion),
    )
    question = "In how many cells of a 2x2 grid are there bright objects?"
    image = render(rng, size, spots)
    return Item("photo_grid", level, Ability.COMPUTATION, image, question, str(len(quarters)), _LOOK, plans)
