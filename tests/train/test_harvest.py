"""Figures of a step, by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from codedance.reward import Outcomes, reward
from codedance.reward.scorer import Scorer
from codedance.train.harvest import Harvest, harvest_of, joined, told_of
from codedance.types import AnswerKey, Rule, Sampling, StopReason, Trace, Turn
from reward.batches import BAD, OK, batch


def harvest(outcomes: Outcomes, level: str) -> Harvest:
    return Harvest(outcomes, [level] * len(outcomes), [1 + len(calls) for calls in outcomes.calls], tokens=10)


def test_the_figures_of_two_ranks_are_those_of_all_rollouts() -> None:
    easy = harvest(batch([(1.0, ()), (1.0, (OK,)), (0.0, ())]), "easy")
    hard = batch([(1.0, (OK,)), (0.0, (OK, BAD)), (0.0, ())])
    harvests = [easy, harvest(Outcomes(hard.groups + 1, hard.accuracy, hard.format_ok, hard.calls), "hard")]
    outcomes = joined(harvests)
    told = told_of(harvests, outcomes, reward("outcome")(outcomes))
    assert told["accuracy"] == told["uses_code"] == pytest.approx(1 / 2)
    assert (told["accuracy_easy"], told["uses_code_easy"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert (told["accuracy_hard"], told["uses_code_hard"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert told["code_runs"] == pytest.approx(3 / 4)
    assert told["turns"] == pytest.approx((1 + 2 + 1 + 2 + 3 + 1) / 6)
    assert "worth_ran" not in told, "no group is mostly right"


def test_where_most_is_right_released_pays_failing_code_and_guarded_does_not() -> None:
    outcomes = batch([(1.0, ()), (1.0, (OK,)), (1.0, (OK,)), (1.0, (BAD,))])
    gain, worth = {}, {}
    for name in ("released", "guarded"):
        rewarded = reward(name)(outcomes)
        told = told_of([harvest(outcomes, "easy")], outcomes, rewarded)
        assert told["worth_ran"] == pytest.approx(np.mean([rewarded.of_turn(1, 0), rewarded.of_turn(2, 0)]))
        assert told["worth_failed"] == pytest.approx(rewarded.of_turn(3, 0))
        gain[name], worth[name] = rewarded.advantage[3] - rewarded.advantage[1], told
    assert gain["released"] > 0.5
    assert gain["guarded"] <= 0
    assert worth["guarded"]["worth_failed"] < worth["guarded"]["worth_ran"]


def answered(answer: str, gold: str, rule: Rule, choices: tuple[str, ...] = ()) -> Trace:
    return Trace(
        task_id="1", question="?", gold=gold, key=AnswerKey(rule=rule, choices=choices), model="m", sampling=Sampling(),
        format="code_tags", prompt="p", turns=(Turn(text=answer, answer=answer),), stop=StopReason.ANSWERED, answer=answer,
        started="2026-01-01T00:00:00.000+00:00", seconds=0.0,
    )  # fmt: skip


def test_accuracy_is_what_the_rule_of_each_task_says_and_what_it_cannot_tell_is_counted() -> None:
    traces = [
        answered("12%", "12", Rule.CHARTQA),
        answered("(B) green", "B", Rule.CHOICE, ("red", "green")),
        answered("0.5", "\\frac{1}{2}", Rule.MATHS),
        answered("eight cups", "cup", Rule.EXACT),
        answered("light blue", "blue", Rule.CHARTQA),
    ]
    with Scorer() as scorer:
        own = harvest_of(traces, np.zeros(5, np.int64), [scorer.grade_trace(trace) for trace in traces])
    assert own.outcomes.accuracy.tolist() == [1, 1, 1, 0, 0]
    assert own.undecided == 1
    assert harvest_of(traces, np.zeros(5, np.int64)).outcomes.accuracy.tolist() == own.outcomes.accuracy.tolist()
    told = told_of([own], own.outcomes, reward("outcome")(own.outcomes))
    assert told["undecided"] == pytest.approx(1 / 5)
