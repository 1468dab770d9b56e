"""From rewards to advantages: compare within the group, blame the turns whose code failed.

    credited(outcomes, {"accuracy": outcomes.accuracy}, eps=0.1)

The arithmetic that all rewards share. Not covered: what is worth how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedance.errors import ConfigError
from codedance.reward.outcomes import Outcomes
from codedance.reward.rewarded import Floats, Rewarded
from codedance.types import ExecStatus

PRINTED = frozenset({ExecStatus.OK})
"""Only code that printed or showed something has worked: none that consists of comments."""
RAN = frozenset({ExecStatus.OK, ExecStatus.NO_OUTPUT})
"""Code that ran to its end has worked, also without output."""
SMALLEST, LARGEST = float(np.finfo(float).tiny), float(np.finfo(float).max)
"""Above zero, and below infinity: bounds for `require`."""
_FLAT = 1e-8  # a spread up to which turn returns are left as they are


def require(name: str, value: float, least: float, most: float) -> None:
    """Refuse a setting outside of [least, most], NaN included.

    Raises:
        ConfigError: names the setting, the value and the range.
    """
    if not least <= value <= most:
        raise ConfigError(f"{name} is {value}; it must lie in [{least:g}, {most:g}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTerm:
    """Blame for the turns whose code failed: G_t = e_t + discount * G_{t+1}, where e_t = -penalty if turn t failed, else 0."""

    penalty: float = 0.5
    discount: float = 0.2
    weight: float = 0.2
    """What a return is multiplied with in the end; 0 leaves the term out."""
    standardised: bool = True
    """Over all calls of the batch, which makes a rare failure dear: -weight * sqrt((1 - p) / p) at a share p of failures."""
    cap: float = np.inf
    """The most that a turn gains or loses."""

    def __post_init__(self) -> None:
        require("turn penalty", self.penalty, 0, LARGEST)
        require("turn discount", self.discount, 0, 1)
        require("turn weight", self.weight, 0, LARGEST)
        if not self.cap > 0:
            raise ConfigError(f"turn cap is {self.cap}; it must be above 0, and a weight of 0 leaves the term out")

    def __call__(self, calls: tuple[tuple[ExecStatus, ...], ...], working: frozenset[ExecStatus]) -> tuple[Floats, ...]:
        """Additional advantage of each call's turn, per rollout."""
        flat = np.array([value for statuses in calls for value in self.returns(statuses, working)], dtype=np.float64)
        if self.standardised and flat.size and flat.std() > _FLAT:
            flat = (flat - flat.mean()) / flat.std()
        flat = np.clip(self.weight * flat, -self.cap, self.cap) + 0.0  # no -0.0
        ends = list(accumulate((len(statuses) for statuses in calls), initial=0))
        return tuple(flat[start:end] for start, end in pairwise(ends))

    def returns(self, statuses: tuple[ExecStatus, ...], working: frozenset[ExecStatus]) -> list[float]:
        """G of each call of one rollout; nothing comes back from the answer."""
        value, backwards = 0.0, []
        for status in reversed(statuses):
            value = self.discount * value - (0.0 if status in working else self.penalty)
            backwards.append(value)
        return backwards[::-1]


NO_BLAME = TurnTerm(weight=0.0)


def credited(
    outcomes: Outcomes,
    terms: Mapping[str, NDArray[np.floating[Any]]],
    eps: float,
    turn: TurnTerm = NO_BLAME,
    working: frozenset[ExecStatus] = PRINTED,
) -> Rewarded:
    """Sum the terms, compare within the groups, blame the turns."""
    exact = {name: np.asarray(values, dtype=np.float64) + 0.0 for name, values in terms.items()}  # no -0.0
    reward = np.sum(list(exact.values()), axis=0)
    return Rewarded(reward, exact, within_groups(reward, outcomes.groups, eps), turn(outcomes.calls, working))


def within_groups(values: Floats, groups: NDArray[np.int64], eps: float) -> Floats:
    """(value - mean) / (std + eps) of the group, std over all of its members; exactly 0 where all are equal.

    A larger `eps` keeps a small difference in an otherwise even group small.
    """
    _, member_of = np.unique(groups, return_inverse=True)
    size = np.bincount(member_of)
    apart = values - group_means(values, groups)
    spread = np.sqrt(np.bincount(member_of, weights=apart**2) / size)
    low, high = np.full(len(size), np.inf), np.full(len(size), -np.inf)
    np.minimum.at(low, member_of, values)
    np.maximum.at(high, member_of, values)
    return np.where((low == high)[member_of], 0.0, apart / (spread[member_of] + eps))


def group_means(values: Floats, groups: NDArray[np.int64]) -> Floats:
    """For each rollout the mean of its group."""
    _, member_of = np.unique(groups, return_inverse=True)
    means: Floats = np.bincount(member_of, weights=values) / np.bincount(member_of)
    return means[member_of]


def count_calls(outcomes: Outcomes, working: frozenset[ExecStatus]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each rollout how many calls it made, and how many of them worked."""
    made = np.array([len(statuses) for statuses in outcomes.calls], dtype=np.int64)
    worked = np.array([sum(status in working for status in statuses) for statuses in outcomes.calls], dtype=np.int64)
    return made, worked
