"""The sandbox without async, for notebooks and scripts: the same calls, each waiting for its result.

    with SyncSandbox() as box, box.session(images=["photo.jpg"]) as session:
        print(session.run("print(input_image.size)").stdout)

An event loop of its own runs in a thread, so that it also works where a loop runs already (Jupyter). Ctrl-C ends the running
cell and raises KeyboardInterrupt. A forked child has no such thread: there every call says so at once, and closing does nothing.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from codedance.errors import SandboxError
from codedance.sandbox.box import Load, Sandbox
from codedance.sandbox.inbox import ImageInput
from codedance.sandbox.link import check_owner
from codedance.sandbox.session import Session
from codedance.types import Coordinates, ExecResult, Isolation

T = TypeVar("T")
_CANCEL_S = 10.0


class _LoopThread:
    def __init__(self) -> None:
        self.owner = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="codedance-sandbox", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            check_owner(self.owner)
        except SandboxError:
            work.close()
            raise
        task: asyncio.Future[T] = asyncio.run_coroutine_threadsafe(self._start(work), self._loop).result()
        done = asyncio.run_coroutine_threadsafe(self._outcome(task), self._loop)
        try:
            return done.result()
        except BaseException:  # boundary: also Ctrl-C must end what is running; everything is raised again
            if not done.done():
                self._loop.call_soon_threadsafe(task.cancel)
                with suppress(Exception, asyncio.CancelledError, concurrent.futures.CancelledError):
                    done.result(_CANCEL_S)
            raise

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _start(work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        return asyncio.ensure_future(work)

    @staticmethod
    async def _outcome(task: asyncio.Future[T]) -> T:
        return await task


class SyncSandbox:
    """`Sandbox` for people: the same arguments, no await."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._box = Sandbox(*args, **settings)
        self._thread: _LoopThread | None = None

    def __enter__(self) -> Self:
        if self._thread is not None:
            check_owner(self._thread.owner)
            raise SandboxError("this sandbox is open already; use it, or make another one")
        self._thread = _LoopThread()
        try:
            self._thread.call(self._box.__aenter__())
        except BaseException:
            thread, self._thread = self._thread, None
            thread.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread is None or self._thread.owner != os.getpid():  # a forked child leaves its parent's sandbox alone
            return
        thread, self._thread = self._thread, None
        try:
            thread.call(self._box.__aexit__(None, None, None))
        finally:
            thread.stop()

    @property
    def isolation(self) -> Isolation:
        """Level and missing pieces, as in every result."""
        return self._box.isolation

    def session(
        self,
        images: Sequence[ImageInput] = (),
        originals: Sequence[ImageInput] = (),
        coordinates: Coordinates = Coordinates.PIXELS,
    ) -> SyncSession:
        """As `Sandbox.session`."""
        thread = _required(self._thread)
        return SyncSession(self._box.session(images, originals, coordinates), thread)

    @property
    def versions(self) -> dict[str, str]:
        """Python and the guest libraries inside."""
        return self._box.versions

    def load(self) -> Load:
        """As `Sandbox.load`."""
        return _required(self._thread).call(self._box.load())


class SyncSession:
    """`Session` for people."""

    def __init__(self, session: Session, thread: _LoopThread) -> None:
        self._session = session
        self._thread = thread

    def __enter__(self) -> Self:
        self._thread.call(self._session.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def history(self) -> tuple[str, ...]:
        """As `Session.history`."""
        return self._session.history

    @property
    def image_sizes(self) -> tuple[tuple[int, int], ...]:
        """As `Session.image_sizes`."""
        return self._session.image_sizes

    def run(self, code: str) -> ExecResult:
        """As `Session.run`."""
        check_owner(self._thread.owner)
        if not self._session.is_open:
            raise SandboxError("this session is not open; use it inside 'with box.session(...) as session:'")
        return self._thread.call(self._session.run(code))

    def fork(self) -> SyncSession:
        """As `Session.fork`."""
        check_owner(self._thread.owner)
        return SyncSession(self._session.fork(), self._thread)

    def close(self) -> None:
        """As `Session.close`."""
        if self._session.is_open and self._thread.owner == os.getpid():
            self._thread.call(self._session.close())


def _required(thread: _LoopThread | None) -> _LoopThread:
    if thread is None:
        raise SandboxError("the sandbox is not open; use it inside 'with SyncSandbox(...) as box:'")
    check_owner(thread.owner)
    return thread
