"""The broker's own process: it waits for the calls of all sessions and answers them in turn, one of each at a time.

    serve(control, roots, caps)        # until the supervisor hangs up

One process for all, so that a session that asks without end costs one core at most, and takes from others no more than its turn.
It acts under the session's own user id. An answer reaches only the call that it was made for (the kernel checks its number), and
what is written goes to the memory that the session handed over, even if the caller has ended and its thread id is another's.
Not covered: what the answers are (`answers.py`).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

from codedance.sandbox.guest import linux, notify, seccomp
from codedance.sandbox.guest.settings import Caps
from codedance.sandbox.supervisor.answers import Answers, Later, Reply
from codedance.sandbox.supervisor.paths import View

_RECEIVE, _SEND, _ADD_FD, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40182103, 0x40082104
_WAKE_ON_SAME_CORE = 1
_GO_ON, _AND_SEND = 1, 2
_ASKED = struct.Struct("=QIIiIQ6Q")
_RETRY_S = 0.002
_NAMES = {number: name for name, number in seccomp.numbers(notify.ASKED, linux.MACHINE).items()}


@dataclass(slots=True)
class _Client:
    """One session."""

    listener: int
    memory: int
    uid: int | None
    answers: Answers

    def close(self) -> None:
        os.close(self.listener)
        os.close(self.memory)


@dataclass(frozen=True, slots=True)
class _Question:
    id: int
    thread: int
    name: str
    arguments: tuple[int, ...]


class _Desk:
    """All sessions of one supervisor."""

    def __init__(self, control: socket.socket, roots: tuple[str, ...], caps: Caps) -> None:
        self._control = control
        self._roots = roots
        self._caps = caps
        self._clients: dict[int, _Client] = {}
        self._later: list[tuple[_Client, _Question]] = []
        self._uid: int | None = None
        self._poll = select.epoll()
        self._poll.register(control, select.EPOLLIN)

    def run(self) -> None:
        """Answer until the supervisor hangs up."""
        while True:
            later, self._later = self._later, []
            for client, question in later:
                self._answer(client, question)
            for fd, events in self._poll.poll(_RETRY_S if self._later else None):
                if fd == self._control.fileno():
                    if not self._admit():
                        return
                elif events & select.EPOLLIN:
                    self._serve(self._clients[fd])
                else:  # all its threads have ended
                    self._poll.unregister(fd)
                    self._clients.pop(fd).close()

    def _admit(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, 1 << 16, 2)
        if not data:
            return False
        about = json.loads(data)
        view = View(self._roots, about["work"])
        answers = Answers(view, fds[1], self._caps.threads, self._caps.disk_mb << 20, about["is_only_wall"])
        with suppress(OSError):  # Linux 6.6: both sides take turns on one core
            fcntl.ioctl(fds[0], _SET_FLAGS, _WAKE_ON_SAME_CORE)
        self._clients[fds[0]] = _Client(fds[0], fds[1], about["uid"], answers)
        self._poll.register(fds[0], select.EPOLLIN)
        return True

    def _serve(self, client: _Client) -> None:
        asked = bytearray(_ASKED.size)
        try:
            fcntl.ioctl(client.listener, _RECEIVE, asked, True)
        except OSError:  # it was interrupted or killed before we came
            return
        id_, thread, _, number, _, _, *arguments = _ASKED.unpack(asked)
        self._answer(client, _Question(id_, thread, _NAMES.get(number, ""), tuple(arguments)))

    def _answer(self, client: _Client, question: _Question) -> None:
        self._become(client.uid)
        try:
            reply = client.answers.to(question.name, question.thread, question.arguments)
        except Later:
            self._later.append((client, question))
            return
        except Exception:  # boundary: whatever one session asks, the others are served
            reply = Reply(error=errno.EIO)
        try:
            with suppress(OSError):  # it does not wait any more
                _send(client.listener, question.id, reply)
        finally:
            if reply.fd is not None:
                os.close(reply.fd)

    def _become(self, uid: int | None) -> None:
        """Act on files as this user, without root's rights."""
        if uid is not None and uid != self._uid:
            linux.act_on_files_as(uid)
            self._uid = uid


def _send(listener: int, id_: int, reply: Reply) -> None:
    if reply.fd is not None:
        flags = os.O_CLOEXEC if reply.cloexec else 0
        try:
            fcntl.ioctl(listener, _ADD_FD, struct.pack("=QIIII", id_, _AND_SEND, reply.fd, 0, flags))
            return
        except OSError as error:  # such as: it has as many descriptors as it may
            reply = Reply(error=error.errno or errno.EIO)
    fcntl.ioctl(listener, _SEND, struct.pack("=QqiI", id_, reply.value, -reply.error, _GO_ON if reply.goes_on else 0))


def serve(control: socket.socket, roots: tuple[str, ...], caps: Caps) -> None:
    """Be the broker until the supervisor hangs up."""
    os.umask(0o022)
    if linux.may_set_uid():
        with suppress(PermissionError):  # refused in a user namespace of an ordinary user, whose groups it then keeps
            os.setgroups([])
    _Desk(control, roots, caps).run()
