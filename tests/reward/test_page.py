"""What docs/reward.md says is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from codedance.reward import GUARDED, PAPER, RELEASED, REWARDS
from reward.batches import BAD, OK, batch

TEXT = (Path(__file__).parents[2] / "docs/reward.md").read_text()


def test_every_reward_is_in_the_table_and_no_other() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| (?:acc|0\.8|as)", TEXT, re.MULTILINE)) == set(REWARDS)


def test_the_defaults_of_guarded_are_those_of_the_code() -> None:
    documented = {name: float(value) for name, value in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", TEXT, re.MULTILINE)}
    numbers = {name: getattr(GUARDED, name) for name in GUARDED.__dataclass_fields__ if name not in ("working", "_turn")}
    assert documented == {name: round(value, 3) for name, value in numbers.items()}


def test_the_example_shows_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (released, _), (guarded, _) = [(float(line.split()[-1]), line) for line in done.stdout.splitlines()]
    assert released > 0 > guarded


def test_the_rewards_of_an_easy_group_are_those_of_the_table() -> None:
    rows = batch([(1.0, ()), (1.0, (OK,)), (1.0, (BAD,))])
    for name, bat in (("paper", PAPER), ("released", RELEASED)):
        told = " / ".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in bat(rows).reward)
        column = ("paper", "released").index(name)
        (line,) = re.findall(r"^\| mu = 1: .*$", TEXT, re.MULTILINE)
        assert line.split(" | ")[1 + column].rstrip(" |") == told


@pytest.mark.parametrize("line", re.findall(r"^\| 0\.\d+ \|.*$", TEXT, re.MULTILINE))
def test_the_accuracy_from_which_direct_answers_pay_is_the_one_told(line: str) -> None:
    charge, *told = map(float, line.strip("| ").split(" | "))
    for eps, expected in zip((1e-6, 0.05, 0.1, 0.3), told, strict=True):
        guard = replace(GUARDED, charge=charge, eps=eps)
        right, wrong = (guard(batch([(accuracy, ()), *[(1.0, (OK,))] * 7])).advantage[0] for accuracy in (1.0, 0.0))
        assert -wrong / (right - wrong) == pytest.approx(expected, abs=0.0051)
