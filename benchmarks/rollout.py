"""The loop's own cost: a model that replies at once, two code turns a task, full isolation, beside a fresh Python per snippet.

    python benchmarks/rollout.py [--tasks 2000] [--flat 100,1000,10000]

"Ours" is the CPU time of this process and of the sandbox's supervisor; the sessions' own work is the guest's. The peer is the
plainest loop there is: one task after the other, every snippet in a new interpreter that imports numpy and Pillow and opens the
picture, no isolation, no state, no record.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from PIL import Image

from codedance import Sandbox
from codedance.model import Message, Reply
from codedance.rollout.runner import Runner
from codedance.types import Sampling, Task

CELLS = (
    "crop = input_image.crop((40, 40, 240, 190))\ndisplay(crop)",
    "import numpy as np\npixels = np.asarray(crop.convert('L'))\nprint(int((pixels > pixels.mean()).sum()))",
)
FRESH = """from PIL import Image
import numpy as np
input_image = Image.open("input_image.jpg")
display = lambda image: image.save("shown.png")
"""
NUM_FRESH = 40


class AtOnce:
    """Two cells, then an answer, without waiting."""

    name = "at-once"

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        turn = len(messages) // 2 - 1
        text = f"<code>\n```python\n{CELLS[turn]}\n```\n</code>" if turn < len(CELLS) else "<answer>1</answer>"
        return Reply(text=text)


@dataclass(frozen=True)
class Figures:
    """One run of ours."""

    tasks: int
    level: int
    tasks_per_s: float
    own_ms_per_turn: float
    supervisor_ms_per_turn: float
    memory_mb: float
    """Of this process, at its end."""


def make_tasks(number: int, picture: Path) -> Iterator[Task]:
    return (Task(id=str(index), question=f"question {index}?", images=(picture,)) for index in range(number))


async def measure(number: int, picture: Path, folder: Path) -> Figures:
    async with Sandbox() as box:
        await Runner(AtOnce(), box, folder / "warm").run(make_tasks(20, picture))
        supervisor = psutil.Process((await box.load()).supervisor_pid)
        gc.collect()
        own, theirs, start = time.process_time(), sum(supervisor.cpu_times()[:2]), time.perf_counter()
        progress = await Runner(AtOnce(), box, folder / "run").run(make_tasks(number, picture))
        seconds = time.perf_counter() - start
        own, theirs = time.process_time() - own, sum(supervisor.cpu_times()[:2]) - theirs
    assert progress.answered == number and progress.failed_cells == 0
    turns = progress.cells
    memory = psutil.Process().memory_full_info().uss / 1e6
    return Figures(number, box.isolation.level, number / seconds, own * 1e3 / turns, theirs * 1e3 / turns, memory)


def measure_fresh(picture: Path, folder: Path) -> float:
    """Tasks a second of the plain loop."""
    (folder / "input_image.jpg").write_bytes(picture.read_bytes())
    cells = (CELLS[0], CELLS[0].replace("display(crop)", "") + CELLS[1])  # no state: the second one crops again
    start = time.perf_counter()
    for _ in range(NUM_FRESH):
        for cell in cells:
            subprocess.run([sys.executable, "-c", FRESH + cell], cwd=folder, check=True, capture_output=True)
    return NUM_FRESH / (time.perf_counter() - start)


def in_own_process(number: int, picture: Path) -> Figures:
    """So that one size's memory does not carry over to the next."""
    command = [sys.executable, __file__, "--one", str(number), "--picture", str(picture)]
    return Figures(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--flat", default="100,1000,10000")
    parser.add_argument("--one", type=int)
    parser.add_argument("--picture", type=Path)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if flags.one:
            print(json.dumps(asdict(asyncio.run(measure(flags.one, flags.picture, folder)))))
            return
        picture = folder / "picture.jpg"
        Image.open(Path(__file__).parents[1] / "examples/coins.png").convert("RGB").resize((640, 480)).save(picture, quality=92)
        ours = in_own_process(flags.tasks, picture)
        fresh = measure_fresh(picture, folder)
        sizes = [in_own_process(int(number), picture) for number in flags.flat.split(",")]
    print(f"isolation level {ours.level}, {flags.tasks} tasks of two code turns, 640x480 picture")
    print(f"tasks a second          {ours.tasks_per_s:.1f}   fresh Python per snippet, one after the other: {fresh:.2f}")
    print(f"ratio                   {ours.tasks_per_s / fresh:.0f}x   (aim: 20x)")
    print(
        f"our CPU a code turn     {ours.own_ms_per_turn:.2f} ms + supervisor {ours.supervisor_ms_per_turn:.2f} ms   (aim: 10 ms)"
    )
    for size in sizes:
        print(f"memory, {size.tasks:6d} tasks    {size.memory_mb:.0f} MB, {size.tasks_per_s:.1f} tasks/s")


if __name__ == "__main__":
    main()
