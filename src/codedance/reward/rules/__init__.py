"""Was an answer right? One rule for each benchmark, in the words of its own scorer or in ours.

    with Expressions() as expressions:
        grade("7", "There are seven.", AnswerKey(rule=Rule.PIXMO), Scoring.DEFAULT, expressions).is_right      # True

`paper` is the benchmark's published rule, accidents included; `default` is what its authors meant, and leaves what it cannot tell
to a judge. Not covered: the judge.
"""

from __future__ import annotations

from enum import StrEnum

from codedance.reward.rules import choice, counting, maths, mathvision, mathvista, published_choice, relaxed
from codedance.reward.rules.expressions import Expressions
from codedance.reward.rules.ruling import Ruling
from codedance.reward.rules.same_text import decide_exact, same_text
from codedance.types import AnswerKey, Rule

__all__ = ["Expressions", "Ruling", "Scoring", "grade"]


class Scoring(StrEnum):
    """By whose rules."""

    PAPER = "paper"
    """The published scorer of each benchmark, bit by bit."""
    DEFAULT = "default"
    """Ours; a judge is asked where they are undecided."""
    JUDGE = "judge"
    """A judge decides everything but equal texts."""


def grade(gold: str, answer: str, key: AnswerKey, scoring: Scoring, expressions: Expressions) -> Ruling:
    """What the rule of a question says of an answer.

    Args:
        gold: the known answer.
        answer: the model's, as it stands.
        key: the rule and what it needs.
        scoring: by whose rules.
        expressions: compares mathematics.
    """
    if scoring is Scoring.JUDGE:
        return same_text(gold, answer)
    return (_official if scoring is Scoring.PAPER else _decide)(gold, answer, key, expressions)


def _official(gold: str, answer: str, key: AnswerKey, expressions: Expressions) -> Ruling:
    match key.rule:
        case Rule.CHARTQA:
            return relaxed.official(gold, answer)
        case Rule.COUNTBENCH:
            return counting.countbench(gold, answer)
        case Rule.COUNTBENCHQA:
            return counting.countbenchqa(gold, answer)
        case Rule.PIXMO:
            return counting.pixmo(gold, answer)
        case Rule.CHOICE:
            return published_choice.vlmevalkit(gold, answer, key.choices)
        case Rule.VSTAR:
            return published_choice.vstar(gold, answer)
        case Rule.WEMATH:
            return published_choice.wemath(gold, answer)
        case Rule.MATHS:
            return maths.official(gold, answer, expressions)
        case Rule.MATHVISTA:
            return mathvista.official(gold, answer, key.answer_type, key.precision, key.choices)
        case Rule.MATHVISION:
            return mathvision.official(gold, answer, key.choices, expressions)
        case Rule.EXACT | Rule.JUDGED:
            return _decide(gold, answer, key, expressions)


def _decide(gold: str, answer: str, key: AnswerKey, expressions: Expressions) -> Ruling:
    match key.rule:
        case Rule.CHARTQA:
            return relaxed.decide(gold, answer)
        case Rule.COUNTBENCH | Rule.COUNTBENCHQA | Rule.PIXMO:
            return counting.decide(gold, answer)
        case Rule.CHOICE | Rule.VSTAR | Rule.WEMATH:
            return choice.decide(gold, answer, key.choices)
        case Rule.MATHS:
            return maths.decide(gold, answer, expressions)
        case Rule.MATHVISTA:
            return mathvista.decide(gold, answer, key.answer_type, key.precision, key.choices)
        case Rule.MATHVISION:
            return mathvision.decide(gold, answer, key.choices, expressions)
        case Rule.EXACT:
            return decide_exact(gold, answer)
        case Rule.JUDGED:
            return same_text(gold, answer)
