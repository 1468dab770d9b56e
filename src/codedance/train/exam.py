"""Examine a model on fresh synthetic items: what it gets right, when it writes code, whether the code runs.

    sittings = await examine(model, paper(families, each=100, seed=9), settings, sandbox)
    print(table(sittings))

Every rollout goes through the real loop and sandbox. Not covered: benchmarks of others.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codedance.model.chat import ChatModel
from codedance.rollout.loop import solve
from codedance.rollout.settings import Settings
from codedance.sandbox import Sandbox
from codedance.tasks.synthetic import Level, make_item, to_task
from codedance.types import Trace


@dataclass(frozen=True, slots=True)
class Sitting:
    """One item asked and how it went."""

    family: str
    level: Level
    seed: int
    trace: Trace

    @property
    def is_right(self) -> bool:
        """The answer is the known one."""
        return self.trace.exact_match is True

    @property
    def calls(self) -> int:
        """Pieces of code that were run."""
        return sum(turn.execution is not None for turn in self.trace.turns)

    @property
    def calls_ok(self) -> int:
        """Of those, the ones that ran to their end."""
        return sum(turn.execution is not None and turn.execution.ok for turn in self.trace.turns)


def paper(families: Iterable[str], each: int, seed: int) -> list[tuple[str, Level, int]]:
    """`each` items of every family and level. Seeds from 2**40 on are for examination only."""
    return [(family, level, 2**40 + seed * 1_000_000 + k) for family in families for level in Level for k in range(each)]


async def examine(
    model: ChatModel, items: Sequence[tuple[str, Level, int]], settings: Settings, sandbox: Sandbox, *, concurrency: int = 64
) -> list[Sitting]:
    """Ask every item once."""
    gate = asyncio.Semaphore(concurrency)

    async def sit(number: int, family: str, level: Level, seed: int) -> Sitting:
        async with gate:
            task = to_task(make_item(family, level, seed), f"{family}/{level}/{seed}")
            return Sitting(family, level, seed, await solve(task, model, sandbox, settings, sample=number))

    return list(await asyncio.gather(*(sit(number, *item) for number, item in enumerate(items))))


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    z = 1.959964
    share, spread = hits / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    return middle - half, middle + half


def table(sittings: Sequence[Sitting]) -> str:
    """Accuracy, use of code and its success, by family and level, as Markdown."""
    lines = ["| family | level | n | right | uses code | code runs |", "|---|---|---|---|---|---|"]
    cells: dict[tuple[str, str], list[Sitting]] = {}
    for sitting in sittings:
        for key in ((sitting.family, str(sitting.level)), ("all", str(sitting.level)), ("all", "all")):
            cells.setdefault(key, []).append(sitting)
    for (family, level), some in sorted(cells.items(), key=lambda cell: (cell[0][0] == "all", cell[0])):
        right, coded = sum(s.is_right for s in some), sum(s.calls > 0 for s in some)
        calls, ok = sum(s.calls for s in some), sum(s.calls_ok for s in some)
        low, high = wilson(right, len(some))
        runs = f"{ok / calls:.3f}" if calls else "-"
        share = f"{right / len(some):.3f} [{low:.2f}, {high:.2f}]"
        lines.append(f"| {family} | {level} | {len(some)} | {share} | {coded / len(some):.2f} | {runs} |")
    return "\n".join(lines)
