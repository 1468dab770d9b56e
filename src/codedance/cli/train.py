"""codedance train: supervised fine-tuning and reinforcement learning by a recipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from codedance.cli.exam import exam, pack
from codedance.cli.terminal import stderr_console

train = App(name="train", help="Teach a model by a recipe; the same command goes on where it was interrupted.")

_Settings = Annotated[str, Parameter(help="Values that replace those of the recipe, such as optimizer.lr=1e-4.")]
_Out = Annotated[Path | None, Parameter(help="Where checkpoints, metrics and the model go (default: runs/RECIPE).")]

train.command(exam)
train.command(pack)


@train.command
def sft(recipe: Path, *settings: _Settings, out: _Out = None) -> None:
    """Supervised fine-tuning: learn from written conversations."""
    from codedance.config import read_config
    from codedance.train.sft import SftRecipe, train_sft

    plan = read_config(SftRecipe, recipe, settings)
    display = _Display(sum(stage.steps for stage in plan.stages), ("loss", "tokens_per_s"))
    print(train_sft(plan, out or Path("runs") / recipe.stem, display.step, display.book))


@train.command
def grpo(recipe: Path, *settings: _Settings, out: _Out = None) -> None:
    """Reinforcement learning: roll out, reward, and do more of what paid."""
    from codedance.config import read_config
    from codedance.train.grpo import train_grpo
    from codedance.train.grpo_recipe import GrpoRecipe

    plan = read_config(GrpoRecipe, recipe, settings)
    figures = ("reward", "accuracy", "uses_code_easy", "uses_code_hard", "code_runs")
    display = _Display(plan.steps, figures, ("undecided", "broken", "broken_pictures"))
    print(train_grpo(plan, out or Path("runs") / recipe.stem, display.step, display.tell))


class _Display:
    """A line on stderr now and then: means since the last one, and how long it will take.

    Args:
        steps: of the whole run.
        figures: what is always shown.
        troubles: what is shown where it is not 0.
    """

    _EVERY_S = 10.0

    def __init__(self, steps: int, figures: tuple[str, ...], troubles: tuple[str, ...] = ()) -> None:
        self._console = stderr_console()
        self._steps = steps
        self._figures = figures
        self._troubles = troubles
        self._sums: dict[str, list[float]] = {}
        self._began = time.monotonic()
        self._first: int | None = None
        self._last = 0.0

    def tell(self, words: str) -> None:
        """What should be known before the first step."""
        self._console.print(words, markup=False, soft_wrap=True)

    def book(self, done: int, of: int) -> None:
        """How much of the lessons is written."""
        if done == of or time.monotonic() - self._last > self._EVERY_S:
            self._last = time.monotonic()
            self._console.print(f"lessons written: {done} of {of} chapters", markup=False)

    def step(self, step: int, metrics: Mapping[str, float]) -> None:
        """What a step has to tell."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = step - 1, now
        for name, value in metrics.items():
            self._sums.setdefault(name, []).append(value)
        if step < self._steps and now - self._last < self._EVERY_S:
            return
        self._last = now
        left = (now - self._began) / max(1, step - self._first - 1) * (self._steps - step)
        shown = [name for name in self._figures if name in self._sums]
        shown += [name for name in self._troubles if any(self._sums.get(name, ()))]
        told = [f"{name} {sum(self._sums[name]) / len(self._sums[name]):.3f}" for name in shown]
        self._sums.clear()
        print(f"step {step} of {self._steps}: {', '.join(told)}, {left / 60:.1f} min left", file=sys.stderr, flush=True)
