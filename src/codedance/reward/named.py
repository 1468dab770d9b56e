"""Rewards by the names that recipes and the command line use.

    reward("guarded")(outcomes)

Not covered: changed numbers; `dataclasses.replace(GUARDED, charge=0.3)` makes another reward.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from codedance.errors import ConfigError
from codedance.reward.bat import BAT_WITHOUT_TURN, PAPER, RELEASED
from codedance.reward.guarded import GUARDED
from codedance.reward.rewarded import Reward
from codedance.reward.rivals import DEEPEYES, EVERY_CALL, OUTCOME

REWARDS: Mapping[str, Reward] = MappingProxyType(
    {
        "outcome": OUTCOME,
        "deepeyes": DEEPEYES,
        "every_call": EVERY_CALL,
        "paper": PAPER,
        "bat_without_turn": BAT_WITHOUT_TURN,
        "released": RELEASED,
        "guarded": GUARDED,
    }
)


def reward(name: str) -> Reward:
    """The reward called `name`.

    Raises:
        ConfigError: there is none; names the nearest and all.
    """
    if name not in REWARDS:
        near = get_close_matches(name, REWARDS, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"{name!r} is no reward; {meant}choose one of {', '.join(REWARDS)}")
    return REWARDS[name]
