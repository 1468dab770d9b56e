"""BAT without its loopholes: what pays is needed, working calls; what costs is any attempt where none is needed.

    rewarded = GUARDED(outcomes)
    firmer = replace(GUARDED, charge=0.3)

With mu the mean accuracy of the group and `flip` between hard and easy:

- mu <= flip: a bonus, once per rollout, if it made calls and all of them worked; more calls earn no more.
- mu > flip: a charge, once per rollout that made any call, working or not, so that failing code cannot dodge it.
- A failed turn costs the same however rare failures are, and no turn earns anything.
- A right answer without a call outranks a wrong one with working calls; settings that would change that are refused.

Not covered: telling a useful call from `print(1)`. Such a call collects the bonus of a hard group, at most `bonus`, and only
`wrong_share` of it with a wrong answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from codedance.errors import ConfigError
from codedance.reward.credit import LARGEST, PRINTED, SMALLEST, TurnTerm, count_calls, credited, group_means, require
from codedance.reward.outcomes import Outcomes
from codedance.reward.rewarded import Floats, Rewarded
from codedance.types import ExecStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """reward = accuracy - format penalty + bonus(mu) or - charge(mu).

    Raises:
        ConfigError: a number is out of its range, or a wrong answer could outrank a right one.
    """

    flip: float = 0.5
    """The group mean above which a group is easy."""
    bonus: float = 0.5
    """The most that working calls earn, at mu = 0."""
    bonus_at_flip: float = 0.25
    """What they earn at mu = flip, linear in between; nothing above."""
    wrong_share: float = 1 / 3
    """The share of the bonus that is paid with a wrong answer, so that groups without any right one learn to try."""
    charge: float = 0.08
    """The most that an attempt costs, at mu = 1; linear down to 0 at mu = flip."""
    format_penalty: float = 0.2
    working: frozenset[ExecStatus] = PRINTED
    """Which calls succeeded; all others failed."""
    turn_penalty: float = 0.5
    """What a failed turn costs before weighting."""
    turn_discount: float = 0.2
    """How much of a turn's return comes from the next one."""
    turn_weight: float = 0.6
    """Of the turn returns, which are not standardised; 0 leaves the turn term out."""
    turn_cap: float = 0.3
    """The most that a failed turn costs in the end."""
    eps: float = 0.1
    """Added to the group's standard deviation, so that a charge in a group that is right throughout stays small."""
    _turn: TurnTerm = field(init=False, repr=False)

    def __post_init__(self) -> None:
        require("flip", self.flip, 0.01, 0.99)
        require("bonus", self.bonus, 0, 1)
        require("bonus_at_flip", self.bonus_at_flip, 0, self.bonus)
        require("wrong_share", self.wrong_share, 0, 1)
        require("charge", self.charge, 0, 1)
        require("format_penalty", self.format_penalty, 0, 1)
        require("eps", self.eps, SMALLEST, LARGEST)
        most = self.bonus * self.wrong_share + self.charge + self.format_penalty
        if most >= 1:
            raise ConfigError(
                f"bonus * wrong_share + charge + format_penalty is {most:g}, and a wrong answer could outrank a right one; "
                "keep it below 1"
            )
        turn = TurnTerm(
            penalty=self.turn_penalty,
            discount=self.turn_discount,
            weight=self.turn_weight,
            standardised=False,
            cap=self.turn_cap,
        )
        object.__setattr__(self, "_turn", turn)

    def bonus_at(self, mu: Floats) -> Floats:
        """What a right answer with working calls earns on top in groups of mean `mu`."""
        falling = self.bonus - (self.bonus - self.bonus_at_flip) / self.flip * mu
        return np.where(mu <= self.flip, np.maximum(falling, self.bonus_at_flip), 0.0)  # rounding must not pass either end

    def charge_at(self, mu: Floats) -> Floats:
        """What any attempt costs in groups of mean `mu`."""
        share: Floats = np.clip((mu - self.flip) / (1 - self.flip), 0.0, 1.0)
        return self.charge * share

    def __call__(self, outcomes: Outcomes) -> Rewarded:
        """Rewards and advantages of a batch of whole groups."""
        made, worked = count_calls(outcomes, self.working)
        mu = group_means(outcomes.accuracy, outcomes.groups)
        earned = self.wrong_share + (1 - self.wrong_share) * outcomes.accuracy
        terms = {
            "accuracy": outcomes.accuracy,
            "format": -self.format_penalty * ~outcomes.format_ok,
            "bonus": self.bonus_at(mu) * earned * ((made > 0) & (worked == made)),
            "charge": -self.charge_at(mu) * (made > 0),
        }
        return credited(outcomes, terms, self.eps, self._turn, self.working)


GUARDED = Guarded()
