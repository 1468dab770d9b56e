"""A made-up run that looks like a real one: photographs, crops, plots, and outcomes of all kinds.

made_run(folder, number=200)
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import skimage
from PIL import Image, ImageDraw, ImageOps

from codedance.types import ExecError, ExecStatus, Repair, StopReason, Trace, Turn
from report.runs import Writer, answer, result, trace

PHOTOS = Path(skimage.__file__).parent / "data"


@cache
def photo(name: str) -> Image.Image:
    return Image.open(PHOTOS / name).convert("RGB")


def photograph(seed: int, size: tuple[int, int] = (1400, 1050)) -> Image.Image:
    """A piece of a real photograph, never the same twice."""
    draw = random.Random(seed)
    names = (
        "astronaut.png",
        "chelsea.png",
        "coffee.png",
        "hubble_deep_field.jpg",
        "motorcycle_left.png",
        "retina.jpg",
        "rocket.jpg",
    )
    base = photo(names[seed % len(names)])
    part = draw.uniform(0.55, 0.95)
    width, height = int(base.width * part), int(base.height * part)
    left, top = draw.randint(0, base.width - width), draw.randint(0, base.height - height)
    made = base.crop((left, top, left + width, top + height))
    made = made.resize(size if seed % 3 else (size[1], size[0]), Image.Resampling.BICUBIC)
    return ImageOps.mirror(made) if seed % 2 else made


def plot(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Bars and axes, drawn."""
    draw = random.Random(seed)
    made = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(made)
    pen.line((60, 20, 60, size[1] - 40, size[0] - 20, size[1] - 40), fill="black", width=2)
    for number in range(8):
        height = draw.randint(5, max(5, size[1] - 90))
        left = 80 + number * (size[0] - 120) // 8
        pen.rectangle((left, size[1] - 40 - height, left + 40, size[1] - 41), fill=(31, 119, 180))
        pen.text((left + 8, size[1] - 56 - height), str(height), fill="black")
    return made


QUESTIONS = (
    ("How many red objects are in the picture?", "7", "counting", "photos"),
    ("What number stands on the sign at the left?\n(A) 12\n(B) 17\n(C) 21\n(D) 71", "B", "hires", "reading"),
    ("Is the cup to the left or to the right of the spoon?", "left", "hires", "position"),
    ("By how much does the tallest bar exceed the lowest one?", "41", "charts", "difference"),
    ("Which of the two marked lengths is longer, and by what factor (one decimal)?", "the upper, 1.4", "geometry", "lengths"),
)
CELLS = (
    (
        "The sign is small. I look at it more closely before I read the number.",
        "left, top, right, bottom = {box}\ncrop = input_image.crop((left, top, right, bottom))\n"
        "crop = crop.resize((crop.width * 2, crop.height * 2))  # twice as large\nprint(crop.size)\ndisplay(crop)",
    ),
    (
        "I mark what I have counted so far, so that nothing is counted twice.",
        "from PIL import ImageDraw\n\nmarked = input_image.copy()\npen = ImageDraw.Draw(marked)\nboxes = [{box}]\n"
        "for number, box in enumerate(boxes, start=1):\n    pen.rectangle(box, outline='red', width=6)\n"
        "    pen.text((box[0], box[1] - 12), f'#{{number}}', fill='red')\ndisplay(marked)\nprint(len(boxes), 'found')",
    ),
    (
        "Now I measure instead of guessing: threshold, connected parts, and their areas.",
        "import cv2\nimport numpy as np\n\ngrey = cv2.cvtColor(np.array(input_image), cv2.COLOR_RGB2GRAY)\n"
        "_, mask = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)\n"
        "count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)\n"
        "areas = stats[1:, cv2.CC_STAT_AREA]\nprint('parts:', (areas > 120).sum())\nprint(f'mean area {{areas.mean():.1f}}')",
    ),
    (
        "Plotting the heights side by side shows the difference at once.",
        "import matplotlib.pyplot as plt\n\nheights = [12, 48, 31, 53]\nplt.bar(range(len(heights)), heights)\n"
        "plt.title('heights in pixels')\nplt.show()\nprint(max(heights) - min(heights))",
    ),
)


def _cell(writer: Writer, draw: random.Random, view: Image.Image, seed: int) -> Turn:
    kind = draw.randrange(len(CELLS))
    thought, code = CELLS[kind]
    width, height = draw.randint(120, 260), draw.randint(100, 220)
    left, top = draw.randint(0, view.width - width), draw.randint(0, view.height - height)
    box = (left, top, left + width, top + height)
    code = code.format(box=box)
    model_s = draw.lognormvariate(0.9, 0.5)
    if draw.random() < 0.12:
        error = draw.choice(
            [("NameError", "name 'pytesseract' is not defined"), ("ValueError", "tile cannot extend outside image")]
        )
        said = f'Traceback (most recent call last):\n  File "cell", line 2\n{error[0]}: {error[1]}\n'
        failed = result(ExecStatus.ERROR, stderr=said, error=ExecError(*error, line=2), seconds=draw.uniform(0.01, 0.1))
        return writer.turn(thought, code, failed, model_s)
    if kind == 0:
        shown, stdout = view.crop(box).resize((2 * width, 2 * height)), f"({2 * width}, {2 * height})\n"
    elif kind == 1:
        shown, stdout = view.reduce(2), "1 found\n"
        ImageDraw.Draw(shown).rectangle([side // 2 for side in box], outline="red", width=4)
    elif kind == 2:
        return writer.turn(thought, code, result(stdout=f"parts: {draw.randint(2, 40)}\nmean area 311.5\n"), model_s)
    else:
        shown, stdout = plot(seed), "41\n"
    return writer.turn(thought, code, result(stdout=stdout, images=[shown], seconds=draw.uniform(0.03, 0.9)), model_s)


def _made_trace(writer: Writer, seed: int, samples: int, size: tuple[int, int]) -> Trace:
    draw = random.Random(seed)
    question, gold, source, category = QUESTIONS[seed % len(QUESTIONS)]
    view = photograph(seed // samples, size)
    path = writer.store.folder / f".input-{seed}.jpg"
    view.save(path, quality=88)
    images = writer.inputs([path])
    path.unlink()
    turns = [_cell(writer, draw, view, seed) for _ in range(draw.choice((0, 1, 1, 1, 2, 2, 3)))]
    ending = draw.random()
    more: dict[str, object] = {}
    if ending < 0.65:
        turns.append(answer(gold, "That settles it."))
    elif ending < 0.85:
        turns.append(answer(draw.choice(("9", "A", "right", "40", "about 12")), "I am fairly sure."))
    elif ending < 0.9 and turns:
        turns[-1] = replace(turns[-1], note="One reply is left; give the answer now.")
    elif ending < 0.95:
        turns.append(
            Turn(text="Let me think about it.", thought="Let me think about it.", note="Write either code or an answer.")
        )
        more = {"stop": StopReason.NO_ACTION}
    else:
        more = {"stop": StopReason.MODEL_ERROR, "error": "127.0.0.1:8000: connection refused, 6 tries in 42 s"}
    if draw.random() < 0.1 and turns:
        turns[0] = replace(turns[0], repairs=(Repair.UNCLOSED_THINK, Repair.TEXT_AFTER_ACTION), context=turns[0].text[:-9])
    task_id = f"{source}-{seed // samples:04d}"
    return trace(
        task_id, question, turns, sample=seed % samples, gold=gold, images=images, source=source, category=category, **more
    )


def made_run(folder: Path, number: int = 200, samples: int = 1, size: tuple[int, int] = (1400, 1036)) -> Path:
    """Many traces, each with a picture of its own."""
    with Writer(folder) as writer, ThreadPoolExecutor() as pool:
        for made in pool.map(lambda seed: _made_trace(writer, seed, samples, size), range(number)):
            writer.store.append(made)
    return folder
