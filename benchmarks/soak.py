"""Many sessions that come and go, some of them hostile, for minutes: wrong answers, lost state, waiting, growth.

    python benchmarks/soak.py [--minutes 20] [--sessions 300] [--hostile 0.1] [--without namespaces] [--json FILE]

Each session opens with a picture of its own and runs a few cells with pauses in between, as a model that thinks. Honest cells
count on their variables and on their picture; hostile ones loop, fill memory, disk, output and threads, or die. What an honest
cell takes is measured from the call to its result, waiting for a turn included. Not covered: opening more sessions than there are
slots; several callers (tests/sandbox).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from rich.console import Console

from codedance import Limits, Sandbox
from codedance.types import ExecStatus

LIMITS = Limits(time_s=2.0, grace_s=0.5, memory_mb=512)
CELLS = 3
THINK_S = (4.0, 14.0)
HOSTILE = (
    "while True: pass",
    "x = bytearray(8 << 30)",
    "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "import threading, time\nfor _ in range(500): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "import os\nos.kill(os.getpid(), 9)",
    "while True: print('x' * 10000)",
    "i = 0\nwhile True:\n    open(f'f{i}', 'wb').write(b'x' * 100000); i += 1",
    """
while True:
    try:
        while True: pass
    except BaseException: pass
""",
    """
import os, time
for d in range(40):
    os.mkdir(f'd{d}')
    for f in range(98): open(f'd{d}/f{f}', 'w').close()
time.sleep(60)
""",
    "import os\nos.write(3, b'{}')",
)


@dataclass
class Tally:
    """What happened so far."""

    honest: int = 0
    hostile: int = 0
    cells: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Size:
    """What the sandbox holds at one moment."""

    anonymous_mb: dict[str, float]
    descriptors: int
    live: int


async def honest(box: Sandbox, number: int, draw: random.Random, tally: Tally, end: float) -> None:
    colour = (number % 256, number // 256 % 256, 77)
    async with box.session([Image.new("RGB", (320, 240), colour)]) as session:
        for turn in range(CELLS):
            code = f"total = {number} if {turn} == 0 else total + {turn}\nprint(total, input_image.getpixel((5, 5)))"
            started = time.perf_counter()
            result = await session.run(code)
            tally.waits_s.append(time.perf_counter() - started)
            tally.cells += 1
            if result.replayed or not result.state_kept:
                tally.lost.append(f"session {number}, cell {turn}: {result.status} {result.notes}")
            elif result.stdout != f"{number + turn * (turn + 1) // 2} {colour}\n":
                tally.wrong.append(f"session {number}, cell {turn}: {result.status} {result.stdout!r} {result.error}")
            if time.monotonic() > end:
                return
            await asyncio.sleep(draw.uniform(*THINK_S))
    tally.honest += 1


async def hostile(box: Sandbox, draw: random.Random, tally: Tally, end: float) -> None:
    async with box.session() as session:
        for _ in range(CELLS):
            if (await session.run(draw.choice(HOSTILE))).status is ExecStatus.OK or time.monotonic() > end:
                break
            await asyncio.sleep(draw.uniform(*THINK_S))
    tally.hostile += 1


async def visit(box: Sandbox, lane: int, share: float, tally: Tally, end: float) -> None:
    """One session after another until the time is over."""
    draw = random.Random(lane)
    await asyncio.sleep(draw.uniform(0, sum(THINK_S)))
    number = lane
    while time.monotonic() < end:
        number += 1000
        try:
            await (hostile(box, draw, tally, end) if draw.random() < share else honest(box, number, draw, tally, end))
        except Exception as error:
            tally.lost.append(f"session {number}: {type(error).__name__}: {error}")


async def size(box: Sandbox) -> Size:
    load = await box.load()
    own = {"caller": os.getpid(), "supervisor": load.supervisor_pid, "zygote": load.zygote_pid}
    anonymous = {}
    for name, pid in own.items():
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        anonymous[name] = round(sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024, 1)
    descriptors = sum(psutil.Process(pid).num_fds() for pid in own.values())
    return Size(anonymous, descriptors, load.live)


async def soak(minutes: float, sessions: int, share: float, without: list[str], say: Console) -> dict[str, object]:
    tally = Tally()
    async with Sandbox(LIMITS, require=0, without=without, slots=sessions + 16) as box:
        end = time.monotonic() + minutes * 60
        lanes = [asyncio.create_task(visit(box, lane, share, tally, end)) for lane in range(sessions)]
        await asyncio.sleep(min(60.0, minutes * 15))
        first = await size(box)
        while time.monotonic() < end:
            await asyncio.sleep(min(30.0, max(0.1, end - time.monotonic())))
            left = f"{(end - time.monotonic()) / 60:.1f} min left"
            say.print(f"{left}: {tally.cells} honest cells, {len(tally.wrong)} wrong, {len(tally.lost)} lost")
        last = await size(box)
        await asyncio.gather(*lanes)
        level = box.isolation.level
        await asyncio.sleep(2)
        idle = await box.load()
    waits = np.percentile(tally.waits_s, [50, 90, 99, 100]).round(3).tolist()
    return {
        "level": level,
        "minutes": minutes,
        "honest sessions": tally.honest,
        "hostile sessions": tally.hostile,
        "honest cells": tally.cells,
        "wrong": tally.wrong,
        "lost": tally.lost,
        "seconds p50 p90 p99 max": waits,
        "after a minute": asdict(first),
        "at the end": asdict(last),
        "live after": idle.live,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--hostile", type=float, default=0.1, help="their share")
    parser.add_argument("--without", action="append", default=[], help="a mechanism not to use")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    said = asyncio.run(soak(given.minutes, given.sessions, given.hostile, given.without, Console(stderr=True)))
    text = json.dumps(said, indent=1)
    if given.json:
        given.json.write_text(text)
    Console().print(text, markup=False, highlight=False)
    return 1 if said["wrong"] or said["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
