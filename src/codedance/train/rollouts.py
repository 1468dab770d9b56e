"""Rollouts for reinforcement learning: the real loop and the real sandbox, in lockstep, the same every time.

    traces = await rollouts(jobs, model, settings, sandbox, shelf)       # jobs: (task, sample) with seeds of their own
    keep(traces, [shelf], Path("runs/one/rollouts/step-000010"), model, sandbox, settings)      # to be scored, reported, replayed

All rollouts of a step take their turns together: the model is asked once every rollout that is not over waits for it, in the
order of the jobs. So the batches, and with them every drawn token, do not depend on how fast the sandbox was, and a run that was
killed goes on to the same result. Not covered: rollouts that overlap with training.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from codedance.images import PictureSink
from codedance.model.chat import ChatModel, Message, Reply
from codedance.rollout.loop import solve
from codedance.rollout.runner import open_store
from codedance.rollout.settings import Settings
from codedance.sandbox import Sandbox
from codedance.types import Sampling, Task, Trace


class BatchModel(Protocol):
    """A model that continues many conversations at once."""

    @property
    def name(self) -> str: ...

    async def generate_all(self, calls: Sequence[tuple[Sequence[Message], Sampling]]) -> list[Reply | BaseException]:
        """The replies in the order of the calls, as one batch; an error stands in the place of its reply."""
        ...


class Shelf:
    """Pictures of the rollouts of one step, in memory; stands where a rollout would keep them on disk."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        """Keep bytes under a name that tells their content."""
        self._files[name] = data

    def read(self, name: str) -> bytes:
        """The bytes under a name."""
        return self._files[name]

    def put_into(self, store: PictureSink) -> None:
        """Give all of them to another store."""
        for name, data in self._files.items():
            store.put(name, data)


@dataclass(frozen=True, slots=True)
class _Waiting:
    messages: Sequence[Message]
    sampling: Sampling
    future: asyncio.Future[Reply]


class _Lockstep:
    """What all rollouts of a step share: the door to the model, which opens when everybody stands before it."""

    def __init__(self, model: BatchModel, travellers: int) -> None:
        self._model = model
        self._travellers = travellers
        self._waiting: dict[int, _Waiting] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def leave(self) -> None:
        """One rollout is over."""
        self._travellers -= 1
        self._open()

    async def ask(self, place: int, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The reply, once all others have asked or left."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[place] = _Waiting(messages, sampling, future)
        self._open()
        return await future

    def _open(self) -> None:
        if self._waiting and len(self._waiting) == self._travellers:
            waiting = [self._waiting[place] for place in sorted(self._waiting)]
            self._waiting = {}
            task = asyncio.create_task(self._answer(waiting))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _answer(self, waiting: Sequence[_Waiting]) -> None:
        replies: Sequence[Reply | BaseException]
        try:
            replies = await self._model.generate_all([(one.messages, one.sampling) for one in waiting])
        except Exception as error:  # boundary: whoever waits has to hear of it
            replies = [error] * len(waiting)
        for one, reply in zip(waiting, replies, strict=True):
            if one.future.done():
                continue
            if isinstance(reply, BaseException):
                one.future.set_exception(reply)
            else:
                one.future.set_result(reply)


class _Traveller:
    """The model as one rollout sees it."""

    def __init__(self, lockstep: _Lockstep, place: int, name: str) -> None:
        self._lockstep = lockstep
        self._place = place
        self.name = name

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The next message of the assistant."""
        return await self._lockstep.ask(self._place, messages, sampling)


async def rollouts(
    jobs: Sequence[tuple[Task, int]], model: BatchModel, settings: Settings, sandbox: Sandbox, shelf: Shelf
) -> list[Trace]:
    """One trace for each job, a task and the seed of its rollout."""
    lockstep = _Lockstep(model, len(jobs))

    async def roll(place: int, task: Task, seed: int) -> Trace:
        try:
            own = replace(settings, sampling=replace(settings.sampling, seed=seed))
            return await solve(task, _Traveller(lockstep, place, model.name), sandbox, own, images=shelf)
        finally:
            lockstep.leave()

    return list(await asyncio.gather(*(roll(place, task, seed) for place, (task, seed) in enumerate(jobs))))


def keep(
    traces: Sequence[Trace], shelves: Sequence[Shelf], folder: Path, model: ChatModel, sandbox: Sandbox, settings: Settings
) -> None:
    """Write rollouts and their pictures as a run's folder.

    Raises:
        ConfigError: the folder holds a run with other settings.
        DataError, StoreError: it cannot be written.
    """
    with open_store(folder, model, sandbox, settings) as store:
        for shelf in shelves:
            shelf.put_into(store.images)
        for trace in traces:
            store.append(trace)
