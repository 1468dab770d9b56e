"""Batches of rollouts in one line each, drawn ones, and traces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from codedance.reward import Outcomes
from codedance.types import ExecStatus, Execution, Isolation, Repair, Sampling, StopReason, Trace, Turn

OK, QUIET, BAD = ExecStatus.OK, ExecStatus.NO_OUTPUT, ExecStatus.ERROR
Calls = tuple[ExecStatus, ...]
Row = tuple[float, Calls]


def batch(rows: Sequence[Row], groups: Sequence[int] | None = None, badly_formed: Sequence[int] = ()) -> Outcomes:
    """Rollouts given as (accuracy, calls), all in one group if none are named."""
    return Outcomes(
        groups=np.array(groups if groups is not None else [0] * len(rows), dtype=np.int64),
        accuracy=np.array([accuracy for accuracy, _ in rows], dtype=np.float64),
        format_ok=np.array([row not in badly_formed for row in range(len(rows))], dtype=np.bool_),
        calls=tuple(calls for _, calls in rows),
    )


def right_ones(num: int, of: int = 8, calls: Calls = ()) -> Outcomes:
    """One group without formal errors, the first `num` right."""
    return batch([(float(row < num), calls) for row in range(of)])


all_calls = st.lists(st.sampled_from([OK, QUIET, BAD, ExecStatus.TIMEOUT, ExecStatus.CRASHED]), max_size=5).map(tuple)
accuracies = st.sampled_from([0.0, 1.0])


@st.composite
def batches(draw: st.DrawFn) -> Outcomes:
    """Up to four groups of any size, interleaved."""
    rows = draw(st.lists(st.tuples(st.integers(0, 3), accuracies, st.booleans(), all_calls), min_size=1, max_size=24))
    groups, accuracy, form, calls = zip(*rows, strict=True)
    return Outcomes(np.array(groups), np.array(accuracy), np.array(form), calls)


def with_row(outcomes: Outcomes, row: int, *, accuracy: float | None = None, calls: Calls | None = None) -> Outcomes:
    """The same batch, but for one rollout."""
    changed = outcomes.accuracy.copy()
    changed[row] = changed[row] if accuracy is None else accuracy
    every = list(outcomes.calls)
    every[row] = every[row] if calls is None else calls
    return Outcomes(outcomes.groups, changed, outcomes.format_ok, tuple(every))


def code_turn(status: ExecStatus | None, *repairs: Repair) -> Turn:
    """A turn with code, run or not."""
    run = None
    if status is not None:
        run = Execution(
            status=status,
            stdout="Standard Error: 0.2, timeout",
            stderr="",
            images=(),
            error=None,
            seconds=0.1,
            truncated=False,
            isolation=Isolation(0),
            state_kept=True,
        )
    return Turn(text="", code="print(1)", execution=run, repairs=repairs)


def trace(*turns: Turn, stop: StopReason = StopReason.ANSWERED) -> Trace:
    """One rollout."""
    return Trace(
        task_id="t",
        question="?",
        model="m",
        sampling=Sampling(),
        format="code_tags",
        prompt="p",
        turns=turns,
        stop=stop,
        started="2026-01-01T00:00:00Z",
        seconds=1.0,
    )
