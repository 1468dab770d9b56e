"""Score the rollouts of a run: rules first, a judge where they are undecided. New rules never need new inference.

    scored = await score_run(Path("runs/one"), Scoring.DEFAULT, judge=None)          # writes runs/one/scores.jsonl
    scored = await score_run(Path("runs/one"), Scoring.PAPER, judge=None)            # another file: scores.paper.jsonl

Rules decide anew each time, whatever a file of scores says: it may be anybody's. Of what stands there only a judge's verdicts are
kept, where question, answer, references and judge are those of the trace, and `on_kept` hears of each. A judgement that failed is
asked again by the same call. A rollout that ended by an outage has no accuracy: it is neither right nor wrong. Without a judge an
undecided answer counts as wrong, and says so. Not covered: means.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import asdict
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
    folder: Path,
    scoring: Scoring,
    judge: Judge | None,
    on_score: Callable[[int], None] = lambda number: None,
    *,
    fresh: bool = False,
    on_kept: Callable[[Score], None] = lambda score: None,
) -> list[Score]:
    """Score the rollouts in their order; all scores.

    Args:
        folder: of the run.
        scoring: by whose rules.
        judge: whom to ask where they are undecided.
        on_score: hears how many there are.
        fresh: keep no verdict that stands in the folder.
        on_kept: hears of each judge's verdict that was kept.

    Raises:
        DataError: the folder holds no run, or cannot be written.
    """
    file = scores_file(folder, scoring)
    known = {} if fresh else {(score.task_id, score.sample): score for score in read_scores(file) if _is_kept(score, judge)}
    scores = []
    try:
        with Scorer(scoring, judge) as scorer, writing(file) as lines:
            async with aclosing(_scored(folder, known, scorer)) as scored:
                async for score in scored:
                    before = known.get((score.task_id, score.sample))
                    if score.decided_by is DecidedBy.JUDGE and before is not None and before.judged == score.judged:
                        on_kept(before)
                    lines.write(_scores().dump_json(score) + b"\n")
                    scores.append(score)
                    on_score(len(scores))
    except OSError as error:
        raise DataError(f"{file}: it cannot be written: {error.strerror or error}") from None
    return scores


async def _scored(folder: Path, known: dict[tuple[str, int], Score], scorer: Scorer) -> AsyncGenerator[Score, None]:
    """Scores in order, several judgements under way at once; where one of them fails, the others are ended."""
    under_way: list[asyncio.Task[Score]] = []
    try:
        for trace in read_traces(folder):
            work = score_trace(trace, scorer, known.get((trace.task_id, trace.sample)))
            under_way.append(asyncio.create_task(work))
            if len(under_way) >= _AT_ONCE:
                yield await under_way.pop(0)
        while under_way:
            yield await under_way.pop(0)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)  # or asyncio prints the errors of those that failed too


def is_score_of(score: Score, trace: Trace) -> bool:
    """It is of this very rollout, not of an earlier one of the task, or of one that had another answer."""
    return (score.started, score.gold, score.answer) == (trace.started, trace.gold, trace.answer)


async def score_trace(trace: Trace, scorer: Scorer, before: Score | None = None) -> Score:
    """One rollout's score; what stays undecided counts as wrong.

    Args:
        trace: the rollout.
        scorer: decides.
        before: a judge's verdict, kept where it is about the same question and answers.
    """
    if before is not None and before.judged == judged_of(trace):
        said = await scorer.score(trace, Verdict(before.acc == 1, DecidedBy.JUDGE, before.why))
        return _score(trace, said, before.judge)
    return _score(trace, await scorer.score(trace), scorer.judge.signature if scorer.judge is not None else "")


def judged_of(trace: Trace) -> str:
    """Digest of all that a judge is told of a rollout."""
    told = (trace.question, trace.gold, trace.answer, asdict(trace.key))
    return digest_bytes(json.dumps(told).encode())


def verdict_on(trace: Trace, score: Score | None, scorer: Scorer) -> Verdict:
    """What is known of a stored rollout: its score where it has one, else what the rules say."""
    if score is not None and is_score_of(score, trace):
        return Verdict(None if score.acc is None else score.acc == 1, score.decided_by, score.why)
    return scorer.grade_trace(trace)


def _score(trace: Trace, verdict: Verdict, judge: str) -> Score:
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
        judge=judge if verdict.decided_by is DecidedBy.JUDGE else "",
        judged=judged_of(trace) if verdict.decided_by is DecidedBy.JUDGE else "",
        stop=trace.stop,
        format_ok=is_well_formed(trace),
        num_turns=len(trace.turns),
        num_calls=len(ran),
        num_ok=sum(execution.ok for execution in ran),
        errors=tuple(kind for execution in ran if (kind := error_kind(execution)) is not None),
        usage=trace.usage,
        seconds=trace.seconds,
    )


def _is_kept(score: Score, judge: Judge | None) -> bool:
    """A verdict of this judge; of any where nobody can be asked."""
    is_decided = score.decided_by is DecidedBy.JUDGE and score.acc in (0, 1)
    return is_decided and (judge is None or score.judge == judge.signature)


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
