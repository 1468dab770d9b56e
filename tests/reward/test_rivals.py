from __future__ import annotations

import pytest

from codedance.reward import DEEPEYES, EVERY_CALL, OUTCOME, RELEASED, REWARDS
from reward.batches import BAD, OK, QUIET, batch

ROWS = batch([(1.0, ()), (1.0, (BAD,)), (1.0, (OK, OK)), (0.0, (OK, QUIET, BAD)), (0.0, ())], badly_formed=[4])


def test_outcome_looks_at_answer_and_format_only() -> None:
    assert OUTCOME(ROWS).reward.tolist() == pytest.approx([1, 1, 1, 0, -0.2])


def test_deepeyes_pays_for_a_right_answer_with_any_call() -> None:
    assert DEEPEYES(ROWS).reward.tolist() == pytest.approx([1, 2.2, 2.2, 0.2, 0])


def test_every_call_pays_for_each_success_whatever_the_answer() -> None:
    assert EVERY_CALL(ROWS).reward.tolist() == pytest.approx([1, 1, 1 + 2.4, 0.2 + 2.4, 0])


def test_every_call_lets_a_wrong_answer_with_many_calls_win() -> None:
    right, wrong = EVERY_CALL(batch([(1.0, ()), (0.0, (OK,) * 5)])).advantage
    assert wrong > right


@pytest.mark.parametrize("name", ["outcome", "deepeyes", "every_call", "bat_without_turn"])
def test_rivals_blame_no_turn(name: str) -> None:
    assert not any(turn.any() for turn in REWARDS[name](ROWS).turns)
    assert any(turn.any() for turn in RELEASED(ROWS).turns)
