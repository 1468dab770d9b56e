"""One session: variables that live from cell to cell, and that are rebuilt by replay when their process was lost.

    async with box.session(images=[picture]) as session:
        result = await session.run("print(input_image.size)")
        async with session.fork() as branch:           # the same state again, for tree search
            await branch.run("...")

Not covered: moving a live process; a fork replays the cells that succeeded, which gives the same bytes for code that is
deterministic (seeds, hashes and threads are fixed).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from codedance.errors import DataError, SandboxError
from codedance.sandbox.guest import linux
from codedance.sandbox.guest.messages import Close, Open, Opened, Ran, Run
from codedance.sandbox.inbox import Inbox
from codedance.sandbox.link import Gone, Link
from codedance.types import ExecError, ExecResult, ExecStatus

if TYPE_CHECKING:
    from PIL import Image

    from codedance.sandbox.box import Sandbox

_KEEP_BYTES = 1 << 20
"""Shown pictures up to this size stay in memory until the next cell; more is given back at once."""
_LATE_S = 3.0
"""How much later than its own clock says the supervisor may answer before it is asked whether it is alive."""


class Session:
    """Runs cells one after another in one process. Made by `Sandbox.session`; use it as an async context manager."""

    def __init__(self, box: Sandbox, inbox: Inbox, history: Sequence[str] = ()) -> None:
        self._box = box
        self._inbox = inbox
        self._history = list(history)
        self._lock = asyncio.Lock()
        self._link: Link | None = None
        self._number = 0
        self._outbox: int | None = None
        self._lost: str | None = None
        self._is_unplayed = bool(history)
        self._is_open = False
        self._replay_is_futile = False
        self.image_sizes: tuple[tuple[int, int], ...] = ()
        """Width and height of each input picture as the code sees it."""

    async def __aenter__(self) -> Self:
        await self._box.take_slot()
        try:
            await self._open()
        except BaseException:
            self._inbox.close()
            self._box.give_slot()
            raise
        self._is_open = True
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    @property
    def history(self) -> tuple[str, ...]:
        """The cells that succeeded, in order: what a rebuild or a fork replays."""
        return tuple(self._history)

    def fork(self) -> Session:
        """A new session with the same pictures that replays the cells that succeeded so far."""
        self._check_open()
        inbox = replace(self._inbox, fd=None if self._inbox.fd is None else os.dup(self._inbox.fd))
        return Session(self._box, inbox, self._history)

    async def run(self, code: str) -> ExecResult:
        """Run one cell; whatever the code does, there is a result.

        If the process was lost before, the cells that had succeeded are replayed first (`replayed`, `replay_failed`).

        Raises:
            SandboxError: the session is closed, or the sandbox itself cannot go on.
        """
        self._check_open()
        limit = self._box.limits.code_kb * 1024
        if len(code.encode(errors="surrogatepass")) > limit or "\0" in code:
            fault = "it has a null character" if "\0" in code else f"it has more than {self._box.limits.code_kb} KB"
            return self._unrun(ExecError("CodeRefused", f"the cell was not run: {fault}", None))
        code = code.encode(errors="replace").decode()
        async with self._lock:
            return await self._run_somehow(code)

    async def close(self) -> None:
        """End the process and free the slot. Closing twice is fine."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            await asyncio.shield(self._end_process())
        finally:
            self._inbox.close()
            self._box.give_slot()

    def _check_open(self) -> None:
        if not self._is_open:
            raise SandboxError("this session is not open; use it inside 'async with box.session(...) as session:'")

    async def _open(self) -> None:
        link = await self._box.connected()
        request = self._inbox
        deadline_s = self._box.open_s + _LATE_S
        fds = [] if request.fd is None else [request.fd]
        try:
            answer, received = await link.ask(lambda ref: Open(ref, request.images, request.originals), deadline_s, fds)
        except Gone as gone:
            raise SandboxError(f"the sandbox was lost while a session was opened: {gone}") from None
        assert isinstance(answer, Opened)
        if answer.bad is not None:
            raise DataError(f"{answer.bad[0]}: {answer.bad[1]}")
        if answer.failed is not None:
            raise SandboxError(answer.failed)
        self._link, self._number, self._outbox = link, answer.session, received[0]
        self.image_sizes = tuple((width, height) for width, height in answer.sizes)
        self._box.watch(answer.session, self)

    async def _run_somehow(self, code: str) -> ExecResult:
        """Run the cell in the process there is, in a rebuilt one, or, if the replayed cells end that too, in an empty one."""
        num_replayed, failed = 0, False
        notes: tuple[str, ...] = ()
        for _ in range(3):
            if self._lost is not None or self._is_unplayed:
                num_replayed, failed, notes = await self._rebuild()
            result = await self._run_once(code)
            if result is not None:
                if result.ok:
                    self._history.append(code)
                return replace(result, replayed=num_replayed, replay_failed=failed, notes=(*notes, *result.notes))
            if num_replayed:
                self._replay_is_futile = True
        raise SandboxError(f"a fresh session was lost again and again before a cell could run: {self._lost}")

    async def _run_once(self, code: str) -> ExecResult | None:
        """One attempt; None if the process turned out to be lost before the cell could start."""
        limits = self._box.limits
        assert self._link is not None
        link, number = self._link, self._number
        started = asyncio.get_running_loop().time()
        try:
            async with self._box.turn():
                started = asyncio.get_running_loop().time()
                answer, _ = await link.ask(lambda ref: Run(ref, number, code), limits.time_s + limits.grace_s + _LATE_S)
        except Gone as gone:
            self.mark_lost(str(gone))
            seconds = asyncio.get_running_loop().time() - started
            return self._unrun(ExecError("SandboxLost", str(gone), None), ExecStatus.CRASHED, seconds)
        except asyncio.CancelledError:
            self.mark_lost("its cell was cancelled")
            await asyncio.shield(self._end_process())
            raise
        assert isinstance(answer, Ran)
        if answer.error is not None and answer.error[0] == "SessionLost":
            self.mark_lost(self._lost or "it had ended")
            return None
        if not answer.state_kept:
            self.mark_lost(answer.error[1] if answer.error else "it ended")
        return self._as_result(answer)

    def mark_lost(self, why: str) -> None:
        """The process is gone; the next run rebuilds it."""
        self._lost = why

    async def _rebuild(self) -> tuple[int, bool, tuple[str, ...]]:
        """Make the state that the successful cells leave: how many were replayed, whether that failed, what to say."""
        why, self._is_unplayed = self._lost, False
        if why is not None:
            await self._reopen()
        if self._replay_is_futile:
            self._replay_is_futile = False
            self._history.clear()
            return 0, True, (f"the session was lost ({why}); replaying its cells ends it again, so it starts empty",)
        for index, code in enumerate(self._history):
            result = await self._run_once(code)
            if result is not None and result.ok:
                continue
            fault = result.error.type if result is not None and result.error else "it was lost"
            del self._history[index:]
            if result is None or not result.state_kept:
                await self._reopen()
                self._history.clear()
            cause = f"the session was lost ({why})" if why is not None else "this is a fork"
            return len(self._history), True, (f"{cause} and the replay failed at cell {index + 1} ({fault})",)
        if why is None:
            return len(self._history), False, ()
        return len(self._history), False, (f"the session was lost ({why}) and rebuilt by replaying {len(self._history)} cells",)

    async def _reopen(self) -> None:
        self._drop_process()
        self._lost = None
        try:
            await self._open()
        except BaseException:
            self._lost = "it could not be opened again"
            raise

    async def _end_process(self) -> None:
        if self._link is not None and self._link.gone is None and self._number:
            number = self._number
            with suppress(Gone):
                await self._link.ask(lambda ref: Close(ref, number), _LATE_S)
        self._drop_process()

    def _drop_process(self) -> None:
        self._box.unwatch(self._number)
        if self._outbox is not None:
            os.close(self._outbox)
        self._outbox, self._number = None, 0

    def _unrun(self, error: ExecError, status: ExecStatus = ExecStatus.ERROR, seconds: float = 0.0) -> ExecResult:
        kept = status is ExecStatus.ERROR
        return ExecResult(status, "", "", (), error, seconds, False, self._box.isolation, kept)

    def _as_result(self, ran: Ran) -> ExecResult:
        outbox, text = self._outbox, self._box.limits.output_kb * 1024
        assert outbox is not None
        result = ExecResult(
            status=ExecStatus(ran.status),
            stdout=os.pread(outbox, ran.stdout_bytes, 0).decode(errors="replace"),
            stderr=os.pread(outbox, ran.stderr_bytes, text).decode(errors="replace"),
            images=tuple(_read_image(outbox, *place) for place in ran.images),
            error=ExecError(*ran.error) if ran.error is not None else None,
            seconds=ran.seconds,
            truncated=ran.truncated,
            isolation=self._box.isolation,
            state_kept=ran.state_kept,
            notes=tuple(ran.notes),
        )
        used = max((offset + 3 * width * height for offset, width, height in ran.images), default=0)
        if used > _KEEP_BYTES:
            linux.punch_hole(outbox, used)
        return result


def _read_image(outbox: int, offset: int, width: int, height: int) -> Image.Image:
    from PIL import Image

    return Image.frombytes("RGB", (width, height), os.pread(outbox, 3 * width * height, offset))
