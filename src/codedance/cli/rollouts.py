"""Rollouts as flags describe them: model and sandbox opened once, budgets, live progress, Ctrl-C in good order.

    made = asyncio.run(Rollouts(flags...).make([Part(folder, census)]))
    report(made)                        # counts on stderr, or as JSON; an error where something broke

`codedance run` makes one part, `codedance eval` one more for every probe.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter
from rich.text import Text

from codedance.cli.options import ModelFlags, RolloutFlags, SandboxFlags
from codedance.cli.terminal import stderr_console
from codedance.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from codedance.evaluate.preflight import Census
    from codedance.evaluate.probes import Probe
    from codedance.model.chat import ChatModel
    from codedance.model.cost import CostMeter, Price
    from codedance.rollout.runner import Progress, Runner
    from codedance.sandbox import Sandbox

_INTERRUPTED = 130
_SLOTS = 256


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

    def check(self) -> None:
        """Refuse negative ones."""
        for name, value in (
            ("price", min(self.price or (0.0,))),
            ("most-tokens", self.most_tokens),
            ("most-dollars", self.most_dollars),
        ):
            if value is not None and value < 0:
                raise ConfigError(f"--{name} is {value:g}; it cannot be negative")

    @property
    def priced(self) -> Price | None:
        """The price, where one is given."""
        return priced(self.price)


def priced(price: tuple[float, float] | None) -> Price | None:
    """Of a million prompt tokens and a million completion tokens."""
    from codedance.model.cost import Price

    return Price(prompt_per_million=price[0], completion_per_million=price[1]) if price else None


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One folder of rollouts."""

    out: Path
    census: Census
    probe: Probe | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """How far a part has come."""

    out: Path
    total: int
    progress: Progress
    spent: str
    """What a budget that is spent has bought."""

    @property
    def missing(self) -> int:
        """Rollouts that were not made."""
        return self.total - self.finished

    @property
    def finished(self) -> int:
        """Now, or found finished."""
        return self.progress.done + self.progress.resumed


@dataclasses.dataclass(frozen=True, slots=True)
class Rollouts:
    """What the flags ask for."""

    samples: int
    concurrency: int
    prompt: str
    cost: CostFlags
    asking: ModelFlags
    rollout: RolloutFlags
    sandbox: SandboxFlags
    require_tokens: bool = False
    """Tokens that --record-tokens asks for and that do not come are an error."""

    def check(self) -> None:
        """Refuse numbers that make no sense, before anything is opened."""
        for name, value in (("samples", self.samples), ("concurrency", self.concurrency)):
            if value < 1:
                raise ConfigError(f"--{name} is {value}; it must be at least 1")
        self.cost.check()
        if self.cost.cache and self.samples > 1 and self.rollout.seed is None:
            raise ConfigError("--cache keeps one reply for the same request, so that repeats would all be the same; add --seed")

    async def make(self, parts: Sequence[Part], begun: Callable[[], None] = lambda: None) -> list[Made]:
        """One part after another, until one is interrupted or the budget is spent.

        `begun` is called when the first folder has taken the settings.
        """
        from codedance.model.cache import CachedModel
        from codedance.model.cost import Budget, CostMeter

        budget = Budget(tokens=self.cost.most_tokens, dollars=self.cost.most_dollars)
        made: list[Made] = []
        async with AsyncExitStack() as stack:
            named = await stack.enter_async_context(
                self.asking.open(concurrency=self.concurrency, require_tokens=self.require_tokens)
            )
            meter = CostMeter(named, self.cost.priced, budget)
            cache = self.cost.cache
            model = await stack.enter_async_context(CachedModel(meter, cache)) if cache else meter
            box = await stack.enter_async_context(self.sandbox.open(slots=max(_SLOTS, self.concurrency)))
            for part in parts:
                made.append(await self._make(part, named, meter, model, box, begun))
                begun = _nothing
                if made[-1].missing > 0:
                    break
        return made

    async def _make(
        self, part: Part, named: ChatModel, meter: CostMeter, model: ChatModel, box: Sandbox, begun: Callable[[], None]
    ) -> Made:
        from codedance.cli.progress import RunDisplay
        from codedance.evaluate.probes import probed
        from codedance.reward.scorer import Scorer
        from codedance.rollout.runner import Runner
        from codedance.rollout.settings import SystemPrompt

        settings = dataclasses.replace(self.rollout.settings(named), system=SystemPrompt(self.prompt))
        tasks = part.census.tasks()
        if part.probe is not None:
            settings, tasks = probed(part.probe, settings, tasks)
        total = part.census.total * self.samples
        with RunDisplay(total) as display, Scorer() as scorer:
            heard = 0

            def on_progress(progress: Progress) -> None:
                nonlocal heard
                if not heard:
                    begun()
                heard += 1
                display(progress)

            runner = Runner(
                model,
                box,
                part.out,
                settings,
                samples=self.samples,
                concurrency=self.concurrency,
                may_go_on=lambda: not meter.is_spent,
                on_progress=on_progress,
                is_right=lambda trace: scorer.grade_trace(trace).is_right,
            )
            with _finishing_on_interrupt(runner):
                progress = await runner.run(tasks)
        return Made(part.out, total, progress, _spent(meter) if meter.is_spent else "")


def _nothing() -> None:
    return None


@contextmanager
def _finishing_on_interrupt(runner: Runner) -> Iterator[None]:
    """The first Ctrl-C ends the run in good order, the second at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        stderr_console().print("finishing what is under way; Ctrl-C again stops at once")
        runner.stop()
        loop.remove_signal_handler(signal.SIGINT)
        loop.add_signal_handler(signal.SIGINT, task.cancel)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def report(made: Made, *, as_json: bool) -> int:
    """Say how far it has come; the exit code.

    Raises:
        ModelError: rollouts ended by an outage or a broken picture, or the budget is spent before all are made.
    """
    from codedance.cli.progress import figures

    progress, total, out = made.progress, made.total, made.out
    if as_json:
        print(json.dumps({**dataclasses.asdict(progress), "missing": made.missing}))
    talk = stderr_console()
    talk.print(Text(f"{progress.done + progress.resumed} of {total} rollouts: {figures(progress)}"), soft_wrap=True)
    talk.print(Text(f"run: {out}   (codedance report {out}; codedance replay {out})", style="dim"), soft_wrap=True)
    if progress.outages or progress.unusable:
        kinds = {"by an outage": progress.outages, "with a picture that cannot be used": progress.unusable}
        failed = " and ".join(f"{number} ended {how}" for how, number in kinds.items() if number)
        raise ModelError(
            f"of {total} rollouts {failed}, the last one because: {progress.last_failure}; the same command does these again"
        )
    if made.spent and made.missing > 0:
        raise ModelError(f"the budget is spent ({made.spent}) after {progress.done} rollouts; raise it, and run the same again")
    return 0 if made.missing <= 0 else _INTERRUPTED


def _spent(meter: CostMeter) -> str:
    tokens = f"{meter.usage.prompt_tokens + meter.usage.completion_tokens} tokens"
    return tokens if meter.dollars is None else f"{tokens}, {meter.dollars:.2f} dollars"
