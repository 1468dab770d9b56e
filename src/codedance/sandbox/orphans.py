"""End and reap processes whose parent was killed before it could do so; where nobody does, they stay as zombies.

    adopt()                           # the supervisor, once: what its zygote leaves becomes its own
    end_adopted(own=[broker.pid])     # after a zygote's end
    reap_session(supervisor_pid)      # the caller, after a supervisor was killed: it may be process 1 of its container

Not covered: code that has given its process another name while its supervisor was killed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from codedance.sandbox.guest import linux
from codedance.sandbox.guest.messages import session_name

_END_S = 1.0
_PAUSE_S = 0.002


def adopt() -> None:
    """From now on orphaned descendants become children of this process, where the kernel can do that (gVisor cannot)."""
    with suppress(OSError):
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)


def end_adopted(own: Collection[int]) -> None:
    """Kill and reap every child of this process but its `own`, for at most a second."""
    _reap(lambda pid: pid not in own, signal.SIGKILL)


def reap_session(leader: int) -> None:
    """Reap the children of this process that the supervisor `leader`, which is dead, has left: they are dying too."""
    _reap(lambda pid: _belongs(pid, leader), None)


def _reap(is_meant: Callable[[int], bool], number: signal.Signals | None) -> None:
    deadline = time.monotonic() + _END_S
    while (members := [pid for pid in _children() if is_meant(pid)]) and time.monotonic() < deadline:
        for pid in members:
            with suppress(OSError):
                if number is not None:
                    os.kill(pid, number)
                os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE_S)


def _children() -> Iterator[int]:
    """The children of this process, of whichever thread; none where /proc does not tell."""
    with suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            with suppress(OSError), open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
                yield from map(int, file.read().split())


def _belongs(pid: int, leader: int) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        before, _, after = file.read().rpartition(")")
        return int(after.split()[3]) == leader or before.endswith(f"({session_name(leader)}")
    return False
