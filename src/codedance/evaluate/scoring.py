"""Score the rollouts of a run: rules first, a judge where they are undecided. New rules never need new inference.

    scored = await score_run(Path("runs/one"), Scoring.DEFAULT, judge=None)          # writes runs/one/scores.jsonl
    scored = await score_run(Path("runs/one"), Scoring.PAPER, judge=None)            # another file: scores.paper.jsonl

A judgement that failed is asked again by the same call; everything else is decided once. A rollout that ended by an outage has no
accuracy: it is neither right nor wrong. Without a judge an undecided answer counts as wrong, and says so. Not covered: means.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codedance.errors import DataError
from codedance.evaluate.failures import error_kind
from codedance.images import digest_bytes
from codedance.reward.judge import Judge
from codedance.reward.outcomes import is_well_formed
from codedance.reward.rules import Scoring
from codedance.reward.scorer import Scorer, Verdict, is_undecided
from codedance.rollout.store import read_traces
from codedance.types import DecidedBy, Score, Trace
from codedance.untrusted import Folder, NotThere, parsed, writing

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_AT_ONCE = 16


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
    known = {(score.task_id, score.sample): score for score in read_scores(file) if not _is_open(score, judge)}
    scores = []
    try:
        with Scorer(scoring, judge) as scorer, writing(file) as lines:
            async for score in _scored(folder, known, scorer):
                lines.write(_scores().dump_json(score) + b"\n")
                scores.append(score)
                on_score(len(scores))
    except OSError as error:
        raise DataError(f"{file}: it cannot be written: {error.strerror or error}") from None
    return scores


async def _scored(folder: Path, known: dict[tuple[str, int], Score], scorer: Scorer) -> AsyncIterator[Score]:
    """Scores in order, several judgements under way at once."""
    under_way: list[asyncio.Task[Score]] = []
    for trace in read_traces(folder):
        found = known.get((trace.task_id, trace.sample))
        work = _same(found) if found is not None and is_score_of(found, trace) else score_trace(trace, scorer)
        under_way.append(asyncio.create_task(work))
        if len(under_way) >= _AT_ONCE:
            yield await under_way.pop(0)
    for task in under_way:
        yield await task


async def _same(score: Score) -> Score:
    return score


def is_score_of(score: Score, trace: Trace) -> bool:
    """It is of this very rollout, not of an earlier one of the task, or of one that had another known answer."""
    return (score.started, score.gold) == (trace.started, trace.gold)


async def score_trace(trace: Trace, scorer: Scorer) -> Score:
    """One rollout's score; what stays undecided counts as wrong."""
    return _score(trace, await scorer.score(trace), scorer.judge)


def verdict_on(trace: Trace, score: Score | None, scorer: Scorer) -> Verdict:
    """What is known of a stored rollout: its score where it has one, else what the rules say."""
    if score is not None and is_score_of(score, trace):
        return Verdict(None if score.acc is None else score.acc == 1, score.decided_by, score.why)
    return scorer.grade_trace(trace)


def _score(trace: Trace, verdict: Verdict, judge: Judge | None) -> Score:
    is_open = is_undecided(trace, verdict)
    acc = 0.0 if is_open else None if verdict.is_right is None else float(verdict.is_right)
    ran = [turn.execution for turn in trace.turns if turn.execution is not None]
    return Score(
        task_id=trace.task_id,
        sample=trace.sample,
        source=trace.source,
        category=trace.category,
        group=trace.key.group,
        group_size=trace.key.group_size,
        part=trace.key.part,
        question=digest_bytes(trace.question.encode()),
        started=trace.started,
        gold=trace.gold,
        answer=trace.answer,
        acc=acc,
        decided_by=verdict.decided_by,
        why=f"undecided, no judge: {verdict.why}" if is_open else verdict.why,
        judge=judge.signature if judge is not None and verdict.decided_by is DecidedBy.JUDGE else "",
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
    try:
        for line in Folder(file.parent).lines(file.name):
            try:
                yield parsed(line.data, _scores())
            except DataError as error:
                raise DataError(f"{file}, line {line.number}: it is no score: {error}; remove the file") from None
    except NotThere:
        return


@cache
def _scores() -> TypeAdapter[Score]:
    from pydantic import TypeAdapter

    return TypeAdapter(Score)
