"""The small model on pictures that its generators did not make: a real photograph in several variants, a chart by matplotlib.

    python benchmarks/elsewhere.py [--model hf:FOLDER]

Every wording that training has is asked of every picture; all answers are known. Prints a table, and the questions that went
wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "0")

from PIL import Image, ImageEnhance, ImageOps

from codedance.model.named import open_model
from codedance.reward.scorer import Scorer
from codedance.rollout.loop import solve
from codedance.rollout.settings import Settings
from codedance.sandbox import Sandbox
from codedance.types import Sampling, Task

EXAMPLES = Path(__file__).parents[1] / "examples"
THINGS = ("objects", "coins", "stones", "grains", "cells")
WHOLE = ("How many bright {} are there?", "Count the bright {}.", "How many bright {} does the picture show?")
HALF = ("How many bright {} are in the {} half?", "Count the bright {} in the {} half.")
HEIGHT = (
    "How high is the {} bar? The axis goes from 0 to 40.",
    "The axis goes from 0 to 40. What is the value of the {} bar?",
    "The axis goes from 0 to 40. How high is the {} bar?",
)
HIGHER = (
    "How much higher is the {} bar than the {} one? The axis goes from 0 to 40.",
    "The axis goes from 0 to 40. By how much is the {} bar higher than the {} one?",
)
BARS = {"red": 12, "green": 19, "orange": 7, "blue": 31, "purple": 24}
AT_ONCE = 16


def questions() -> Iterator[tuple[str, Task]]:
    """What is asked, by kind of picture."""
    coins = Image.open(EXAMPLES / "pompeii-coins.jpg").convert("RGB")
    variants = {
        "as it is": coins,
        "mirrored": ImageOps.mirror(coins),
        "upside down": ImageOps.flip(coins),
        "turned": coins.rotate(90, expand=True),
        "brighter": ImageEnhance.Brightness(coins).enhance(1.25),
        "softer": ImageEnhance.Contrast(coins).enhance(0.8),
    }
    asked = [
        (f"photograph, {name}", image, words.format(t), 24) for name, image in variants.items() for words in WHOLE for t in THINGS
    ]
    rows = coins.crop((0, 0, coins.width, round(0.49 * coins.height)))
    asked += [("photograph, two rows", rows, words.format(t), 12) for words in WHOLE for t in THINGS]
    halves = ("left", "right", "upper", "lower")
    asked += [("photograph, one half", coins, words.format(t, half), 12) for words in HALF for t in THINGS for half in halves]
    chart = Image.open(EXAMPLES / "visitors.png").convert("RGB")
    asked += [("chart, height", chart, words.format(colour), value) for words in HEIGHT for colour, value in BARS.items()]
    pairs = [(one, other) for one in BARS for other in BARS if BARS[one] > BARS[other]]
    asked += [("chart, difference", chart, words.format(a, b), BARS[a] - BARS[b]) for words in HIGHER for a, b in pairs]
    for number, (kind, image, question, answer) in enumerate(asked):
        yield kind, Task(id=str(number), question=question, images=(image,), answer=str(answer))


async def run(name: str) -> None:
    right: dict[str, list[bool]] = defaultdict(list)
    gate = asyncio.Semaphore(AT_ONCE)
    async with open_model(name) as model, Sandbox(slots=AT_ONCE) as box:
        settings = Settings(turns=4, sampling=Sampling(temperature=0.0, max_tokens=320))

        async def ask(kind: str, task: Task) -> str:
            async with gate:
                trace = await solve(task, model, box, settings)
            with Scorer() as scorer:
                is_right = scorer.grade_trace(trace).is_right is True
            right[kind].append(is_right)
            return "" if is_right else f"{kind}: {task.question} {trace.answer} instead of {task.answer}"

        wrong = [words for words in await asyncio.gather(*(ask(*one) for one in questions())) if words]
    print("| picture | questions | right |\n|---|---|---|")
    for kind, hits in right.items():
        print(f"| {kind} | {len(hits)} | {sum(hits)} |")
    print("", *wrong, sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="tiny", help="tiny, or hf:FOLDER")
    asyncio.run(run(parser.parse_args().model))
