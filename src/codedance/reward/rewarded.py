"""What a reward returns, and what a reward is.

    rewarded = reward("guarded")(outcomes)
    rewarded.of_turn(3, 0)       # advantage of every token of the first call's turn of rollout 3
    rewarded.of_turn(3, None)    # of the other turns: the answer, or a reply that ran nothing

Not covered: which tokens are the model's own; those of observations must carry no loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codedance.reward.outcomes import Outcomes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rewarded:
    """Rewards and advantages of a batch, in the order of its rollouts."""

    reward: Floats
    terms: Mapping[str, Floats]
    """What the reward is the sum of."""
    advantage: Floats
    """Of every token that the model wrote in the rollout."""
    turns: tuple[Floats, ...]
    """Per rollout: what the tokens of each call's turn get on top."""

    def of_turn(self, rollout: int, call: int | None) -> float:
        """Advantage of the tokens of one turn: the one of call number `call`, or one that made none.

        Raises:
            IndexError: there is no such rollout or call.
        """
        if call is None:
            return float(self.advantage[rollout])
        if call < 0:
            raise IndexError(f"call {call}: calls are counted from 0")
        return float(self.advantage[rollout] + self.turns[rollout][call])


class Reward(Protocol):
    """A pure function of a batch of whole groups."""

    def __call__(self, outcomes: Outcomes, /) -> Rewarded: ...
