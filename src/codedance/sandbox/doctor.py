"""Examine this machine: which walls stand, which do not and why, what is inside, and whether every promise is kept.

diagnosis = await examine(checks=True, without=(), say=print)
diagnosis.level, diagnosis.mechanisms["landlock"]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codedance.sandbox import container
from codedance.sandbox.box import Sandbox
from codedance.sandbox.isolation import HINTS, Mechanism
from codedance.sandbox.promises import CHECKS
from codedance.sandbox.selfcheck import LIMITS, Outcome, Verdict, run_checks

_WANTED_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `codedance doctor` prints."""

    level: int
    mechanisms: dict[str, str]
    """Mechanism -> "yes", or why not and how to get it."""
    missing: tuple[str, ...]
    versions: dict[str, str]
    free_memory_mb: int
    total_memory_mb: int
    checks: tuple[Outcome, ...]

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """Promises that were not kept."""
        return tuple(outcome for outcome in self.checks if outcome.verdict is Verdict.BROKEN)

    @property
    def is_healthy(self) -> bool:
        """Level 3 or better, and every promise kept."""
        return self.level >= _WANTED_LEVEL and not self.broken


async def examine(checks: bool, without: tuple[str, ...], say: Callable[[str], None]) -> Diagnosis:
    """Start a sandbox, read its report and run the self-check; `say` hears what is being done.

    Raises:
        SandboxError: not even level 0 can be started.
        ConfigError: `without` names no mechanism.
    """
    outcomes: list[Outcome] = []
    async with Sandbox(LIMITS, require=0, without=without) as box:
        report = box.report
        if checks:
            async for outcome in run_checks(box, CHECKS):
                outcomes.append(outcome)
                say(f"{len(outcomes)}/{len(CHECKS)} {outcome.name}")
        mechanisms = {name.value: "yes" for name in Mechanism if report.has(name)}
        mechanisms |= {
            name.value: f"no: {report.absent[name]}. To get it: {HINTS[name]}." for name in Mechanism if not report.has(name)
        }
        memory = container.memory()
        return Diagnosis(
            level=report.level,
            mechanisms=mechanisms,
            missing=report.missing,
            versions=box.versions,
            free_memory_mb=memory.free_mb,
            total_memory_mb=memory.total_mb,
            checks=tuple(outcomes),
        )
