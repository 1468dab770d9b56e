"""`codedance run`: many tasks into one folder, resumed by default."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from codedance.cli.options import ModelFlags, RolloutFlags, SandboxFlags
from codedance.errors import ConfigError, ModelError
from codedance.tasks import read_tasks
from codedance.types import Task

if TYPE_CHECKING:
    from codedance.model.cost import CostMeter
    from codedance.rollout.runner import Progress, Runner

_INTERRUPTED = 130


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CostFlags:
    """What it may cost."""

    cache: Path | None = None
    """Keep replies in this folder, and never ask the same twice."""
    price: tuple[float, float] | None = None
    """Dollars for a million prompt tokens and a million completion tokens."""
    most_tokens: int | None = None
    """Start no further rollout when this many tokens are used."""
    most_dollars: float | None = None
    """The same with money; needs --price."""


def run(
    tasks: Path,
    *,
    out: Path,
    samples: int = 1,
    concurrency: int = 16,
    limit: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    cost: CostFlags = CostFlags(),
    asking: ModelFlags = ModelFlags(),  # noqa: B008
    rollout: RolloutFlags = RolloutFlags(),  # noqa: B008
    sandbox: SandboxFlags = SandboxFlags(),  # noqa: B008
) -> int:
    """Ask about every task of a file. The same command again does only what is missing.

    Ctrl-C lets the rollouts under way finish; a second one stops at once. Exits with 1 if some ended by
    an outage or with a picture that cannot be used, or if the budget is spent before all are done.

    Parameters
    ----------
    tasks
        A .jsonl file: one object with id, question, images and answer a line; see docs/rollout.md.
    out
        The run's folder.
    samples
        Rollouts of each task; they differ with a temperature above 0, and are repeatable with a seed.
    concurrency
        Rollouts under way at once.
    limit
        Take only the first tasks.
    as_json
        Print the final counts as JSON.
    """
    for name, value in (("limit", limit), ("samples", samples), ("concurrency", concurrency)):
        if value is not None and value < 1:
            raise ConfigError(f"--{name} is {value}; it must be at least 1")
    total = sum(1 for _ in islice(read_tasks(tasks), limit)) * samples  # a mistake in line 900 is told before anything is asked
    job = _Job(islice(read_tasks(tasks), limit), total, out, samples, concurrency, cost, asking, rollout, sandbox)
    progress, spent = asyncio.run(job.run())
    return _report(progress, total, out, as_json, spent)


@dataclasses.dataclass(frozen=True, slots=True)
class _Job:
    """The run as the flags describe it."""

    tasks: Iterator[Task]
    total: int
    out: Path
    samples: int
    concurrency: int
    cost: CostFlags
    asking: ModelFlags
    rollout: RolloutFlags
    sandbox: SandboxFlags

    async def run(self) -> tuple[Progress, str]:
        """How far it came, and what a budget that is spent has bought."""
        from codedance.cli.progress import RunDisplay
        from codedance.model.cache import CachedModel
        from codedance.model.cost import Budget, CostMeter, Price
        from codedance.rollout.runner import Runner

        flags = self.cost
        for name, value in (
            ("price", min(flags.price or (0.0,))),
            ("most-tokens", flags.most_tokens),
            ("most-dollars", flags.most_dollars),
        ):
            if value is not None and value < 0:
                raise ConfigError(f"--{name} is {value:g}; it cannot be negative")
        price = Price(prompt_per_million=flags.price[0], completion_per_million=flags.price[1]) if flags.price else None
        budget = Budget(tokens=flags.most_tokens, dollars=flags.most_dollars)
        async with AsyncExitStack() as stack:
            named = await stack.enter_async_context(self.asking.open(concurrency=self.concurrency))
            meter = CostMeter(named, price, budget)
            model = await stack.enter_async_context(CachedModel(meter, flags.cache)) if flags.cache else meter
            box = await stack.enter_async_context(self.sandbox.open(slots=max(256, self.concurrency)))
            display = stack.enter_context(RunDisplay(self.total))
            runner = Runner(
                model,
                box,
                self.out,
                self.rollout.settings(named),
                samples=self.samples,
                concurrency=self.concurrency,
                may_go_on=lambda: not meter.is_spent,
                on_progress=display,
            )
            _finish_on_interrupt(runner)
            progress = await runner.run(self.tasks)
        return progress, _spent(meter) if meter.is_spent else ""


def _finish_on_interrupt(runner: Runner) -> None:
    """The first Ctrl-C ends the run in good order, the second at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        Console(stderr=True).print("finishing what is under way; Ctrl-C again stops at once")
        runner.stop()
        loop.remove_signal_handler(signal.SIGINT)
        loop.add_signal_handler(signal.SIGINT, task.cancel)

    loop.add_signal_handler(signal.SIGINT, interrupt)


def _report(progress: Progress, total: int, out: Path, as_json: bool, spent: str) -> int:
    from codedance.cli.progress import figures

    missing = total - progress.done - progress.resumed
    if as_json:
        print(json.dumps({**dataclasses.asdict(progress), "missing": missing}))
    talk = Console(stderr=True)
    talk.print(Text(f"{progress.done + progress.resumed} of {total} rollouts: {figures(progress)}"), soft_wrap=True)
    talk.print(Text(f"run: {out}   (codedance report {out}; codedance replay {out})", style="dim"), soft_wrap=True)
    if progress.outages or progress.unusable:
        kinds = {"by an outage": progress.outages, "with a picture that cannot be used": progress.unusable}
        failed = " and ".join(f"{number} ended {how}" for how, number in kinds.items() if number)
        raise ModelError(
            f"of {total} rollouts {failed}, the last one because: {progress.last_failure}; the same command does these again"
        )
    if spent and missing > 0:
        raise ModelError(f"the budget is spent ({spent}) after {progress.done} rollouts; raise it, and run the same again")
    return 0 if missing <= 0 else _INTERRUPTED


def _spent(meter: CostMeter) -> str:
    tokens = f"{meter.usage.prompt_tokens + meter.usage.completion_tokens} tokens"
    return tokens if meter.dollars is None else f"{tokens}, {meter.dollars:.2f} dollars"
