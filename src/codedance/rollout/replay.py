"""Run every stored cell again and say whether the same comes out: an audit of a run's evidence.

    limits, lowered = within(read_manifest(folder).limits, Limits())     # a folder does not decide what its code may use
    async for audit in replay(folder, box):
        print(audit.task_id, audit.turn, audit.verdict, audit.detail)

Each trace gets a fresh session with the stored pictures; cells run in order. Compared bit by bit are status, printed text, error,
the pixels of every shown picture, what the model got to see of all that, and the stored picture files with their names; the
stored reply must say the stored code. Code that reads the clock, or a machine with other library versions, may well differ: it is
told, not excused. Not covered: the model (what it would say today is another question); a reply forged together with its code.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from codedance.errors import DataError, SandboxError
from codedance.images import ImageStore, digest_bytes, digest_pixels
from codedance.images.reading import LARGE, opened, rgb
from codedance.model.chat import Reply
from codedance.rollout.codec import Codec, observe, seen
from codedance.rollout.codec.escape import storable
from codedance.rollout.settings import Returned, Settings
from codedance.rollout.store import IMAGES, read_manifest, read_traces
from codedance.sandbox import Limits, Sandbox
from codedance.types import Coordinates, ExecResult, SeenImage, StopReason, Trace, Turn

_CODE_MAY_END = (StopReason.TURN_LIMIT, StopReason.SANDBOX_ERROR, StopReason.DATA_ERROR)


def within(asked: Limits, own: Limits) -> tuple[Limits, tuple[str, ...]]:
    """The limits that a run's folder asks for, none above our own, and in words which ones were lowered."""
    wanted, most = asdict(asked), asdict(own)
    lowered = {name: most[name] for name, value in wanted.items() if value > most[name]}
    return replace(asked, **lowered), tuple(f"{name} {wanted[name]:.12g} (here {value:.12g})" for name, value in lowered.items())


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
    settings = read_manifest(folder).settings
    traces = read_traces(folder)
    running: set[asyncio.Task[list[Audit]]] = set()
    done: set[asyncio.Task[list[Audit]]] = set()
    try:
        while True:
            for trace in _some(traces, concurrency - len(running)):
                running.add(asyncio.create_task(_replay_trace(trace, sandbox, images, settings)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                for audit in task.result():
                    yield audit
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*done, *running, return_exceptions=True)  # or asyncio prints the errors of those that failed too


def _some(traces: Iterator[Trace], most: int) -> Iterator[Trace]:
    for _ in range(most):
        trace = next(traces, None)
        if trace is None:
            return
        yield trace


async def _replay_trace(trace: Trace, sandbox: Sandbox, images: ImageStore, settings: Settings) -> list[Audit]:
    cells = [(number, turn) for number, turn in enumerate(trace.turns, start=1) if turn.code is not None]
    if cells and cells[-1][0] == len(trace.turns) and trace.stop in _CODE_MAY_END:
        cells.pop()  # the last turn's code was not run
    if not cells:
        return []

    def audit(number: int, verdict: Verdict, detail: str = "") -> Audit:
        return Audit(trace.task_id, trace.sample, number, verdict, detail)

    try:
        views = [_whole(images, image.view_file) for image in trace.images]
        is_resized = any(image.file != image.view_file for image in trace.images)
        originals = [_whole(images, image.file) for image in trace.images] if is_resized else []
        audits = []
        coordinates = settings.coordinates or Coordinates.PIXELS
        async with await asyncio.to_thread(sandbox.session, views, originals, coordinates) as session:
            for number, turn in cells:
                result = await session.run(turn.code or "")
                differences = await asyncio.to_thread(_differences, turn, result, images, settings)
                verdict = Verdict.DIFFERENT if differences else Verdict.EQUAL
                audits.append(audit(number, verdict, ", ".join(differences)))
        return audits
    except (DataError, SandboxError) as error:
        return [audit(number, Verdict.FAILED, str(error)) for number, _ in cells]


def _whole(images: ImageStore, name: str) -> bytes:
    """A stored file whose content is what its name says."""
    data = images.read(name)
    if digest_bytes(data) != name.partition(".")[0]:
        raise DataError(f"{name}: the stored picture has been changed")
    return data


def _differences(turn: Turn, result: ExecResult, images: ImageStore, settings: Settings) -> list[str]:
    """What is not the same, by name."""
    stored = turn.execution
    if stored is None:
        return ["no execution is stored"]
    found = []
    if stored.status is not result.status:
        found.append(f"status was {stored.status}, is {result.status}")
    for name in ("stdout", "stderr", "error", "truncated", "state_kept"):
        value = getattr(result, name)
        if getattr(stored, name) != (storable(value) if isinstance(value, str) else value):
            found.append(name)
    shown = tuple(digest_pixels(pixels) for pixels in result.images)
    if len(stored.images) != len(shown):
        found.append(f"{len(shown)} pictures instead of {len(stored.images)}")
    pairs = enumerate(zip(stored.images, shown, strict=False), start=1)
    found += [f"picture {number}" for number, (old, new) in pairs if old != new]
    is_own = settings.returned is Returned.OWN
    limits = settings.image_limits
    if not found and is_own:
        observation = observe(result, settings.room, limits.rule, limits.max_bytes)
        found += ["what the model saw"] if turn.observation != seen(observation, limits.rule) else []
    found += [
        f"the file of {part.digest}" for part in turn.observation if isinstance(part, SeenImage) and not _is_kept(images, part)
    ]
    reply = Reply(text=turn.text, tool_calls=turn.tool_calls, finish_reason=turn.finish_reason, reasoning=turn.reasoning)
    if Codec(settings.format).parse(reply).code != turn.code:
        found.append("the code, which is not what the reply says")
    return found


def _is_kept(images: ImageStore, part: SeenImage) -> bool:
    """The file of a picture that the model saw has its pixels."""
    try:
        data = images.read(part.file)
        if part.media_type == "image/jpeg":
            return digest_bytes(data) == part.digest
        with opened(data) as picture:
            if (
                picture.size != (part.width, part.height) or picture.width * picture.height > LARGE
            ):  # decoding it would be for nothing
                return False
            return digest_pixels(rgb(picture)[0]) == part.digest
    except Exception:  # boundary: decoders raise anything on damaged files
        return False
