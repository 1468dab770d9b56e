from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codedance.errors import ConfigError
from codedance.reward import GUARDED, RELEASED, Guarded, Outcomes
from reward.batches import BAD, OK, QUIET, Calls, Row, batch, batches, right_ones, with_row

shares = st.floats(0, 1)
guards = st.builds(
    Guarded,
    flip=st.floats(0.1, 0.9),
    bonus=st.floats(0.3, 0.9),
    bonus_at_flip=st.floats(0, 0.3),
    wrong_share=st.floats(0, 0.5),
    charge=st.floats(0, 0.3),
    format_penalty=st.floats(0, 0.2),
    eps=st.floats(1e-6, 0.3),
)


def failing(num: int, of: int) -> Calls:
    return (BAD,) * num + (OK,) * (of - num)


def ratio(num_right: int, calls: Calls, of: int = 8) -> float:
    """What calls add to a right answer in a group with so many right ones."""
    outcomes = with_row(right_ones(num_right, of), 0, calls=calls)
    return float(GUARDED(outcomes).reward[0] - outcomes.accuracy[0])


def test_the_bonus_falls_to_the_flip_and_the_charge_rises_from_it() -> None:
    mu = np.array([0, 0.25, 0.5, 0.625, 0.75, 1.0])
    assert GUARDED.bonus_at(mu).tolist() == pytest.approx([0.5, 0.375, 0.25, 0, 0, 0])
    assert GUARDED.charge_at(mu).tolist() == pytest.approx([0, 0, 0, 0.02, 0.04, 0.08])


@pytest.mark.parametrize(("num_right", "change"), [(2, 0.375), (4, 0.25), (5, -0.02), (6, -0.04), (8, -0.08)])
def test_a_working_call_pays_in_hard_groups_and_costs_in_easy_ones(num_right: int, change: float) -> None:
    assert ratio(num_right, (OK,)) == pytest.approx(change)


def test_a_wrong_answer_earns_a_third_of_the_bonus() -> None:
    assert GUARDED(batch([(0.0, (OK,)), (0.0, ())])).reward.tolist() == pytest.approx([0.5 / 3, 0])


@given(guards, shares, shares)
@example(replace(GUARDED, flip=0.1518196627709298, bonus=0.83203125, bonus_at_flip=0.0), 0.0, 0.0)  # rounding
def test_both_are_monotonic_and_never_pay_at_once(guard: Guarded, one: float, other: float) -> None:
    easier, harder = np.array([max(one, other)]), np.array([min(one, other)])
    assert guard.bonus_at(harder) >= guard.bonus_at(easier) >= 0
    assert guard.charge_at(easier) >= guard.charge_at(harder) >= 0
    assert guard.bonus_at(easier) * guard.charge_at(easier) == 0
    assert guard.bonus_at(harder) <= guard.bonus
    assert guard.charge_at(easier) <= guard.charge


@pytest.mark.parametrize("calls", [(OK,), (BAD,), (QUIET,), (BAD, OK), (OK,) * 5], ids=str)
def test_in_easy_groups_every_attempt_is_charged_the_same(calls: Calls) -> None:
    assert ratio(8, calls) == pytest.approx(-0.08)


@pytest.mark.parametrize("calls", [(BAD,), (QUIET,), (BAD, OK), (OK, BAD)], ids=str)
def test_in_hard_groups_a_rollout_with_a_failed_call_earns_no_bonus(calls: Calls) -> None:
    assert ratio(2, calls) == 0


@given(guards, st.integers(0, 8), st.integers(1, 5), st.data())
def test_failing_never_scores_above_working(guard: Guarded, num_right: int, made: int, data: st.DataObject) -> None:
    fewer, more = sorted(data.draw(st.tuples(st.integers(0, made), st.integers(0, made))))
    accuracy = float(num_right > 0)
    others: list[Row] = [(float(row < num_right - 2 * accuracy), ()) for row in range(6)]
    rewarded = guard(batch([(accuracy, failing(fewer, made)), (accuracy, failing(more, made)), *others]))
    assert rewarded.reward[1] <= rewarded.reward[0]
    assert rewarded.advantage[1] <= rewarded.advantage[0]
    if fewer == 0 < more:
        assert rewarded.of_turn(1, 0) < rewarded.of_turn(0, 0)


@given(guards, batches(), st.data())
def test_a_rollout_never_gains_by_breaking_one_of_its_calls(guard: Guarded, outcomes: Outcomes, data: st.DataObject) -> None:
    rows = [row for row, calls in enumerate(outcomes.calls) if OK in calls]
    if not rows:
        return
    row = data.draw(st.sampled_from(rows))
    broken = list(outcomes.calls[row])
    broken[broken.index(OK)] = BAD
    assert guard(with_row(outcomes, row, calls=tuple(broken))).reward[row] <= guard(outcomes).reward[row]


def test_the_same_batch_shows_the_loophole_of_released_and_not_of_guarded() -> None:
    outcomes = batch([(1.0, (OK,))] * 4 + [(1.0, (BAD,))] * 4)
    released, guarded = RELEASED(outcomes), GUARDED(outcomes)
    assert released.of_turn(4, 0) > released.of_turn(0, 0)
    assert guarded.of_turn(4, 0) < guarded.of_turn(0, 0)


@given(guards, batches(), st.integers(0, 3), st.data())
def test_more_working_calls_earn_no_more(guard: Guarded, outcomes: Outcomes, extra: int, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(outcomes) - 1))
    made = outcomes.calls[row] or (OK,)
    before = guard(with_row(outcomes, row, calls=made)).reward[row]
    assert guard(with_row(outcomes, row, calls=made + (OK,) * extra)).reward[row] == before


def test_one_good_call_is_worth_as_much_as_several_needed_ones() -> None:
    one, three = GUARDED(batch([(1.0, (OK,)), (1.0, (OK, OK, OK)), (0.0, ()), (0.0, ())])).reward[:2]
    assert one == three


@given(guards, batches())
def test_a_wrong_answer_never_outranks_a_right_one(guard: Guarded, outcomes: Outcomes) -> None:
    reward = guard(outcomes).reward
    for group in set(outcomes.groups.tolist()):
        right = reward[(outcomes.groups == group) & (outcomes.accuracy == 1)]
        wrong = reward[(outcomes.groups == group) & (outcomes.accuracy == 0)]
        if right.size and wrong.size:
            assert wrong.max() < right.min()


@given(guards, batches(), st.data())
def test_nobody_gains_by_answering_wrong_to_make_the_group_look_hard(
    guard: Guarded, outcomes: Outcomes, data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(outcomes) - 1))
    wrong, right = (guard(with_row(outcomes, row, accuracy=accuracy)).reward[row] for accuracy in (0.0, 1.0))
    assert wrong < right


def test_a_dummy_call_in_a_hopeless_group_moves_less_than_a_right_answer_would() -> None:
    hopeless = GUARDED(batch([(0.0, (OK,))] + [(0.0, ())] * 7)).advantage[0]
    found = GUARDED(batch([(1.0, ())] + [(0.0, (OK,))] * 7)).advantage[0]
    assert 0 < hopeless < found


@pytest.mark.parametrize("share", [0.5, 0.09, 0.01, 0.001])
def test_a_failed_turn_costs_the_same_however_rare(share: float) -> None:
    rows: list[Row] = [(1.0, (BAD,) if row < 1000 * share else (OK,)) for row in range(1000)]
    rewarded = GUARDED(batch(rows))
    assert rewarded.turns[0].tolist() == [-0.3]
    assert rewarded.turns[-1].tolist() == [0]


@given(guards, batches())
def test_no_turn_earns_anything_or_costs_more_than_the_cap(guard: Guarded, outcomes: Outcomes) -> None:
    every = np.concatenate(guard(outcomes).turns)
    assert ((every <= 0) & (every >= -guard.turn_cap)).all()


@given(guards, batches(), batches())
def test_one_question_does_not_change_what_another_teaches(guard: Guarded, here: Outcomes, there: Outcomes) -> None:
    both = Outcomes(
        np.concatenate([here.groups, there.groups + 10]),
        np.concatenate([here.accuracy, there.accuracy]),
        np.concatenate([here.format_ok, there.format_ok]),
        here.calls + there.calls,
    )
    alone, together = guard(here), guard(both)
    assert together.advantage[: len(here)] == pytest.approx(alone.advantage)
    assert [turn.tolist() for turn in together.turns[: len(here)]] == [turn.tolist() for turn in alone.turns]


@pytest.mark.parametrize(
    ("charge", "eps", "pays_from"),
    [(0.15, 0.1, 0.69), (0.15, 1e-6, 0.50), (0.08, 0.1, 0.78), (0.08, 1e-6, 0.50), (0.3, 0.1, 0.59)],
)
def test_answering_directly_pays_from_this_accuracy_on(charge: float, eps: float, pays_from: float) -> None:
    guard = replace(GUARDED, charge=charge, eps=eps)
    others: list[Row] = [(1.0, (OK,))] * 7
    right, wrong = (float(guard(batch([(accuracy, ()), *others])).advantage[0]) for accuracy in (1.0, 0.0))
    assert -wrong / (right - wrong) == pytest.approx(pays_from, abs=0.005)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"charge": 0.7}, "charge.* is 1.06667, and a wrong answer could outrank a right one"),
        ({"bonus_at_flip": 0.6}, r"bonus_at_flip is 0.6; it must lie in \[0, 0.5\]"),
        ({"flip": 1.0}, "flip is 1.0"),
        ({"eps": 0.0}, "eps is 0.0"),
        ({"wrong_share": float("nan")}, "wrong_share is nan"),
    ],
)
def test_settings_that_open_a_loophole_are_refused(setting: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        replace(GUARDED, **setting)  # type: ignore[arg-type]
