from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.errors import ConfigError
from codedance.reward import GUARDED, PAPER, PRINTED, RAN, RELEASED, REWARDS, Outcomes, TurnTerm
from codedance.reward.credit import within_groups
from codedance.types import ExecStatus
from reward.batches import BAD, OK, QUIET, batch, batches

every_reward = pytest.mark.parametrize("name", REWARDS)
values = st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=1, max_size=16)


def test_failures_reach_back_by_a_fifth() -> None:
    assert TurnTerm().returns((BAD, OK, BAD), PRINTED) == pytest.approx([-0.52, -0.10, -0.50])
    assert TurnTerm().returns((OK, OK), PRINTED) == [0, 0]
    assert TurnTerm().returns((), PRINTED) == []


def test_the_answer_of_a_rollout_with_failures_gets_no_blame() -> None:
    rewarded = RELEASED(batch([(1.0, (BAD, OK, BAD)), (0.0, ())]))
    assert rewarded.of_turn(0, None) == rewarded.advantage[0]


@pytest.mark.parametrize(("failed", "of", "share"), [(9, 100, -0.64), (1, 100, -1.99)])
def test_standardising_makes_rare_failures_dear(failed: int, of: int, share: float) -> None:
    rows = [(1.0, (BAD,) if row < failed else (OK,)) for row in range(of)]
    term = RELEASED(batch(rows)).turns[0][0]
    assert term == pytest.approx(share, abs=0.005)
    assert term == pytest.approx(-0.2 * ((1 - failed / of) / (failed / of)) ** 0.5)


def test_turn_returns_without_spread_stay_as_they_are() -> None:
    assert RELEASED(batch([(0.0, (BAD,)), (0.0, (BAD,))])).turns[0].tolist() == pytest.approx([-0.1])
    assert RELEASED(batch([(0.0, (OK,)), (0.0, (OK, OK))])).turns[1].tolist() == [0, 0]


def test_turn_returns_are_compared_over_the_whole_batch() -> None:
    z = [turn.tolist() for turn in RELEASED(batch([(1.0, (BAD, OK, BAD)), (0.0, ()), (1.0, (OK,))], groups=[0, 0, 1])).turns]
    returns = np.array([-0.52, -0.10, -0.50, 0.0])  # of calls only: the two answers do not count
    expected = 0.2 * (returns - returns.mean()) / returns.std()
    assert z[0] + z[2] == pytest.approx(expected.tolist())
    assert z[1] == []


def test_what_counts_as_success_is_said_by_the_reward() -> None:
    assert TurnTerm().returns((QUIET,), PRINTED) == [-0.5]
    assert TurnTerm().returns((QUIET,), RAN) == [0]
    assert RAN.isdisjoint(set(ExecStatus) - {OK, QUIET})


def test_a_turn_that_never_was_has_no_advantage() -> None:
    rewarded = PAPER(batch([(1.0, (OK,)), (0.0, ())]))
    for call in (-1, 1):
        with pytest.raises(IndexError):
            rewarded.of_turn(0, call)


def test_a_group_is_compared_with_itself_only() -> None:
    given = np.array([1.0, 5.0, 3.0, 5.0])
    assert within_groups(given, np.array([0, 1, 0, 1]), 1e-6).tolist() == pytest.approx([-1, 0, 1, 0], abs=1e-5)


def test_a_larger_eps_keeps_a_small_difference_small() -> None:
    given, group = np.array([1.0, 0.85] * 4), np.zeros(8, int)
    assert within_groups(given, group, 1e-6)[0] == pytest.approx(1, abs=1e-4)
    assert within_groups(given, group, 0.1)[0] == pytest.approx(0.075 / 0.175)


@given(values, st.floats(-2, 2).map(lambda x: round(x, 3)))
def test_what_all_of_a_group_get_changes_nothing(given: list[float], shift: float) -> None:
    array, group = np.array(given), np.zeros(len(given), int)
    assert within_groups(array + shift, group, 0.1) == pytest.approx(within_groups(array, group, 0.1), abs=1e-9)


@given(values.map(lambda v: v[:1] * len(v)))
def test_equal_rewards_give_exactly_no_advantage(given: list[float]) -> None:
    assert within_groups(np.array(given), np.zeros(len(given), int), 1e-6).tolist() == [0.0] * len(given)


@every_reward
def test_a_group_of_one_teaches_nothing(name: str) -> None:
    rewarded = REWARDS[name](batch([(1.0, ()), (0.0, (OK,)), (0.3, (OK,))], groups=[0, 1, 2]))
    assert rewarded.advantage.tolist() == [0, 0, 0]


@every_reward
@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_a_group_whose_members_did_the_same_teaches_nothing(name: str, accuracy: float) -> None:
    assert REWARDS[name](batch([(accuracy, (OK, OK))] * 8)).advantage.tolist() == [0.0] * 8


@every_reward
def test_no_rollouts_no_rewards(name: str) -> None:
    rewarded = REWARDS[name](batch([]))
    assert (len(rewarded.reward), len(rewarded.advantage), rewarded.turns) == (0, 0, ())


@given(outcomes=batches())
def test_terms_add_up_and_shapes_fit(outcomes: Outcomes) -> None:
    for reward in REWARDS.values():
        rewarded = reward(outcomes)
        assert rewarded.reward == pytest.approx(sum(rewarded.terms.values()))
        assert rewarded.advantage.shape == rewarded.reward.shape == (len(outcomes),)
        assert [len(turn) for turn in rewarded.turns] == [len(statuses) for statuses in outcomes.calls]
        assert all(np.isfinite(turn).all() for turn in (rewarded.reward, rewarded.advantage, *rewarded.turns))


@given(outcomes=batches(), data=st.data())
def test_the_order_of_rollouts_does_not_matter(outcomes: Outcomes, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(outcomes))))
    shuffled = Outcomes(
        outcomes.groups[order], outcomes.accuracy[order], outcomes.format_ok[order], tuple(outcomes.calls[row] for row in order)
    )
    for reward in REWARDS.values():
        before, after = reward(outcomes), reward(shuffled)
        assert after.reward == pytest.approx(before.reward[order])
        assert after.advantage == pytest.approx(before.advantage[order], abs=1e-6)
        for row, old in enumerate(order):
            assert after.turns[row] == pytest.approx(before.turns[old], abs=1e-6)


@given(outcomes=batches())
def test_names_of_groups_do_not_matter(outcomes: Outcomes) -> None:
    renamed = Outcomes(outcomes.groups * -(10**12) + 7, outcomes.accuracy, outcomes.format_ok, outcomes.calls)
    for reward in REWARDS.values():
        assert reward(renamed).advantage == pytest.approx(reward(outcomes).advantage, abs=1e-6)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"discount": 1.5}, r"turn discount is 1.5; it must lie in \[0, 1\]"),
        ({"weight": float("nan")}, "turn weight is nan"),
        ({"penalty": -0.5}, "turn penalty is -0.5"),
        ({"cap": 0.0}, "turn cap is 0.0; it must be above 0"),
    ],
)
def test_impossible_blame_is_refused(setting: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        TurnTerm(**setting)  # type: ignore[arg-type]


def test_a_hundred_thousand_rollouts_take_less_than_a_second() -> None:
    num, draw = 100_000, np.random.default_rng(0)
    calls = tuple(tuple(BAD if bad else OK for bad in draw.random(count) < 0.1) for count in draw.integers(0, 6, num))
    outcomes = Outcomes(np.arange(num) // 8, draw.integers(0, 2, num).astype(float), draw.random(num) < 0.9, calls)
    tries = []
    for _ in range(3):
        start = time.process_time()
        GUARDED(outcomes)
        tries.append(time.process_time() - start)
    assert min(tries) < 1
