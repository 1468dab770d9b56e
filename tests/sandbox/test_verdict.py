"""The verdict on a cell follows from what was seen, and a session's own word cannot better it."""

from __future__ import annotations

import dataclasses
import signal

import pytest

from codedance import ExecStatus
from codedance.sandbox.guest.messages import BROKEN
from codedance.sandbox.supervisor.reply import Done
from codedance.sandbox.supervisor.verdict import (
    KILLED,
    NO_MEMORY,
    Seen,
    cause_of_death,
    never_started,
    of_death,
    of_reply,
)

SEEN = Seen(ref=7, seconds=0.5, stdout_bytes=0, stderr_bytes=3, truncated=False, interrupted=False, time_s=2.0)
QUIET = Done(error=None, out_of_memory=False, images=[], notes=[])
ERROR = ["ValueError", "no", 4]


@pytest.mark.parametrize(
    ("seen", "done", "status"),
    [
        ({}, {}, ExecStatus.NO_OUTPUT),
        ({"stdout_bytes": 1}, {}, ExecStatus.OK),
        ({}, {"images": [[0, 1, 1]]}, ExecStatus.OK),
        ({"stdout_bytes": 1}, {"error": ERROR}, ExecStatus.ERROR),
        ({}, {"error": ERROR, "out_of_memory": True}, ExecStatus.OUT_OF_MEMORY),
        ({"interrupted": True, "stdout_bytes": 1}, {}, ExecStatus.TIMEOUT),
        ({"interrupted": True}, {"error": ERROR}, ExecStatus.TIMEOUT),
    ],
)
def test_an_answer_is_judged_by_what_was_seen(seen: dict, done: dict, status: ExecStatus) -> None:
    ran = of_reply(dataclasses.replace(SEEN, **seen), dataclasses.replace(QUIET, **done))
    assert (ran.status, ran.state_kept, ran.ref) == (status, True, 7)


def test_an_interrupted_cell_keeps_the_line_at_which_it_stood() -> None:
    ran = of_reply(dataclasses.replace(SEEN, interrupted=True), dataclasses.replace(QUIET, error=["TimeIsUp", "", 12]))
    assert ran.error == ["TimeLimit", "the cell ran longer than 2 s", 12]


@pytest.mark.parametrize(
    ("interrupted", "killed_for", "cause", "status", "words"),
    [
        (False, None, cause_of_death(3 << 8), ExecStatus.CRASHED, "exit status 3"),
        (True, None, cause_of_death(3 << 8), ExecStatus.TIMEOUT, "longer than 2 s and its process ended"),
        (True, (ExecStatus.TIMEOUT, "it did not stop"), KILLED, ExecStatus.TIMEOUT, "longer than 2 s and it did not stop"),
        (False, (ExecStatus.PROTOCOL, "it sent rubbish"), KILLED, ExecStatus.PROTOCOL, "rubbish"),
        (False, None, NO_MEMORY, ExecStatus.OUT_OF_MEMORY, "or the container, was out of memory"),
        (False, None, KILLED, ExecStatus.CRASHED, "SIGKILL"),
    ],
)
def test_a_death_is_told_with_its_reason(interrupted, killed_for, cause, status, words) -> None:  # type: ignore[no-untyped-def]
    ran = of_death(dataclasses.replace(SEEN, interrupted=interrupted), cause, killed_for)
    assert (ran.status, ran.state_kept, ran.images) == (status, False, [])
    assert words in ran.error[1]


def test_wait_statuses_in_words() -> None:
    assert cause_of_death(signal.SIGKILL) == KILLED
    assert cause_of_death(signal.SIGSEGV) == "its process was killed by SIGSEGV"
    assert cause_of_death(63) == "its process was killed by signal 63"
    assert cause_of_death(0) == "its process ended with exit status 0"
    assert "damaged" in cause_of_death(BROKEN << 8)
    assert never_started(5).started is False
