"""What a training run tells while it runs: a line of metrics.jsonl a step, the same for TensorBoard, and a caller's display.

    with Journal(folder, start=120, show=print) as journal:
        journal.write(121, {"loss": 0.4, "seconds": 1.2})

A run that goes on from step 120 drops the lines after it, so that the file is that of one run. Not covered: plots.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codedance.errors import StoreError

METRICS = "metrics.jsonl"

Show = Callable[[int, Mapping[str, float]], None]


def quiet(step: int, metrics: Mapping[str, float]) -> None:
    """Show nothing."""


class Journal:
    """Writes metrics; steps count from 1."""

    def __init__(self, folder: Path, start: int, show: Show) -> None:
        self._path = folder / METRICS
        self._show = show
        kept = [line for line in read_metrics(folder) if line["step"] <= start]
        part = self._path.with_suffix(".part")
        try:
            part.write_text("".join(json.dumps(line) + "\n" for line in kept))
            os.replace(part, self._path)
            self._file = open(self._path, "a", buffering=1)  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise StoreError(f"{self._path}: it cannot be written: {error.strerror}") from None
        self._board = _board(folder, start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keep and show the metrics of a step that is over."""
        rounded = {name: float(f"{value:.6g}") for name, value in metrics.items()}
        self._file.write(json.dumps({"step": step, **rounded}) + "\n")
        if self._board is not None:
            for name, value in rounded.items():
                self._board.add_scalar(name, value, step)
        self._show(step, rounded)


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's metrics; one that was cut by a crash, or is none of ours, is left out."""
    lines = []
    if (folder / METRICS).is_file():
        for line in (folder / METRICS).read_text().splitlines():
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict) and type(found.get("step")) is int:
                lines.append(found)
    return lines


def _board(folder: Path, start: int) -> Any:
    """TensorBoard's writer, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(folder / "tensorboard", purge_step=start + 1)
