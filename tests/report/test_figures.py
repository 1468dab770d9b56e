"""The numbers of the overview, against counts made by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.report.figures import Tally
from codedance.report.operation_names import Operation
from codedance.report.quantities import Bar, Share, Summary, bars
from codedance.types import ExecError, ExecStatus, Execution, Isolation, Repair, StopReason, Trace, Turn, Usage
from report.runs import answer, result, trace


def ran(status: ExecStatus = ExecStatus.OK, error: str = "", code: str = "x = 1", seconds: float = 0.5, **more: object) -> Turn:
    made = result(status, error=ExecError(error, "", 1) if error else None)
    execution = Execution(
        status=status,
        stdout="",
        stderr="",
        images=(),
        error=made.error,
        seconds=seconds,
        truncated=False,
        isolation=Isolation(3),
        state_kept=True,
    )
    return Turn(text=code, code=code, execution=execution, model_s=1.0, **more)  # type: ignore[arg-type]


RUN = (
    trace("a", turns=[ran(), ran(ExecStatus.ERROR, "ValueError"), answer("4")], gold="4", source="s", category="c"),
    trace("b", turns=[ran(code="img.crop((1, 2, 3, 4)).show()"), answer("5")], gold="4", source="s", category="c"),
    trace("c", turns=[ran(ExecStatus.TIMEOUT, "Timeout"), ran(ExecStatus.ERROR, "ValueError")], gold="4", source="t"),
    trace("d", stop=StopReason.MODEL_ERROR, error="refused", gold="4", source="t"),
    trace("e", turns=[answer("yes")], source="t"),
    trace("f", stop=StopReason.DATA_ERROR, error="empty", gold="1", source="t"),
)


def tally(traces: tuple[Trace, ...]) -> Tally:
    made = Tally()
    for one in traces:
        made.add(one, None if one.gold is None else one.answer == one.gold)
    return made


def test_outages_count_against_all_but_not_against_the_completed() -> None:
    figures = tally(RUN).figures()
    assert (figures.whole.right, figures.whole.known) == (1, 5)
    assert (figures.completed.right, figures.completed.known) == (1, 3)
    assert figures.whole.answered_share == Share(3, 6, 6)


def test_only_cells_that_ended_by_themselves_count_as_run() -> None:
    figures = tally(RUN).figures()
    assert figures.whole.code_share == Share(2, 5)
    assert figures.whole.code_share.interval is None
    assert figures.calls.total == 5 and figures.code_seconds.total == pytest.approx(2.5)


def test_errors_are_counted_by_exception_or_else_by_how_the_cell_ended() -> None:
    errors = tally(RUN).figures().errors
    assert {kind: (count.cells, count.traces) for kind, count in errors.items()} == {"ValueError": (2, 2), "timeout": (1, 1)}


def test_operations_count_cells_and_traces() -> None:
    twice = trace("g", turns=[ran(code="display(a)"), ran(code="display(b); display(c)")])
    operations = tally((*RUN, twice)).figures().operations
    assert {kind: (count.cells, count.traces) for kind, count in operations.items()} == {
        Operation.SHOW: (3, 2),
        Operation.CROP: (1, 1),
    }


def test_a_slip_counts_once_a_turn() -> None:
    slips = (Repair.BARE_FENCE, Repair.BARE_FENCE, Repair.UNCLOSED_THINK)
    repairs = tally((trace("a", turns=[ran(repairs=slips), ran(repairs=slips[:1])]),)).figures().repairs
    assert {kind: count.cells for kind, count in repairs.items()} == {Repair.BARE_FENCE: 2, Repair.UNCLOSED_THINK: 1}


def test_each_source_and_category_is_a_group_of_its_own() -> None:
    groups = {group.label: (group.traces, group.right, group.known) for group in tally(RUN).figures().groups}
    assert groups == {"t": (4, 0, 3), "s / c": (2, 1, 2)}


def test_samples_of_one_task_do_not_narrow_the_interval() -> None:
    once = tally(tuple(trace(str(n), turns=[answer(str(n % 2))], gold="1") for n in range(10))).figures()
    often = tally(tuple(trace(str(n % 10), turns=[answer(str(n % 2))], gold="1", sample=n // 10) for n in range(80))).figures()
    assert once.whole.right_share.value == often.whole.right_share.value
    assert once.whole.right_share.interval == often.whole.right_share.interval


def test_tokens_add_up() -> None:
    usage = Usage(100, 10, 5)
    assert tally((trace("a", usage=usage), trace("b", usage=usage))).figures().usage == Usage(200, 20, 10)


def test_a_share_of_nothing_has_neither_value_nor_interval() -> None:
    assert (Share(0, 0).value, Share(0, 0, 5).interval) == (None, None)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_a_histogram_counts_everything_once(values: list[float]) -> None:
    made = bars(values)
    assert sum(bar.number for bar in made) == len(values)
    assert len(made) <= 22
    assert all(a.high == pytest.approx(b.low) for a, b in zip(made, made[1:], strict=False))


def test_whole_numbers_get_a_bar_each() -> None:
    assert bars([1, 3, 3, 1], whole=True) == (Bar(1, 2, 2), Bar(2, 3, 0), Bar(3, 4, 2))


def test_a_straggler_does_not_flatten_the_histogram() -> None:
    made = bars([n / 10 for n in range(100)] + [3600.0])
    assert made[-1].high is None and made[-1].number == 1
    assert made[-2].high is not None and made[-2].high < 12


def test_a_summary_orders_what_it_gets() -> None:
    assert Summary.of([4, 1, 2, 3, 10]) == (4, 3, 10, 10, 20)
    assert Summary.of([]) == (0, 0, 0, 0, 0)
    assert not math.isnan(Summary.of([]).mean)
