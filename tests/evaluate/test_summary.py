"""What a summary says, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from codedance.evaluate.intervals import wilson
from codedance.evaluate.summary import summarise
from codedance.evaluate.tables import overview
from codedance.types import DecidedBy, Score, StopReason, Usage


def score(name: str, acc: float | None = 1.0, **more: Any) -> Score:
    kept: dict[str, Any] = {"gold": "1", "answer": "1", "decided_by": DecidedBy.RULE, "why": "", "stop": StopReason.ANSWERED}
    return Score(**{"task_id": name, "acc": acc, "format_ok": True, "num_turns": 2, "num_calls": 1, "num_ok": 1, **kept, **more})


def test_what_broke_counts_against_all_but_not_against_the_completed() -> None:
    outage = {"stop": StopReason.MODEL_ERROR, "decided_by": DecidedBy.NONE}
    scores = [score("a"), score("b", 0.0), score("c", None, **outage), score("d", None, decided_by=DecidedBy.FAILED)]
    told = summarise(scores)["tasks"]
    assert (told.total, told.completed) == (4, 2)
    assert told.accuracy == wilson(1, 4)
    assert told.accuracy_completed == wilson(1, 2)
    assert told.decided_by == {"rule": 2, "none": 1, "failed": 1}
    released = told.released()
    assert (released["total_samples"], released["success_samples"], released["success_rate"]) == (4, 3, 0.75)
    assert released["avg_acc"] == 0.25


def test_code_turns_and_tokens_are_means_and_sums() -> None:
    scores = [
        score("a", num_calls=4, num_ok=1, num_turns=5, usage=Usage(100, 10)),
        score("b", num_calls=1, num_ok=1, usage=Usage(1, 2)),
        score("c", num_calls=0, num_ok=0, num_turns=1),
    ]
    told = summarise(scores)["tasks"]
    assert told.code_success == pytest.approx((0.25 + 1) / 2)
    assert (told.with_code, told.mean_turns, told.mean_calls) == (2, pytest.approx(8 / 3), pytest.approx(5 / 3))
    assert told.usage == Usage(101, 12)


def test_data_sets_are_apart_and_what_has_no_known_answer_is_left_out() -> None:
    told = summarise([score("a", source="x", category="m"), score("b", 0.0, source="y"), score("c", None, gold=None)])
    assert {name: (one.accuracy.value, one.unknown) for name, one in told.items() if one.total} == {"x": (1.0, 0), "y": (0.0, 0)}
    assert (told["tasks"].total, told["tasks"].unknown, told["tasks"].released()["total_samples"]) == (0, 1, 1)
    assert told["x"].by_category == {"m": wilson(1, 1)}
    assert told["x"].repeats is told["x"].circular is told["x"].four_dimensions is None


def test_repeats_give_pass_at_k_and_the_majority() -> None:
    right = {"a": [1, 1, 0, 1], "b": [0, 0, 1, 0]}
    scores = [
        score(name, float(hit), sample=n, answer="1" if hit else "2")
        for name, hits in right.items()
        for n, hit in enumerate(hits)
    ]
    told = summarise(scores)["tasks"].repeats
    assert told is not None
    assert told.samples == 4
    assert told.pass_at == {1: pytest.approx(0.5), 2: pytest.approx((1 + 0.5) / 2), 4: pytest.approx(1.0)}
    assert told.majority == 0.5
    interval = summarise(scores)["tasks"].accuracy
    assert (interval.low, interval.high) == (0.25, 0.75), "two clusters, not eight rows"


def test_a_question_in_four_orders_counts_by_order_and_as_a_whole() -> None:
    rows = {"q1": "1111", "q2": "1011"}
    scores = [
        score(f"{g}{n}", float(hit), group=g, part=str(n), group_size=4) for g, hits in rows.items() for n, hit in enumerate(hits)
    ]
    told = summarise(scores)["tasks"]
    assert told.circular is not None
    assert told.circular.by_order == {"0": 1.0, "1": 0.5, "2": 1.0, "3": 1.0}
    assert told.circular.all_right.value == 0.5
    assert told.accuracy.value == 7 / 8


def test_orders_are_counted_over_the_questions_that_have_all_of_them_and_how_many_is_said() -> None:
    rows = {"q1": {0: 1, 1: 1}, "q2": {0: 1, 1: 0}, "q3": {1: 1}, "q4": {0: 0}}
    scores = [
        score(f"{g}{n}", float(hit), group=g, part=str(n), group_size=2) for g, hits in rows.items() for n, hit in hits.items()
    ]
    told = summarise(scores)
    circular = told["tasks"].circular
    assert circular is not None
    assert (circular.by_order, circular.all_right.value) == ({"0": 1.0, "1": 0.5}, 0.5)
    assert (circular.all_right.n, circular.asked) == (2, 4)
    assert "order of options, over 2 of 4 complete groups" in overview(told)
    none = summarise([one for one in scores if one.group in ("q3", "q4")])["tasks"].circular
    assert none is not None and (none.all_right.n, none.asked, none.by_order) == (0, 2, {})


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_a_group_that_was_cut_off_is_not_complete_however_few_orders_were_asked(asked: int) -> None:
    told = summarise([score(f"q{n}", group="q", part=str(n), group_size=4) for n in range(asked)])
    circular = told["tasks"].circular
    assert circular is not None and (circular.all_right.n, circular.asked, circular.by_order) == (0, 1, {})
    assert "over 0 of 1 complete groups" in overview(told)


def test_wemath_says_of_how_many_problems_it_counts_even_if_none_is_complete() -> None:
    parts = [score(f"{name}/2steps_1", group=name, part="2steps_1") for name in "ab"]
    told = summarise(parts)
    dimensions = told["tasks"].four_dimensions
    assert dimensions is not None and (dimensions.problems, dimensions.asked) == (0, 2)
    assert "| 0 of 2 |" in overview(told)


def test_wemath_counts_complete_problems_only() -> None:
    def problem(name: str, **right: float) -> list[Score]:
        return [score(f"{name}/{part}", hit, group=name, part=part) for part, hit in right.items()]

    whole = problem("a", **{"2steps_1": 1.0, "2steps_2": 1.0, "2steps_multi": 1.0})
    cut = problem("b", **{"2steps_1": 1.0, "2steps_multi": 0.0})
    three = problem("c", **{"3steps_1": 1.0, "3steps_2": 0.0, "3steps_3": 1.0, "3steps_multi": 0.0})
    told = summarise([*whole, *cut, *three])["tasks"].four_dimensions
    assert told is not None
    assert told.problems == 2
    assert (told.strict.mastery, told.strict.knowledge, told.strict.score) == (1, 1, 0.5)
    assert (told.two_steps, told.three_steps) == (1.0, 0.0)


def test_wemath_with_repeats_counts_every_repeat() -> None:
    parts = ("2steps_1", "2steps_2", "2steps_multi")
    scores = [score(f"p/{part}", float(n < 2), group="p", part=part, sample=n) for n in range(3) for part in parts]
    told = summarise(scores)["tasks"].four_dimensions
    assert told is not None and told.problems == 3 and told.strict.score == pytest.approx(2 / 3)


def test_parts_that_are_no_orders_are_no_circle() -> None:
    scores = [score(f"f/{n}", group="f", part=f"descriptive {n}") for n in range(1, 5)]
    assert summarise(scores)["tasks"].circular is None
