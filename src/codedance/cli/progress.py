"""How far a run is, live: a bar in a terminal, a line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column

from codedance.cli.terminal import stderr_console
from codedance.rollout.runner import Progress

_LINE_EVERY_S = 10.0
_FRAMES_PER_S = 4


class RunDisplay:
    """Shows `Progress` records on stderr; use it as a context manager and call it with each."""

    def __init__(self, total: int | None) -> None:
        self._console = stderr_console()
        self._total = total
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", table_column=Column(ratio=1, no_wrap=False)),
            console=self._console,
        )
        self._task = self._bar.add_task("rollouts", total=total, figures="")
        self._live = Live(self._bar, console=self._console, refresh_per_second=_FRAMES_PER_S)
        self._next_line = 0.0
        self._last: Progress | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()
        if error is not None and self._last is not None and not self._console.is_terminal:
            self._print(self._last)  # what was reached when it broke off

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        if self._console.is_terminal:
            self._bar.update(self._task, completed=progress.done + progress.resumed, figures=figures(progress))
            return
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            self._print(progress)

    def _print(self, progress: Progress) -> None:
        of = f" of {self._total}" if self._total is not None else ""
        self._console.print(f"{progress.done + progress.resumed}{of} rollouts: {figures(progress)}", markup=False, soft_wrap=True)


def figures(progress: Progress) -> str:
    """The numbers worth watching, in one line."""
    parts = [f"{progress.answered} answered"]
    if progress.refused:
        parts.append(f"{progress.refused} refused")
    if progress.with_gold:
        parts.append(f"right {progress.right / progress.with_gold:.1%} of {progress.with_gold}")
    if progress.undecided:
        parts.append(f"{progress.undecided} undecided by rules")
    if progress.cells:
        parts.append(f"code ok {1 - progress.failed_cells / progress.cells:.1%} of {progress.cells}")
    if progress.outages:
        parts.append(f"{progress.outages} outages")
    if progress.unusable:
        parts.append(f"{progress.unusable} with unusable pictures")
    if progress.seconds > 0:
        parts.append(f"{progress.done / progress.seconds:.2f}/s")
        if progress.usage.completion_tokens:
            parts.append(f"{progress.usage.completion_tokens / progress.seconds:.0f} tokens/s")
    if progress.resumed:
        parts.append(f"{progress.resumed} from before")
    return ", ".join(parts)


@contextmanager
def counted(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar for something simple that is counted, up to `total` if that is known; call what it gives with each number reached."""
    console = stderr_console()
    bar = Bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
    task = bar.add_task(what, total=total)
    with bar if console.is_terminal else nullcontext():
        yield lambda reached: bar.update(task, completed=reached)
