"""Bounds on the processor time of a piece of work that hold on slower machines and shared ones too.

    assert costs_at_most(0.4, lambda: parse(text))

The bounds were set on a machine that takes `_REFERENCE_S` for the yardstick below. Where the work takes longer than its bound,
the yardstick is run beside it: the work may take longer by as much as the yardstick does. It works on text and arrays, as these
tests do; a bare loop stays in the processor's cache, so it hardly notices a busy neighbour.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable

import numpy as np

_REFERENCE_S = 0.085
"""Derived: a machine that takes 1.18 times as long for a bare loop takes 0.100 s."""
_ROUNDS = 3
_TEXT = "<code>print(1)</code> and <answer>7</answer>\n" * 4000


def costs_at_most(bound_s: float, work: Callable[[], object]) -> bool:
    """Whether one of some rounds stays within the bound, on this machine as it is at the moment."""
    if _spent_s(work) <= bound_s:
        return True
    for _ in range(_ROUNDS):
        before, spent, after = _spent_s(_yardstick), _spent_s(work), _spent_s(_yardstick)
        if spent <= bound_s * max(1.0, (before + after) / 2 / _REFERENCE_S):
            return True
    return False


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
