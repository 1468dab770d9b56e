"""The one clock of a call: replaying earlier cells and the cell itself share the time that a cell may take.

    clock = Clock(limits)
    clock.for_replays          # seconds that replays may still take: at most three quarters of time_s, all together
    clock.for_cell             # seconds that are left for the cell itself

So a call returns in time however long cells take that were quick at first. Waiting for the first process is not on it, which is
the machine's doing; for further ones it is, since cells that end their process cause them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from codedance.sandbox.limits import Limits

_SHARE_OF_REPLAYS = 0.75
_SHARE_OF_GRACE = 0.125
"""A replayed cell that does not stop when interrupted may not take much of what is left."""
_LEAST_S = 0.05
_TELLING = 0.1
"""From this share of a cell's time on it is said what the rebuild took."""


@dataclass(frozen=True, slots=True)
class PastCell:
    """A cell that succeeded."""

    code: str
    seconds: float
    """How long it took."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What happened to the state before a cell ran."""

    num_replayed: int = 0
    failed: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far one replay came."""

    seconds: Sequence[float]
    """Of each cell that was begun."""
    num_done: int
    fault: str | None = None
    """Why it stopped there, if it is not through."""
    is_clean: bool = True
    """The process has the state of exactly the cells that were done."""

    def num_affordable(self, seconds: float) -> int:
        """How many of the cells that were done can be done again within `seconds`."""
        return sum(total <= seconds for total in accumulate(self.seconds[: self.num_done]))


class Clock:
    """The time of one call, from the moment that it has its turn."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._started = time.monotonic()
        self._num_opened = 0

    def opened(self, seconds: float) -> None:
        """A process was made, which took so long."""
        if self._num_opened == 0:
            self._started += seconds
        self._num_opened += 1

    @property
    def for_replays(self) -> float:
        """Seconds left for replaying, not above zero once they are over."""
        return self._limits.time_s * _SHARE_OF_REPLAYS - self._elapsed

    @property
    def grace_of_replays(self) -> float:
        """Seconds that a replayed cell gets to stop."""
        return min(self._limits.grace_s, self._limits.time_s * _SHARE_OF_GRACE)

    @property
    def for_cell(self) -> float:
        """Seconds left for the cell itself; all of them if nothing had to be rebuilt."""
        if self._num_opened == 0:
            return self._limits.time_s
        return max(_LEAST_S, round(self._limits.time_s - self._elapsed, 2))

    @property
    def note(self) -> str:
        """What the rebuild took of the cell's time, if that is worth telling."""
        if self._elapsed < _TELLING * self._limits.time_s:
            return ""
        return (
            f"; that took {self._elapsed:.1f} of the {self._limits.time_s:g} s that a cell has, which left {self.for_cell:.1f} s"
        )

    @property
    def too_late(self) -> str:
        """Why a cell could not be replayed."""
        return f"no time is left for it: replays may take {self._limits.time_s * _SHARE_OF_REPLAYS:g} s, all together"

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._started
