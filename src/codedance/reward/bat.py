"""Balanced adaptive tool-call reward (BAT): calls pay in hard groups and cost in easy ones, by how the group did.

    rewarded = PAPER(outcomes)
    steeper = replace(RELEASED, gamma=6.0)

`PAPER` follows the published description, `RELEASED` what the code that was published with it computes; they disagree. Both let
a failed call score above a working one where d < 0, see `codedance.reward.guarded` for ours. docs/reward.md says which
parts are not published and were chosen here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from codedance.reward.credit import LARGEST, PRINTED, RAN, SMALLEST, TurnTerm, count_calls, credited, group_means, require
from codedance.reward.outcomes import Outcomes
from codedance.reward.rewarded import Floats, Rewarded
from codedance.types import ExecStatus


class Slope(StrEnum):
    """How the difficulty factor falls with mu; x = gamma * (0.5 - mu)."""

    SIGMOID = "sigmoid"
    """1 / (1 + exp(-x))"""
    TANH = "tanh"
    """(1 + tanh(x)) / 2, which is the sigmoid of 2x"""


class MuFrom(StrEnum):
    """What the mean over the group is taken of."""

    ACCURACY = "accuracy"
    SCORE = "score"
    """Accuracy and format together."""


class Mode(StrEnum):
    """Which weights the score and the tool term have."""

    GENERAL = "general"
    """score = acc - 0.2 f, tool base 0.5"""
    MATHS = "maths"
    """score = 1.2 acc - 0.4 f, tool base 1"""


class ToolValue(StrEnum):
    """What d is multiplied with; rate = working calls / calls, 0 without calls."""

    RATE = "rate"
    RATE_BY_ACCURACY = "rate_by_accuracy"
    """(tool base + acc) * rate"""


class _Weights(NamedTuple):
    accuracy: float
    format: float
    tool_base: float


_WEIGHTS = {Mode.GENERAL: _Weights(1.0, 0.2, 0.5), Mode.MATHS: _Weights(1.2, 0.4, 1.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bat:
    """reward = score + d(mu) * tool; advantage = standardised within the group + turn term.

    Raises:
        ConfigError: a number is out of its range.
    """

    gamma: float = 4.0
    """Steepness of d."""
    delta: float = 0.2
    """How far d is lowered, so that easy groups make it negative."""
    slope: Slope = Slope.SIGMOID
    mu_from: MuFrom = MuFrom.ACCURACY
    mode: Mode = Mode.GENERAL
    tool_value: ToolValue = ToolValue.RATE
    working: frozenset[ExecStatus] = PRINTED
    """Which calls succeeded; all others failed, in the tool term and in the turn term."""
    turn_penalty: float = 0.5
    """What a failed turn costs before weighting."""
    turn_discount: float = 0.2
    """How much of a turn's return comes from the next one."""
    turn_weight: float = 0.2
    """Of the standardised turn returns; 0 leaves the turn term out."""
    eps: float = 1e-6
    """Added to the group's standard deviation."""
    _turn: TurnTerm = field(init=False, repr=False)

    def __post_init__(self) -> None:
        require("gamma", self.gamma, 0, LARGEST)
        require("delta", self.delta, 0, 1)
        require("eps", self.eps, SMALLEST, LARGEST)
        turn = TurnTerm(penalty=self.turn_penalty, discount=self.turn_discount, weight=self.turn_weight)
        object.__setattr__(self, "_turn", turn)

    def difficulty(self, mu: Floats) -> Floats:
        """d for groups of mean `mu`: positive where calls pay, negative where they cost."""
        x = self.gamma * (0.5 - mu)
        factor: Floats = (1 + np.tanh(x if self.slope is Slope.TANH else x / 2)) / 2 - self.delta
        return factor

    def __call__(self, outcomes: Outcomes) -> Rewarded:
        """Rewards and advantages of a batch of whole groups."""
        weights = _WEIGHTS[self.mode]
        made, worked = count_calls(outcomes, self.working)
        accuracy = weights.accuracy * outcomes.accuracy
        form = -weights.format * ~outcomes.format_ok
        mu = group_means(outcomes.accuracy if self.mu_from is MuFrom.ACCURACY else accuracy + form, outcomes.groups)
        tool = worked / np.maximum(made, 1)
        if self.tool_value is ToolValue.RATE_BY_ACCURACY:
            tool = (weights.tool_base + outcomes.accuracy) * tool
        terms = {"accuracy": accuracy, "format": form, "tool": self.difficulty(mu) * tool}
        return credited(outcomes, terms, self.eps, self._turn, self.working)


PAPER = Bat()
RELEASED = Bat(slope=Slope.TANH, mu_from=MuFrom.SCORE, tool_value=ToolValue.RATE_BY_ACCURACY, working=RAN)
BAT_WITHOUT_TURN = replace(PAPER, turn_weight=0.0)
