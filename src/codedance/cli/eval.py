"""`codedance eval`: run, score and summarise; resumed, repeated and probed by one command."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from codedance.cli import user_cache
from codedance.cli.compare import compared_runs
from codedance.cli.evaluation import (
    Evaluation,
    Request,
    again,
    has_evaluation,
    read_evaluation,
    refuse_another,
    refuse_changed_files,
    taken,
    write_evaluation,
)
from codedance.cli.options import JudgeFlags, ModelFlags, RolloutFlags, SandboxFlags, TaskFlags
from codedance.cli.rollouts import CostFlags, Made, Part, Rollouts, priced, report
from codedance.cli.score import refuse_failed, score_folder, tell, tell_alarms
from codedance.cli.terminal import stderr_console
from codedance.errors import ConfigError, DataError
from codedance.evaluate.probes import Probe

if TYPE_CHECKING:
    from codedance.evaluate.paired import Comparison
    from codedance.evaluate.preflight import Census
    from codedance.evaluate.summary import Summary

_PROMPT_CHARS = 4000


def evaluate(
    *tasks: str,
    out: Path,
    like: Path | None = None,
    repeats: int = 1,
    concurrency: int = 16,
    probe: tuple[Probe, ...] = (),
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    chosen: TaskFlags = TaskFlags(),  # noqa: B008
    judging: JudgeFlags = JudgeFlags(),  # noqa: B008
    cost: CostFlags = CostFlags(),  # noqa: B008
    asking: ModelFlags = ModelFlags(),  # noqa: B008
    rollout: RolloutFlags = RolloutFlags(),  # noqa: B008
    sandbox: SandboxFlags = SandboxFlags(),  # noqa: B008
) -> int:
    """Ask, score and summarise. The same command again does only what is missing.

    Parameters
    ----------
    tasks
        Files or folders in a layout of docs/evaluate.md, FOLDER:SPLIT, LAYOUT:FILE, synthetic or composite.
    out
        The folder of traces, scores, results, figures and report.
    like
        Repeat the evaluation in this folder: its tasks, settings, limits and rules, whatever the defaults are now; then
        compare with it. Only model, endpoints, judge, price, concurrency and the sandbox's limits can be given anew: a model that
        runs in this process (hf:, script:) has to be, and more time, more memory or less isolation than by default as well.
    repeats
        Ask every question so often; differing answers need a temperature above 0.
    concurrency
        Rollouts under way at once.
    probe
        Ask all again with blank or swapped pictures (blank, swap), without the tool (no-tool), or with options in another order
        (shuffle-options), into folders of their own, and say what accuracy loses. Several are fine.
    dry_run
        Ask nobody; count the tasks and show the first prompt of each data set.
    as_json
        Print the figures as JSON.
    """
    request = Request(
        tasks=tasks,
        repeats=repeats,
        chosen=chosen,
        probe=tuple(dict.fromkeys(probe)),
        rollout=rollout,
        sandbox=sandbox,
        model=asking.model,
        detail=asking.detail,
        extra_body=asking.extra_body or None,
        mode=judging.mode,
    )
    if like is not None:
        request, refused = again(request, read_evaluation(like), like)
        _tell_taken(like, request, refused)
        again_asking = {"model": request.model, "detail": request.detail, "extra_body": request.extra_body or ""}
        asking = dataclasses.replace(asking, **again_asking)  # type: ignore[arg-type]
        judging = dataclasses.replace(judging, mode=request.mode)  # type: ignore[arg-type]
    if request.repeats < 1:
        raise ConfigError(f"--repeats is {request.repeats}; it must be at least 1")
    rollouts = Rollouts(request.repeats, concurrency, request.chosen.prompt, cost, asking, request.rollout, request.sandbox)
    rollouts.check()
    census = request.chosen.look_over(request.tasks)
    _tell_census(census)
    if dry_run:
        _show_prompts(census, request)
        return 0
    evaluation = Evaluation(
        request=request,
        digests=census.selection.digests(),
        total=census.total,
        left_out=census.left_out,
        price=cost.price or (read_evaluation(out).price if has_evaluation(out) else None),
    )
    refuse_another(evaluation, out)
    if like is not None:
        refuse_changed_files(evaluation, like, all_known=True)
    parts = [Part(out, census), *(Part(out / f"probe-{name}", census, name) for name in request.probe)]
    made, summaries = asyncio.run(_work(rollouts, parts, evaluation, judging))
    if summaries:
        _conclude(out, like, made, summaries, request.mode, as_json=as_json)
    code = max(report(one, as_json=False) for one in made)
    for own in summaries.values():
        refuse_failed(own)
    return code


async def _work(
    rollouts: Rollouts, parts: Sequence[Part], evaluation: Evaluation, judging: JudgeFlags
) -> tuple[list[Made], dict[Path, dict[str, Summary]]]:
    """Rollouts, then scores, by folder; a judge is tried before anything is asked."""
    out = parts[0].out
    async with judging.open(user_cache.judgements()) as judge:
        if judge is not None:
            evaluation = dataclasses.replace(evaluation, judge=judge.signature)
        made = await rollouts.make(parts, begun=lambda: write_evaluation(out, evaluation))
        mode, price = evaluation.request.mode, priced(evaluation.price)
        return made, {one.out: await score_folder(one.out, mode, judge, price) for one in made if one.finished}


def _conclude(
    out: Path,
    like: Path | None,
    made: Sequence[Made],
    summaries: Mapping[Path, Mapping[str, Summary]],
    mode: str,
    *,
    as_json: bool,
) -> None:
    """Figures, what probes cost, what differs from an earlier evaluation, and the report."""
    from codedance.evaluate.tables import changes
    from codedance.report import write_report
    from codedance.reward.rules import Scoring
    from codedance.rollout.store import differences

    tell(summaries[out], out, as_json=as_json)
    for folder, own in summaries.items():
        if folder != out:
            tell_alarms(own, folder.name)
    talk = stderr_console()
    asked = made[0].total
    if (stored := sum(own.total + own.unknown for own in summaries[out].values())) > asked:
        talk.print(
            Text(f"{out} holds {stored} scored rollouts, more than the {asked} asked for; all are counted", style="yellow")
        )
    others: dict[str, Comparison] = {}
    pairs = [(one.out.name, out, one.out, True) for one in made[1:] if not one.missing]
    pairs += [(f"{like.name} -> {out.name}", like, out, False)] if like is not None else []
    for name, first, second, is_probe in pairs:
        try:
            others[name] = compared_runs(first, second, mode, is_probe=is_probe)
        except DataError as error:  # such as a probe that ended by outages throughout
            talk.print(Text(f"{name}: nothing to compare: {error}", style="yellow"), soft_wrap=True)
    if others:
        print("\n" + changes(others), file=sys.stderr if as_json else sys.stdout)
    if like is not None:
        for difference in differences(like, out):
            talk.print(Text(f"otherwise than {like}: {difference}", style="yellow"), soft_wrap=True)
    talk.print(Text(f"report: {write_report(out, scoring=Scoring(mode))}", style="dim"), soft_wrap=True)


def _tell_taken(like: Path, request: Request, refused: Sequence[str]) -> None:
    talk = stderr_console()
    talk.print(Text(f"as in {like}: {taken(request)}", style="dim"), soft_wrap=True)
    for words in refused:
        talk.print(Text(f"otherwise than in {like}: {words}", style="yellow"), soft_wrap=True)


def _tell_census(census: Census) -> None:
    talk = stderr_console()
    counts = ", ".join(f"{number} of {source}" for source, number in census.by_source.items())
    talk.print(Text(f"tasks: {counts}"), soft_wrap=True)
    if census.unknown:
        talk.print(Text(f"{census.unknown} of them have no known answer: they are asked, but not scored", style="yellow"))
    if census.left_out:
        talk.print(Text(f"{len(census.left_out)} rows are left out:", style="yellow"))
        for reason in census.left_out:
            talk.print(Text(f"  {reason}", style="yellow"), soft_wrap=True)


def _show_prompts(census: Census, request: Request) -> None:
    """The system prompt and the words of the first question of each data set; pictures are not opened."""
    from codedance.rollout.loop import codec_of
    from codedance.rollout.settings import SystemPrompt

    settings = dataclasses.replace(request.rollout.settings(), system=SystemPrompt(request.chosen.prompt))
    shown: set[str] = set()
    for task in census.tasks():
        if task.source not in shown:
            shown.add(task.source)
            codec, time_s = codec_of(settings, task), request.sandbox.time_s
            messages = codec.opening(task.question, [], settings.turns, time_s, has_pictures=bool(task.images))
            for message in messages:
                print(f"--- {task.source}, {task.id}: {message.role}\n{message.text[:_PROMPT_CHARS]}")
            print(f"--- known answer: {task.answer}, rule: {task.key.rule}, pictures: {len(task.images)}\n")
        if len(shown) == len(census.by_source):
            return
