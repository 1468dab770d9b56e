"""Shares with intervals, summaries and histograms: what many numbers say, in few.

    Share(hits=31, total=40, num_independent=40).interval     # Interval(value=0.775, low=0.625, high=0.877, n=40)
    bars([1, 1, 2, 3], whole=True)                             # (Bar(1, 2, 2), Bar(2, 3, 1), Bar(3, 4, 1))

Not covered: comparing two runs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from codedance.evaluate.intervals import Interval, wilson

_MOST_BARS = 20


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    total: int
    num_independent: int = 0
    """What the interval rests on; 0: there is none to give."""

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> Interval | None:
        """Wilson, 95 %."""
        if self.value is None or not self.num_independent:
            return None
        return wilson(self.value * self.num_independent, self.num_independent)


class Summary(NamedTuple):
    """Of many numbers."""

    mean: float
    median: float
    p90: float
    most: float
    total: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Summary:
        """All zero where there are none."""
        ordered = sorted(values) or [0.0]
        last = len(ordered) - 1
        total = math.fsum(ordered)
        return cls(total / len(ordered), ordered[last // 2], ordered[math.ceil(last * 0.9)], ordered[-1], total)


class Bar(NamedTuple):
    """One class of a histogram: from `low` up to, but not including, `high`; the last one is open where `high` is None."""

    low: float
    high: float | None
    number: int


def bars(values: Sequence[float], whole: bool = False) -> tuple[Bar, ...]:
    """At most 20 equally wide classes and an open last one, so that a few stragglers do not flatten the picture."""
    if not values:
        return ()
    ordered = sorted(values)
    start = math.floor(ordered[0]) if whole else 0
    end = ordered[math.ceil((len(ordered) - 1) * 0.98)]
    width = _nice_width((end - start) / _MOST_BARS, whole)
    number = int((end - start) // width) + 1
    found = Counter(min(int((value - start) // width), number) for value in ordered)
    closed = [Bar(start + i * width, start + (i + 1) * width, found[i]) for i in range(number)]
    return (*closed, Bar(start + number * width, None, found[number])) if found[number] else tuple(closed)


def _nice_width(least: float, whole: bool) -> float:
    """The next of 1, 2, 5, 10, ... times a power of ten."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    width = next(step * power for step in (1, 2, 5, 10) if step * power >= least * 0.999)
    return max(1.0, width) if whole else width
