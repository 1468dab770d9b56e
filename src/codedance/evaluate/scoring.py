"""Score the rollouts of a run: rules first, a judge where they are undecided. New rules never need new inference.

    scored = await score_run(Path("runs/one"), Scoring.DEFAULT, judge=None)          # writes runs/one/scores.jsonl
    scored = await score_run(Path("runs/one"), Scoring.PAPER, judge=None)            # another file: scores.paper.jsonl

A judgement that failed is asked again by the same call; everything else is decided once. A rollout that ended by an outage has no
accuracy: it is neither right nor wrong. Without a judge an undecided answer counts as wrong, and says so. Not covered: means.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codedance.errors import DataError, JudgeError
from codedance.evaluate.failures import error_kind
from codedance.images import digest_bytes
from codedance.reward.judge import Judge
from codedance.reward.outcomes import is_well_formed
from codedance.reward.rules import Expressions, Scoring, grade
from codedance.rollout.store import TRACES, read_traces
from codedance.types import DecidedBy, Rule, Score, Trace

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_AT_ONCE = 16
_SLOW = (Rule.MATHS, Rule.MATHVISION)
"""Rules that may wait for another process."""
_LONGEST = 1000
"""Characters of an answer; a longer one is none, by the released scorer."""


def scores_file(folder: Path, scoring: Scoring) -> Path:
    """Where the scores of a run lie."""
    return folder / ("scores.jsonl" if scoring is Scoring.DEFAULT else f"scores.{scoring}.jsonl")


async def score_run(
    folder: Path, scoring: Scoring, judge: Judge | None, on_score: Callable[[int], None] = lambda number: None
) -> list[Score]:
    """Score what is not yet scored, in the order of the rollouts; all scores. `on_score` hears how many there are.

    Raises:
        DataError: the folder holds no run, or cannot be written.
    """
    file = scores_file(folder, scoring)
    if not (folder / TRACES).is_file():
        raise DataError(f"{folder}: there is no run here ({TRACES} is missing); name a folder that codedance wrote with --out")
    known = {(score.task_id, score.sample): score for score in read_scores(file) if not _is_open(score, judge)}
    part = file.with_suffix(".part")
    scores = []
    try:
        with open(part, "w", encoding="utf-8") as lines, Expressions() as expressions:
            async for score in _scored(folder, known, scoring, judge, expressions):
                lines.write(_scores().dump_json(score).decode() + "\n")
                scores.append(score)
                on_score(len(scores))
        part.replace(file)
    except OSError as error:
        raise DataError(f"{file}: it cannot be written: {error.strerror or error}") from None
    return scores


async def _scored(
    folder: Path, known: dict[tuple[str, int], Score], scoring: Scoring, judge: Judge | None, expressions: Expressions
) -> AsyncIterator[Score]:
    """Scores in order, several judgements under way at once."""
    under_way: list[asyncio.Task[Score]] = []
    for trace in read_traces(folder):
        found = known.get((trace.task_id, trace.sample))
        is_of_it = found is not None and (found.started, found.gold) == (trace.started, trace.gold)
        work = _same(found) if found is not None and is_of_it else score_trace(trace, scoring, judge, expressions)
        under_way.append(asyncio.create_task(work))
        if len(under_way) >= _AT_ONCE:
            yield await under_way.pop(0)
    for task in under_way:
        yield await task


async def _same(score: Score) -> Score:
    return score


async def score_trace(trace: Trace, scoring: Scoring, judge: Judge | None, expressions: Expressions) -> Score:
    """One rollout's score."""
    if trace.is_unfinished:
        return _score(trace, None, DecidedBy.NONE, f"{trace.stop}: {trace.error or ''}")
    if trace.gold is None:
        return _score(trace, None, DecidedBy.NONE, "no answer is known")
    if trace.answer is None or not trace.answer.strip():
        return _score(trace, False, DecidedBy.RULE, f"no answer: {trace.stop}")
    if len(trace.answer) >= _LONGEST:
        return _score(trace, False, DecidedBy.RULE, f"an answer of {len(trace.answer)} characters; {_LONGEST} are too many")
    judged = (trace.gold, trace.answer, trace.key, scoring, expressions)
    said = await asyncio.to_thread(grade, *judged) if trace.key.rule in _SLOW else grade(*judged)
    if said.is_right is not None:
        return _score(trace, said.is_right, DecidedBy.RULE, said.why)
    if judge is None:
        return _score(trace, False, DecidedBy.NONE, f"undecided, no judge: {said.why}")
    try:
        judgement = await judge.compare(trace.question, trace.gold, trace.answer, _RUBRICS.get(trace.key.part, ""))
    except JudgeError as error:
        return _score(trace, None, DecidedBy.FAILED, str(error))
    return replace(_score(trace, judgement.is_right, DecidedBy.JUDGE, judgement.why), judge=judge.signature)


_RUBRICS = {
    "text-in-chart": "The student's text must name the same term as the known one; case and slips of spelling do not matter.",
    "text-in-general": "The student's text must mean the same as the known one.",
    "number-in-chart": "The numbers must be exactly equal; how they are written does not matter.",
    "number-in-general": "The numbers must be equal to the decimals that the known answer has.",
}
"""What CharXiv wants of its four kinds of answers."""


def _score(trace: Trace, is_right: bool | None, decided_by: DecidedBy, why: str) -> Score:
    ran = [turn.execution for turn in trace.turns if turn.execution is not None]
    return Score(
        task_id=trace.task_id,
        sample=trace.sample,
        source=trace.source,
        category=trace.category,
        group=trace.key.group,
        part=trace.key.part,
        question=digest_bytes(trace.question.encode()),
        started=trace.started,
        gold=trace.gold,
        answer=trace.answer,
        acc=None if is_right is None else float(is_right),
        decided_by=decided_by,
        why=why,
        stop=trace.stop,
        format_ok=is_well_formed(trace),
        num_turns=len(trace.turns),
        num_calls=len(ran),
        num_ok=sum(execution.ok for execution in ran),
        errors=tuple(kind for execution in ran if (kind := error_kind(execution)) is not None),
        usage=trace.usage,
        seconds=trace.seconds,
    )


def _is_open(score: Score, judge: Judge | None) -> bool:
    """To be decided again: a judgement failed, an outage may be over, or there is a judge now, or another one."""
    if score.acc is None or judge is None:
        return score.acc is None
    is_anothers = score.decided_by is DecidedBy.JUDGE and score.judge != judge.signature
    return score.decided_by is DecidedBy.NONE or is_anothers


def read_scores(file: Path) -> Iterator[Score]:
    """The scores of a file; none where it is not there.

    Raises:
        DataError: a line is no score.
    """
    if not file.is_file():
        return
    with open(file, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield _scores().validate_json(line)
            except ValueError as error:
                raise DataError(f"{file}, line {number}: it is no score: {str(error).splitlines()[0]}; remove the file") from None


@cache
def _scores() -> TypeAdapter[Score]:
    from pydantic import TypeAdapter

    return TypeAdapter(Score)
