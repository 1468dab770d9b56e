"""One session as the supervisor sees it: descriptors, state, clock. Nothing here trusts the process behind it.

    ward = Ward.create(session=7, caps=caps, work=None)      # descriptors for the zygote in ward.theirs
    ward.signal(signal.SIGSTOP)
    text = ward.collect_output()

Which state follows which is decided in `core.py`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from codedance.sandbox import wire
from codedance.sandbox.guest.messages import Open, Run
from codedance.sandbox.guest.settings import Caps
from codedance.types import ExecStatus

_F_ADD_SEALS, _SEAL_SEAL, _SEAL_SHRINK, _SEAL_GROW = 1033, 1, 2, 4


class State(Enum):
    """Where a session is in its life."""

    FORKING = auto()
    POOLED = auto()
    LOADING = auto()
    SETTLING = auto()
    IDLE = auto()
    RUNNING = auto()
    COUNTING = auto()
    ENDING = auto()


@dataclass
class Ward:
    """A session's process and everything that belongs to it."""

    session: int
    caps: Caps
    work: str | None
    """Its host directory, below level 3."""
    channel: socket.socket
    theirs: socket.socket
    stdout: int
    stderr: int
    outbox: int
    state: State = State.FORKING
    ended_in: State | None = None
    """The state in which it was killed."""
    pidfd: int | None = None
    send_signal: Callable[[signal.Signals], None] | None = None
    """How to send a signal where there are no pidfds."""
    is_trial: bool = False
    """It only measures its walls."""
    is_dead: bool = False
    """The zygote has said so."""
    has_spoken: bool = False
    """Its walls are up."""
    wish: tuple[Open, list[int]] | None = None
    """What it is loading, for another session if this one dies over it."""
    ref: int = 0
    """The caller's request that is waiting for this session."""
    early: Run | None = None
    """A cell that came before the session had settled."""
    time_s: float = 0.0
    grace_s: float = 0.0
    """What its cell may take, and take to stop."""
    close_ref: int | None = None
    token: str = ""
    started: float = 0.0
    interrupted: bool = False
    verdict: tuple[ExecStatus, str] | None = None
    """Why it was killed, if we did it."""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    @classmethod
    def create(cls, session: int, caps: Caps, work: str | None) -> Ward:
        """Make the descriptors of a session that is yet to be forked."""
        ours, theirs = wire.pair()
        text = caps.output_kb * 1024 + 1
        out, err = _sealed_file("stdout", text), _sealed_file("stderr", text)
        outbox = _sealed_file("outbox", 2 * caps.output_kb * 1024 + (caps.shown_mb << 20))
        return cls(session, caps, work, ours, theirs, out, err, outbox)

    @property
    def first_pixel(self) -> int:
        """Where pictures begin in the outbox, behind the texts."""
        return 2 * self.caps.output_kb * 1024

    @property
    def outbox_bytes(self) -> int:
        """Size of the outbox."""
        return self.first_pixel + (self.caps.shown_mb << 20)

    def next_token(self) -> str:
        """A fresh word that the next reply has to carry."""
        self.token = secrets.token_hex(8)
        return self.token

    @property
    def is_born(self) -> bool:
        """Whether its process is known."""
        return self.pidfd is not None or self.send_signal is not None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to exactly this process; a dead one is no error."""
        if self.send_signal is not None:
            self.send_signal(number)
        elif self.pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def has_ended(self) -> bool:
        """Whether its process is gone for certain."""
        return self.is_dead or (self.pidfd is not None and bool(_poll(self.pidfd)))

    def receive(self) -> bytes | None:
        """The next datagram, empty at the end, None if there is none yet."""
        try:
            return self.channel.recv(wire.MOST_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def receive_descriptors(self) -> tuple[bytes | None, list[int]]:
        """The same with descriptors; only for the time before any untrusted code runs."""
        try:
            data, fds, _, _ = socket.recv_fds(self.channel, wire.MOST_BYTES, 2)
        except BlockingIOError:
            return None, []
        except OSError:
            return b"", []
        return data, fds

    def rewind_output(self) -> None:
        """Let the next cell print from the start."""
        os.lseek(self.stdout, 0, os.SEEK_SET)
        os.lseek(self.stderr, 0, os.SEEK_SET)

    def collect_output(self) -> tuple[int, int, bool]:
        """Copy the printed text to the head of the outbox; bytes of stdout, of stderr, and whether any was cut."""
        most = self.caps.output_kb * 1024
        sizes = []
        for fd, offset in ((self.stdout, 0), (self.stderr, most)):
            size = os.lseek(fd, 0, os.SEEK_CUR)
            if size:
                os.pwrite(self.outbox, os.pread(fd, min(size, most), 0), offset)
            sizes.append(size)
        return min(sizes[0], most), min(sizes[1], most), max(sizes) > most

    def cancel_timers(self) -> None:
        """Stop the clock."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()

    def last_words(self) -> str:
        """What its machinery said before it ended, in one line."""
        return os.pread(self.stderr, 2000, 0).rstrip(b"\0").decode(errors="replace").strip().partition("\n")[0]

    def close(self) -> None:
        """Let go of every descriptor."""
        self.cancel_timers()
        self.channel.close()
        self.theirs.close()
        inbox = self.wish[1] if self.wish is not None else []
        for fd in (self.stdout, self.stderr, self.outbox, self.pidfd, *inbox):
            if fd is not None:
                os.close(fd)


def _poll(fd: int) -> list[tuple[int, int]]:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return poll.poll(0)


def _sealed_file(name: str, size: int) -> int:
    """A memory file that can neither grow nor shrink, so that no reader or writer of it can be hurt."""
    fd = os.memfd_create(f"codedance-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, _F_ADD_SEALS, _SEAL_GROW | _SEAL_SHRINK | _SEAL_SEAL)
    return fd
