"""The nouns that cross module borders: frozen, typed, without behaviour.

    result = await session.run("print(1)")
    if result.status is ExecStatus.OK: ...      # never look for words in result.stdout

Not covered: how they are stored or rendered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


class ExecStatus(StrEnum):
    """How the run of one cell ended, decided outside the sandboxed process."""

    OK = "ok"
    """It ended by itself and printed or showed something."""
    NO_OUTPUT = "no_output"
    """It ended by itself, but nothing was printed to stdout and nothing was shown."""
    ERROR = "error"
    """It raised an exception; the variables are kept."""
    TIMEOUT = "timeout"
    """It ran past the time limit, whatever it did about it."""
    OUT_OF_MEMORY = "out_of_memory"
    """It asked for more memory than the limit."""
    CRASHED = "crashed"
    """Its process died (segfault, os._exit, ...) or was lost."""
    PROTOCOL = "protocol"
    """It wrote on the channel that only the session's own machinery may use."""


@dataclass(frozen=True, slots=True)
class ExecError:
    """The exception that ended a cell."""

    type: str
    message: str
    line: int | None
    """1-based line in the cell, where known."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """How well the code was locked in: the rung of the ladder in docs/sandbox.md and what is missing for the next ones."""

    level: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What one cell did. Time, status and truncation are measured outside the sandboxed process."""

    status: ExecStatus
    stdout: str
    stderr: str
    images: tuple[Image.Image, ...]
    """RGB pictures in the order in which they were shown."""
    error: ExecError | None
    seconds: float
    truncated: bool
    """Printed text went past `Limits.output_kb` and was cut."""
    isolation: Isolation
    state_kept: bool
    """The variables are still there for the next cell."""
    replayed: int = 0
    """Cells run again before this one, to rebuild a session that had been lost."""
    replay_failed: bool = False
    """The rebuild stopped early: this cell ran on a part of the state."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know: dropped or resized images, a rebuild, an exit() that was ignored."""

    @property
    def ok(self) -> bool:
        """The cell ran to its end, with or without output."""
        return self.status in (ExecStatus.OK, ExecStatus.NO_OUTPUT)
