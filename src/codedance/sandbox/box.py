"""The sandbox: start it once, open as many sessions as you have slots.

    async with Sandbox(limits=Limits(time_s=10), require=3) as box:
        async with box.session(images=["photo.jpg"]) as session:
            result = await session.run("input_image.crop((0, 0, 200, 200)).show()")

`docs/sandbox.md` says what is covered and what is not.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from codedance.errors import ConfigError, IsolationError, SandboxError
from codedance.sandbox import advice, container, environment, host
from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.guest.messages import Hello, Ping, Pong
from codedance.sandbox.guest.settings import Caps, Settings
from codedance.sandbox.inbox import ImageInput, pack
from codedance.sandbox.isolation import Mechanism, Report
from codedance.sandbox.limits import Limits
from codedance.sandbox.link import Gone, Link, check_owner
from codedance.sandbox.session import Session
from codedance.sandbox.sizes import Sizes, fit
from codedance.sandbox.supervisor.orders import Orders
from codedance.types import Coordinates, Isolation

_OPEN_AT_LEAST_S = 30.0
_WAIT_AT_LEAST_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a sandbox is doing."""

    live: int
    pooled: int
    supervisor_pid: int
    zygote_pid: int


class Sandbox:
    """Runs untrusted Python in sessions that share nothing. Use it as an async context manager.

    Args:
        limits: what one session may use.
        require: the lowest isolation level to accept, 0 to 4; entering fails below it.
        slots: live sessions at the same time, fewer where the container allows fewer processes; further ones wait.
        parallel: cells running at the same time (default: four for each core that the container allows); further ones wait, off
            the clock.
        pool: sessions kept ready.
        wait_s: how long opening a session or running a cell may wait for its turn (default: as long as cells in all slots may
            take).
        without: mechanisms not to use, to see how a weaker machine behaves.

    Raises:
        ConfigError: a value is not allowed.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        require: int = 3,
        slots: int = 256,
        parallel: int | None = None,
        pool: int = 4,
        wait_s: float | None = None,
        without: Iterable[Mechanism | str] = (),
    ) -> None:
        self.limits = Limits() if limits is None else limits
        if not isinstance(self.limits, Limits):
            raise ConfigError(f"limits is a {type(limits).__name__}; give Limits(time_s=..., ...)")
        if require not in range(5):
            raise ConfigError(f"the isolation level to require is {require!r}; it must lie between 0 and 4")
        self._parallel = 4 * container.cpus() if parallel is None else parallel
        for name, value, least in (("slots", slots, 1), ("parallel", self._parallel, 1), ("pool", pool, 0)):
            if not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} is {value!r}; it must be a whole number of at least {least}")
        if wait_s is None:
            wait_s = _WAIT_AT_LEAST_S + slots / self._parallel * (self.limits.time_s + self.limits.grace_s)
        if not 0 < wait_s < float("inf"):
            raise ConfigError(f"wait_s is {wait_s!r}; it must be a number of seconds above 0")
        self._require = require
        self._num_slots = slots
        self._pool = min(pool, slots)
        self._wait_s = wait_s
        self._without = tuple(_mechanism(name) for name in ([without] if isinstance(without, str) else without))
        self._sizes: Sizes
        self._launcher: tuple[str, ...] = ()
        self._link: Link | None = None
        self._report: Report | None = None
        self._isolation: Isolation | None = None
        self._pid = 0
        self.versions: dict[str, str] = {}
        """Python and the guest libraries inside, once it has started."""

    async def __aenter__(self) -> Self:
        if sys.platform != "linux":
            raise SandboxError(f"the sandbox needs Linux, this is {sys.platform}; run codedance in a Linux container or VM")
        if self._pid != 0:
            self.check_process()
            raise SandboxError("this sandbox is open already; use it, or make another one")
        self._pid = os.getpid()
        self._sizes = fit(self.limits, self._num_slots, self._pool, container.tasks(), container.memory())
        self._slots = asyncio.Semaphore(self._sizes.slots)
        self._turns = asyncio.Semaphore(self._parallel)
        self._starting = asyncio.Lock()
        try:
            await self.connected()
        except BaseException:
            self._pid = 0
            raise
        level = self.report.level
        if level < self._require:
            await self.__aexit__(None, None, None)
            raise IsolationError(level, self._require, advice.explain(self.report, self._require, environment.look()))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pid == os.getpid():
            self._pid = 0
            await asyncio.shield(self._close())

    async def _close(self) -> None:
        async with self._starting:
            if self._link is not None:
                await self._link.close()
                self._link = None

    @property
    def report(self) -> Report:
        """Which mechanisms are in force."""
        if self._report is None:
            raise SandboxError("the sandbox has not started; use it inside 'async with Sandbox(...) as box:'")
        return self._report

    @property
    def isolation(self) -> Isolation:
        """Level and missing pieces, as in every result."""
        if self._isolation is None:
            self._isolation = self.report.isolation
        return self._isolation

    @property
    def open_s(self) -> float:
        """How long opening a session may take."""
        return max(_OPEN_AT_LEAST_S, self.limits.time_s)

    def session(
        self,
        images: Sequence[ImageInput] = (),
        originals: Sequence[ImageInput] = (),
        coordinates: Coordinates = Coordinates.PIXELS,
    ) -> Session:
        """A fresh session that sees `images` (PIL images, encoded bytes or paths) and, for detail, their `originals`.

        `coordinates` says how the model writes boxes, which `from_model` turns into pixels.

        Raises:
            DataError: an input cannot be read; a picture that cannot be decoded is told when the session is entered.
        """
        for name, given in (("images", images), ("originals", originals)):
            if not isinstance(given, (list, tuple)):
                kind = type(given).__name__
                raise ConfigError(f"{name} is a list, also for one picture ({name}=[picture]); {kind} was given")
        self.check_process()
        if coordinates not in tuple(Coordinates):
            raise ConfigError(f"coordinates is {coordinates!r}; it is one of {', '.join(Coordinates)}")
        return Session(self, pack(images, originals, self.limits, Coordinates(coordinates)))

    async def load(self) -> Load:
        """How many sessions there are, and in which processes.

        Raises:
            SandboxError: the supervisor is gone and cannot be started again.
        """
        link = await self.connected()
        try:
            answer, _ = await link.ask(lambda ref: Ping(ref, about=0), min(self._wait_s, _WAIT_AT_LEAST_S))
        except Gone as gone:
            raise SandboxError(f"the supervisor is gone: {gone}") from None
        assert isinstance(answer, Pong)
        return Load(answer.live, answer.pooled, *answer.pids)

    # What sessions need of their sandbox.

    def check_process(self) -> None:
        """Refuse to go on in a process forked from the one that opened it, before anything waits.

        Raises:
            SandboxError: it was opened in another process.
        """
        if self._pid != 0:
            check_owner(self._pid)

    async def connected(self) -> Link:
        """The link to a running supervisor; a new one if the last is gone."""
        self.check_process()
        if self._pid == 0:
            raise SandboxError("this sandbox was closed or never entered; use it inside 'async with Sandbox(...) as box:'")
        async with self._starting:
            if self._pid == 0:
                raise SandboxError("this sandbox was closed")
            if self._link is None or self._link.gone is not None:
                if self._link is not None:
                    await self._link.close()
                self._link, hello = await self._start()
                absent = {Mechanism(name): reason for name, reason in hello.absent.items()}
                self._isolation = None
                measured = Measured(**hello.measured)
                spared = tuple(hello.spared)
                self._report = Report(
                    absent, measured, self._fitting_limits(), hello.landlock_abi, hello.unreadable, spared, self._sizes.shortages
                )
                self.versions = hello.versions
            return self._link

    async def _start(self) -> tuple[Link, Hello]:
        environment.check(self.limits)
        try:
            return await Link.start(self._orders(), self._launcher)
        except SandboxError as error:
            if hint := advice.after_failure(environment.look()):
                raise SandboxError(f"{error}. {hint}") from None
            raise

    async def take_slot(self) -> None:
        """Wait for a free slot."""
        if self._pid == 0:
            raise SandboxError("this sandbox was closed or never entered; use it inside 'async with Sandbox(...) as box:'")
        try:
            async with asyncio.timeout(self._wait_s):  # wait_for of Python 3.11 may lose a cancellation
                await self._slots.acquire()
        except TimeoutError:
            remedy = (
                "raise slots or wait_s" if self._sizes.slots == self._num_slots else f"raise wait_s ({self._sizes.shortages[0]})"
            )
            raise SandboxError(
                f"all {self._sizes.slots} slots were taken for {self._wait_s:g} s; close sessions, or {remedy}"
            ) from None

    def give_slot(self) -> None:
        """Free a slot."""
        self._slots.release()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one more cell may run."""
        try:
            async with asyncio.timeout(self._wait_s):  # wait_for of Python 3.11 may lose a cancellation
                await self._turns.acquire()
        except TimeoutError:
            raise SandboxError(
                f"{self._parallel} cells kept running for {self._wait_s:g} s; raise parallel or wait_s, or lower time_s"
            ) from None
        try:
            yield
        finally:
            self._turns.release()

    def _fitting_limits(self) -> Limits:
        """The limits, as far as the container has room for them."""
        return replace(self.limits, threads=self._sizes.threads, memory_mb=self._sizes.memory_mb)

    def _orders(self) -> Orders:
        sizes, limits = self._sizes, self._fitting_limits()
        caps = Caps(**{name: getattr(limits, name) for name in Caps.__dataclass_fields__})
        settings = Settings(caps, host.readable_roots(), host.import_paths(), self._without, host.font_cache())
        return Orders(
            settings=settings,
            open_s=self.open_s,
            pool=sizes.pool,
            total_memory_mb=sizes.total_memory_mb,
            total_pids=sizes.total_tasks,
            python=sys.executable,
            guest_parent=host.GUEST_PARENT,
        )


def _mechanism(name: str) -> Mechanism:
    try:
        return Mechanism(name)
    except ValueError:
        raise ConfigError(f"without has {name!r}; the mechanisms are {', '.join(Mechanism)}") from None
