"""Rewards to compare with, of the same signature.

    rewarded = DEEPEYES(outcomes)

None looks at how hard the group is, and none blames single turns. They share the normalisation of `guarded`, so that a comparison
with it compares rewards and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from codedance.reward.credit import RAN, count_calls, credited
from codedance.reward.outcomes import Outcomes
from codedance.reward.rewarded import Rewarded
from codedance.types import ExecStatus

_EPS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """reward = accuracy - format penalty: calls neither pay nor cost."""

    format_penalty: float = 0.2
    eps: float = _EPS
    """Added to the group's standard deviation."""

    def __call__(self, outcomes: Outcomes) -> Rewarded:
        """Rewards and advantages of a batch of whole groups."""
        terms = {"accuracy": outcomes.accuracy, "format": -self.format_penalty * ~outcomes.format_ok}
        return credited(outcomes, terms, self.eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepEyes:
    """reward = 0.8 accuracy + 0.2 format + 1.2 accuracy if any call was made, working or not."""

    accuracy: float = 0.8
    format: float = 0.2
    tool: float = 1.2
    eps: float = _EPS
    """Added to the group's standard deviation."""

    def __call__(self, outcomes: Outcomes) -> Rewarded:
        """Rewards and advantages of a batch of whole groups."""
        made, _ = count_calls(outcomes, RAN)
        terms = {
            "accuracy": self.accuracy * outcomes.accuracy,
            "format": self.format * outcomes.format_ok,
            "tool": self.tool * outcomes.accuracy * (made > 0),
        }
        return credited(outcomes, terms, self.eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryCall:
    """reward = 0.8 accuracy + 0.2 format + 1.2 for every successful call, whatever the answer."""

    accuracy: float = 0.8
    format: float = 0.2
    call: float = 1.2
    working: frozenset[ExecStatus] = RAN
    """Which calls succeeded."""
    eps: float = _EPS
    """Added to the group's standard deviation."""

    def __call__(self, outcomes: Outcomes) -> Rewarded:
        """Rewards and advantages of a batch of whole groups."""
        _, worked = count_calls(outcomes, self.working)
        terms = {
            "accuracy": self.accuracy * outcomes.accuracy,
            "format": self.format * outcomes.format_ok,
            "tool": self.call * worked,
        }
        return credited(outcomes, terms, self.eps)


OUTCOME = Outcome()
DEEPEYES = DeepEyes()
EVERY_CALL = EveryCall()
