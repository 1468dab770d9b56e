"""Intervals, repeats, comparisons and We-Math's dimensions, against numbers worked out by hand or by another road."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from codedance.evaluate.intervals import accuracy, wilson
from codedance.evaluate.paired import compare
from codedance.evaluate.repeats import majority, pass_at
from codedance.evaluate.wemath import Counts, Problem, four_dimensions


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (10, 10), (5, 10), (31, 40), (1, 1), (129, 200), (0, 60), (191, 191)])
def test_the_interval_is_wilsons(hits: int, total: int) -> None:
    known = binomtest(hits, total).proportion_ci(method="wilson")
    assert wilson(hits, total)[1:3] == pytest.approx((known.low, known.high), abs=1e-6)


def test_an_interval_can_be_read_and_one_of_nothing_says_nothing() -> None:
    assert str(wilson(85, 100)) == "0.850 [0.767, 0.907]"
    assert math.isnan(wilson(0, 0).value)
    assert wilson(0, 0)[1:] == (0.0, 1.0, 0)


@given(st.integers(0, 500), st.integers(1, 500))
@example(0, 360)
@example(360, 0)
def test_an_interval_holds_its_share_and_stays_between_0_and_1(hits: int, more: int) -> None:
    interval = wilson(hits, hits + more)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_rows_of_one_picture_make_the_interval_wider() -> None:
    right = [1.0, 0.0] * 50
    alone = accuracy(right, range(100))
    paired = accuracy(sorted(right), [n // 4 for n in range(100)])
    assert alone == wilson(50, 100)
    assert paired.value == alone.value
    assert 1.7 < (paired.high - paired.low) / (alone.high - alone.low) < 2.3, "25 clusters of four equal rows: twice as wide"
    assert paired == accuracy(sorted(right), [n // 4 for n in range(100)]), "the draws are the same each time"


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_few_clusters_that_are_all_alike_are_not_certain(share: float) -> None:
    told = accuracy([share] * 12, ["a", "b", "c", "d"] * 3)
    assert (told.value, told.n) == (share, 12) and told[1:3] == pytest.approx(wilson(4 * share, 4)[1:3])


def test_no_rows_have_no_accuracy() -> None:
    assert accuracy([], []).n == 0


@given(st.integers(1, 7), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(of: int, data: st.DataObject) -> None:
    right, k = data.draw(st.integers(0, of)), data.draw(st.integers(1, of))
    draws = list(combinations([True] * right + [False] * (of - right), k))
    assert pass_at(k, right, of) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="pass@5 of 4 answers"):
        pass_at(5, 1, 4)


def test_the_majority_counts_what_was_said() -> None:
    assert majority(["4", "5", " 5", None, "x"]) == 1
    assert majority(["b", "a", "A", "B"]) == 0, "of equals the first"
    assert majority([None, ""]) is None


def test_a_comparison_lists_what_changed_and_its_chance() -> None:
    first = {str(n): float(n < 60) for n in range(100)}
    second = {**{str(n): float(n < 75) for n in range(100)}, "0": 0.0, "new": 1.0}
    told = compare(first, second, dict.fromkeys(second, "") | {str(n): str(n) for n in range(100)})
    assert told.gained == tuple(map(str, range(60, 75)))
    assert told.lost == ("0",)
    assert told.unmatched == ("new",)
    assert told.difference.value == pytest.approx(0.14)
    assert 0 < told.difference.low < 0.14 < told.difference.high
    by_hand = 2 * sum(math.comb(16, n) for n in range(2)) / 2**16
    assert told.p_value == pytest.approx(by_hand)


def test_equal_runs_do_not_differ() -> None:
    told = compare({"1": 1.0}, {"1": 1.0}, {"1": "1"})
    assert (told.difference.value, told.p_value, told.gained) == (0, 1.0, ())
    with pytest.raises(ValueError, match="no question in common"):
        compare({"1": 1.0}, {"2": 1.0}, {})


def test_wemath_dimensions_of_five_known_problems() -> None:
    said = ["TTT", "TFT", "FFT", "TTF", "FTF"]
    problems = [Problem((letters[0] == "T", letters[1] == "T"), letters[2] == "T") for letters in said]
    score = four_dimensions(problems)
    assert score.strict == Counts(generalisation=1, knowledge=1, mastery=1, memorised=2)
    assert score.loose == Counts(generalisation=1, knowledge=1, mastery=2, memorised=1)
    assert (score.strict.score, score.loose.score) == (pytest.approx(0.30), pytest.approx(0.50))
    assert score.single_steps == pytest.approx(6 / 10)
    assert score.two_steps == pytest.approx(3 / 5)
    assert math.isnan(score.three_steps)


@given(st.lists(st.tuples(st.lists(st.booleans(), min_size=2, max_size=3), st.booleans()), min_size=1))
def test_every_problem_falls_into_one_dimension(drawn: list[tuple[list[bool], bool]]) -> None:
    score = four_dimensions([Problem(tuple(steps), whole) for steps, whole in drawn])
    for counts in (score.strict, score.loose):
        assert counts.generalisation + counts.knowledge + counts.mastery + counts.memorised == len(drawn)
    assert score.strict.score <= score.loose.score


def test_all_right_is_100_and_all_wrong_0() -> None:
    right, wrong = (four_dimensions([Problem((value,) * 3, value)] * 7) for value in (True, False))
    assert (right.strict.score, right.strict.memorisation_rate) == (1.0, 0.0)
    assert (wrong.strict.score, wrong.strict.memorisation_rate) == (0.0, None)
    assert np.isclose(right.three_steps, 1)


def test_groups_of_equal_means_are_not_certain() -> None:
    told = accuracy([1.0, 0.0] * 50, [place // 2 for place in range(100)])
    assert told.value == 0.5 and told[1:3] == pytest.approx(wilson(25, 50)[1:3])


def test_two_gained_of_two_are_not_certain() -> None:
    told = compare({"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, {"a": "a", "b": "b"})
    assert told.p_value == 0.5 and told.difference.low < 0.5 < told.difference.value == 1.0


def test_orders_of_one_question_are_one_change() -> None:
    first, second = {f"q/{n}": 0.0 for n in range(8)}, {f"q/{n}": 1.0 for n in range(8)}
    assert compare(first, second, dict.fromkeys(first, "q")).p_value == 1.0
