"""How slow this machine is at the moment, for tests that bound the processor time of a piece of work.

    assert spent_s < 0.4 * slowness()

The bounds were set on a machine that takes `_REFERENCE_S` for the loop below; on a faster one they hold as they stand.
"""

from __future__ import annotations

import time

_STEPS = 2_000_000
_REFERENCE_S = 0.29
"""Derived: session starts were 1.7 times as fast there as on a machine that took 0.49 s."""


def slowness() -> float:
    """Processor time of a fixed loop, relative to the machine on which the bounds were set; at least 1."""
    spent = []
    for _ in range(3):
        start, total = time.process_time(), 0
        for step in range(_STEPS):
            total += step * step
        spent.append(time.process_time() - start)
    return max(1.0, min(spent) / _REFERENCE_S)
