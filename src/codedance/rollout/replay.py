"""Run every stored cell again and say whether the same comes out: an audit of a run's evidence.

    async for audit in replay(Path("runs/one"), box):
        print(audit.task_id, audit.turn, audit.verdict, audit.detail)

Each trace gets a fresh session with the stored pictures; cells run in order. Status, printed text, error and the pixels of every
shown picture are compared bit by bit. Code that reads the clock, or a machine with other library versions, may well differ: it is
told, not excused. Not covered: the model; what it would say today is another question.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from codedance.errors import DataError, SandboxError
from codedance.images import ImageStore, digest_pixels
from codedance.rollout.codec.escape import storable
from codedance.rollout.store import IMAGES, read_traces
from codedance.sandbox import Sandbox
from codedance.types import ExecResult, Execution, Trace


class Verdict(StrEnum):
    """What running a cell again has shown."""

    EQUAL = "bit-equal"
    DIFFERENT = "different"
    FAILED = "failed"
    """It could not be run again."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdict on one stored cell."""

    task_id: str
    sample: int
    turn: int
    """Counted from 1."""
    verdict: Verdict
    detail: str = ""


async def replay(folder: Path, sandbox: Sandbox, *, concurrency: int = 8) -> AsyncIterator[Audit]:
    """Every cell of the run in `folder`, trace by trace, in the order in which traces are over.

    Raises:
        DataError: there is no run.
        SandboxError: the sandbox itself cannot go on.
    """
    images = ImageStore(folder / IMAGES)
    traces = read_traces(folder)
    running: set[asyncio.Task[list[Audit]]] = set()
    try:
        while True:
            for trace in _some(traces, concurrency - len(running)):
                running.add(asyncio.create_task(_replay_trace(trace, sandbox, images)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                for audit in task.result():
                    yield audit
    finally:
        for task in running:
            task.cancel()


def _some(traces: Iterator[Trace], most: int) -> Iterator[Trace]:
    for _ in range(most):
        trace = next(traces, None)
        if trace is None:
            return
        yield trace


async def _replay_trace(trace: Trace, sandbox: Sandbox, images: ImageStore) -> list[Audit]:
    cells = [(number, turn.code, turn.execution) for number, turn in enumerate(trace.turns, start=1) if turn.execution]
    if not cells:
        return []

    def audit(number: int, verdict: Verdict, detail: str = "") -> Audit:
        return Audit(trace.task_id, trace.sample, number, verdict, detail)

    try:
        views = [images.read(image.view_file) for image in trace.images]
        is_resized = any(image.file != image.view_file for image in trace.images)
        originals = [images.read(image.file) for image in trace.images] if is_resized else []
        audits = []
        async with sandbox.session(views, originals) as session:
            for number, code, stored in cells:
                differences = _differences(stored, await session.run(code or ""))
                verdict = Verdict.DIFFERENT if differences else Verdict.EQUAL
                audits.append(audit(number, verdict, ", ".join(differences)))
        return audits
    except (DataError, SandboxError) as error:
        return [audit(number, Verdict.FAILED, str(error)) for number, _, _ in cells]


def _differences(stored: Execution, result: ExecResult) -> list[str]:
    """What is not the same, by name."""
    images = tuple(digest_pixels(pixels) for pixels in result.images)
    found = []
    if stored.status is not result.status:
        found.append(f"status was {stored.status}, is {result.status}")
    if stored.stdout != storable(result.stdout):
        found.append("stdout")
    if stored.stderr != storable(result.stderr):
        found.append("stderr")
    if stored.error != result.error:
        found.append("error")
    if len(stored.images) != len(images):
        found.append(f"{len(images)} pictures instead of {len(stored.images)}")
    pairs = enumerate(zip(stored.images, images, strict=False), start=1)
    return found + [f"picture {number}" for number, (old, new) in pairs if old != new]
