"""What a cell does is read from its names and forms, and nothing that a model writes can break the reading."""

from __future__ import annotations

import pytest

from codedance.report.operation_names import Operation, look_up
from codedance.report.operations import find_operations

SNIPPETS = (
    ("input_image.crop((10, 10, 90 + 5, 90)).show()", "crop show"),
    ("display(input_image.crop((0, 0, 50, 50)).resize((w * 4, h * 4), Image.LANCZOS))", "crop resize show"),
    ("part = original_image.crop(to_original((5, 5, 60, 60)))", "read_original crop"),
    ("big = original_images[1]", "read_original"),
    ("part = pixels[100:200, 50:80]", "crop"),
    ("part = pixels[y1:y2, x1:x2, :]\nprint(part.mean())", "crop statistics"),
    ("red = pixels[..., 0]", "colour"),
    ("blue = pixels[:, :, 2]\nrgb = bgr[:, :, ::-1]", "colour"),
    ("mirrored = pixels[:, ::-1]", "rotate"),
    ("small = pixels[::4, ::4]", "resize"),
    ("canvas[0:h, w:2 * w] = right", "compose"),
    ("input_image.rotate(30, expand=True).save('r.png')", "rotate files"),
    ("input_image.transpose(Image.FLIP_LEFT_RIGHT)", "rotate"),
    ("input_image.transpose(Image.Transpose.ROTATE_90)", "rotate"),
    ("array.transpose(2, 0, 1)", ""),
    ("np.flipud(pixels)", "rotate"),
    ("draw = ImageDraw.Draw(img)\ndraw.rectangle([0, 0, x + w, y + h], outline='red')", "draw_box"),
    ("cv2.rectangle(view, (0, 0), (9, 9), (255, 0, 0), 2)\ncv2.putText(view, '1', (3, 3), 0, 1, 0)", "draw_box draw_text"),
    ("pen.line((0, 0, 50, 50))\npen.ellipse((1, 1, 4, 4))", "draw_line draw_shape"),
    ("import matplotlib.patches as mp\nax.add_patch(mp.Rectangle((1, 1), 5, 5))", "draw_box"),
    ("import matplotlib.pyplot as p\np.plot([1, 2]); p.show()", "plot show"),
    ("fig, ax = plt.subplots()\nax.scatter(xs, ys)\nax.axhline(3)\nplt.show()", "draw_line plot show"),
    ("plt.imshow(input_image)\nplt.show()", "show"),
    ("import cv2 as vision\ngrey = vision.cvtColor(a, vision.COLOR_RGB2GRAY)", "colour"),
    ("grey = input_image.convert('L')", "colour"),
    ("hsv = cv2.cvtColor(a, 40)\nmask = cv2.inRange(hsv, low, high)", "colour threshold"),
    ("_, binary = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)", "threshold"),
    ("from skimage.filters import threshold_otsu, sobel\nt = threshold_otsu(grey)\ne = sobel(grey)", "threshold edges"),
    ("print((grey < 90).sum())", "threshold"),
    ("ys, xs = np.where(grey > 200)", "threshold"),
    ("mask = (red > 200) & (green < 80)", "threshold"),
    ("pixels[~(grey > 9)] = 0", "threshold"),
    ("img.point(lambda v: 255 if v > 128 else 0)", "threshold"),
    ("frame[frame['share'] > 5]\nframe[frame.share > 5]", ""),
    ("names = [name for name in names if name > 'b']", ""),
    ("edges = cv2.Canny(grey, 50, 150)\nlines = cv2.HoughLinesP(edges, 1, np.pi / 180, 50)", "edges shapes arithmetic"),
    ("found, _ = cv2.findContours(m, 0, 1)\nareas = [cv2.contourArea(c) for c in found]", "contours measure"),
    ("count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)\nprint(stats.max())", "components"),
    ("from scipy import ndimage\nlabels, n = ndimage.label(mask)", "components"),
    (
        "from skimage import measure\nfor region in measure.regionprops(measure.label(mask)):\n    print(region.area)",
        "components",
    ),
    ("img.filter(ImageFilter.FIND_EDGES)", "edges"),
    ("from PIL import ImageFilter\nimg.filter(ImageFilter.GaussianBlur(3))", "filter"),
    ("ImageEnhance.Contrast(img).enhance(2.0)", "enhance"),
    ("cv2.dilate(cv2.GaussianBlur(grey, (5, 5), 0), kernel)", "filter morphology"),
    ("score = cv2.matchTemplate(a, b, 5)\nfrom skimage.metrics import structural_similarity as ssim\nssim(a, b)", "match"),
    ("print(input_image.getpixel((3, 4)))", "pixels"),
    ("import pytesseract\nprint(pytesseract.image_to_string(crop))", "read_text"),
    ("import math\nprint(math.hypot(x2 - x1, y2 - y1), math.degrees(a))", "measure arithmetic"),
    ("print(np.linalg.norm(a - b))", "measure arithmetic"),
    ("print(3 * 4 + 2)", "arithmetic"),
    ("total = sum(prices)", "arithmetic"),
    ("print('-' * 20 + 'total: ' + str(x))\nnames = ['a'] + names\nprint('%d' % x)", ""),
    ("values[i + 1]", ""),
    ("import statistics\nprint(statistics.mean(xs), np.median(ys))", "statistics"),
    ("from scipy.optimize import fsolve\nfsolve(f, 1)", "numeric"),
    ("import sympy as sp\nx = sp.symbols('x')\nprint(sp.solve(sp.Eq(x, 3)))", "symbolic"),
    ("from sympy import *\nx = symbols('x')\nprint(solve(x))", "symbolic"),
    ("frame = pd.DataFrame({'a': [1]})\nprint(frame.groupby('a').sum())", "table"),
    ("with open('notes.txt') as file:\n    print(file.read())", "files"),
    ("stats = {}\nstats.get('a')\ntransform = f\ntransform(3)", ""),
    ("import json\njson.load(file)", ""),
    ("# only a comment", ""),
    ("", ""),
)


@pytest.mark.parametrize(("code", "expected"), SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_cell_does_what_its_names_say(code: str, expected: str) -> None:
    assert " ".join(find_operations(code)) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("input_image.crop((0, 0, 9, 9)\ncv2.Canny(grey, 1, 2)", "crop edges"),
        ("%matplotlib inline\nplt.plot([1]); display(original_image)", "read_original plot show"),
        ("def f(:\n    np.mean(x)\0", "statistics"),
        ("\ud800 plt.show()", "show"),
    ],
)
def test_code_that_does_not_parse_is_read_by_its_calls(code: str, expected: str) -> None:
    assert " ".join(find_operations(code)) == expected


@pytest.mark.parametrize(
    "code",
    [
        "(" * 5000,
        "x = " + "-" * 20_000 + "1",
        "+".join(["1"] * 30_000),
        "a" + "[a" * 90 + "]" * 90,
        "|".join(["(a > 1)"] * 3000),
        "im.point(" + "+".join(["1"] * 900) + ")",
        "'\\d' '\\w'",
        "a.b(" * 20_000,
    ],
    ids=lambda code: code[:12],
)
def test_no_code_breaks_the_reading(code: str) -> None:
    assert isinstance(find_operations(code), tuple)


def test_the_longest_entry_that_covers_a_name_counts() -> None:
    names = (
        "skimage.filters.sobel_h",
        "skimage.filters.gaussian",
        "skimage.filters.threshold_li",
        "scipy.ndimage.binary_opening",
    )
    assert [look_up(name) for name in names] == [Operation.EDGES, Operation.FILTER, Operation.THRESHOLD, Operation.MORPHOLOGY]
    assert look_up("somebody.elses") is None
