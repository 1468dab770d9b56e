"""`codedance replay`: run every stored cell again and compare."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from codedance.cli.terminal import stderr_console, stdout_console
from codedance.errors import ConfigError
from codedance.plain import in_one_line


def replay(
    folder: Path,
    *,
    concurrency: int = 8,
    isolation: int = 3,
    trust_limits: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Audit a run: execute every stored cell in a fresh sandbox and say whether the same comes out, bit by bit.

    Prints the cells that differ or fail, then the counts. Exits with 1 if there are any.

    Parameters
    ----------
    folder
        A run's folder, as `ask` and `run` write it.
    concurrency
        Traces replayed at once.
    isolation
        The least isolation level to accept, 0 to 4.
    trust_limits
        Give the code the time, memory, disk, ... that the folder's run.json asks for, also where that is more than the defaults.
    as_json
        Print one JSON object for every cell, equal ones included.
    """
    if concurrency < 1:
        raise ConfigError(f"--concurrency is {concurrency}; it must be at least 1")
    counts = asyncio.run(_replay(folder, concurrency, isolation, trust_limits, as_json))
    total = sum(counts.values())
    summary = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    talk = stderr_console() if as_json else stdout_console()
    talk.print(Text(f"{total} cells: {summary}" if total else "no trace has run any code"), soft_wrap=True)
    return 0 if counts["bit-equal"] == total else 1


async def _replay(folder: Path, concurrency: int, isolation: int, trust_limits: bool, as_json: bool) -> Counter[str]:
    from codedance.rollout.replay import Verdict, replay, within
    from codedance.rollout.store import read_manifest
    from codedance.sandbox import Limits, Sandbox

    counts: Counter[str] = Counter()
    limits = read_manifest(folder).limits
    if not trust_limits:
        limits, lowered = within(limits, Limits())
        if lowered:
            words = f"{folder} asks for more than the defaults, which is not given: {', '.join(lowered)}; --trust-limits gives it"
            stderr_console().print(Text(words, style="yellow"), soft_wrap=True)
    console = stdout_console()
    async with Sandbox(limits, require=isolation) as box:
        with stderr_console().status("replaying") as status:
            async for audit in replay(folder, box, concurrency=concurrency):
                counts[audit.verdict] += 1
                status.update(f"replaying: {sum(counts.values())} cells")
                if as_json:
                    print(json.dumps(dataclasses.asdict(audit)))
                elif audit.verdict is not Verdict.EQUAL:
                    sample = f" sample {audit.sample}" if audit.sample else ""
                    line = f"{audit.task_id}{sample}, turn {audit.turn}: {audit.verdict}: {audit.detail}"
                    console.print(Text(in_one_line(line)), soft_wrap=True)
    return counts
