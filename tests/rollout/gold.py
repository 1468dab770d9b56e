"""What a good model would write for some benchmark questions: code that finds the answer in the pixels, and the answer.

    for item in GOLD: item.id, item.cells[0].code, item.answer

Every cell was written while looking at the picture. A number is printed by code that measures or computes it; what was read by eye
(labels, digits) stands in a comment of the cell. Where the evidence is writing, the code shows a crop in which it can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto


class Kind(Flag):
    """What the code does to find the answer."""

    MEASURE = auto()
    """Counts or measures pixels, and prints the answer."""
    CROP = auto()
    """Shows a part of the picture in which the answer can be seen."""
    FULL = auto()
    """The crop is taken from the original at full resolution."""
    DRAW = auto()
    """Plots, or draws on the picture, and shows it."""
    COMPUTE = auto()
    """Calculates, and prints the answer."""


@dataclass(frozen=True)
class Cell:
    """Code, and all that it prints and shows."""

    code: str
    prints: str = ""
    shows: tuple[tuple[int, int], ...] = ()
    crop: tuple[int, int, int, int] | None = None
    """The only picture shown is this box of the view, cut from the original."""


@dataclass(frozen=True)
class Gold:
    """One question solved."""

    id: str
    kind: Kind
    answer: str
    cells: tuple[Cell, ...]


MEASURE, CROP, FULL, DRAW, COMPUTE = Kind


def full_crop(box: tuple[int, int, int, int], size: tuple[int, int]) -> Cell:
    """The usual way to look closer: a box on the view, shown at full resolution."""
    return Cell(f"display(original_image.crop(to_original({box})))", shows=(size,), crop=box)


PLATELETS = """
import cv2, numpy as np
hue, saturation, value = cv2.split(cv2.cvtColor(np.asarray(input_image), cv2.COLOR_RGB2HSV))
stained = ((hue > 110) & (hue < 150) & (saturation > 50)).astype(np.uint8)
stained = cv2.morphologyEx(stained, cv2.MORPH_OPEN, np.ones((5, 5)))
_, _, stats, _ = cv2.connectedComponentsWithStats(stained)
areas = stats[1:, cv2.CC_STAT_AREA]
print(sorted(int(a) for a in areas))
print(sum(80 < a < 2500 for a in areas))  # the nucleus of a white cell is larger
"""

GOLD = (
    Gold(
        "skimage/coins",
        MEASURE | DRAW,
        "24",
        (
            Cell(
                """
import numpy as np
from scipy import ndimage
from skimage import filters, measure, segmentation
grey = np.asarray(input_image.convert("L"))
markers = np.where(grey < 50, 1, np.where(grey > 150, 2, 0))
coins = ndimage.binary_fill_holes(segmentation.watershed(filters.sobel(grey), markers) == 2)
display(coins)
""",
                shows=((392, 308),),
            ),
            Cell(
                """
regions = [r for r in measure.regionprops(measure.label(coins)) if r.area > 300]
display(segmentation.mark_boundaries(np.asarray(input_image), coins))
print(len(regions))
""",
                "24",
                ((392, 308),),
            ),
        ),
    ),
    Gold("bccd/BloodImage_00233/Platelets", MEASURE, "2", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00258/Platelets", MEASURE, "2", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00148/Platelets", MEASURE, "1", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00052/Platelets", MEASURE, "2", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00079/Platelets", MEASURE, "1", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00068/Platelets", MEASURE, "4", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00014/Platelets", MEASURE, "2", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00031/Platelets", MEASURE, "4", (Cell(PLATELETS, "x"),)),
    Gold("bccd/BloodImage_00044/Platelets", MEASURE, "5", (Cell(PLATELETS, "x"),)),
    Gold(
        "mathvision/634",
        MEASURE,
        "12",
        (
            Cell(
                """
import numpy as np
from scipy import ndimage
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
flowers, count = ndimage.label((red > 180) & (green < 90) & (blue < 90))
boxes = [box for label, box in enumerate(ndimage.find_objects(flowers), 1) if (flowers[box] == label).sum() > 20]
left = sum(box[1].start < input_image.width / 2 for box in boxes)
right = len(boxes) - left
print(left, right)
print(left + 3 + 6 - right)  # from the question: 3 on the back of the left one, 6 more on the right one
""",
                "7 4\n12",
            ),
        ),
    ),
    Gold(
        "mathvision/492",
        MEASURE,
        "7",
        (
            Cell(
                """
import numpy as np
grey = np.asarray(input_image.convert("L")).astype(float)
ys, xs = np.nonzero(grey < 200)
left, right, top, bottom = xs.min(), xs.max(), ys.min(), ys.max()
first = np.argmax(grey[top + 20, left + 5:] > 140) + 5  # the first tile is grey: its width
columns, rows = round((right - left) / first), round((bottom - top) / first)
print(columns, rows)
side = (right - left) / columns
centre = lambda r, c: grey[int(top + (r + 0.25) * side):int(top + (r + 0.75) * side), int(left + (c + 0.25) * side):int(left + (c + 0.75) * side)]
print(sum(centre(r, c).mean() > 140 for r in range(rows) for c in range(columns) if (r + c) % 2 == 0))
""",
                "8 5\n7",
            ),
        ),
    ),
    Gold(
        "mathvision/2113",
        MEASURE,
        "6",
        (
            Cell(
                """
import numpy as np
from scipy import ndimage
squares, count = ndimage.label(np.asarray(input_image.convert("L")) > 160)
sizes = ndimage.sum_labels(np.ones_like(squares), squares, range(1, count + 1))
inside = [label for label, size in enumerate(sizes, 1) if 500 < size < 5000]
centres = np.array(ndimage.center_of_mass(squares > 0, squares, inside))
near = np.linalg.norm(centres[:, None] - centres[None], axis=2)
step = np.median(np.sort(near, axis=1)[:, 1])
from scipy.sparse.csgraph import connected_components
num_pieces, piece = connected_components(near < 1.2 * step)
print(len(inside), num_pieces)
""",
                "60 12",
            ),
            Cell(
                """
def normal(cells):
    cells = np.array(sorted(map(tuple, cells - cells.min(axis=0))))
    return cells.tolist()

def symmetric(cells):
    turns = [cells, cells[:, ::-1]]
    mirrored = [cells * (1, -1), cells * (-1, 1), cells[:, ::-1], -cells[:, ::-1]]
    return any(normal(m) == normal(cells) for m in mirrored)

shapes = [np.rint(centres[piece == p] / step - centres[piece == p][0] / step).astype(int) for p in range(num_pieces)]
print(sum(symmetric(shape) for shape in shapes))
""",
                "6",
            ),
        ),
    ),
    Gold(
        "mathvision/118",
        MEASURE | COMPUTE,
        "16",
        (
            Cell(
                """
import numpy as np
from itertools import combinations
from scipy import ndimage
pixels = np.asarray(input_image).astype(int)
houses, count = ndimage.label(ndimage.binary_opening(pixels.min(axis=2) > 130, np.ones((3, 3))))
found = [(label, box) for label, box in enumerate(ndimage.find_objects(houses), 1) if 800 < (houses == label).sum() < 5000]
centres = np.array([((b[0].start + b[0].stop) / 2, (b[1].start + b[1].stop) / 2) for _, b in found])
pink = [bool(np.median(pixels[houses == label][:, 1]) < 210) for label, _ in found]
start, end = centres[:, 1].argmin(), centres[:, 1].argmax()
distance = np.linalg.norm(centres[:, None] - centres[None], axis=2)
touching = distance < 1.3 * np.sort(distance, axis=1)[:, 1].mean()
print(len(found), sum(pink))

def connected(open_houses):
    reached, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for there in open_houses - reached:
            if touching[here, there]:
                reached.add(there); todo.append(there)
    return end in reached

coloured = {i for i in range(len(found)) if pink[i]}
white = [i for i in range(len(found)) if not pink[i]]
print(sum(connected(coloured | set(three)) for three in combinations(white, 3)))
""",
                "16 6\n16",
            ),
        ),
    ),
    Gold(
        "wemath/3steps_98/3steps_multi",
        MEASURE,
        "A",
        (
            Cell(
                """
import numpy as np
from scipy import ndimage
dark = np.asarray(input_image.convert("L")) < 128
ys, xs = np.nonzero(dark)
solid = ndimage.binary_opening(dark, np.ones((7, 7)))
side = np.sqrt(solid.sum() / 9)  # by eye: nine black squares
columns, rows = round((np.ptp(xs) + 1) / side), round((np.ptp(ys) + 1) / side)
black = round(solid.sum() / side**2)
white = columns * rows - black
print(columns, rows, black, white)
print({36: "A", 45: "B", 54: "C", 63: "D"}.get(white, "E"))
""",
                "9 5 9 36\nA",
            ),
        ),
    ),
    Gold(
        "wemath/2steps_352/2steps_multi",
        MEASURE | DRAW,
        "C",
        (
            Cell(
                """
import numpy as np
from PIL import ImageDraw
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
line = (blue - red > 50)
rows = line.sum(axis=1)
half = input_image.height // 2
top, bottom = rows[:half].argmax(), half + rows[half:].argmax()
b, c = np.nonzero(line[top])[0].max(), np.nonzero(line[bottom])[0].max()
angle = np.degrees(np.arctan2(bottom - top, c - b))
picture = input_image.copy()
ImageDraw.Draw(picture).line([(b, top), (c, bottom)], fill="red", width=3)
display(picture)
size = 5 * round(angle / 5)
print(size)
print({120: "A", 100: "B", 60: "C"}.get(size, "D"))
""",
                "60\nC",
                ((672, 336),),
            ),
        ),
    ),
    Gold(
        "wemath/2steps_245/2steps_multi",
        MEASURE,
        "C",
        (
            Cell(
                """
import cv2, numpy as np
dark = (np.asarray(input_image.convert("L")) < 128).astype(np.uint8)
outlines, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
shape = max(outlines, key=cv2.contourArea)
x, y, width, height = cv2.boundingRect(shape)
now, before = cv2.arcLength(cv2.approxPolyDP(shape, 6, True), True), 2 * (width + height)
print(round(now / before, 2))
print("C" if abs(now / before - 1) < 0.02 else "A" if now > before else "B")
""",
                "1.0\nC",
            ),
        ),
    ),
    Gold(
        "logicvista/v1_361",
        MEASURE,
        "B",
        (
            Cell(
                """
import numpy as np
pixels = np.asarray(input_image).astype(int)
grey = (np.ptp(pixels, axis=2) < 20) & (pixels.mean(axis=2) < 200)
lines = np.nonzero(grey.sum(axis=1) > 0.6 * input_image.width)[0]
print(lines)
""",
                "x",
            ),
        ),
    ),
    Gold(
        "chartqa/07019431002493.png/219e69",
        MEASURE,
        "10.2",
        (
            Cell(
                """
import numpy as np
pixels = np.asarray(input_image).astype(int)
widths = []
for y in (175, 310, 440):  # by eye: a row in each bar
    coloured = np.nonzero(np.ptp(pixels[y], axis=1) > 20)[0]
    print(coloured.min(), coloured.max())
""",
                "x",
            ),
        ),
    ),
)
