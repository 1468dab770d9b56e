"""What the rollouts of a batch came to, as arrays: all that a reward may know.

    outcomes = outcome_of(traces, accuracy=[1.0, 0.0], groups=[0, 0])
    outcomes.calls[0]          # (ExecStatus.OK, ExecStatus.NO_OUTPUT)

A call counts by the status that the sandbox gave it, never by words in its output; a tag that the model typed, a note, or code
that was never run is no call. Not covered: judging answers; the accuracy comes from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from codedance.errors import DataError
from codedance.types import ExecStatus, StopReason, Trace


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Of a batch of rollouts. Groups must be whole: what a reward pays depends on how the others of the group did.

    Arrays are copied and cannot be written to.

    Raises:
        DataError: lengths differ, or a value cannot be used; names the row and the value.
    """

    groups: NDArray[np.int64]
    """Number of the question that each rollout answers; members need not be neighbours."""
    accuracy: NDArray[np.float64]
    """Of the answer, in [0, 1]."""
    format_ok: NDArray[np.bool_]
    calls: tuple[tuple[ExecStatus, ...], ...]
    """How each executed cell of a rollout ended, in order."""

    def __post_init__(self) -> None:
        for name, kind in (("groups", np.int64), ("accuracy", np.float64), ("format_ok", np.bool_)):
            object.__setattr__(self, name, _frozen(name, getattr(self, name), kind))
        sizes = {"groups": len(self.groups), "accuracy": len(self.accuracy), "format_ok": len(self.format_ok)}
        if set(sizes.values()) != {len(self.calls)}:
            told = ", ".join(f"{size} of {name}" for name, size in sizes.items())
            raise DataError(f"outcomes differ in length: {told}, {len(self.calls)} of calls; give one of each per rollout")
        wrong = np.flatnonzero(~((self.accuracy >= 0) & (self.accuracy <= 1)))  # NaN is wrong, too
        if wrong.size:
            row = int(wrong[0])
            raise DataError(f"row {row}: accuracy {self.accuracy[row]} is outside of [0, 1]; leave out what could not be judged")
        unknown = set(chain.from_iterable(self.calls)) - set(ExecStatus)
        for row, statuses in enumerate(self.calls if unknown else ()):
            for status in unknown.intersection(statuses):
                raise DataError(f"row {row}: a call ended with {status!r}; a status is one of {', '.join(ExecStatus)}")

    def __len__(self) -> int:
        return len(self.calls)


def outcome_of(traces: Sequence[Trace], accuracy: ArrayLike, groups: ArrayLike) -> Outcomes:
    """The outcomes of `traces`, judged elsewhere.

    The format is right where `is_well_formed` says so.

    Raises:
        DataError: lengths differ, a value cannot be used, or a trace ended by an outage or a broken picture, which says nothing
            about the model.
    """
    for row, trace in enumerate(traces):
        if trace.is_unfinished:
            raise DataError(f"row {row}: {trace.task_id} ended by {trace.stop}, which is no outcome; leave it out or ask again")
    return Outcomes(
        groups=np.asarray(groups),
        accuracy=np.asarray(accuracy),
        format_ok=np.array([is_well_formed(trace) for trace in traces], dtype=np.bool_),
        calls=tuple(tuple(turn.execution.status for turn in trace.turns if turn.execution is not None) for trace in traces),
    )


def is_well_formed(trace: Trace) -> bool:
    """It ended with an answer, every reply held code or an answer, and none needed a repair."""
    acted = all(turn.code is not None or turn.answer is not None for turn in trace.turns)
    return trace.stop is StopReason.ANSWERED and acted and not any(turn.repairs for turn in trace.turns)


def _frozen(name: str, values: Any, kind: type[np.generic]) -> NDArray[Any]:
    given = np.asarray(values)
    if given.ndim != 1:
        raise DataError(f"{name} has {given.ndim} dimensions; give one value per rollout")
    try:
        array = given.astype(kind, casting="same_kind") if given.size else np.empty(0, kind)
    except TypeError:
        raise DataError(f"{name} holds {given.dtype}, not {np.dtype(kind)}; give one value of that kind per rollout") from None
    array.setflags(write=False)
    return array
