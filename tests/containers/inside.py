"""What happens in one environment, as one JSON object: run there with the project's Python.

python inside.py              # {"level": 3, "ok": ..., "broken": [], ...}
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "escape"))

from attacks import ATTACKS
from PIL import Image

from codedance import Limits, Sandbox
from codedance.errors import CodeDanceError
from codedance.sandbox import advice, environment
from codedance.sandbox.promises import CHECKS
from codedance.sandbox.selfcheck import LIMITS, Verdict, run_checks

LOOP = "while True: pass"
TEN_GB = "x = bytearray(10 << 30)"
LATE = "import pandas, sklearn.cluster\nprint(pandas.DataFrame({'a': [1, 2]}).a.sum())"
CROP = "input_image.crop((0, 0, 50, 50)).show()\nprint(input_image.size)"
THREADS = """
import threading, time
threading.stack_size(65536)
n = 0
for _ in range(200):
    try: threading.Thread(target=time.sleep, args=(1,), daemon=True).start(); n += 1
    except RuntimeError: break
print(n)
"""


async def work() -> dict[str, object]:
    """Ordinary cells and those that go too far, at ordinary limits."""
    started = time.perf_counter()
    async with Sandbox(Limits(time_s=20, grace_s=1, memory_mb=512, threads=32), require=0) as box:
        start_s, started = time.perf_counter() - started, time.perf_counter()
        async with box.session([Image.new("RGB", (200, 150), "red")]) as session:
            crop = await session.run(CROP)
            first_s = time.perf_counter() - started
            late = await session.run(LATE)
            threads = await session.run(THREADS)
        async with box.session() as session:
            large = await session.run(TEN_GB)
        return {
            "level": box.isolation.level,
            "missing": list(box.isolation.missing),
            "advice": advice.explain(box.report, 3, environment.look()),
            "start_s": round(start_s, 2),
            "first_s": round(first_s, 2),
            "crop": [crop.status.value, len(crop.images), crop.stdout],
            "late": [late.status.value, late.stdout],
            "threads": threads.stdout.strip(),
            "large": large.status.value,
        }


async def checks() -> dict[str, object]:
    """Every promise and every attack, at small limits."""
    async with Sandbox(LIMITS, require=0) as box:
        async with box.session() as session:
            loop = await session.run(LOOP)
        outcomes = [outcome async for outcome in run_checks(box, [*CHECKS, *ATTACKS])]
    kept = sum(outcome.verdict is Verdict.KEPT for outcome in outcomes)
    broken = [f"{outcome.name}: {outcome.detail}" for outcome in outcomes if outcome.verdict is Verdict.BROKEN]
    return {"loop": loop.status.value, "kept": kept, "broken": broken, "tried": len(outcomes)}


def left_behind() -> list[str]:
    """Children of this process that are still there once every sandbox is closed; zombies count."""
    time.sleep(0.5)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:  # ended since it was listed
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid():
            found.append(f"{entry.name} {name} {state}")
    return found


def main() -> None:
    try:
        said = asyncio.run(work())
        if "--checks" in sys.argv:
            said |= asyncio.run(checks())
    except CodeDanceError as error:
        said = {"refused": str(error)}
    said["left"] = left_behind()
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
