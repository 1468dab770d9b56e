"""Many tasks at once into one folder, resumed by default.

    runner = Runner(model, box, Path("runs/one"), Settings(), concurrency=32)
    progress = await runner.run(read_tasks(Path("questions.jsonl")))      # the same call again does only what is missing

Each finished rollout is on disk before it counts. Rollouts that ended by an outage of the model or the sandbox, or because a
picture cannot be used, are done again by the next call. Memory does not grow with the number of tasks, apart from their ids. Not
covered: several machines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from codedance.errors import CodeDanceError, ConfigError, DataError, ModelError, RequestRefused
from codedance.model.chat import ChatModel, info_of
from codedance.rollout.codec import Codec
from codedance.rollout.codec.escape import storable
from codedance.rollout.loop import codec_of, own_codec, solve, versions
from codedance.rollout.settings import Settings, SystemPrompt
from codedance.rollout.store import Key, Manifest, TraceStore
from codedance.sandbox import Sandbox
from codedance.types import ImageSource, StopReason, Task, Trace, Turn, Usage

_LEAST_OUTAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. Counts are rollouts."""

    done: int = 0
    """Finished by this call, outages included."""
    resumed: int = 0
    """Found finished in the folder."""
    running: int = 0
    answered: int = 0
    refused: int = 0
    """The model or its provider declined."""
    with_gold: int = 0
    """Of those done, without outages and unusable pictures: the answer is known."""
    right: int = 0
    """Of those, the answer given is right, by the runner's `is_right`; 0 without it."""
    undecided: int = 0
    """Of those, `is_right` cannot tell."""
    outages: int = 0
    unusable: int = 0
    """A picture cannot be used."""
    cells: int = 0
    failed_cells: int = 0
    usage: Usage = Usage()
    seconds: float = 0.0
    last_failure: str = ""
    """Why the last one of these failed."""


class _Job(NamedTuple):
    """One rollout to be made."""

    task: Task
    sample: int
    stranger: ImageSource | None
    """The picture of a task before that is none of this one's; the same whatever was done already."""


class Runner:
    """Asks a model about many tasks, `concurrency` at a time.

    Args:
        model: whom to ask.
        sandbox: an open one; give it slots for `concurrency` sessions.
        folder: where the run lies, or will lie.
        settings: of every rollout; what they leave open is the model's own.
        samples: rollouts of each task; with a seed, each has its own.
        concurrency: rollouts under way at once.
        may_go_on: asked before each rollout; False ends the run in good order (a budget is spent).
        on_progress: called after every turn and every rollout.
        is_right: whether the answer of a finished rollout with a known answer is right, None if it cannot be told; called in a
            thread. Nothing is counted as right or wrong without it.

    Raises:
        ConfigError: a value is not allowed.
    """

    def __init__(
        self,
        model: ChatModel,
        sandbox: Sandbox,
        folder: Path,
        settings: Settings | None = None,
        *,
        samples: int = 1,
        concurrency: int = 16,
        may_go_on: Callable[[], bool] = lambda: True,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        is_right: Callable[[Trace], bool | None] | None = None,
    ) -> None:
        for name, value in (("samples", samples), ("concurrency", concurrency)):
            if value < 1:
                raise ConfigError(f"{name} is {value!r}; it must be at least 1")
        self._model = model
        self._sandbox = sandbox
        self._folder = folder
        self._settings = (settings or Settings()).for_model(info_of(model))
        self._samples = samples
        self._concurrency = concurrency
        self._may_go_on = may_go_on
        self._on_progress = on_progress
        self._is_right = is_right
        self._progress = Progress()
        self._is_stopping = False
        self._failure: Exception | None = None
        self._outages_in_a_row = 0
        self._refusal: RequestRefused | None = None
        self._refusals_in_a_row = 0

    def stop(self) -> None:
        """Start no further rollout; `run` returns when those under way are over."""
        self._is_stopping = True

    async def run(self, tasks: Iterable[Task]) -> Progress:
        """Do what is missing.

        Raises:
            ConfigError: the folder belongs to a run with other settings or is being written.
            DataError: the tasks cannot be read, two have the same id, or the folder cannot be written.
            RequestRefused: the server refuses every request, for a reason that no wait cures.
            ModelError: so many outages in a row that going on makes no sense.
            StoreError: the folder cannot be written any more.
        """
        with open_store(self._folder, self._model, self._sandbox, self._settings) as store:
            self._clock = time.perf_counter()
            jobs = self._jobs(tasks, store)
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._concurrency):
                    workers.create_task(self._work(jobs, store))
        if self._failure is not None:
            raise self._failure
        return self._progress

    def _jobs(self, tasks: Iterable[Task], store: TraceStore) -> Iterator[_Job]:
        """What is still to be done, shared by all workers."""
        seen: set[str] = set()
        before: list[ImageSource] = []  # the last two pictures that differ: several tasks may share one
        for task in tasks:
            name = storable(task.id)
            if name in seen:
                raise DataError(f"two tasks have the id {name!r}; ids must differ, they name the rollouts")
            seen.add(name)
            for sample in range(self._samples):
                key = Key(name, sample)
                if key in store:
                    store.check_question(key, storable(task.question))
                    self._count(resumed=1)
                    continue
                if self._is_stopping or not self._may_go_on():
                    return
                strangers = (image for image in reversed(before) if image not in task.images)
                yield _Job(task, sample, next(strangers, None))
            if task.images and task.images[0] not in before[-1:]:
                before = [*before[-1:], task.images[0]]

    async def _work(self, jobs: Iterator[_Job], store: TraceStore) -> None:
        try:
            for job in jobs:
                self._count(running=1)
                if self._settings.system is SystemPrompt.ROW:
                    _put_prompt(store, codec_of(self._settings, job.task))
                trace = await solve(
                    job.task,
                    self._model,
                    self._sandbox,
                    self._settings,
                    sample=job.sample,
                    images=store.images,
                    stranger=job.stranger,
                    on_turn=self._count_turn,
                    on_failure=self._note_failure,
                )
                store.append(trace)
                await self._count_trace(trace)
        except Exception as error:  # boundary: the others finish what they have begun, then it is raised
            self._failure = self._failure or error
            self._is_stopping = True

    def _count_turn(self, turn: Turn) -> None:
        ran = turn.execution is not None
        failed = turn.execution is not None and not turn.execution.ok
        self._count(usage=turn.usage, cells=int(ran), failed_cells=int(failed))

    def _note_failure(self, error: CodeDanceError) -> None:
        """Start nothing more where every request would be refused like this one."""
        if not isinstance(error, RequestRefused):
            return
        self._refusals_in_a_row += 1
        has_replies = self._progress.done > self._progress.outages
        if error.concerns_all or (self._refusals_in_a_row >= _LEAST_OUTAGES and not has_replies):
            self._refusal = self._refusal or error
            self._is_stopping = True

    async def _count_trace(self, trace: Trace) -> None:
        is_known = trace.gold is not None and not trace.is_unfinished
        is_right = await asyncio.to_thread(self._is_right, trace) if is_known and self._is_right is not None else False
        self._outages_in_a_row = self._outages_in_a_row + 1 if trace.is_outage else 0
        self._count(
            running=-1,
            done=1,
            answered=int(trace.stop is StopReason.ANSWERED),
            refused=int(trace.stop is StopReason.REFUSED),
            with_gold=int(is_known),
            right=int(is_right is True),
            undecided=int(is_right is None),
            outages=int(trace.is_outage),
            unusable=int(trace.stop is StopReason.DATA_ERROR),
        )
        if trace.is_unfinished:
            self._progress = replace(self._progress, last_failure=trace.error or "")
        if self._refusal is not None:
            raise RequestRefused(
                f"{self._refusal}; every request would be refused like this, so the run stops here; nothing is lost, the same "
                "command goes on when that is mended",
                concerns_all=True,
            )
        if self._outages_in_a_row >= max(_LEAST_OUTAGES, 2 * self._concurrency):
            raise ModelError(
                f"{self._outages_in_a_row} rollouts in a row ended by an outage, the last one by: {trace.error}; "
                "nothing is lost, the same command goes on"
            )

    def _count(self, *, usage: Usage = Usage(), **more: int) -> None:  # noqa: B008 - frozen
        now = self._progress
        counts = {name: getattr(now, name) + by for name, by in more.items()}
        self._progress = replace(now, usage=now.usage + usage, seconds=time.perf_counter() - self._clock, **counts)
        self._on_progress(self._progress)


@contextmanager
def open_store(folder: Path, model: ChatModel, sandbox: Sandbox, settings: Settings) -> Iterator[TraceStore]:
    """A run's folder, to write rollouts into that are made with these; it keeps the prompt texts.

    Raises:
        ConfigError, DataError, StoreError: as `TraceStore`.
    """
    codec = own_codec(settings)
    manifest = Manifest(
        model=model.name,
        variant=str(getattr(model, "variant", "")),
        settings=settings,
        prompt=codec.digest,
        limits=sandbox.limits,
        isolation=sandbox.isolation,
        versions=versions(sandbox),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with TraceStore(folder, manifest) as store:
        _put_prompt(store, codec)
        yield store


def _put_prompt(store: TraceStore, codec: Codec) -> None:
    store.put_prompt(codec.digest, codec.texts)
