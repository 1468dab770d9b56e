"""How a cell ended, from what the supervisor has seen itself: pure functions, no process, no clock.

    ran = of_reply(seen, done)                 # the session answered
    ran = of_death(seen, cause, killed_for)    # its process ended instead

A session's own word counts only where nothing else can know: the exception, the pictures, the notes.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from codedance.sandbox.guest.messages import BROKEN, UNWALLED, Ran
from codedance.sandbox.supervisor.reply import Done
from codedance.types import ExecStatus

_NAMES = {
    ExecStatus.TIMEOUT: "TimeLimit",
    ExecStatus.CRASHED: "Crashed",
    ExecStatus.PROTOCOL: "ProtocolViolation",
    ExecStatus.OUT_OF_MEMORY: "OutOfMemory",
}
KILLED = "its process was killed by SIGKILL"
NO_MEMORY = "the sandbox as a whole, or the container, was out of memory and the kernel killed it"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the supervisor knows of a cell's run."""

    ref: int
    seconds: float
    stdout_bytes: int
    stderr_bytes: int
    truncated: bool
    interrupted: bool
    """The time limit had passed."""
    time_s: float


def of_reply(seen: Seen, done: Done) -> Ran:
    """The cell ended by itself or by the soft interrupt; the variables are there."""
    error = done.error
    if seen.interrupted:
        status, error = ExecStatus.TIMEOUT, [_NAMES[ExecStatus.TIMEOUT], _over_time(seen), error and error[2]]
    elif error is not None:
        status = ExecStatus.OUT_OF_MEMORY if done.out_of_memory else ExecStatus.ERROR
    else:
        status = ExecStatus.OK if seen.stdout_bytes or done.images else ExecStatus.NO_OUTPUT
    return Ran(
        seen.ref,
        status,
        error,
        seen.seconds,
        seen.stdout_bytes,
        seen.stderr_bytes,
        seen.truncated,
        done.images,
        done.notes,
        state_kept=True,
    )


def of_death(seen: Seen, cause: str, killed_for: tuple[ExecStatus, str] | None) -> Ran:
    """The process is gone: killed by us (`killed_for`), by the kernel for memory (`NO_MEMORY`), or by its own doing."""
    status, why = killed_for or (ExecStatus.TIMEOUT if seen.interrupted else ExecStatus.CRASHED, cause)
    if killed_for is None and cause == NO_MEMORY:
        status = ExecStatus.OUT_OF_MEMORY
    if status is ExecStatus.TIMEOUT:
        why = f"{_over_time(seen)} and {why}"
    error = [_NAMES[status], why, None]
    text = (seen.stdout_bytes, seen.stderr_bytes, seen.truncated)
    return Ran(seen.ref, status, error, seen.seconds, *text, images=[], notes=[], state_kept=False)


def never_started(ref: int) -> Ran:
    """The session was gone before the cell could start."""
    error = ["SessionLost", "the session was gone", None]
    return Ran(ref, ExecStatus.CRASHED, error, 0.0, 0, 0, False, [], [], state_kept=False, started=False)


def cause_of_death(status: int) -> str:
    """A wait status in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {known.value: known.name for known in signal.Signals}
        return f"its process was killed by {names.get(number, f'signal {number}')}"
    code = os.WEXITSTATUS(status)
    if code == UNWALLED:
        return "it could not be locked in"
    if code == BROKEN:
        return "the code damaged the session's own machinery"
    return f"its process ended with exit status {code}"


def _over_time(seen: Seen) -> str:
    return f"the cell ran longer than {seen.time_s:g} s"
