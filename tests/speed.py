"""What a piece of work costs in processor time, made comparable between machines, for tests that bound it.

    assert cost_s(lambda: parse(text)) < 0.4

The bounds were set on a machine that takes `_REFERENCE_S` for the yardstick below; where the yardstick takes longer, because the
machine is slower or shared, the cost is divided by as much. The yardstick works on text and arrays, as these tests do: a bare
loop stays in the processor's cache, so it hardly notices a busy neighbour.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable

import numpy as np

_REFERENCE_S = 0.085
"""Derived: a machine that takes 1.18 times as long for a bare loop takes 0.100 s."""
_TEXT = "<code>print(1)</code> and <answer>7</answer>\n" * 4000


def cost_s(work: Callable[[], object], rounds: int = 3) -> float:
    """The least processor time of some rounds, each relative to the yardstick beside it, never made longer than it was."""
    costs = []
    for _ in range(rounds):
        before, spent, after = _spent_s(_yardstick), _spent_s(work), _spent_s(_yardstick)
        costs.append(spent / max(1.0, (before + after) / 2 / _REFERENCE_S))
    return min(costs)


def _spent_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _yardstick() -> None:
    places = sorted({found.start(): found.group() for found in re.finditer(r"</?\w+>", _TEXT)})
    for at in range(0, len(_TEXT), 4):
        bisect_left(places, at)
    [piece.strip().lower() for piece in _TEXT.split("<")]
    rows = np.arange(1_500_000, dtype=np.float32).reshape(1000, 1500)
    for _ in range(4):
        rows = np.sqrt(np.abs(rows - rows.mean())) + rows[::-1]
