"""Where sessions are forked from the zygote, and where their deaths are noticed.

    Nursery(control, walls, serve).run()        # until the supervisor hangs up

Answers `Fork` with `Born` and a pidfd, or with `Unborn`, and tells each death by `Died`. One thread: a fork copies no lock.
Where there are no pidfds (an old kernel, gVisor, a profile that refuses them) the supervisor sends signals by `Signal`: only the
parent of a process can be sure that its pid is still its own.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from . import confine
from .births import Births
from .messages import (
    BROKEN,
    CHANNEL_FD,
    OUTBOX_FD,
    UNWALLED,
    Born,
    Died,
    Fork,
    Signal,
    Unborn,
    decode,
    encode,
    session_name,
)
from .settings import Caps

_HOST_PROC_FD = 5
Serve = Callable[[Caps, Callable[[], None] | None], None]
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
        births = Births.choose(self.walls.host.own_pid_namespace() if jailed else None)
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
                    self._obey(births)
        self._kill_all()

    def _obey(self, births: Births) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self.control, 1 << 16, 8)
        except ConnectionError:
            data, fds = b"", []
        if not data or self.hung_up:
            self.hung_up = True
            return
        order: Fork | Signal = decode(data, (Fork, Signal))
        if isinstance(order, Fork):
            self._fork(order, fds, births)
        else:
            self._signal(order)

    def _tell(self, message: Born | Unborn | Died, fds: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self.control, [encode(message)], fds)
        except ConnectionError:  # it closed while this was on its way
            self.hung_up = True

    def _fork(self, order: Fork, fds: list[int], births: Births) -> None:
        def be() -> NoReturn:
            self.sessions.clear()
            _be_session(self.walls, self.serve, order, fds)

        try:
            child = births.fork(be)
        except OSError as error:
            self._tell(Unborn(order.session, str(error)))
        else:
            self.sessions[child] = order.session
            self._announce(child, order.session)
        for fd in fds:
            os.close(fd)

    def _announce(self, child: int, session: int) -> None:
        try:
            pidfd = os.pidfd_open(child)
        except OSError:
            self._tell(Born(session))
            return
        self._tell(Born(session), [pidfd])
        os.close(pidfd)

    def _signal(self, order: Signal) -> None:
        for pid, session in self.sessions.items():
            if session == order.session:
                with suppress(ProcessLookupError):
                    os.kill(pid, order.number)

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
        with suppress(OSError):
            walls.host.write("self/comm", session_name(os.getsid(0)))
        os.setsid()  # the kernel shares the processors out by these, so many threads in one take nothing from others
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
        serve(walls.settings.caps, partial(confine.report, walls) if order.trial else None)
    except confine.WallError as error:
        os.write(2, f"{error}\n".encode()[:4000])
        os._exit(UNWALLED)
    except MemoryError as error:
        os.write(2, f"{confine.RLIMITS}: a session has too little memory to start: {error!r}\n".encode()[:4000])
        os._exit(UNWALLED)
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
