"""Examine this machine: which walls stand, which do not and why, what is inside, and whether every promise is kept.

diagnosis = await examine(checks=True, without=(), say=print)
diagnosis.level, diagnosis.mechanisms["landlock"]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codedance.sandbox import container, environment
from codedance.sandbox.advice import advise, advise_wall
from codedance.sandbox.box import Sandbox
from codedance.sandbox.isolation import Mechanism
from codedance.sandbox.promises import CHECKS
from codedance.sandbox.selfcheck import LIMITS, Outcome, Verdict, run_checks
from codedance.types import Wall

_WANTED_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `codedance doctor` prints."""

    level: int
    place: str
    """What kind of container this is, if it is one."""
    walls: tuple[Wall, ...]
    """Each wall as a session measured it."""
    mechanisms: dict[str, str]
    """Mechanism -> "yes", or why not and how to get it."""
    advice: dict[str, str]
    """Wall -> what to do, where it does not hold although the mechanisms are there."""
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
        facts = environment.look()
        mechanisms = {name.value: "yes" for name in Mechanism if report.has(name)}
        for name in Mechanism:
            if (reason := report.absent[name]) is not None:
                mechanisms[name.value] = f"no: {reason}. To get it: {advise(name, reason, facts)}."
        advice = {wall.name.value: advise_wall(wall, facts) for wall in report.walls if not wall.enforced}
        memory = container.memory()
        return Diagnosis(
            level=report.level,
            place=facts.place.value,
            walls=report.walls,
            advice={name: text for name, text in advice.items() if text},
            mechanisms=mechanisms,
            missing=report.missing,
            versions=box.versions,
            free_memory_mb=memory.free_mb,
            total_memory_mb=memory.total_mb,
            checks=tuple(outcomes),
        )
