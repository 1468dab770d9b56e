"""`codedance score`: the answers of a run held against the known ones; no model is asked but a judge."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from codedance.cli import user_cache
from codedance.cli.evaluation import has_evaluation, read_evaluation
from codedance.cli.options import JudgeFlags
from codedance.cli.rollouts import priced
from codedance.cli.terminal import stderr_console
from codedance.errors import DataError, JudgeError

if TYPE_CHECKING:
    from codedance.evaluate.summary import Summary
    from codedance.model.cost import Price
    from codedance.reward.judge import Judge


def score(
    folder: Path,
    *,
    fresh: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    judging: JudgeFlags = JudgeFlags(),  # noqa: B008
) -> int:
    """Score a run, write its results and figures, and print a table.

    What rules decide is decided anew each time. A judge's verdicts that stand in the folder are kept where question, answers and
    judge are the same, and counted; judgements that failed are asked again. Another mode writes files of its own.

    Parameters
    ----------
    folder
        A run's folder.
    fresh
        Believe none of the verdicts in the folder: the judge is asked about all of them, or nobody.
    as_json
        Print the figures as JSON.
    """

    from codedance.rollout.store import read_manifest

    price = read_evaluation(folder).price if has_evaluation(folder) else None

    async def work() -> dict[str, Summary]:
        async with judging.open(user_cache.judgements()) as judge:
            return await score_folder(folder, judging.mode, judge, priced(price), fresh=fresh)

    read_manifest(folder)  # before a judge is tried: there is a run

    summaries = asyncio.run(work())
    tell(summaries, folder, as_json=as_json)
    refuse_failed(summaries)
    return 0


async def score_folder(
    folder: Path, mode: str, judge: Judge | None, price: Price | None, *, fresh: bool = False
) -> dict[str, Summary]:
    """Score it, say what was taken over, and write every file.

    Raises:
        DataError: there is no run, or no rollout in it.
    """
    from codedance.cli.progress import counted
    from codedance.evaluate.records import write_predictions, write_results, write_stats
    from codedance.evaluate.scoring import score_run
    from codedance.evaluate.summary import summarise
    from codedance.reward.rules import Scoring

    scoring = Scoring(mode)
    kept: Counter[str] = Counter()
    with counted("scored", None) as on_score:
        scores = await score_run(
            folder, scoring, judge, on_score, fresh=fresh, on_kept=lambda score: kept.update([score.judge.rpartition(" ")[0]])
        )
    for name, number in kept.items():
        words = f"{number} verdicts of the judge {name or '?'} are those that stood in {folder}, not asked again"
        words += "; --fresh asks anew" if judge is not None else "; name a judge and --fresh to have them asked anew"
        stderr_console().print(Text(words, style="yellow"), soft_wrap=True)
    summaries = summarise(scores)
    if not summaries:
        raise DataError(f"{folder}: no rollout is finished, so there is nothing to score; run the same command again")
    write_results(folder, scores, scoring)
    write_stats(folder, summaries, scoring, price)
    write_predictions(folder, scores)
    return summaries


def tell(summaries: Mapping[str, Summary], folder: Path, *, as_json: bool) -> None:
    """The figures on stdout, and what should make one suspicious on stderr."""
    from codedance.evaluate.records import PREDICTIONS, as_plain
    from codedance.evaluate.tables import overview

    print(json.dumps(as_plain(dict(summaries))) if as_json else overview(summaries))
    tell_alarms(summaries, "")
    for file in sorted(folder.glob(f"{PREDICTIONS}_*.json")):
        stderr_console().print(Text(f"answers to send in: {file}"), soft_wrap=True)
    stderr_console().print(Text(f"scores: {folder}", style="dim"), soft_wrap=True)


def tell_alarms(summaries: Mapping[str, Summary], of: str) -> None:
    """What should make one suspicious, on stderr."""
    talk = stderr_console()
    for name, own in summaries.items():
        for alarm in own.alarms():
            talk.print(Text(f"{of}{' ' if of else ''}{name}: {alarm}", style="yellow"), soft_wrap=True)


def refuse_failed(summaries: Mapping[str, Summary]) -> None:
    """Judgements that failed are no result.

    Raises:
        JudgeError: there are some.
    """
    if failed := sum(own.decided_by.get("failed", 0) for own in summaries.values()):
        raise JudgeError(f"{failed} judgements failed and count as undecided; the same command asks for them again")
