"""What the rollouts of a step came to: outcomes to reward, and figures to tell.

    verdicts = [await scorer.score(trace) for trace in traces]
    harvests = ranks.gather(harvest_of(traces, groups, verdicts))
    outcomes = joined(harvests)
    told_of(harvests, outcomes, reward(outcomes))           # {"accuracy": 0.91, "uses_code_easy": 0.3, ...}

Not covered: figures of the update, which the training loop has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedance.reward import RAN, Outcomes, Rewarded, outcome_of
from codedance.reward.scorer import Scorer, Verdict
from codedance.tasks.synthetic import Level
from codedance.types import Trace

_MOSTLY_RIGHT = 0.75
"""Share of a group; from 0.67 on `released` charges for calls."""


@dataclass(frozen=True, slots=True)
class Harvest:
    """What the rollouts of one rank came to."""

    outcomes: Outcomes
    levels: list[str]
    turns: list[int]
    tokens: int
    """That the model wrote."""
    undecided: int = 0
    """Answers that neither rule nor judge could call right or wrong; they count as not right."""


def harvest_of(traces: Sequence[Trace], groups: NDArray[np.int64], verdicts: Sequence[Verdict] | None = None) -> Harvest:
    """Of rollouts that ended.

    Args:
        traces: none of them unfinished.
        groups: which question each of them answers.
        verdicts: on each of them; those of the rules alone if None.
    """
    if verdicts is None:
        with Scorer() as scorer:
            verdicts = [scorer.grade_trace(trace) for trace in traces]
    return Harvest(
        outcome_of(traces, [float(verdict.is_right is True) for verdict in verdicts], groups),
        levels=[trace.category.rpartition("/")[2] for trace in traces],
        turns=[len(trace.turns) for trace in traces],
        tokens=sum(len(turn.token_ids or ()) for trace in traces for turn in trace.turns),
        undecided=sum(verdict.is_right is None for verdict in verdicts),
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
    told = {
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
