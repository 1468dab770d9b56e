from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codedance.errors import ConfigError
from codedance.reward import BAT_WITHOUT_TURN, PAPER, RELEASED, Bat, Mode
from reward.batches import BAD, OK, QUIET, Row, batch, right_ones

PRINTED_TABLE = [  # mu, d of the paper, d of the released code
    (0.0, 0.681, 0.782),
    (0.25, 0.531, 0.681),
    (0.5, 0.300, 0.300),
    (0.625, 0.178, 0.069),
    (0.75, 0.069, -0.081),
    (0.875, -0.018, -0.153),
    (1.0, -0.081, -0.182),
]
MATHS = replace(RELEASED, mode=Mode.MATHS)
both = pytest.mark.parametrize("bat", [PAPER, RELEASED], ids=["paper", "released"])


@pytest.mark.parametrize(("mu", "paper", "released"), PRINTED_TABLE)
def test_the_difficulty_factor_is_the_one_of_the_table(mu: float, paper: float, released: float) -> None:
    assert PAPER.difficulty(np.array([mu]))[0] == pytest.approx(paper, abs=5e-4)
    assert RELEASED.difficulty(np.array([mu]))[0] == pytest.approx(released, abs=5e-4)


@pytest.mark.parametrize(("mu", "paper", "released"), PRINTED_TABLE)
def test_the_factor_of_a_group_comes_from_its_share_of_right_answers(mu: float, paper: float, released: float) -> None:
    outcomes = right_ones(round(8 * mu), calls=(OK,))
    assert PAPER(outcomes).terms["tool"] == pytest.approx(np.full(8, paper), abs=5e-4)
    assert RELEASED(outcomes).terms["tool"] == pytest.approx(released * (0.5 + outcomes.accuracy), abs=1e-3)


@pytest.mark.parametrize(("bat", "flip"), [(PAPER, 0.847), (RELEASED, 0.673)], ids=["paper", "released"])
def test_calls_begin_to_cost_at_the_flip(bat: Bat, flip: float) -> None:
    before, after = bat.difficulty(np.array([flip - 0.001, flip + 0.001]))
    assert before > 0 > after


@pytest.mark.parametrize(("bat", "eighths"), [(PAPER, 7), (RELEASED, 6)], ids=["paper", "released"])
def test_of_eight_rollouts_so_many_right_ones_make_calls_cost(bat: Bat, eighths: int) -> None:
    assert bat(right_ones(eighths - 1, calls=(OK,))).terms["tool"][0] > 0
    assert bat(right_ones(eighths, calls=(OK,))).terms["tool"][0] < 0


def test_the_tanh_of_x_is_the_sigmoid_of_twice_x() -> None:
    mu = np.linspace(-0.5, 1.5, 41)
    assert RELEASED.difficulty(mu) == pytest.approx(1 / (1 + np.exp(-8 * (0.5 - mu))) - 0.2)
    assert PAPER.difficulty(mu) == pytest.approx(1 / (1 + np.exp(-4 * (0.5 - mu))) - 0.2)


@pytest.mark.parametrize(
    ("bat", "scores"), [(RELEASED, [1.0, 0.8, 0.0, -0.2]), (MATHS, [1.2, 0.8, 0.0, -0.4])], ids=["general", "maths"]
)
def test_scores_weigh_accuracy_and_format(bat: Bat, scores: list[float]) -> None:
    rewarded = bat(batch([(1.0, ()), (1.0, ()), (0.0, ()), (0.0, ())], badly_formed=[1, 3]))
    assert (rewarded.terms["accuracy"] + rewarded.terms["format"]).tolist() == pytest.approx(scores)
    assert rewarded.reward.tolist() == pytest.approx(scores)  # no calls, no tool term


@pytest.mark.parametrize(("bat", "base"), [(RELEASED, 0.5), (MATHS, 1.0)], ids=["general", "maths"])
def test_the_released_tool_term_weighs_the_rate_by_the_answer(bat: Bat, base: float) -> None:
    rows: list[Row] = [(1.0, (OK,)), (1.0, (OK, BAD)), (0.0, (OK,)), (0.0, (BAD, BAD, BAD, OK))]
    rewarded = bat(batch(rows))
    mu = (1.2 if bat is MATHS else 1.0) / 2
    d = bat.difficulty(np.array([mu]))[0]
    weighed = [(base + 1) * 1, (base + 1) / 2, base * 1, base / 4]
    assert rewarded.terms["tool"].tolist() == pytest.approx([d * value for value in weighed])


def test_released_takes_mu_of_the_score_and_paper_of_the_accuracy() -> None:
    rows: list[Row] = [(1.0, (OK,)), (1.0, (OK,)), (0.0, (OK,)), (0.0, (OK,))]
    outcomes = batch(rows, badly_formed=[0, 1, 2, 3])  # accuracy .5, score .3
    assert PAPER(outcomes).terms["tool"][0] == pytest.approx(0.3)
    assert RELEASED(outcomes).terms["tool"][0] == pytest.approx((1 / (1 + np.exp(-1.6)) - 0.2) * 1.5)


def test_the_whole_of_released_by_hand() -> None:
    rewarded = RELEASED(batch([(1.0, (OK,)), (0.0, (BAD,))]))
    assert rewarded.reward.tolist() == pytest.approx([1.45, 0.0])  # d = .3, tool = 1.5
    assert rewarded.advantage.tolist() == pytest.approx([0.725 / 0.725001, -0.725 / 0.725001])
    assert [turn.tolist() for turn in rewarded.turns] == [pytest.approx([0.2]), pytest.approx([-0.2])]  # G = 0, -.5: z = 1, -1
    assert rewarded.of_turn(0, 0) == pytest.approx(1.2, abs=1e-5)
    assert rewarded.of_turn(1, None) == pytest.approx(-1.0, abs=1e-5)


@both
def test_in_easy_groups_a_failed_call_scores_above_a_working_one(bat: Bat) -> None:
    rewarded = bat(batch([(1.0, (OK,))] * 4 + [(1.0, (BAD,))] * 4))
    assert rewarded.reward[4] > rewarded.reward[0]
    assert rewarded.advantage[4] > 0 > rewarded.advantage[0]
    assert rewarded.of_turn(4, 0) > rewarded.of_turn(0, 0)  # at this rate of failures the turn term does not make up for it


def test_released_pays_for_breaking_code_as_much_as_for_not_calling() -> None:
    no_call, working, failed = RELEASED(batch([(1.0, ()), (1.0, (OK,)), (1.0, (BAD,))])).reward
    assert (no_call, working, failed) == (1.0, pytest.approx(0.727, abs=5e-4), 1.0)


@both
@pytest.mark.parametrize("num_right", [0, 8])
def test_one_good_call_equals_five(bat: Bat, num_right: int) -> None:
    accuracy = float(num_right > 0)
    one, five = bat(batch([(accuracy, (OK,)), (accuracy, (OK,) * 5)])).reward
    assert one == five


def test_comments_alone_are_a_success_for_released_only() -> None:
    outcomes = batch([(0.0, (QUIET,)), (0.0, (OK,)), (0.0, ())])  # comments print nothing
    assert RELEASED(outcomes).terms["tool"][0] == RELEASED(outcomes).terms["tool"][1] > 0
    assert PAPER(outcomes).terms["tool"][0] == 0
    assert PAPER(outcomes).turns[0][0] < 0 == RELEASED(outcomes).turns[0][0]


def test_bat_without_turn_is_paper_but_for_the_turns() -> None:
    outcomes = batch([(1.0, (OK, BAD)), (0.0, (BAD,)), (1.0, ())])
    with_turn, without = PAPER(outcomes), BAT_WITHOUT_TURN(outcomes)
    assert without.advantage.tolist() == with_turn.advantage.tolist()
    assert [turn.tolist() for turn in without.turns] == [[0, 0], [0], []]
    assert with_turn.turns[0].tolist() != [0, 0]


@pytest.mark.parametrize("setting", [{"gamma": float("nan")}, {"delta": 2.0}, {"eps": 0.0}, {"turn_discount": -0.1}])
def test_impossible_numbers_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="it must lie in"):
        replace(PAPER, **setting)  # type: ignore[arg-type]
