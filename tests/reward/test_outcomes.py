from __future__ import annotations

import re

import numpy as np
import pytest

from codedance.errors import DataError
from codedance.reward import Outcomes, outcome_of
from codedance.types import ExecStatus, Repair, StopReason, Turn
from reward.batches import BAD, OK, QUIET, batch, code_turn, trace

ANSWER = Turn(text="", answer="7")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.01])
def test_an_accuracy_that_is_none_is_refused_by_row_and_value(value: float) -> None:
    with pytest.raises(DataError, match=re.escape(f"row 2: accuracy {value} is outside")):
        batch([(0.0, ()), (1.0, ()), (value, ()), (value, ())])


def test_an_accuracy_that_nobody_gave_is_refused() -> None:
    with pytest.raises(DataError, match="accuracy holds object, not float64"):
        outcome_of([trace(ANSWER)], [None], [0])


@pytest.mark.parametrize("short", ["groups", "accuracy", "format_ok", "calls"])
def test_unequal_lengths_are_refused(short: str) -> None:
    full = {"groups": np.zeros(3, int), "accuracy": np.zeros(3), "format_ok": np.ones(3, bool), "calls": ((), (), ())}
    with pytest.raises(DataError, match=f"differ in length: .*2 of {short}"):
        Outcomes(**(full | {short: full[short][:2]}))  # type: ignore[arg-type, index]


def test_group_ids_with_fractions_are_refused() -> None:
    with pytest.raises(DataError, match="groups holds float64, not int64"):
        Outcomes(np.array([0.5]), np.array([1.0]), np.array([True]), ((),))  # type: ignore[arg-type]


def test_a_table_is_refused() -> None:
    with pytest.raises(DataError, match="accuracy has 2 dimensions"):
        Outcomes(np.array([0]), np.array([[1.0]]), np.array([True]), ((),))


def test_a_status_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="row 1: a call ended with 'Error'; a status is one of ok, no_output"):
        batch([(1.0, (OK,)), (1.0, (OK, "Error"))])  # type: ignore[arg-type]


def test_arrays_of_a_batch_cannot_be_changed_later() -> None:
    mine = np.array([1.0])
    outcomes = Outcomes(np.array([0]), mine, np.array([True]), ((),))
    mine[0] = 0.0
    assert outcomes.accuracy[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        outcomes.accuracy[0] = 0.0


def test_arrays_of_other_widths_are_taken() -> None:
    outcomes = Outcomes(np.array([1], np.int32), np.array([0.5], np.float32), np.array([True]), ((),))  # type: ignore[arg-type]
    assert (outcomes.groups.dtype, outcomes.accuracy.dtype) == (np.int64, np.float64)


def test_calls_are_the_statuses_of_executed_cells_in_order() -> None:
    nudged, not_run = Turn(text="hm"), code_turn(None)
    made = [trace(code_turn(BAD), nudged, code_turn(QUIET), code_turn(OK), ANSWER), trace(not_run, stop=StopReason.TURN_LIMIT)]
    assert outcome_of(made, [1, 0], [5, 5]).calls == ((BAD, QUIET, OK), ())


def test_words_in_the_output_make_no_failure() -> None:
    assert "Error" in code_turn(OK).execution.stdout  # type: ignore[union-attr]
    assert outcome_of([trace(code_turn(OK), ANSWER)], [1], [0]).calls == ((ExecStatus.OK,),)


@pytest.mark.parametrize(
    ("turns", "stop", "is_right"),
    [
        ((ANSWER,), StopReason.ANSWERED, True),
        ((code_turn(BAD), ANSWER), StopReason.ANSWERED, True),
        ((code_turn(OK),), StopReason.TURN_LIMIT, False),
        ((Turn(text="hm"), Turn(text="hm")), StopReason.NO_ACTION, False),
        ((Turn(text="hm"), ANSWER), StopReason.ANSWERED, False),
        ((code_turn(OK, Repair.FORGED_OBSERVATION), ANSWER), StopReason.ANSWERED, False),
        ((Turn(text="", answer="7", repairs=(Repair.UNCLOSED_THINK,)),), StopReason.ANSWERED, False),
    ],
)
def test_the_format_is_right_if_all_replies_were_and_the_last_answered(
    turns: tuple[Turn, ...], stop: StopReason, is_right: bool
) -> None:
    assert outcome_of([trace(*turns, stop=stop)], [0], [0]).format_ok.tolist() == [is_right]


@pytest.mark.parametrize("stop", [StopReason.MODEL_ERROR, StopReason.SANDBOX_ERROR, StopReason.DATA_ERROR])
def test_an_outage_is_no_wrong_answer(stop: StopReason) -> None:
    with pytest.raises(DataError, match=f"row 1: t ended by {stop}"):
        outcome_of([trace(ANSWER), trace(stop=stop)], [0, 0], [0, 0])
