"""Is an answer right? The one place that decides it: the rule of the question first, then a judge where one is given.

    with Scorer() as scorer:
        scorer.grade("12", "12%", AnswerKey(rule=Rule.CHARTQA)).is_right        # True; rules alone, no model is asked
        scorer.grade_trace(trace)                                              # the same for a rollout
        verdict = await scorer.score(trace)                                    # and a judge where the rule is undecided

Evaluation, reinforcement learning, the choice of rollouts to learn from, exams and the console all ask here, so that a reward is
what `codedance score` says of the same rollout. Comparing texts is one rule among others (`Rule.EXACT`). Of several reference
answers any one is enough; an answer is wrong only if it is wrong by all of them. Not covered: means, storing scores.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from codedance.errors import JudgeError
from codedance.reward.rules import Expressions, Ruling, Scoring, grade
from codedance.types import AnswerKey, DecidedBy, Rule, Trace

if TYPE_CHECKING:
    from codedance.reward.judge import Judge

_SLOW = (Rule.MATHS, Rule.MATHVISION, Rule.MATHVISTA)
"""Rules that may wait for another process."""
_LONGEST = 1000
"""Characters of an answer; a longer one is none, by the released scorer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer is right, who decided, and why."""

    is_right: bool | None
    """None where nobody decided: no answer is known, an outage, a rule that cannot tell, or a judge that failed."""
    decided_by: DecidedBy
    why: str


class Scorer:
    """Decides whether answers are right; safe to use from several threads and tasks. Close it, or use it with `with`.

    Args:
        scoring: by whose rules.
        judge: who is asked by `score` where a rule is undecided; nobody if None.
    """

    def __init__(self, scoring: Scoring = Scoring.DEFAULT, judge: Judge | None = None) -> None:
        self.judge = judge
        self._scoring = scoring
        self._expressions = Expressions()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that compare mathematics; they start when they are first needed."""
        self._expressions.__exit__(None, None, None)

    def grade(self, gold: str | None, answer: str | None, key: AnswerKey) -> Verdict:
        """What the rules say of an answer. Mathematics may take seconds.

        Args:
            gold: the first reference answer; None where none is known.
            answer: as the model gave it; None where it gave none.
            key: the rule, further reference answers, and what else the rule needs.
        """
        if gold is None:
            return Verdict(None, DecidedBy.NONE, "no answer is known")
        if answer is None or not answer.strip():
            return Verdict(False, DecidedBy.RULE, "no answer")
        if len(answer) >= _LONGEST:
            return Verdict(False, DecidedBy.RULE, f"an answer of {len(answer)} characters; {_LONGEST} are too many")
        said = self._any_of((gold, *key.alternatives), answer, key)
        return Verdict(said.is_right, DecidedBy.NONE if said.is_right is None else DecidedBy.RULE, said.why)

    def grade_trace(self, trace: Trace) -> Verdict:
        """What the rules say of a rollout; nothing of one that broke, which says nothing about the model."""
        if trace.is_unfinished:
            return Verdict(None, DecidedBy.NONE, f"{trace.stop}: {trace.error or ''}")
        if trace.answer is None and trace.gold is not None:
            return Verdict(False, DecidedBy.RULE, f"no answer: {trace.stop}")
        return self.grade(trace.gold, trace.answer, trace.key)

    async def score(self, trace: Trace, said_before: Verdict | None = None) -> Verdict:
        """What the rules say of a rollout, or else the judge. A judge that fails is a verdict of `DecidedBy.FAILED`, no error.

        Args:
            trace: the rollout.
            said_before: what a judge has said of it; taken where the rules are undecided, in place of asking.
        """
        is_slow = trace.key.rule in _SLOW
        verdict = await asyncio.to_thread(self.grade_trace, trace) if is_slow else self.grade_trace(trace)
        if not is_undecided(trace, verdict):
            return verdict
        if self.judge is None or said_before is not None:
            return said_before or verdict
        assert trace.gold is not None and trace.answer is not None
        try:
            said = await self.judge.compare(trace.question, trace.gold, trace.answer, trace.key)
        except JudgeError as error:
            return Verdict(None, DecidedBy.FAILED, str(error))
        return Verdict(said.is_right, DecidedBy.JUDGE, said.why)

    def _any_of(self, references: tuple[str, ...], answer: str, key: AnswerKey) -> Ruling:
        rulings = []
        for gold in references:
            rulings.append(grade(gold, answer, key, self._scoring, self._expressions))
            if rulings[-1].is_right:
                return rulings[-1]
        first = next((ruling for ruling in rulings if ruling.is_right is None), rulings[0])
        others = f" (none of {len(references)} reference answers fits)" if len(references) > 1 else ""
        return Ruling(first.is_right, first.why + others)


def is_undecided(trace: Trace, verdict: Verdict) -> bool:
    """There is an answer and a known one, and the rules cannot tell whether they agree."""
    is_answered = trace.gold is not None and trace.answer is not None and not trace.is_unfinished
    return is_answered and verdict.is_right is None and verdict.decided_by is DecidedBy.NONE
