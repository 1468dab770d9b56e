"""What a good model would write for some benchmark questions: code that finds the answer in the pixels, and the answer.

    for item in GOLD: item.id, item.answer, item.cells[0].code

The table is text: `=== id | kinds | answer` starts a question, `---` the next turn, and `#>` lines say what the code above prints
and, in brackets, shows. Every cell was written while looking at the view that `RULE` gives. Numbers are printed by code that
measures or computes them; what was read by eye (labels, digits, where to look) is said in a comment. Where the evidence is
writing, the code shows a crop in which it can be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Flag, auto

from codedance.images import Box, PixelRule

RULE = PixelRule(step=28, least=4 * 28 * 28, most=1280 * 28 * 28)
"""A usual budget; the photos are larger, so that looking closer needs the original."""


class Kind(Flag):
    """What the code does to find the answer."""

    MEASURE = auto()
    """Counts or measures pixels, and prints the answer."""
    COMPUTE = auto()
    """Calculates, and prints the answer."""
    CROP = auto()
    """Shows a part of the picture in which the answer can be seen."""
    DRAW = auto()
    """Plots, or draws on the picture, and shows it."""


@dataclass(frozen=True)
class Cell:
    """Code, and all that it prints and shows."""

    code: str
    prints: str
    shows: tuple[tuple[int, int] | Box, ...]
    """Sizes; or boxes on the view, for exactly that part of the original at full resolution."""


@dataclass(frozen=True)
class Gold:
    """One question solved."""

    id: str
    kind: Kind
    answer: str
    cells: tuple[Cell, ...]


PLATELETS = """
# purple, smaller than the nucleus of a white cell, larger than dirt
import cv2, numpy as np
hue, saturation, _ = cv2.split(cv2.cvtColor(np.asarray(input_image), cv2.COLOR_RGB2HSV))
purple = ((hue > 110) & (hue < 150) & (saturation > 70)).astype(np.uint8)
purple = cv2.morphologyEx(purple, cv2.MORPH_OPEN, np.ones((5, 5)))
_, _, stats, _ = cv2.connectedComponentsWithStats(purple)
found = [box for *box, area in stats[1:] if 150 < area < 2500]
marked = np.array(input_image)
for x, y, width, height in found:
    cv2.rectangle(marked, (x - 4, y - 4), (x + width + 4, y + height + 4), (255, 0, 0), 2)
display(marked)
print(len(found))
"""

PIE = """
# the shares, along a ring near the rim, where no label lies
import numpy as np
from scipy import ndimage
pixels = np.asarray(input_image).astype(int)
solid = ndimage.binary_opening(pixels.min(axis=2) < 225, np.ones((9, 9)))  # without the lines to the labels
parts, count = ndimage.label(solid)
ys, xs = np.nonzero(parts == 1 + np.argmax(ndimage.sum_labels(solid, parts, range(1, count + 1))))
turn = np.linspace(0, 2 * np.pi, 7200, endpoint=False)
y = (ys.min() + ys.max() + 0.93 * np.ptp(ys) * np.sin(turn)) / 2
x = (xs.min() + xs.max() + 0.93 * np.ptp(xs) * np.cos(turn)) / 2
ring = pixels[y.round().astype(int), x.round().astype(int)]
colours, counts = np.unique(ring // 16, axis=0, return_counts=True)
colours = colours[counts > 150]
nearest = np.linalg.norm(ring[:, None] // 16 - colours, axis=2).argmin(axis=1)
shares = sorted(round(share / 72) for share in np.bincount(nearest).tolist())
print(shares)
"""

LEAVES = """
# the digits of a stem-and-leaf plot, left and right of its bar
import numpy as np
from scipy import ndimage
pixels = np.asarray(input_image).astype(int)
coloured, dark = np.ptp(pixels, axis=2) > 40, pixels.max(axis=2) < 130
header = np.nonzero(coloured.mean(axis=1) > 0.8)[0].max()
bar = coloured[header + 3:].sum(axis=0).argmax()
def rows(part):
    digits, _ = ndimage.label(part, np.ones((3, 3)))
    return [(box[0].start + box[0].stop) / 2 + header + 3 for box in ndimage.find_objects(digits)]
stems, leaves = sorted(rows(dark[header + 3:, :bar - 3])), rows(dark[header + 3:, bar + 4:])
"""

COUNTING = r"""
=== skimage/coins | measure draw | 24
import numpy as np
from scipy import ndimage
from skimage import filters, measure, segmentation
grey = np.asarray(input_image.convert("L"))
markers = np.where(grey < 50, 1, np.where(grey > 150, 2, 0))
coins = ndimage.binary_fill_holes(segmentation.watershed(filters.sobel(grey), markers) == 2)
display(coins)
#> [392x308]
---
regions = [region for region in measure.regionprops(measure.label(coins)) if region.area > 300]
display(segmentation.mark_boundaries(np.asarray(input_image), coins))
print(len(regions))
#> 24
#> [392x308]

=== bccd/BloodImage_00233/Platelets | measure draw | 2
$platelets
#> 2
#> [644x476]

=== bccd/BloodImage_00148/Platelets | measure draw | 1
$platelets
#> 1
#> [644x476]
"""

PUZZLES = r"""
=== mathvision/634 | measure | 12
import numpy as np
from scipy import ndimage
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
flowers, _ = ndimage.label((red > 180) & (green < 90) & (blue < 90))
boxes = [box for n, box in enumerate(ndimage.find_objects(flowers), 1) if (flowers[box] == n).sum() > 20]
left = sum(box[1].start < input_image.width / 2 for box in boxes)
right = len(boxes) - left
print(left, right)
print(left + 3 + 6 - right)  # the question: 3 on the back of the left one, 6 more on the right one
#> 7 4
#> 12

=== mathvision/492 | measure | 7
import numpy as np
grey = np.asarray(input_image.convert("L")).astype(float)
ys, xs = np.nonzero(grey < 200)
left, right, top, bottom = xs.min(), xs.max(), ys.min(), ys.max()
first = np.argmax(grey[top + 20, left + 5:] > 140) + 5  # by eye: the first tile is grey; this is its width
columns, rows = round((right - left) / first), round((bottom - top) / first)
print(columns, rows)
side = (right - left) / columns
def brightness(row, column):
    y, x = int(top + (row + 0.25) * side), int(left + (column + 0.25) * side)
    return grey[y:y + int(side / 2), x:x + int(side / 2)].mean()
places = [(row, column) for row in range(rows) for column in range(columns) if (row + column) % 2 == 0]
print(sum(brightness(*place) > 140 for place in places))
#> 8 5
#> 7

=== mathvision/2113 | measure | 6
import numpy as np
from scipy import ndimage
from scipy.sparse.csgraph import connected_components
squares, count = ndimage.label(np.asarray(input_image.convert("L")) > 160)
sizes = ndimage.sum_labels(np.ones_like(squares), squares, range(1, count + 1))
inside = [n for n, size in enumerate(sizes, 1) if 500 < size < 5000]
centres = np.array(ndimage.center_of_mass(squares > 0, squares, inside))
apart = np.linalg.norm(centres[:, None] - centres, axis=2)
step = np.median(np.sort(apart, axis=1)[:, 1])
num_pieces, piece = connected_components(apart < 1.2 * step)
print(len(inside), num_pieces)
#> 60 12
---
def normal(cells):
    return sorted(map(tuple, (cells - cells.min(axis=0)).tolist()))
def is_symmetric(cells):
    mirrored = [cells * (1, -1), cells * (-1, 1), cells[:, ::-1], -cells[:, ::-1]]
    return any(normal(image) == normal(cells) for image in mirrored)
pieces = [centres[piece == number] / step for number in range(num_pieces)]
print(sum(is_symmetric(np.rint(cells - cells[0]).astype(int)) for cells in pieces))
#> 6

=== mathvision/118 | measure compute | 16
import numpy as np
from itertools import combinations
from scipy import ndimage
pixels = np.asarray(input_image).astype(int)
areas, count = ndimage.label(ndimage.binary_opening(pixels.min(axis=2) > 130, np.ones((3, 3))))
houses = [n for n in range(1, count + 1) if 800 < (areas == n).sum() < 5000]
boxes = [ndimage.find_objects(areas)[n - 1] for n in houses]
centres = np.array([(box[0].start + box[0].stop, box[1].start + box[1].stop) for box in boxes]) / 2
pink = {i for i, n in enumerate(houses) if np.median(pixels[areas == n][:, 1]) < 210}
start, end = centres[:, 1].argmin(), centres[:, 1].argmax()
apart = np.linalg.norm(centres[:, None] - centres, axis=2)
touching = apart < 1.3 * np.median(np.sort(apart, axis=1)[:, 1])
print(len(houses), len(pink))
#> 12 6
---
def can_walk(coloured):
    reached, todo = {start}, [start]
    while todo:
        here = todo.pop()
        new = {there for there in coloured - reached if touching[here, there]}
        reached |= new
        todo += new
    return end in reached
white = set(range(len(houses))) - pink
print(sum(can_walk(pink | set(three)) for three in combinations(white, 3)))
#> 16

=== wemath/3steps_98/3steps_multi | measure | A
import numpy as np
from scipy import ndimage
dark = np.asarray(input_image.convert("L")) < 128
ys, xs = np.nonzero(dark)
black = ndimage.label(ndimage.binary_erosion(dark, np.ones((7, 7))))[1]  # apart, and without the frame
side = np.sqrt(ndimage.binary_opening(dark, np.ones((7, 7))).sum() / black)
columns, rows = round((np.ptp(xs) + 1) / side), round((np.ptp(ys) + 1) / side)
white = columns * rows - black
print(columns, rows, black, white)
print({36: "A", 45: "B", 54: "C", 63: "D"}.get(white, "E"))
#> 9 5 9 36
#> A

=== wemath/2steps_352/2steps_multi | measure draw | C
import numpy as np
from PIL import ImageDraw
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
line = blue - red > 50
rows, half = line.sum(axis=1), input_image.height // 2
top, bottom = rows[:half].argmax(), half + rows[half:].argmax()
b, c = np.nonzero(line[top])[0].max(), np.nonzero(line[bottom])[0].max()
picture = input_image.copy()
ImageDraw.Draw(picture).line([(b, top), (c, bottom)], fill="red", width=3)
display(picture)  # is it the side BC?
angle = 5 * round(np.degrees(np.arctan2(bottom - top, c - b)) / 5)
print(angle)
print({120: "A", 100: "B", 60: "C"}.get(angle, "D"))
#> 60
#> C
#> [672x336]

=== wemath/2steps_245/2steps_multi | measure | C
import cv2, numpy as np
dark = (np.asarray(input_image.convert("L")) < 128).astype(np.uint8)
outlines, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
shape = max(outlines, key=cv2.contourArea)
x, y, width, height = cv2.boundingRect(shape)
now, before = cv2.arcLength(cv2.approxPolyDP(shape, 6, True), True), 2 * (width + height)
print(round(now / before, 2))
print("C" if abs(now / before - 1) < 0.02 else "A" if now > before else "B")
#> 1.0
#> C
"""

CHARTS = r"""
=== chartqa/07019431002493.png/219e69 | measure | 10.2
import numpy as np
pixels = np.asarray(input_image).astype(int)
rows = (175, 310, 440)  # by eye: one in each bar
ends = [int(np.nonzero(np.ptp(pixels[row], axis=1) > 20)[0].max()) for row in rows]
ticks = np.nonzero(pixels[236:250].mean(axis=(0, 2)) < 250)[0]  # by eye: the grid shows between these bars
ticks = [group.mean() for group in np.split(ticks, np.nonzero(np.diff(ticks) > 5)[0] + 1)]
unit = np.polyfit(np.arange(len(ticks)) * 5, ticks, 1)[0]  # by eye: a line each 5 %
print(len(ticks))
print(round((max(ends) - min(ends)) / unit, 1))
#> 6
#> 10.2

=== chartqa/two_col_21909.png/fbd7df | measure | 12
$pie
print(sum(shares[:2]))
#> [6, 6, 24, 24, 40]
#> 12

=== chartqa/12793.png/afc9c8 | measure | Yes
$pie
print('Yes' if shares[1] == 32 else 'No')
#> [27, 32, 41]
#> Yes

=== chartqa/multi_col_80177.png/fe1236 | measure | 11
import numpy as np
from scipy import ndimage
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
areas, _ = ndimage.label((blue > 180) & (red < 90) & (green < 160))
boxes = ndimage.find_objects(areas)
bars = [(y, x) for y, x in boxes if y.stop - y.start > 20 and x.stop - x.start > 20]
print(len(bars))
#> 11

=== chartqa/848.png/4cb012 | measure compute | 62.6
import numpy as np
from scipy import ndimage
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
areas, count = ndimage.label((red < 60) & (green < 90) & (blue > 80) & (blue < 150))
boxes = ndimage.find_objects(areas)
widths = [x.stop - x.start for y, x in boxes if x.stop - x.start > 100 and y.stop - y.start > 20]
values = [round(67 * width / widths[0]) for width in widths]  # by eye: the first one says 67
print(values)
print(np.mean(values))
#> [67, 65, 65, 62, 54]
#> 62.6

=== chartqa/12275.png/399720 | measure | 2010
import numpy as np
from scipy import ndimage
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
def curve(mask):
    areas, count = ndimage.label(mask, np.ones((3, 3)))
    wide = [n for n, (y, x) in enumerate(ndimage.find_objects(areas), 1) if x.stop - x.start > 30]
    return np.isin(areas, wide)
china = curve((red > 200) & (green > 120) & (green < 190) & (blue < 110))
america = curve((abs(red - green) < 30) & (red > 110) & (red < 180) & (blue < 110))
xs = np.nonzero(china)[1]
years = np.linspace(xs.min() + 3, xs.max() - 3, 7).round().astype(int)  # by eye: 2008 to 2014
def height(mask, x):
    return np.nonzero(mask[:, x - 2:x + 3].any(axis=1))[0].mean()
gaps = [abs(height(china, x) - height(america, x)) for x in years]
print(2008 + int(np.argmin(gaps)))
#> 2010

=== logicvista/v1_361 | measure | B
import numpy as np
pixels = np.asarray(input_image).astype(int)
grey = (np.ptp(pixels, axis=2) < 20) & (pixels.mean(axis=2) < 200)
lines = np.nonzero(grey.sum(axis=1) > 0.6 * input_image.width)[0]
lines = lines[np.diff(lines, prepend=-9) > 2]
zero, unit = lines.max(), np.diff(lines)[np.diff(lines) < 40].mean() / 2  # by eye: a line each 2, 0 lowest
across = np.nonzero(grey[zero])[0]
months = np.linspace(across.min(), across.max(), 5).round().astype(int)  # by eye: March to July
print(len(months))
#> 5
---
red, green, blue = np.moveaxis(pixels, 2, 0)
orange = (red > 200) & (green > 110) & (green < 190) & (blue < 110)
orange[:lines.min() - 5] = orange[zero:] = False  # not the logo, not the key
heights = [np.median(np.nonzero(orange[:, x - 8:x + 9])[0]) for x in months]
sold = [round((zero - y) / unit) for y in heights]
print(sold)
#> [9, 9, 10, 11, 11]
---
may = 1000 * (sold[2] - sold[1])
print(may)
print({10: "A", 1000: "B", 5000: "C", 10000: "D"}[may])
#> 1000
#> B

=== chartqa/multi_col_80156.png/eb1512 | crop | Total Millennials (ages 18-33)
import numpy as np
from scipy import ndimage
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
def bars(mask):
    areas, _ = ndimage.label(ndimage.binary_opening(mask, np.ones((9, 9))))  # not the axis
    boxes = [box for box in ndimage.find_objects(areas) if box[1].stop - box[1].start > 40]
    return sorted(boxes, key=lambda box: box[1].start)
oppose, favor = bars((blue > 180) & (red < 90)), bars((red < 40) & (green < 60) & (blue < 90))
gaps = [abs(b[0].start - a[0].start) for a, b in zip(oppose, favor)]
widest = int(np.argmax(gaps))
print(len(gaps), widest)
left, right, bottom = oppose[widest][1].start, favor[widest][1].stop, favor[widest][0].stop
label = input_image.crop((left - 10, bottom + 5, right + 12, bottom + 40))
display(label.resize((441, 105)))
#> 4 0
#> [441x105]

=== chartqa/two_col_100993.png/7e85fd | crop | California
import numpy as np
from scipy import ndimage
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
areas, _ = ndimage.label((blue > 180) & (red < 90) & (green < 160))
bars = [(y, x) for y, x in ndimage.find_objects(areas) if y.stop - y.start > 18 and x.stop - x.start > 5]
y, x = max(bars, key=lambda bar: bar[1].stop)
print(len(bars))
name = input_image.crop((20, y.start, x.start, y.stop))
display(name.resize((333, 72)))
#> 10
#> [333x72]

=== chartqa/17258.png/e50fa6 | crop | 2011
display(input_image.crop((200, 85, 280, 280)).resize((320, 780)))
#> [320x780]

=== chartqa/35550254000436.png/440f51 | crop | [Cape Verde, United Kingdom]
display(input_image.crop((600, 60, 840, 580)))
#> [240x520]

=== dynamath/124 | measure draw | B
import matplotlib.pyplot as plt, numpy as np
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int), 2, 0)
ys, xs = np.nonzero((abs(red - blue) < 25) & (red > 90) & (red < 170) & (green < 60))
x = (xs - 330.5) / (580.5 - 330.5) * 5  # by eye: the y axis, and the end of the x axis at 5
y = (240.5 - ys) / (240.5 - 74)  # by eye: the x axis, and the tick at 1.0
curves = {"A": 1 / (1 + np.exp(-x)), "B": np.tanh(x), "C": np.where(x > 0, x, x / 10)}
errors = {letter: float(np.median(abs(y - curve))) for letter, curve in curves.items()}
plt.figure(figsize=(4, 3))
plt.plot(x, y, "m.")
for letter, curve in curves.items():
    order = np.argsort(x)
    plt.plot(x[order], curve[order], label=letter)
plt.ylim(-1.2, 1.2); plt.legend(); plt.show()
print(min(errors, key=errors.get))
#> B
#> [600x450]
"""

TABLES = r"""
=== tabmwp/29691 | measure | 8
$leaves
print(len(leaves))  # by eye: all are from 10 to 81
#> 8

=== tabmwp/11191 | measure | 7
$leaves
print(sum(row > stems[3] - 5 for row in leaves))  # by eye: the fourth stem is 4, its first leaf 2
#> 7

=== tabmwp/972 | crop | Web Page Design class
import numpy as np
pixels = np.asarray(input_image).astype(int)
lines = np.nonzero((np.ptp(pixels, axis=2) > 60).mean(axis=1) > 0.9)[0]
lines = lines[np.diff(lines, prepend=-9) > 2]
row = input_image.crop((0, int(lines[-2]), input_image.width, int(lines[-1])))  # by eye: the last one
display(row.resize((row.width * 2, 56)))
#> [672x56]
"""

PHOTOS = r"""
=== hires/flag.JPG/1 | crop | A
display(input_image.crop((575, 395, 615, 445)).resize((160, 200)))
#> [160x200]
---
display(original_image.crop(to_original((575, 395, 615, 445))))
#> [original 575 395 615 445]

=== hires/blackmug.JPG/1 | crop | C
display(original_image.crop(to_original((600, 405, 700, 490))))
#> [original 600 405 700 490]

=== hires/doll.JPG/1 | crop | B
display(original_image.crop(to_original((590, 355, 645, 465))))
#> [original 590 355 645 465]

=== hires/queue_time.jpg/1 | crop | B
display(original_image.crop(to_original((440, 418, 500, 470))))
#> [original 440 418 500 470]

=== hires/queue_time.jpg/2 | crop | A
display(original_image.crop(to_original((440, 418, 500, 470))))
#> [original 440 418 500 470]

=== hires/vending_machine.jpg/1 | crop | D
display(original_image.crop(to_original((590, 605, 690, 670))))
#> [original 590 605 690 670]

=== hires/doll.JPG/2 | measure crop | A
display(original_image.crop(to_original((596, 396, 638, 462))))
#> [original 596 396 638 462]
---
import cv2, numpy as np
doll = np.asarray(original_image.crop(to_original((596, 396, 638, 462))))  # by eye: on a yellow bag
hue, saturation, _ = cv2.split(cv2.cvtColor(doll, cv2.COLOR_RGB2HSV))
degrees = 2 * int(np.median(hue[(saturation > 60) & (abs(hue.astype(int) - 25) > 15)]))
colour = min({"Red": 0, "Yellow": 60, "Blue": 240}.items(), key=lambda item: abs(item[1] - degrees))[0]
print(colour)
print({"Blue": "A", "Yellow": "B", "Red": "C"}[colour])
#> Blue
#> A

=== hires/vending_machine.jpg/2 | measure draw | A
import numpy as np
from PIL import ImageDraw
from scipy import ndimage
top = 600  # by eye: machine and car stand below, sky and signs are above
red, green, blue = np.moveaxis(np.asarray(input_image).astype(int)[top:], 2, 0)
marked, lefts = input_image.copy(), []
for mask in ((red > 140) & (green < 70) & (blue < 80), (blue > 140) & (red < 90) & (green > 90)):
    areas, count = ndimage.label(ndimage.binary_closing(mask, np.ones((5, 5))))
    y, x = ndimage.find_objects(areas)[np.argmax(ndimage.sum_labels(mask, areas, range(1, count + 1)))]
    ImageDraw.Draw(marked).rectangle((x.start, y.start + top, x.stop, y.stop + top), outline="lime", width=3)
    lefts.append(x.start)
display(marked)
print("A" if lefts[1] > lefts[0] else "B")
#> A
#> [1204x812]
"""

CALCULATIONS = r"""
=== dynamath/485 | compute | 11
from sympy import Matrix
a, b = Matrix([[0, -3], [-5, -4]]), Matrix([[-2, 3], [-2, -5]])  # by eye
print((a * b).trace())
#> 11

=== dynamath/334 | compute | 1.1111
from sympy import Rational
current = Rational("0.9") / 1  # by eye: V lies beside L1, which has 1 ohm; L2 is in series with both
print(round(float((Rational("1.9") - Rational("0.9")) / current), 4))
#> 1.1111

=== mathvision/2974 | compute | \frac{1}{2}
from sympy import Polygon, latex
a, c, e = (1, 1), (3, 3), (4, 1)
print(latex(abs(Polygon(a, c, e).area) / abs(Polygon(a, e, (4, 3), (1, 3)).area)))  # by eye: C lies on the side BD
#> \frac{1}{2}

=== mathvision/2904 | compute | \frac{99}{20}
from sympy import Point, Rational, Triangle, latex, solve, symbols
height = symbols("a", positive=True)
a, b, c = Point(5, height), Point(0, 0), Point(14, 0)
def foot(a):
    return Triangle(a, b, c).altitudes[b].p2
cosine = 9 / (81 + height**2) ** Rational(1, 2)
known = solve(14 * cosine - Rational(42, 5), height)[0]  # CE = BC cos C
triangle = Triangle(Point(5, known), b, c)
print(latex(triangle.orthocenter.distance(triangle.altitudes[b].p2)))
#> \frac{99}{20}

=== mathvision/542 | compute | 9
from itertools import permutations
# by eye: left, middle and right stand in the row; above, middle and below in the column
fits = [n for n in permutations((1, 2, 3, 4, 9)) if n[0] + n[1] == n[3] + n[4]]
print(*{middle for _, _, middle, _, _ in fits})
#> 9

=== mathvision/2466 | compute draw | E
import matplotlib.pyplot as plt
from sympy import Rational, sqrt, symbols, solve
m, b = symbols("m b", positive=True)
circles = (2, 4, 4), (14, 9, 9)  # x, y, radius; by eye: the line runs above both
line = solve([m * x + b - y - r * sqrt(m**2 + 1) for x, y, r in circles], [m, b], dict=True)[0]
figure, axes = plt.subplots(figsize=(4, 3))
for x, y, r in circles:
    axes.add_patch(plt.Circle((x, y), r, fill=False))
axes.plot([-4, 12], [float(line[m] * x + line[b]) for x in (-4, 12)])
axes.set_aspect("equal")
plt.show()
print(line[b])
choices = {"A": "908/199", "B": "909/119", "C": "130/17", "D": "911/119", "E": "912/119"}
print(next(letter for letter, value in choices.items() if Rational(value) == line[b]))
#> 912/119
#> E
#> [600x450]

=== mathvision/2448 | compute draw | 6
import matplotlib.pyplot as plt, numpy as np
xs, ys = [-7, -2, 0, 1, 5], [-4, 6, 0, 6, -6]  # by eye: the corners of the graph
def solutions(value):
    found = set()
    for x0, y0, x1, y1 in zip(xs, ys, xs[1:], ys[1:]):
        if min(y0, y1) <= value <= max(y0, y1):
            found.add(round(x0 + (value - y0) * (x1 - x0) / (y1 - y0), 9))
    return found
inner = solutions(6)
plt.figure(figsize=(4, 3))
plt.plot(xs, ys)
for value in inner:
    plt.axhline(value, color="red")
plt.show()
print(sorted(inner))
print(sum(len(solutions(value)) for value in inner))
#> [-2.0, 1.0]
#> 6
#> [600x450]

=== wemath/3steps_97/3steps_multi | compute | B
from sympy import Rational
pi = Rational("3.14")
side = Rational("25.12") / 4  # by eye: C = 25.12cm; the side is height and circumference
radius = side / (2 * pi)
surface = 2 * radius * side + 2 * radius**2  # in units of pi
print(float(surface))
print({"12.56": "A", "14.56": "B", "15.0": "C", "6.28": "D"}[str(float(surface))])
#> 14.56
#> B
"""


def _cell(text: str) -> Cell:
    said = re.findall(r"^#> (.*)$", text, re.MULTILINE)
    prints = [line for line in said if not re.fullmatch(r"\[(\d+x\d+|original .*)\]", line)]
    shows: list[tuple[int, int] | Box] = []
    for line in said:
        if match := re.fullmatch(r"\[(\d+)x(\d+)\]", line):
            shows.append((int(match[1]), int(match[2])))
        elif match := re.fullmatch(r"\[original (\d+) (\d+) (\d+) (\d+)\]", line):
            shows.append(Box(*map(float, match.groups())))
    code = re.sub(r"^#> .*\n?", "", text, flags=re.MULTILINE).strip()
    return Cell(code, "\n".join(prints), tuple(shows))


def _read(table: str) -> tuple[Gold, ...]:
    for name, code in (("$pie", PIE), ("$platelets", PLATELETS), ("$leaves", LEAVES)):
        table = table.replace(name, code.strip())
    items = []
    for entry in table.split("\n=== ")[1:]:
        header, _, text = entry.partition("\n")
        name, kinds, answer = header.split(" | ")
        kind = Kind(sum(Kind[word.upper()].value for word in kinds.split()))
        items.append(Gold(name, kind, answer, tuple(_cell(part) for part in text.split("\n---\n"))))
    return tuple(items)


GOLD = _read(COUNTING + PUZZLES + CHARTS + TABLES + PHOTOS + CALCULATIONS)
