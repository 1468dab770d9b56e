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
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from codedance.errors import SandboxError
from codedance.sandbox.inbox import Inbox
from codedance.sandbox.link import Gone
from codedance.sandbox.process import NeverRan, Process
from codedance.sandbox.rebuild import Attempt, Clock, PastCell, Rebuilt
from codedance.types import ExecError, ExecResult, ExecStatus

if TYPE_CHECKING:
    from codedance.sandbox.box import Sandbox

_MOST_TRIES = 3


class Session:
    """Runs cells one after another in one process. Made by `Sandbox.session`; use it as an async context manager."""

    def __init__(self, box: Sandbox, inbox: Inbox, history: Sequence[PastCell] = ()) -> None:
        self._box = box
        self._inbox = inbox
        self._history = list(history)
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._must_replay = bool(history)
        self.is_open = False
        """Entered and not yet closed."""
        self._owner = os.getpid()

    async def __aenter__(self) -> Self:
        self._box.check_process()
        if self.is_open or self._inbox.closed:
            raise SandboxError("this session was entered before; make another one with box.session(...) or session.fork()")
        await self._box.take_slot()
        try:
            self._process = await self._open()
        except BaseException:
            self._inbox.close()
            self._box.give_slot()
            raise
        self.is_open, self._owner = True, os.getpid()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    @property
    def history(self) -> tuple[str, ...]:
        """The cells that succeeded, in order: what a rebuild or a fork replays."""
        return tuple(cell.code for cell in self._history)

    @property
    def image_sizes(self) -> tuple[tuple[int, int], ...]:
        """Width and height of each input picture as the code sees it."""
        return self._process.image_sizes if self._process is not None else ()

    def fork(self) -> Session:
        """A new session with the same pictures that replays the cells that succeeded so far."""
        self._check_open()
        return Session(self._box, self._inbox.duplicate(), self._history)

    async def run(self, code: str) -> ExecResult:
        """Run one cell; whatever the code does, there is a result.

        If the process was lost before, the cells that had succeeded are replayed first (`replayed`, `replay_failed`). Replays and
        cell share the time of one cell: what cannot be replayed within three quarters of it is given up.

        Raises:
            SandboxError: the session is closed, or the sandbox itself cannot go on.
            TypeError: the code is no text.
        """
        if not isinstance(code, str):
            raise TypeError(f"a cell is text, not {type(code).__name__}")
        self._check_open()
        limit_kb = self._box.limits.code_kb
        encoded = code.encode(errors="replace")
        if len(encoded) > limit_kb * 1024 or "\0" in code:
            fault = "it has a null character" if "\0" in code else f"it has more than {limit_kb} KB (Limits.code_kb)"
            error = ExecError("CodeRefused", f"the cell was not run: {fault}", None)
            return ExecResult(ExecStatus.ERROR, "", "", (), error, 0.0, False, self._box.isolation, state_kept=True)
        async with self._lock:
            return await self._run(encoded.decode())

    async def close(self) -> None:
        """End the process and free the slot. Closing twice is fine; a cell that is running is ended.

        In a forked child nothing happens: the session is its parent's.
        """
        if not self.is_open or self._owner != os.getpid():
            return
        self.is_open = False
        await asyncio.shield(self._close())

    async def _close(self) -> None:
        try:
            if self._process is not None:
                await self._process.end()
            async with self._lock:  # a run that was under way may have opened another one
                if self._process is not None:
                    await self._process.end()
        finally:
            self._inbox.close()
            self._box.give_slot()

    def _check_open(self) -> None:
        self._box.check_process()
        if not self.is_open:
            raise SandboxError("this session is not open; use it inside 'async with box.session(...) as session:'")

    async def _run(self, code: str) -> ExecResult:
        """Run the cell in the process there is, in a rebuilt one, or, if the replayed cells end that too, in an empty one."""
        async with self._box.turn():
            clock, rebuilt = Clock(self._box.limits), Rebuilt()
            for num_tries in range(_MOST_TRIES):
                self._check_open()
                if self._must_replay or self._process is None or self._process.lost is not None:
                    rebuilt = await self._rebuild(clock, is_futile=num_tries == _MOST_TRIES - 1)
                try:
                    result = await self._run_once(code, clock.for_cell, self._box.limits.grace_s)
                except NeverRan:
                    continue
                if result.ok:
                    self._history.append(PastCell(code, result.seconds))
                notes = (*rebuilt.notes, *result.notes)
                return replace(result, replayed=rebuilt.num_replayed, replay_failed=rebuilt.failed, notes=notes)
        self._check_open()
        raise SandboxError("a fresh session was lost again and again before a cell could run; see `codedance doctor`")

    async def _run_once(self, code: str, time_s: float, grace_s: float) -> ExecResult:
        assert self._process is not None
        try:
            return await self._process.run(code, time_s, grace_s, self._box.isolation)
        except asyncio.CancelledError:
            await asyncio.shield(self._process.end())
            raise

    async def _open(self) -> Process:
        for _ in range(2):
            link = await self._box.connected()
            try:
                return await Process.open(link, self._inbox, self._box.limits, self._box.open_s)
            except Gone as gone:
                why = str(gone)
        raise SandboxError(f"the sandbox was lost while a session was opened: {why}")

    async def _rebuild(self, clock: Clock, is_futile: bool) -> Rebuilt:
        """A process with the state that the successful cells leave, as far as the clock allows.

        A cell that ends the process is tried twice, since the loss may be somebody else's doing. Then the state of the cells
        before it is made. Whatever interrupts a rebuild leaves the session to be rebuilt by the next run.
        """
        why = self._process.lost if self._process is not None else "it could not be opened again"
        cause = "this is a fork" if why is None else f"the session was lost ({why})"
        keep = 0 if is_futile else len(self._history)
        fault, suspect = "it ends the process afterwards", -1
        self._must_replay = True
        if self._process is None or self._process.lost is not None:
            await self._renew(clock)
        while (attempt := await self._replay(keep, clock)).fault is not None:
            if attempt.is_clean or self._process is None or self._process.lost is None or attempt.num_done == suspect:
                keep, fault = attempt.num_done, attempt.fault
            if attempt.is_clean:
                break
            suspect = attempt.num_done
            if (most := attempt.num_affordable(clock.for_replays)) < min(keep, suspect):
                keep, fault = most, clock.too_late
            await self._renew(clock)
        self._must_replay = False
        failed = keep < len(self._history)
        del self._history[keep:]
        if failed:
            return Rebuilt(keep, True, (f"{cause} and the replay failed at cell {keep + 1} ({fault}){clock.note}",))
        if why is None:
            return Rebuilt(keep, False, (f"{cause} by replay{clock.note}",) if clock.note else ())
        return Rebuilt(keep, False, (f"{cause} and rebuilt by replaying {keep} cells{clock.note}",))

    async def _replay(self, keep: int, clock: Clock) -> Attempt:
        """Run the first `keep` cells, until one fails or is too long for what is left."""
        seconds: list[float] = []
        for index, cell in enumerate(self._history[:keep]):
            left = clock.for_replays
            if left <= 0 or cell.seconds > left:
                return Attempt(seconds, index, clock.too_late)
            try:
                result = await self._run_once(cell.code, left, clock.grace_of_replays)
            except NeverRan:
                return Attempt(seconds, index, "it was lost", is_clean=False)
            seconds.append(result.seconds)
            if result.status is ExecStatus.TIMEOUT:
                return Attempt(seconds, index, clock.too_late, is_clean=False)
            if not result.ok:
                return Attempt(seconds, index, result.error.type if result.error else result.status.value, is_clean=False)
        return Attempt(seconds, keep)

    async def _renew(self, clock: Clock) -> None:
        """Put a fresh process in the place of the last one."""
        old, self._process = self._process, None
        if old is not None:
            await asyncio.shield(old.end())
        self._check_open()
        started = time.monotonic()
        self._process = await self._open()
        clock.opened(time.monotonic() - started)
