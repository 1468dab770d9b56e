from __future__ import annotations

import subprocess
import sys

import pytest

from codedance.errors import ConfigError
from codedance.reward import BAT_WITHOUT_TURN, DEEPEYES, EVERY_CALL, GUARDED, OUTCOME, PAPER, RELEASED, REWARDS, reward


def test_each_name_gives_its_own_reward() -> None:
    expected = {
        "outcome": OUTCOME,
        "deepeyes": DEEPEYES,
        "every_call": EVERY_CALL,
        "paper": PAPER,
        "bat_without_turn": BAT_WITHOUT_TURN,
        "released": RELEASED,
        "guarded": GUARDED,
    }
    assert {name: reward(name) for name in REWARDS} == expected


@pytest.mark.parametrize(
    ("name", "told"),
    [("gaurded", "did you mean 'guarded'[?]"), ("Zebra", "'Zebra' is no reward; choose one of outcome, ")],
)
def test_an_unknown_name_is_told_the_nearest_and_all(name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        reward(name)


def test_rewards_need_numpy_and_nothing_heavier() -> None:
    code = "import sys, codedance.reward; print({'torch', 'PIL', 'scipy', 'openai', 'pydantic'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
