"""The promises of the sandbox as named checks that any backend must keep, run for real against a running one.

    async with Sandbox(LIMITS, require=0) as box:
        async for outcome in run_checks(box, promises.CHECKS):
            print(outcome.name, outcome.verdict, outcome.detail)

A check is some cells and a judge of their results; the list is in `promises.py`. `from_level` is the isolation level from which
the promise holds. Below it the cells still run and have to be contained, except at level 0, which contains nothing. Every check
runs beside a canary session, which must come out unchanged.
Not covered: speed (benchmarks/sandbox.py), faults of the machinery itself (tests/sandbox).
"""

from __future__ import annotations

import asyncio
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from codedance.errors import CodeDanceError
from codedance.sandbox.guest import linux, seccomp
from codedance.sandbox.limits import Limits
from codedance.types import ExecResult, ExecStatus, Isolation, WallName

if TYPE_CHECKING:
    from PIL import Image

LIMITS = Limits(time_s=1.0, grace_s=0.3, memory_mb=128, disk_mb=16, files=512, output_kb=16, images=4, threads=16)
"""Small enough to reach every limit in a moment."""
_SLACK_S = 1.0
_REFUSALS = "(OSError, RuntimeError, ImportError, LookupError)"

Judge = Callable[[Sequence[ExecResult]], str | None]
"""What is wrong with the results of a check's cells, or None."""


class RunsCells(Protocol):
    """A session of any backend."""

    async def run(self, code: str) -> ExecResult:
        """Run one cell."""
        ...


class Backend(Protocol):
    """A sandbox of any make."""

    limits: Limits

    @property
    def isolation(self) -> Isolation:
        """What is in force."""
        ...

    def session(self, images: Sequence[Image.Image]) -> AbstractAsyncContextManager[RunsCells]:
        """A fresh session that sees `images`."""
        ...


class Verdict(StrEnum):
    """How a check came out."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_PROMISED = "not promised"


@dataclass(frozen=True, slots=True)
class Check:
    """One promise."""

    name: str
    cells: tuple[str, ...]
    judge: Judge
    from_level: int = 0
    wall: WallName | None = None
    """Promised only where the backend says that this wall holds."""

    def is_promised(self, isolation: Isolation) -> bool:
        """Whether what is in force is enough."""
        fallen = {wall.name for wall in isolation.walls if not wall.enforced}
        return isolation.level >= self.from_level and self.wall not in fallen


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a promise."""

    name: str
    verdict: Verdict
    detail: str
    seconds: float


async def run_checks(box: Backend, checks: Sequence[Check]) -> AsyncIterator[Outcome]:
    """Run the checks one after another, beside one canary session."""
    picture = test_picture()
    async with box.session([picture]) as canary:
        await canary.run("canary = 42")
        for check in checks:
            yield await run_check(box, check, canary, picture)


async def run_check(box: Backend, check: Check, canary: RunsCells, picture: Image.Image) -> Outcome:
    """Run one check in a session of its own."""
    promised = check.is_promised(box.isolation)
    if not promised and box.isolation.level == 0:
        return Outcome(check.name, Verdict.NOT_PROMISED, f"promised {_where(check)}; not tried here", 0.0)
    started = time.perf_counter()
    try:
        complaint = await _complaint(box, check, canary, picture)
    except CodeDanceError as error:
        complaint = f"the sandbox itself failed: {error}"
    seconds = time.perf_counter() - started
    if complaint is not None:
        return Outcome(check.name, Verdict.BROKEN, complaint, seconds)
    if not promised:
        return Outcome(check.name, Verdict.NOT_PROMISED, f"promised {_where(check)}; contained here", seconds)
    return Outcome(check.name, Verdict.KEPT, "", seconds)


async def _complaint(box: Backend, check: Check, canary: RunsCells, picture: Image.Image) -> str | None:
    deadline_s = box.limits.time_s + box.limits.grace_s + _SLACK_S
    results = []
    async with box.session([picture]) as session:
        for cell in check.cells:
            started = time.perf_counter()
            try:
                result = await asyncio.wait_for(session.run(cell), 3 * deadline_s)
            except TimeoutError:
                return f"a cell did not come back within {3 * deadline_s:.1f} s; {deadline_s:.1f} s are allowed"
            results.append(result)
            if result.seconds > deadline_s or time.perf_counter() - started > 2 * deadline_s:
                return f"a cell took {time.perf_counter() - started:.1f} s; {deadline_s:.1f} s are allowed"
    complaint = check.judge(results) if check.is_promised(box.isolation) else None
    if complaint is not None:
        return complaint
    alive = await asyncio.wait_for(canary.run("print(canary)"), 2 * deadline_s)
    return None if alive.stdout == "42\n" and not alive.replayed else f"the canary session was changed: {alive}"


def _where(check: Check) -> str:
    return f"from level {check.from_level}" + (f", where the wall of {check.wall} holds" if check.wall else "")


def test_picture() -> Image.Image:
    """64x48 pixels, each one of another colour."""
    from PIL import Image

    picture = Image.new("RGB", (64, 48))
    picture.putdata([(4 * (i % 64), 5 * (i // 64), 200) for i in range(64 * 48)])
    return picture


# -- judges -----------------------------------------------------------------------------------------------------------


def describe(result: ExecResult) -> str:
    """One line about a result, for complaints."""
    error = f", {result.error.type}: {result.error.message[:80]}" if result.error else ""
    return f"got {result.status.value}{error}, stdout {result.stdout[:80]!r}, {len(result.images)} images"


def prints(text: str) -> Judge:
    """The last cell printed exactly this."""
    return lambda results: None if results[-1].stdout.strip() == text else f"expected {text!r}; {describe(results[-1])}"


def blocked(results: Sequence[ExecResult]) -> str | None:
    """Every attempt of the last cell was refused (see `attempt`)."""
    result = results[-1]
    lines = result.stdout.split("\n")
    refused = bool(result.stdout.strip()) and all(line.startswith("blocked") for line in lines if line)
    return None if refused and result.status is ExecStatus.OK else describe(result)


def ends(*statuses: ExecStatus) -> Judge:
    """The cells ended in these ways."""
    return lambda results: (
        None if [r.status for r in results] == list(statuses) else "; ".join(describe(result) for result in results)
    )


def shows(*sizes: tuple[int, int]) -> Judge:
    """The last cell showed pictures of these sizes."""
    return lambda results: None if [i.size for i in results[-1].images] == list(sizes) else describe(results[-1])


def contained(results: Sequence[ExecResult]) -> str | None:
    """The first cell was stopped or refused, one way or another, and the session can be used afterwards."""
    if results[0].status in (ExecStatus.OK, ExecStatus.NO_OUTPUT):
        return f"nothing stopped it: {describe(results[0])}"
    return None if results[-1].ok else f"unusable afterwards: {describe(results[-1])}"


def survived(results: Sequence[ExecResult]) -> str | None:
    """The first cell failed, but the session lives on with its variables."""
    if not all(result.state_kept and not result.replayed for result in results):
        return "the session was lost: " + "; ".join(describe(result) for result in results)
    return contained(results)


def capped(limit: int) -> Judge:
    """The first cell printed how far it came, and that is within the limit; or it was stopped on the way."""

    def judge(results: Sequence[ExecResult]) -> str | None:
        first = results[0]
        if not first.ok:
            return contained(results)
        reached = first.stdout.strip()
        return None if reached.isdigit() and int(reached) <= limit else f"{reached!r} was reached; the limit is {limit}"

    return judge


def kept(results: Sequence[ExecResult]) -> str | None:
    """The session lives on with its variables."""
    lost = [result for result in results if result.replayed or not result.state_kept]
    return "the session was lost: " + describe(lost[0]) if lost else None


def attempt(*statements: str) -> str:
    """A cell that tries each statement and prints for each whether it was refused."""
    parts = []
    for statement in statements:
        body = textwrap.indent(textwrap.dedent(statement).strip(), "    ")
        parts.append(f"try:\n{body}\n    print('ESCAPED')\nexcept {_REFUSALS} as e:\n    print('blocked', repr(e))")
    return "import ctypes, os, signal, socket, subprocess, threading\n" + "\n".join(parts)


def syscalls(table: str) -> str:
    """A cell that makes each system call of `table` ("name:x86_64:aarch64 ...") with zeros and expects EPERM or ENOSYS."""
    calls = seccomp.numbers(table, linux.MACHINE) if linux.MACHINE in linux.MACHINES else {}
    return (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"for name, number in {calls}.items():\n"
        "    result = libc.syscall(number, 0, 0, 0, 0, 0, 0)\n"
        "    refused = result == -1 and ctypes.get_errno() in (1, 38)\n"
        "    print('blocked' if refused else 'ESCAPED', name, ctypes.get_errno())"
    )


def both(*judges: Judge) -> Judge:
    """All of them are content."""
    return lambda results: next((c for judge in judges if (c := judge(results)) is not None), None)


def note(word: str) -> Judge:
    """A note of the last cell says this."""
    return lambda results: (
        None if any(word in note for note in results[-1].notes) else f"no note says {word!r}: {results[-1].notes}"
    )


def failed_as(kind: str, line: int | None = None) -> Judge:
    """The last cell ended with this exception, at this line."""

    def judge(results: Sequence[ExecResult]) -> str | None:
        error = results[-1].error
        good = error is not None and error.type == kind and (line is None or error.line == line)
        return None if good else f"expected {kind}; {describe(results[-1])}, error {error}"

    return judge
