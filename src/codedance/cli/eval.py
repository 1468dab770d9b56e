"""`codedance eval`: run, score and summarise; resumed, repeated and probed by one command."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from codedance.cli.compare import compared_runs
from codedance.cli.options import JudgeFlags, ModelFlags, RolloutFlags, SandboxFlags, TaskFlags
from codedance.cli.rollouts import CostFlags, Made, Part, Rollouts, report
from codedance.cli.score import JUDGEMENTS, refuse_failed, score_folder, tell
from codedance.errors import ConfigError, DataError
from codedance.evaluate.probes import Probe

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from codedance.evaluate.preflight import Census
    from codedance.evaluate.summary import Summary

_FILE = "eval.json"
_PROMPT_CHARS = 4000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an evaluation was asked for; `--like` asks for the same again."""

    tasks: tuple[str, ...]
    repeats: int
    chosen: TaskFlags
    probe: tuple[Probe, ...]
    rollout: RolloutFlags
    sandbox: SandboxFlags
    model: str | None
    mode: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """OUT/eval.json: the request, and what it met."""

    request: Request
    digests: dict[str, str]
    """SHA-256 of the files with tasks."""
    total: int
    left_out: tuple[str, ...]
    """Rows that were not asked, and why."""
    judge: str | None = None
    judge_prompt: str | None = None
    """Digest of its words."""


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
        Files in a layout of docs/evaluate.md (.jsonl, .json, .parquet, .tsv, .csv), LAYOUT:FILE, synthetic or composite.
    out
        The folder of traces, scores, results, figures and report.
    like
        Repeat the evaluation in this folder: same tasks, settings, limits and rules; then compare with it. Only model,
        endpoints, judge, price and concurrency can be given anew.
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
        mode=judging.mode,
    )
    earlier = read_evaluation(like) if like is not None else None
    if earlier is not None:
        request = _again(request, earlier)
        asking, judging = (
            dataclasses.replace(asking, model=request.model),
            dataclasses.replace(judging, mode=request.mode),  # type: ignore[arg-type]
        )
    rollouts = Rollouts(request.repeats, concurrency, request.chosen.prompt, cost, asking, request.rollout, request.sandbox)
    rollouts.check()
    census = request.chosen.look_over(request.tasks)
    _tell_census(census)
    if dry_run:
        _show_prompts(census, request)
        return 0
    evaluation = Evaluation(request=request, digests=census.selection.digests(), total=census.total, left_out=census.left_out)
    for folder in (like, out):
        if folder is not None and (folder / _FILE).exists():
            _refuse_other_files(evaluation, folder)
    parts = [Part(out, census), *(Part(out / f"probe-{name}", census, name) for name in request.probe)]
    made, summaries = asyncio.run(_work(rollouts, parts, evaluation, judging))
    if not made[0].progress.done + made[0].progress.resumed:
        return report(made[0], as_json=False)
    _conclude(out, like, made, summaries, request.mode, as_json=as_json)
    code = max(report(one, as_json=False) for one in made)
    refuse_failed(summaries)
    return code


async def _work(
    rollouts: Rollouts, parts: Sequence[Part], evaluation: Evaluation, judging: JudgeFlags
) -> tuple[list[Made], dict[str, Summary]]:
    """Rollouts, then scores; a judge is tried before anything is asked."""
    out = parts[0].out
    async with judging.open(out / JUDGEMENTS) as judge:
        if judge is not None:
            evaluation = dataclasses.replace(evaluation, judge=judge.name, judge_prompt=judge.prompt)
        if not (out / _FILE).exists():
            _write(out, evaluation)
        made = await rollouts.make(parts)
        _write(out, evaluation)  # now that the folder has taken these settings
        scored = [
            await score_folder(one.out, evaluation.request.mode, judge, rollouts.cost.priced)
            for one in made
            if one.progress.done + one.progress.resumed
        ]
    return made, scored[0] if scored else {}


def _conclude(
    out: Path, like: Path | None, made: Sequence[Made], summaries: dict[str, Summary], mode: str, *, as_json: bool
) -> None:
    """Figures, what probes cost, what differs from an earlier evaluation, and the report."""
    from codedance.evaluate.tables import changes
    from codedance.report import write_report
    from codedance.rollout.store import differences

    tell(summaries, out, as_json=as_json)
    others = {one.out.name: compared_runs(out, one.out, mode) for one in made[1:] if not one.missing}
    if like is not None:
        others[f"{like.name} -> {out.name}"] = compared_runs(like, out, mode)
    if others:
        print("\n" + changes(others), file=sys.stderr if as_json else sys.stdout)
    talk = Console(stderr=True)
    if like is not None:
        for difference in differences(like, out):
            talk.print(Text(f"otherwise than {like}: {difference}", style="yellow"), soft_wrap=True)
    talk.print(Text(f"report: {write_report(out)}", style="dim"), soft_wrap=True)


def _again(request: Request, earlier: Evaluation) -> Request:
    """The earlier request, with another model where one is named.

    Raises:
        ConfigError: something else was named that the earlier one decides.
    """
    plain = Request(
        tasks=(),
        repeats=1,
        chosen=TaskFlags(),
        probe=(),
        rollout=RolloutFlags(),
        sandbox=SandboxFlags(),
        model=None,
        mode="default",
    )
    for field in dataclasses.fields(Request):
        if field.name != "model" and getattr(request, field.name) != getattr(plain, field.name):
            raise ConfigError(
                f"--like repeats the earlier evaluation's {field.name}; leave out what sets it, or leave out --like"
            )
    return dataclasses.replace(earlier.request, model=request.model or earlier.request.model)


def _refuse_other_files(evaluation: Evaluation, folder: Path) -> None:
    """That the files have not changed since the evaluation in `folder`.

    Raises:
        DataError: one has.
    """
    before = read_evaluation(folder).digests
    for source, digest in evaluation.digests.items():
        if before.get(source, digest) != digest:
            raise DataError(f"{source}: the file has changed since {folder} was made; name another folder with --out")


def read_evaluation(folder: Path) -> Evaluation:
    """What an evaluation was asked for.

    Raises:
        DataError: there is none, or its file is damaged.
    """
    path = folder / _FILE
    try:
        return _evaluations().validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{folder}: there is no evaluation here ({_FILE} cannot be read: {error.strerror})") from None
    except ValueError:
        raise DataError(f"{path}: it is no evaluation of this version; repeat it with its flags instead") from None


def _write(out: Path, evaluation: Evaluation) -> None:
    part = out / f".part-{_FILE}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_evaluations().dump_json(evaluation, indent=1) + b"\n")
        part.replace(out / _FILE)
    except OSError as error:
        raise DataError(f"{part}: it cannot be written: {error.strerror}; name another folder with --out") from None


@cache
def _evaluations() -> TypeAdapter[Evaluation]:
    from pydantic import TypeAdapter

    return TypeAdapter(Evaluation)


def _tell_census(census: Census) -> None:
    talk = Console(stderr=True)
    counts = ", ".join(f"{number} of {source}" for source, number in census.by_source.items())
    talk.print(Text(f"tasks: {counts}"), soft_wrap=True)
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
            messages = codec_of(settings, task).opening(task.question, [], settings.turns, request.sandbox.time_s)
            for message in messages:
                print(f"--- {task.source}, {task.id}: {message.role}\n{message.text[:_PROMPT_CHARS]}")
            print(f"--- known answer: {task.answer}, rule: {task.key.rule}, pictures: {len(task.images)}\n")
        if len(shown) == len(census.by_source):
            return
