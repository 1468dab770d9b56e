"""A session's process as the caller sees it: opened once, asked to run cells, lost or ended once.

    process = await Process.open(link, inbox, limits)
    ran = await process.run(code, 20.0, 1.0, isolation)            # raises NeverRan if it was lost before the cell could start

What to do about a loss (replay) is `session.py`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from codedance.errors import DataError, SandboxError
from codedance.sandbox.guest import linux
from codedance.sandbox.guest.messages import Close, Open, Opened, Ran, Run
from codedance.sandbox.inbox import Inbox
from codedance.sandbox.limits import Limits
from codedance.sandbox.link import Gone, Link
from codedance.types import ExecError, ExecResult, ExecStatus, Isolation

if TYPE_CHECKING:
    from PIL import Image

_KEEP_BYTES = 1 << 20
"""Shown pictures up to this size stay in memory until the next cell; more is given back at once."""
_LATE_S = 3.0
"""How much later than its own clock says the supervisor may answer before it is asked whether it is alive."""


class NeverRan(Exception):
    """The process was lost before the cell could start."""


class Process:
    """One process behind the walls."""

    def __init__(self, link: Link, number: int, outbox: int, sizes: list[list[int]], limits: Limits) -> None:
        self._link = link
        self._number = number
        self._outbox: int | None = outbox
        self._limits = limits
        self.lost: str | None = None
        """Why it is gone, once it is."""
        self.image_sizes = tuple((width, height) for width, height in sizes)
        link.watch(number, self._mark_lost)

    @classmethod
    async def open(cls, link: Link, inbox: Inbox, limits: Limits, open_s: float) -> Process:
        """A fresh process that has decoded its pictures.

        Raises:
            DataError: a picture cannot be decoded within the limits.
            SandboxError: no process can be made.
            Gone: the supervisor is gone.
        """
        fds = [] if inbox.fd is None else [inbox.fd]
        answer, received = await link.ask(
            lambda ref: Open(ref, inbox.images, inbox.originals, inbox.coordinates), open_s + _LATE_S, fds
        )
        assert isinstance(answer, Opened)
        if answer.bad is not None:
            raise DataError(f"{answer.bad[0]}: {answer.bad[1]}")
        if answer.failed is not None:
            raise SandboxError(answer.failed)
        if not received:
            await link.ask(lambda ref: Close(ref, answer.session), _LATE_S)
            raise SandboxError("this process is out of file descriptors; raise its limit (ulimit -n) or open fewer sessions")
        return cls(link, answer.session, received[0], answer.sizes, limits)

    async def run(self, code: str, time_s: float, grace_s: float, isolation: Isolation) -> ExecResult:
        """Run a cell, interrupt it after `time_s` and kill it `grace_s` later; collect what it printed and showed.

        Raises:
            NeverRan: the process turned out to be lost; the cell did not start.
        """
        if self.lost is None and self._link.gone is not None:
            self._mark_lost(self._link.gone)
        if self.lost is not None:
            raise NeverRan
        try:
            answer, _ = await self._link.ask(
                lambda ref: Run(ref, self._number, time_s, grace_s, code), time_s + grace_s + _LATE_S
            )
        except Gone as gone:
            self._mark_lost(str(gone))
            error = ExecError("SandboxLost", str(gone), None)
            return ExecResult(ExecStatus.CRASHED, "", "", (), error, 0.0, False, isolation, state_kept=False)
        assert isinstance(answer, Ran)
        if not answer.started:
            self._mark_lost(self.lost or "it had ended")
            raise NeverRan
        if not answer.state_kept:
            self._mark_lost(answer.error[1] if answer.error else "it ended")
        return self._as_result(answer, isolation)

    async def end(self) -> None:
        """Kill it, if it still lives, and let go of its memory. Twice is fine."""
        outbox, self._outbox = self._outbox, None
        if outbox is None:
            return
        self._link.unwatch(self._number)
        self.lost = self.lost or "it was closed"
        with suppress(Gone):
            await self._link.ask(lambda ref: Close(ref, self._number), _LATE_S)
        os.close(outbox)

    def _mark_lost(self, why: str) -> None:
        self.lost = self.lost or why

    def _as_result(self, ran: Ran, isolation: Isolation) -> ExecResult:
        outbox, most = self._outbox, self._limits.output_kb * 1024
        if outbox is None:  # it was ended meanwhile
            raise NeverRan
        result = ExecResult(
            status=ExecStatus(ran.status),
            stdout=os.pread(outbox, ran.stdout_bytes, 0).decode(errors="replace"),
            stderr=os.pread(outbox, ran.stderr_bytes, most).decode(errors="replace"),
            images=tuple(_read_image(outbox, *place) for place in ran.images),
            error=ExecError(*ran.error) if ran.error is not None else None,
            seconds=ran.seconds,
            truncated=ran.truncated,
            isolation=isolation,
            state_kept=ran.state_kept,
            notes=tuple(ran.notes),
        )
        if os.fstat(outbox).st_blocks * 512 > _KEEP_BYTES:  # by what is really there, not by what the session says
            with suppress(OSError):  # gVisor cannot; the memory then stays until the session ends
                linux.punch_hole(outbox, os.fstat(outbox).st_size)
        return result


def _read_image(outbox: int, offset: int, width: int, height: int) -> Image.Image:
    from PIL import Image

    return Image.frombytes("RGB", (width, height), os.pread(outbox, 3 * width * height, offset))
