"""A run in numbers, counted while the traces stream by.

    tally = Tally()
    for trace in read_traces(folder):
        tally.add(trace, verdicts.is_right(trace))
    tally.figures().whole.right_share.value        # share of right answers; .interval: Wilson, 95 %

Where tasks were asked several times, intervals count tasks, not samples: samples of one task are not independent.
What is right the caller says. Not covered: scoring.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from codedance.evaluate.failures import error_kind
from codedance.report.operation_names import Operation
from codedance.report.operations import find_operations
from codedance.report.quantities import Bar, Share, Summary, bars
from codedance.types import Execution, Repair, StopReason, Trace, Usage

K = TypeVar("K")


@dataclass(slots=True)
class Count:
    """How often something occurred, and in how many traces."""

    cells: int = 0
    traces: int = 0


@dataclass(slots=True)
class Group:
    """Traces that are counted together."""

    label: str
    traces: int = 0
    known: int = 0
    """With a known answer."""
    right: int = 0
    answered: int = 0
    cells: int = 0
    cells_ok: int = 0
    turns: int = 0
    seconds: float = 0.0
    tasks: set[str] = field(default_factory=set)
    known_tasks: set[str] = field(default_factory=set)

    def add(self, trace: Trace, executions: Sequence[Execution], is_right: bool | None) -> None:
        """Count one."""
        self.traces += 1
        self.answered += trace.stop is StopReason.ANSWERED
        self.cells += len(executions)
        self.cells_ok += sum(execution.ok for execution in executions)
        self.turns += len(trace.turns)
        self.seconds += trace.seconds
        self.tasks.add(trace.task_id)
        if is_right is not None:
            self.known += 1
            self.right += is_right
            self.known_tasks.add(trace.task_id)

    @property
    def right_share(self) -> Share:
        """Among those with a known answer."""
        return Share(self.right, self.known, len(self.known_tasks))

    @property
    def answered_share(self) -> Share:
        """Those that gave an answer, right or wrong."""
        return Share(self.answered, self.traces, len(self.tasks))

    @property
    def code_share(self) -> Share:
        """Cells that ran to their end; no interval, as the cells of one trace hang together."""
        return Share(self.cells_ok, self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that the overview says in numbers."""

    whole: Group
    completed: Group
    """Without what broke from outside."""
    groups: tuple[Group, ...]
    """By source and category."""
    first: str
    last: str
    """When the first and the last rollout started."""
    turns: Summary
    calls: Summary
    seconds: Summary
    model_seconds: Summary
    code_seconds: Summary
    usage: Usage
    turn_bars: tuple[Bar, ...]
    second_bars: tuple[Bar, ...]
    stops: dict[StopReason, int]
    errors: dict[str, Count]
    operations: dict[Operation, Count]
    repairs: dict[Repair, Count]


def group_label(trace: Trace) -> str:
    """One name for its source and category."""
    return " / ".join(part for part in (trace.source, trace.category) if part)


class Tally:
    """Counts traces one at a time and keeps a few numbers of each."""

    def __init__(self) -> None:
        self._whole, self._completed = Group("all"), Group("completed")
        self._groups: dict[str, Group] = {}
        self._started: list[str] = []
        self._numbers: dict[str, array[float]] = {name: array("d") for name in ("turns", "calls", "seconds", "model", "code")}
        self._usage = Usage()
        self._stops: Counter[StopReason] = Counter()
        self._errors: dict[str, Count] = {}
        self._operations: dict[Operation, Count] = {}
        self._repairs: dict[Repair, Count] = {}

    @property
    def num_traces(self) -> int:
        """Counted so far."""
        return self._whole.traces

    def add(self, trace: Trace, is_right: bool | None) -> None:
        """Count one; None where no answer is known."""
        executions = [turn.execution for turn in trace.turns if turn.execution is not None]
        self._whole.add(trace, executions, is_right)
        if not (trace.is_outage or trace.stop is StopReason.DATA_ERROR):
            self._completed.add(trace, executions, is_right)
        label = group_label(trace)
        self._groups.setdefault(label, Group(label)).add(trace, executions, is_right)
        self._started = [min([*self._started, trace.started]), max([*self._started, trace.started])]
        self._stops[trace.stop] += 1
        self._usage += trace.usage
        numbers = (
            *(len(trace.turns), len(executions), trace.seconds),
            *(sum(turn.model_s for turn in trace.turns), sum(execution.seconds for execution in executions)),
        )
        for series, number in zip(self._numbers.values(), numbers, strict=True):
            series.append(number)
        _count(self._errors, ([kind] for execution in executions if (kind := error_kind(execution))))
        _count(self._operations, (find_operations(turn.code) for turn in trace.turns if turn.code is not None))
        _count(self._repairs, (turn.repairs for turn in trace.turns))

    def figures(self) -> Figures:
        """What was counted; at least one trace must have been."""
        return Figures(
            whole=self._whole,
            completed=self._completed,
            groups=tuple(sorted(self._groups.values(), key=lambda group: (-group.traces, group.label))),
            first=self._started[0],
            last=self._started[1],
            turns=Summary.of(self._numbers["turns"]),
            calls=Summary.of(self._numbers["calls"]),
            seconds=Summary.of(self._numbers["seconds"]),
            model_seconds=Summary.of(self._numbers["model"]),
            code_seconds=Summary.of(self._numbers["code"]),
            usage=self._usage,
            turn_bars=bars(self._numbers["turns"], whole=True),
            second_bars=bars(self._numbers["seconds"]),
            stops=dict(self._stops.most_common()),
            errors=_by_number(self._errors),
            operations=_by_number(self._operations),
            repairs=_by_number(self._repairs),
        )


def _count(counts: dict[K, Count], cells: Iterable[Iterable[K]]) -> None:
    """Add the cells of one trace, each with the kinds found in it."""
    for kind, number in Counter(kind for cell in cells for kind in set(cell)).items():
        count = counts.setdefault(kind, Count())
        count.cells += number
        count.traces += 1


def _by_number(counts: dict[K, Count]) -> dict[K, Count]:
    """The most frequent first."""
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1].cells, str(entry[0]))))
