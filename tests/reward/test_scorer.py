"""One truth about right: rules, several reference answers, then the judge; what nobody can tell is no zero."""

from __future__ import annotations

import pytest

from codedance.errors import ModelError
from codedance.model.script import ScriptedModel
from codedance.reward.judge import Judge
from codedance.reward.rules import Scoring
from codedance.reward.scorer import Scorer, is_undecided
from codedance.types import AnswerKey, DecidedBy, Rule, Sampling, StopReason, Trace

YES, NO = '{"why": "same", "same": "yes"}', '{"why": "other", "same": "no"}'
CHART = AnswerKey(rule=Rule.CHARTQA)


def trace(answer: str | None, gold: str | None, key: AnswerKey = CHART, stop: StopReason = StopReason.ANSWERED) -> Trace:
    return Trace(
        task_id="1", question="?", gold=gold, key=key, model="m", sampling=Sampling(), format="code", prompt="p", stop=stop,
        answer=answer, started="2026-01-01T00:00:00.000+00:00", seconds=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gold", "others", "answer", "is_right"),
    [
        ("CENTRE", ("Center",), "center", True),
        ("CENTRE", ("Center",), "middle", False),
        ("CENTRE", (), "center", False),
    ],
)
def test_any_reference_answer_is_enough_and_wrong_is_wrong_by_all(
    gold: str, others: tuple[str, ...], answer: str, is_right: bool
) -> None:
    with Scorer() as scorer:
        verdict = scorer.grade(gold, answer, AnswerKey(alternatives=others))
    assert (verdict.is_right, verdict.decided_by) == (is_right, DecidedBy.RULE)


def test_an_answer_that_one_reference_leaves_open_is_undecided() -> None:
    with Scorer() as scorer:
        assert scorer.grade("12", "light blue", AnswerKey(rule=Rule.CHARTQA, alternatives=("blue",))).is_right is None
        assert scorer.grade("blue", "12", AnswerKey(rule=Rule.CHARTQA, alternatives=("12",))).is_right is True


def test_the_published_mode_takes_any_reference_answer_too() -> None:
    with Scorer(Scoring.PAPER) as scorer:
        assert scorer.grade("2009", "2030", AnswerKey(rule=Rule.CHARTQA, alternatives=("2029",))).is_right is True


@pytest.mark.parametrize(
    ("one", "is_right", "decided_by"),
    [
        (trace("12%", "12"), True, DecidedBy.RULE),
        (trace("13", "12"), False, DecidedBy.RULE),
        (trace("light blue", "blue"), None, DecidedBy.NONE),
        (trace(None, "12", stop=StopReason.TURN_LIMIT), False, DecidedBy.RULE),
        (trace(None, "12", stop=StopReason.REFUSED), False, DecidedBy.RULE),
        (trace(" ", "12"), False, DecidedBy.RULE),
        (trace("1" * 1000, "1"), False, DecidedBy.RULE),
        (trace(None, "12", stop=StopReason.MODEL_ERROR), None, DecidedBy.NONE),
        (trace(None, "12", stop=StopReason.DATA_ERROR), None, DecidedBy.NONE),
        (trace("12", None), None, DecidedBy.NONE),
    ],
)
async def test_a_rollout_has_one_verdict_with_and_without_await(one: Trace, is_right: bool | None, decided_by: DecidedBy) -> None:
    with Scorer() as scorer:
        verdict = scorer.grade_trace(one)
        assert (verdict.is_right, verdict.decided_by) == (is_right, decided_by)
        assert await scorer.score(one) == verdict
        assert is_undecided(one, verdict) == (one.answer == "light blue")


async def test_the_judge_has_the_word_only_where_the_rules_have_none() -> None:
    with Scorer(judge=Judge(ScriptedModel([YES]))) as scorer:
        assert (await scorer.score(trace("light blue", "blue"))).decided_by is DecidedBy.JUDGE
        assert (await scorer.score(trace("13", "12"))).is_right is False
        assert (await scorer.score(trace(None, "12", stop=StopReason.MODEL_ERROR))).decided_by is DecidedBy.NONE
        assert scorer.grade_trace(trace("light blue", "blue")).is_right is None, "without await no model is asked"


async def test_a_judge_that_fails_decides_nothing() -> None:
    def dead(messages: object, sampling: object) -> str:
        raise ModelError("gone")

    with Scorer(judge=Judge(ScriptedModel(dead))) as scorer:
        verdict = await scorer.score(trace("light blue", "blue"))
    assert (verdict.is_right, verdict.decided_by) == (None, DecidedBy.FAILED)


def test_closing_ends_the_processes_that_compare_mathematics() -> None:
    scorer = Scorer()
    assert scorer.grade("\\frac{1}{2}", "0.5", AnswerKey(rule=Rule.MATHS)).is_right is True
    scorer.close()
    scorer.close()
