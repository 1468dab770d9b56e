"""What the rollouts of a step came to: outcomes to reward, what broke, and figures to tell.

    verdicts = [await scorer.score(trace) for trace in traces]
    harvests = ranks.gather(harvest_of(traces, groups, verdicts))
    outcomes = joined(harvests)
    told_of(harvests, outcomes, reward(outcomes))           # {"accuracy": 0.91, "uses_code_easy": 0.3, ...}

Not covered: figures of the update, which the training loop has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codedance.errors import TrainError
from codedance.reward import RAN, Outcomes, Rewarded, outcome_of
from codedance.reward.scorer import Scorer, Verdict
from codedance.tasks.synthetic import Level
from codedance.types import DecidedBy, StopReason, Trace

_FEW_UNUSABLE = 3
_MOST_UNUSABLE = 0.05
"""Share of the questions."""
_MOSTLY_RIGHT = 0.75
"""Share of a group; from 0.67 on `released` charges for calls."""


class Broken(NamedTuple):
    """A rollout that says nothing about the model."""

    group: int
    is_picture: bool
    """A picture of the task cannot be used; else an outage, or a judge that failed."""
    reason: str


@dataclass(frozen=True, slots=True)
class Harvest:
    """What the rollouts of one rank came to."""

    outcomes: Outcomes
    """Of those that did not break."""
    levels: list[str]
    turns: list[int]
    tokens: int
    """That the model wrote."""
    undecided: int = 0
    """Answers that neither rule nor judge could call right or wrong; they count as not right."""
    kept: tuple[int, ...] = ()
    """Which rollouts the outcomes are of."""
    broken: tuple[Broken, ...] = ()
    """The others."""


def harvest_of(traces: Sequence[Trace], groups: NDArray[np.int64], verdicts: Sequence[Verdict] | None = None) -> Harvest:
    """Of rollouts, broken ones among them.

    Args:
        traces: in any order.
        groups: which question each of them answers.
        verdicts: on each of them; what the rules say if None.
    """
    if verdicts is None:
        with Scorer() as scorer:
            return harvest_of(traces, groups, [scorer.grade_trace(trace) for trace in traces])
    broken = [_broken(trace, int(group), verdict) for trace, group, verdict in zip(traces, groups, verdicts, strict=True)]
    kept = tuple(n for n, one in enumerate(broken) if one is None)
    whole = [traces[n] for n in kept]
    return Harvest(
        outcome_of(whole, [float(verdicts[n].is_right is True) for n in kept], groups[list(kept)]),
        levels=[trace.category.rpartition("/")[2] for trace in whole],
        turns=[len(trace.turns) for trace in whole],
        tokens=sum(len(turn.token_ids or ()) for trace in whole for turn in trace.turns),
        undecided=sum(verdicts[n].is_right is None for n in kept),
        kept=kept,
        broken=tuple(one for one in broken if one is not None),
    )


def _broken(trace: Trace, group: int, verdict: Verdict) -> Broken | None:
    if trace.is_unfinished:
        return Broken(group, trace.stop is StopReason.DATA_ERROR, f"task {trace.task_id}: {trace.error}")
    return Broken(group, False, verdict.why) if verdict.decided_by is DecidedBy.FAILED else None


class BrokenLimit:
    """Ends a training in which too much breaks.

    Args:
        file: of the questions, to be named in the error; None where a program makes them.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._asked = 0
        self._unusable = 0

    def check(self, step: int, questions: int, harvests: Sequence[Harvest]) -> None:
        """Count a step of so many questions.

        Raises:
            TrainError: most rollouts of the step broke, or too many questions so far had a picture that cannot be used.
        """
        broken = [one for harvest in harvests for one in harvest.broken]
        total = len(broken) + sum(len(harvest.outcomes) for harvest in harvests)
        if len(broken) * 2 > total:
            raise TrainError(
                f"step {step}: {len(broken)} of {total} rollouts broke, one of them by: {broken[0].reason}; "
                "the same command goes on"
            )
        pictures = {one.group: one.reason for one in broken if one.is_picture}
        self._asked += questions
        self._unusable += len(pictures)
        if pictures and self._unusable > max(_FEW_UNUSABLE, _MOST_UNUSABLE * self._asked):
            raise TrainError(
                f"{self._file}: {self._unusable} of the {self._asked} questions so far have a picture that cannot be used, "
                f"the last one {list(pictures.values())[-1]}; mend or remove such rows"
            )


def joined(harvests: Sequence[Harvest]) -> Outcomes:
    """The outcomes of all ranks, in their order."""
    parts = [harvest.outcomes for harvest in harvests]
    return Outcomes(
        groups=np.concatenate([part.groups for part in parts]),
        accuracy=np.concatenate([part.accuracy for part in parts]),
        format_ok=np.concatenate([part.format_ok for part in parts]),
        calls=tuple(calls for part in parts for calls in part.calls),
    )


def told_of(harvests: Sequence[Harvest], outcomes: Outcomes, rewarded: Rewarded) -> dict[str, float]:
    """How the rollouts went, by level of difficulty."""
    uses = np.array([len(calls) > 0 for calls in outcomes.calls])
    statuses = [status for calls in outcomes.calls for status in calls]
    levels = np.array([level for harvest in harvests for level in harvest.levels])
    broken = [one for harvest in harvests for one in harvest.broken]
    total = len(broken) + len(outcomes)
    told = {
        "broken": len(broken) / total,
        "broken_pictures": sum(one.is_picture for one in broken) / total,
        "reward": float(rewarded.reward.mean()),
        "accuracy": float(outcomes.accuracy.mean()),
        "undecided": sum(harvest.undecided for harvest in harvests) / max(1, len(outcomes)),
        "format": float(outcomes.format_ok.mean()),
        "uses_code": float(uses.mean()),
        "code_runs": float(np.mean([status in RAN for status in statuses])) if statuses else 1.0,
        "turns": float(np.mean([turns for harvest in harvests for turns in harvest.turns])),
    }
    for level in Level:
        own = levels == level
        if own.any():
            told |= {f"accuracy_{level}": float(outcomes.accuracy[own].mean()), f"uses_code_{level}": float(uses[own].mean())}
    return told | _call_worth(outcomes, rewarded)


def _call_worth(outcomes: Outcomes, rewarded: Rewarded) -> dict[str, float]:
    """The mean advantage of calls that ran and of those that failed, where most of the group is right: who earns more there?"""
    worth: dict[bool, list[float]] = {True: [], False: []}
    for n, calls in enumerate(outcomes.calls):
        if outcomes.accuracy[outcomes.groups == outcomes.groups[n]].mean() >= _MOSTLY_RIGHT:
            for k, status in enumerate(calls):
                worth[status in RAN].append(rewarded.of_turn(n, k))
    named = {"worth_ran": worth[True], "worth_failed": worth[False]}
    return {name: float(np.mean(values)) for name, values in named.items() if values}
