"""The caller's end of a supervisor process: start it, ask it, notice when it is gone.

    link, hello = await Link.start(orders)
    ran, _ = await link.ask(lambda ref: Run(ref, session, 20.0, 1.0, code), deadline_s=30)

Every wait has a deadline. A supervisor that does not even answer a ping is killed and counts as gone.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import codedance
from codedance.errors import SandboxError
from codedance.sandbox import orphans, wire
from codedance.sandbox.guest.messages import Close, Closed, Hello, Lost, Opened, Ping, Pong, Ran, decode, encode
from codedance.sandbox.supervisor import cgroup, disk
from codedance.sandbox.supervisor.orders import Orders

_START_S = 400.0
"""More than the supervisor itself waits for its zygotes."""
_PING_S = 5.0
_END_S = 5.0
_PACKAGE_PARENT = str(Path(codedance.__file__).parents[1])

Answer = Opened | Ran | Closed | Pong


class Gone(Exception):
    """The supervisor is gone; its sessions are lost."""


def check_owner(owner: int) -> None:
    """Refuse to go on in a process forked from the one that opened the sandbox: loop, threads and locks stayed behind.

    Raises:
        SandboxError: `owner` is another process.
    """
    if owner != os.getpid():
        raise SandboxError(f"this sandbox was opened in another process ({owner}); open one in this process, after the fork")


class Link:
    """A running supervisor."""

    def __init__(self, orders: Orders, launcher: Sequence[str]) -> None:
        self._owner = os.getpid()
        self._watched: dict[int, Callable[[str], None]] = {}
        self._refs = itertools.count(1)
        self._pending: dict[int, asyncio.Future[tuple[Answer, list[int]]]] = {}
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self.gone: str | None = None
        """Why the supervisor is gone, once it is."""
        self._errors = open(os.memfd_create("supervisor-errors"), "w+b")  # noqa: SIM115  closed with the link
        ours, theirs = wire.pair()
        command = [*launcher, sys.executable, "-s", "-P", "-B", "-m", "codedance.sandbox.supervisor"]
        try:
            self._process = subprocess.Popen(
                [*command, orders.to_json(), str(os.getpid()), str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": _PACKAGE_PARENT},
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"{sys.executable} cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
        self._channel = wire.Channel(ours, self._receive, lambda: self._die(self._last_words()))

    @classmethod
    async def start(cls, orders: Orders, launcher: Sequence[str] = ()) -> tuple[Link, Hello]:
        """Start a supervisor and wait until its first zygote is ready.

        Raises:
            SandboxError: it cannot start; the message has its reason.
        """
        link = cls(orders, launcher)
        try:
            async with asyncio.timeout(_START_S):
                hello = await link._hello
        except (TimeoutError, Gone) as error:
            await link.close()
            raise SandboxError(f"the sandbox cannot start: {error or 'it did not answer in time'}") from None
        except BaseException:
            await link.close()
            raise
        if hello.fatal is not None:
            await link.close()
            raise SandboxError(f"the sandbox cannot start: {hello.fatal}")
        return link, hello

    @property
    def pid(self) -> int:
        """The supervisor's process."""
        return self._process.pid

    async def ask(self, make: Callable[[int], object], deadline_s: float, fds: Sequence[int] = ()) -> tuple[Answer, list[int]]:
        """Send the message that `make` builds for a fresh reference number, and wait for its answer.

        Raises:
            Gone: the supervisor died, or was killed because it neither answered in time nor reacted to a ping.
        """
        check_owner(self._owner)
        if self.gone is not None:
            raise Gone(self.gone)
        ref = next(self._refs)
        future = self._pending[ref] = asyncio.get_running_loop().create_future()
        self._channel.send(encode(make(ref)), fds)
        try:
            while not (await asyncio.wait([future], timeout=deadline_s))[0]:
                await self._check_alive(ref)
            answer: tuple[Answer, list[int]] = future.result()
            return answer
        except asyncio.CancelledError:
            if future.done() and future.exception() is None:  # it came in the same moment
                self._discard(*future.result())
            raise
        finally:
            self._pending.pop(ref, None)

    def watch(self, number: int, tell: Callable[[str], None]) -> None:
        """Call `tell` with the reason if this session dies between two cells."""
        self._watched[number] = tell

    def unwatch(self, number: int) -> None:
        """The session is of no interest any more."""
        self._watched.pop(number, None)

    async def close(self) -> None:
        """Hang up and wait until the supervisor and all that it started are gone. In a forked child nothing happens."""
        if self._owner != os.getpid():
            return
        self._channel.close()
        self._die("it was closed")
        for _ in range(int(_END_S / 0.005)):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.005)
        self._finish()

    def kill(self, why: str) -> None:
        """End a supervisor that no longer does its work."""
        self._process.kill()
        self._channel.close()
        self._die(why)

    async def _check_alive(self, about: int) -> None:
        ref = next(self._refs)
        future = self._pending[ref] = asyncio.get_running_loop().create_future()
        self._channel.send(encode(Ping(ref, about)))
        if not (await asyncio.wait([future], timeout=_PING_S))[0]:
            self.kill(f"the supervisor did not answer for {_PING_S:g} s")
        elif future.exception() is None:
            pong = future.result()[0]
            if isinstance(pong, Pong) and not pong.knows and about in self._pending and not self._pending[about].done():
                self.kill("the supervisor lost a request")
        self._pending.pop(ref, None)

    def _receive(self, data: memoryview, fds: list[int]) -> None:
        message: Hello | Lost | Answer = decode(data, (Hello, Opened, Ran, Closed, Lost, Pong))
        if isinstance(message, Hello):
            if not self._hello.done():
                self._hello.set_result(message)
        elif isinstance(message, Lost):
            if (tell := self._watched.get(message.session)) is not None:
                tell(message.why)
        else:
            future = self._pending.get(message.ref)
            if future is None or future.done():
                self._discard(message, fds)
            else:
                future.set_result((message, fds))

    def _discard(self, message: Answer, fds: list[int]) -> None:
        """An answer that nobody waits for any more: whoever wanted it was cancelled."""
        for fd in fds:
            os.close(fd)
        if isinstance(message, Opened) and message.session:
            self._channel.send(encode(Close(next(self._refs), message.session)))

    def _die(self, why: str) -> None:
        self.gone = self.gone or why
        waiting: list[asyncio.Future[Any]] = [self._hello, *self._pending.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(Gone(self.gone))
                future.exception()  # nobody may be waiting; then it is no error

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        said = self._errors.read().decode(errors="replace").strip()
        return f"the supervisor process ended (status {self._process.poll()})" + (f"; it said: {said}" if said else "")

    def _finish(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(_END_S)
        self._errors.close()
        if self._process.returncode != 0:  # it had no time to tidy up
            orphans.reap_session(self._process.pid)
            cgroup.sweep()
            disk.sweep()
