"""We-Math's four dimensions: does a model that solves a problem also solve its steps?

    score = four_dimensions([Problem((True, True), True), Problem((True, False), True)])
    score.strict.mastery, score.strict.memorised, score.strict.score          # 1, 1, 0.5

A problem has two or three steps and a whole. All steps right and the whole wrong: inadequate generalisation (IG). A step wrong
and the whole wrong: insufficient knowledge (IK). Steps and whole right: complete mastery (CM). A step wrong and the whole right:
rote memorisation (RM); loosely, CM takes one right step, RM none. Score = (0.5 IG + CM) / N, by four_dimensional_metrics.py.
There N is always 525; here it is the number of problems that are complete, so that a part of the set is not scored as the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What was right of one problem."""

    steps: tuple[bool, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Problems by dimension; strict or loose."""

    generalisation: int
    """IG."""
    knowledge: int
    """IK."""
    mastery: int
    """CM."""
    memorised: int
    """RM."""

    @property
    def score(self) -> float:
        """From 0 to 1."""
        total = self.generalisation + self.knowledge + self.mastery + self.memorised
        return (0.5 * self.generalisation + self.mastery) / total if total else float("nan")

    @property
    def memorisation_rate(self) -> float | None:
        """RM / (CM + RM); None where no whole was right."""
        right = self.mastery + self.memorised
        return self.memorised / right if right else None


@dataclass(frozen=True, slots=True)
class FourDimensions:
    """Both counts, and the accuracies by number of steps."""

    strict: Counts
    loose: Counts
    problems: int
    """Those that are complete, over which all is counted."""
    asked: int
    """Those of which any part was asked."""
    single_steps: float
    """S1: right among all steps."""
    two_steps: float
    """S2: right among the wholes of two-step problems."""
    three_steps: float
    """S3."""


def four_dimensions(problems: Sequence[Problem], asked: int | None = None) -> FourDimensions:
    """The counts over complete problems; `asked` says how many there are with those that are not complete."""
    wrong = [problem for problem in problems if not problem.whole]
    right = [problem for problem in problems if problem.whole]
    generalisation = sum(all(problem.steps) for problem in wrong)
    strict, loose = (sum(rule(problem.steps) for problem in right) for rule in (all, any))
    return FourDimensions(
        strict=Counts(generalisation, len(wrong) - generalisation, strict, len(right) - strict),
        loose=Counts(generalisation, len(wrong) - generalisation, loose, len(right) - loose),
        problems=len(problems),
        asked=len(problems) if asked is None else asked,
        single_steps=_mean([step for problem in problems for step in problem.steps]),
        two_steps=_mean([problem.whole for problem in problems if len(problem.steps) == 2]),
        three_steps=_mean([problem.whole for problem in problems if len(problem.steps) == 3]),
    )


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")
