"""The sandbox beside a Jupyter kernel, on the same snippets in the same run.

    python benchmarks/sandbox.py [--quick] [--json FILE]

Prints medians and 99th percentiles, the ratio to the kernel, and the aim of each figure, whether it is met or not. The kernel
is an ordinary, un-isolated process; the sandbox runs at the best level of the machine. Not covered: several callers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
from jupyter_client.manager import AsyncKernelManager
from PIL import Image
from rich.console import Console
from rich.table import Table

from codedance import Sandbox, Session

SIZE = (1280, 960)
IMPORTS = "import numpy as np, cv2, matplotlib, sympy, scipy.ndimage\nfrom PIL import Image\nimport matplotlib.pyplot as plt"
SNIPPETS = {
    "crop + show": ("input_image.crop((100, 100, 400, 400)).show()", "display(input_image.crop((100, 100, 400, 400)))"),
    "plot + show": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot(range(50), [i * i for i in range(50)], label='a')\n"
        "ax.set_title('t'); ax.legend(); ax.grid()\nplt.show()",
    )
    * 2,
    "cv2 contour count": (
        "import cv2, numpy as np\ngrey = cv2.cvtColor(np.asarray(input_image), cv2.COLOR_RGB2GRAY)\n"
        "_, mask = cv2.threshold(grey, 127, 255, 0)\n"
        "found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)\nprint(len(found))",
    )
    * 2,
}


@dataclass(frozen=True)
class Row:
    """One figure."""

    what: str
    unit: str
    ours: float
    ours_p99: float | None = None
    kernel: float | None = None
    kernel_p99: float | None = None
    aim: str = ""
    met: bool | None = None


def photo_like() -> Image.Image:
    """Smooth colours with a little noise, always the same."""
    random = np.random.default_rng(0)
    small = Image.fromarray(random.integers(0, 255, (30, 40, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    noisy = np.asarray(small).astype(int) + random.integers(-4, 5, (SIZE[1], SIZE[0], 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def p50(values: list[float]) -> float:
    return statistics.median(values)


def p99(values: list[float]) -> float:
    return float(np.percentile(values, 99))


async def timed(action: Callable[[], Awaitable[object]], times: int, pause_s: float = 0.0) -> list[float]:
    """Milliseconds of each of `times` runs."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        await action()
        spent.append((time.perf_counter() - started) * 1e3)
        await asyncio.sleep(pause_s)
    return spent


class Kernel:
    """A Jupyter kernel as people use it: inline figures, results read from iopub."""

    async def start(self) -> None:
        self.manager = AsyncKernelManager(kernel_name="python3")
        await self.manager.start_kernel(extra_arguments=["--log-level=50"])
        self.client = self.manager.client()
        self.client.start_channels()
        await self.client.wait_for_ready(timeout=60)
        await self.run("%matplotlib inline\n" + IMPORTS)

    async def run(self, code: str) -> int:
        """Execute and wait for the end of its output; how many pictures came."""
        asked = self.client.execute(code)
        num_images = 0
        while True:
            message = await self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != asked:
                continue
            num_images += "image/png" in message["content"].get("data", {})
            if message["msg_type"] == "error":
                raise RuntimeError("\n".join(message["content"]["traceback"]))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return num_images

    async def stop(self) -> None:
        self.client.stop_channels()
        await self.manager.shutdown_kernel(now=True)


def pss_mb(pid: int) -> float:
    """Proportional memory of one process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def measure_kernel(picture: Image.Image, times: int) -> dict[str, list[float]]:
    """Start a few kernels and run the snippets in the last one."""
    starts = []
    for _ in range(max(3, times // 10)):
        kernel = Kernel()
        started = time.perf_counter()
        await kernel.start()
        starts.append((time.perf_counter() - started) * 1e3)
        await kernel.stop()
    figures = {"start": starts}
    kernel = Kernel()
    await kernel.start()
    path = Path("/tmp") / f"codedance-benchmark-{os.getpid()}.png"
    picture.save(path)
    try:
        await kernel.run(f"input_image = Image.open({str(path)!r}).convert('RGB')")
    finally:
        path.unlink()
    for name, (_, code) in SNIPPETS.items():
        await kernel.run(code)
        figures[name] = await timed(lambda code=code: kernel.run(code), times)
    figures["pss"] = [pss_mb(kernel.manager.provisioner.pid)]
    await kernel.stop()
    return figures


async def measure_session(picture: Image.Image, times: int) -> dict[str, list[float]]:
    """Sessions from the pool, then the snippets in one of them."""
    async with Sandbox() as box:
        starts = []
        for _ in range(times + 5):
            started = time.perf_counter()
            async with box.session([picture]):
                starts.append((time.perf_counter() - started) * 1e3)
            await asyncio.sleep(0.05)
        figures = {"start": starts[5:]}
        async with box.session([picture]) as session:
            for name, (code, _) in SNIPPETS.items():
                result = await session.run(code)
                assert result.ok, result
                figures[name] = await timed(lambda code=code: session.run(code), times * 2)
        return figures


async def measure_fresh(num: int) -> float:
    """Fresh isolated sessions a second, with everything (caller too) on one core: open, run `1`, close."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        async with Sandbox() as box:

            async def one() -> None:
                async with box.session() as session:
                    await session.run("1")

            await timed(one, 20)
            rates = []
            for _ in range(3):
                started = time.perf_counter()
                await timed(one, num)
                rates.append(num / (time.perf_counter() - started))
            return p50(rates)
    finally:
        os.sched_setaffinity(0, cores)


async def measure_crowd(picture: Image.Image, num: int) -> tuple[float, float, float]:
    """`num` live sessions: proportional memory of an idle one, turns a second, milliseconds to open one in the crowd."""
    async with Sandbox(slots=num) as box:
        zygote = psutil.Process((await box.load()).zygote_pid)
        sessions = [box.session([picture]) for _ in range(num)]
        started = time.perf_counter()
        await asyncio.gather(*(session.__aenter__() for session in sessions))
        opened_ms = (time.perf_counter() - started) / num * 1e3
        await asyncio.sleep(1)
        parent = zygote.children()[0] if box.isolation.level >= 3 else zygote
        idle = statistics.mean(pss_mb(child.pid) for child in parent.children()[:50])
        crop, _, contours = (ours for ours, _ in SNIPPETS.values())

        async def serve(session: Session) -> None:
            for code in (crop, contours, crop):
                assert (await session.run(code)).ok

        started = time.perf_counter()
        await asyncio.gather(*(serve(session) for session in sessions))
        turns = 3 * num / (time.perf_counter() - started)
        await asyncio.gather(*(session.close() for session in sessions))
        return idle, turns, opened_ms


async def measure(quick: bool) -> tuple[int, list[Row]]:
    times, crowd = (20, 60) if quick else (60, 300)
    picture = photo_like()
    say = Console(stderr=True)
    async with Sandbox(require=0) as box:
        level = box.isolation.level
    say.print("measuring a Jupyter kernel")
    kernel = await measure_kernel(picture, times)
    say.print("measuring sessions")
    ours = await measure_session(picture, times)
    say.print("measuring fresh sessions on one core")
    fresh = await measure_fresh(60 if quick else 200)
    say.print(f"measuring {crowd} live sessions")
    idle, turns, opened_ms = await measure_crowd(picture, crowd)

    start_ratio = p50(kernel["start"]) / p50(ours["start"])
    rows = [
        Row("session ready, 1280x960 image", "ms", p50(ours["start"]), p99(ours["start"]), aim="<= 8",
            met=p50(ours["start"]) <= 8),
        Row("start, same imports", "ms", p50(ours["start"]), p99(ours["start"]), p50(kernel["start"]), p99(kernel["start"]),
            ">= 50x the kernel", start_ratio >= 50),
    ]  # fmt: skip
    for name in SNIPPETS:
        mine, theirs = ours[name], kernel[name]
        aim, met = "", None
        if name == "crop + show":
            aim, met = "<= 1, >= 10x the kernel", p50(mine) <= 1 and p50(theirs) / p50(mine) >= 10
        rows.append(Row(f"warm {name}", "ms", p50(mine), p99(mine), p50(theirs), p99(theirs), aim, met))
    rows += [
        Row("fresh isolated sessions, one core", "1/s", fresh, aim=">= 100", met=fresh >= 100),
        Row(f"memory of an idle session, {crowd} live", "MB PSS", idle, kernel=kernel["pss"][0], aim="<= 12", met=idle <= 12),
        Row(f"turns served, {crowd} live", "1/s", turns, aim=">= 100", met=turns >= 100),
        Row(f"opening one of {crowd} at once", "ms", opened_ms),
    ]
    return level, rows


def show(level: int, rows: list[Row]) -> None:
    table = Table("figure", "", "ours p50", "p99", "kernel p50", "p99", "ratio", "aim", "met", title=f"isolation level {level}")
    for row in rows:
        numbers = [f"{v:.2f}" if v is not None else "" for v in (row.ours, row.ours_p99, row.kernel, row.kernel_p99)]
        ratio = f"{row.kernel / row.ours:.0f}x" if row.kernel else ""
        table.add_row(row.what, row.unit, *numbers, ratio, row.aim, {True: "yes", False: "NO", None: ""}[row.met])
    Console(width=150).print(table)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fewer repetitions, 60 live sessions")
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    options = arguments.parse_args()
    level, rows = asyncio.run(measure(options.quick))
    show(level, rows)
    if options.json:
        options.json.write_text(json.dumps({"level": level, "python": sys.version, "rows": [asdict(r) for r in rows]}, indent=1))


if __name__ == "__main__":
    main()
