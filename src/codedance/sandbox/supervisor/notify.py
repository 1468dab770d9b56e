"""The broker as the supervisor sees it: a child that answers the calls of sessions below level 3.

    broker = Broker.start(roots, caps, on_end=give_up)
    broker.serve(ward, uid, [listener, memory], is_only_wall=False)      # from now on the session's calls are answered
    broker.end()

A process of its own, so that sessions that ask without end do not hold up the loop with the clocks. It is forked, not executed,
and before the supervisor starts any thread. If it dies, calls of its sessions fail, and the supervisor gives up with it.
Not covered: what is asked (`guest/notify.py`) and what is answered (`answers.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import traceback
from collections.abc import Callable, Iterable

from codedance.sandbox.guest import linux
from codedance.sandbox.guest.settings import Caps
from codedance.sandbox.supervisor import broker
from codedance.sandbox.supervisor.ward import Ward


class Broker:
    """A running broker."""

    def __init__(self, pid: int, control: socket.socket, on_end: Callable[[], None]) -> None:
        self.pid = pid
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(control, self._ended)
        self._on_end = on_end

    @classmethod
    def start(cls, roots: Iterable[str], caps: Caps, on_end: Callable[[], None]) -> Broker:
        """Fork it. `on_end` is called if it ends by itself."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                control = _alone(theirs, supervisor)
                broker.serve(control, tuple(roots), caps)
            except Exception:  # boundary: a forked child must never return into its parent's code
                traceback.print_exc()
            finally:
                os._exit(0)
        theirs.close()
        return cls(pid, ours, on_end)

    def serve(self, ward: Ward, uid: int | None, fds: list[int], is_only_wall: bool) -> None:
        """Answer the calls of this session, whose listener and memory file these are.

        `is_only_wall`: there is no Landlock that would keep it from the user's files.
        """
        about = json.dumps({"uid": uid, "work": ward.work, "is_only_wall": is_only_wall}).encode()
        socket.send_fds(self._control, [about], fds)

    def end(self) -> None:
        """Hang up and wait until it is gone."""
        self._loop.remove_reader(self._control)
        self._control.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _ended(self) -> None:
        self._loop.remove_reader(self._control)
        self._on_end()


def _alone(theirs: socket.socket, supervisor: int) -> socket.socket:
    """Let go of everything of the supervisor's but this socket; the caller must see its end when the supervisor ends."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    fd = os.dup2(theirs.detach(), 3) if theirs.fileno() != 3 else theirs.detach()
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=fd)
