"""Where sessions are forked from the zygote, and where their deaths are noticed.

    Nursery(control, walls, serve).run()        # until the supervisor hangs up

Answers `Fork` with `Born` and a pidfd, or with `Unborn`, and tells each death by `Died`. One thread: a fork copies no lock.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NoReturn

from . import confine
from .messages import BROKEN, CHANNEL_FD, OUTBOX_FD, Born, Died, Fork, Unborn, decode, encode
from .namespaces import new_pid_namespace
from .settings import Caps

_HOST_PROC_FD = 5
Serve = Callable[[Caps], None]
"""`worker.serve`, which is imported late: it needs the guest libraries."""


@dataclass
class Nursery:
    """Fork sessions on demand and report their deaths."""

    control: socket.socket
    walls: confine.Walls
    serve: Serve
    sessions: dict[int, int] = field(default_factory=dict)  # pid -> session
    hung_up: bool = False
    """The supervisor is gone: what is left to do is to end every session and to reap it."""

    def run(self) -> None:
        """Serve until the supervisor hangs up."""
        jailed = confine.NAMESPACES in self.walls.in_force
        own_namespace = self.walls.host.own_pid_namespace() if jailed else None
        awake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(awake, select.POLLIN)
        while not self.hung_up:
            for fd, _ in poll.poll():
                if fd == awake:
                    os.read(awake, 4096)
                    self._reap()
                else:
                    self._obey(own_namespace)
        self._kill_all()

    def _obey(self, own_namespace: int | None) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self.control, 1 << 16, 8)
        except ConnectionError:
            data, fds = b"", []
        if data and not self.hung_up:
            self._fork(decode(data, (Fork,)), fds, own_namespace)
        else:
            self.hung_up = True

    def _tell(self, message: Born | Unborn | Died, fds: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self.control, [encode(message)], fds)
        except ConnectionError:  # it closed while this was on its way
            self.hung_up = True

    def _fork(self, order: Fork, fds: list[int], own_namespace: int | None) -> None:
        try:
            self._fork_into(order, fds, own_namespace)
        except OSError as error:
            self._tell(Unborn(order.session, str(error)))
        for fd in fds:
            os.close(fd)

    def _fork_into(self, order: Fork, fds: list[int], own_namespace: int | None) -> None:
        scope = new_pid_namespace(own_namespace) if own_namespace is not None else nullcontext()
        with scope:
            child = os.fork()
            if child == 0:
                self.sessions.clear()
                _be_session(self.walls, self.serve, order, fds)
        self.sessions[child] = order.session
        pidfd = os.pidfd_open(child)
        self._tell(Born(order.session), [pidfd])
        os.close(pidfd)

    def _reap(self) -> None:
        while self.sessions:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            session = self.sessions.pop(pid, None)
            if session is None:
                continue  # a stray that a session without walls had left behind
            self._tell(Died(session, status))
            self._kill_strays(pid)

    def _kill_strays(self, leader: int) -> None:
        """Below level 1 a session can have forked: end its process group and whatever it orphaned."""
        if confine.SECCOMP in self.walls.in_force:
            return
        try:
            os.killpg(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        children = self.walls.host.read(f"self/task/{os.getpid()}/children").split()
        for pid in {int(child) for child in children} - set(self.sessions):
            os.kill(pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        for pid in self.sessions:
            os.kill(pid, signal.SIGKILL)
        for pid in self.sessions:
            os.waitpid(pid, 0)
            self._kill_strays(pid)


def _be_session(walls: confine.Walls, serve: Serve, order: Fork, fds: list[int]) -> NoReturn:
    """What a forked child does for the rest of its life."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        channel, out, err, outbox = fds
        _move(
            {
                0: os.open("/dev/null", os.O_RDONLY),
                1: out,
                2: err,
                CHANNEL_FD: channel,
                OUTBOX_FD: outbox,
                _HOST_PROC_FD: walls.host.fd,
            }
        )
        walls.host.fd = _HOST_PROC_FD
        confine.confine(walls, order.session, order.work)
        serve(walls.settings.caps)
    except BaseException as error:  # boundary: a forked child must never return into the zygote's code
        os.write(2, f"the session's own machinery failed: {error!r}\n".encode()[:4000])
    finally:
        os._exit(BROKEN)


def _move(targets: dict[int, int]) -> None:
    """Put descriptors where `targets` wants them and close every other one. Stdin too: its description would be shared."""
    high = max(*targets, *targets.values()) + 1
    for offset, fd in enumerate(targets.values()):
        os.dup2(fd, high + offset)
    for offset, target in enumerate(targets):
        os.dup2(high + offset, target)
    os.closerange(max(targets) + 1, 1 << 16)
