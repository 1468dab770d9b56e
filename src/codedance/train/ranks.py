"""Several processes of one machine that train as one: each takes its share of a step, gradients are summed.

    with ranks_of(2, work, recipe, folder) as ranks:      # another process runs work(ranks, recipe, folder) as well
        work(ranks, recipe, folder)

On CPUs two processes of one thread are nearly twice as fast as one process of two: threads meet thousands of times a step, these
once. All ranks hold the same weights and take the same steps, so that the result does not depend on which of them writes it.
Not covered: several machines.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from codedance.errors import TrainError
from codedance.plain import visible

_WAIT = timedelta(minutes=10)
_LAST_WORDS_S = 5.0
Share = TypeVar("Share")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of how many processes this is."""

    size: int = 1
    rank: int = 0

    @property
    def is_first(self) -> bool:
        """The one that writes files and talks."""
        return self.rank == 0

    def share(self, all_of_them: Sequence[Share]) -> Sequence[Share]:
        """Every size-th, from one's own on."""
        return all_of_them[self.rank :: self.size]

    def sum_gradients(self, weights: Sequence[torch.nn.Parameter]) -> None:
        """Give every rank the sum of all gradients; a weight without one counts as 0."""
        if self.size == 1:
            return
        flat = torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).reshape(-1) for w in weights])
        dist.all_reduce(flat)
        for weight, part in zip(weights, torch.split(flat, [w.numel() for w in weights]), strict=True):
            weight.grad = part.view_as(weight)

    def gather(self, value: Value) -> list[Value]:
        """What each rank has, in their order."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found


@contextmanager
def ranks_of(size: int, work: Callable[..., object], *settings: object) -> Iterator[Ranks]:
    """This process as the first of `size`; each of the others runs `work(ranks, *settings)`.

    Raises:
        TrainError: another process ended early.
    """
    if size == 1:
        yield Ranks()
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        context = get_context("spawn")
        others: dict[Connection, BaseProcess] = {}
        is_met = False
        try:
            for rank in range(1, size):
                here, there = context.Pipe(duplex=False)
                arguments = (there, meeting, size, rank, work, settings)
                others[here] = context.Process(target=_follow, args=arguments, name=f"rank {rank}", daemon=False)
                others[here].start()
                there.close()  # so that the end of the process is the end of the pipe
            _wait_for(others)
            is_met = True
            with _meeting(meeting, size, 0):
                yield Ranks(size, 0)
        finally:
            for here, process in others.items():
                here.close()
                if process.pid is not None:
                    process.join(_LAST_WORDS_S if is_met else 0.0)
                    process.kill()


@contextmanager
def _meeting(place: str, size: int, rank: int) -> Iterator[None]:
    try:
        dist.init_process_group("gloo", init_method=place, world_size=size, rank=rank, timeout=_WAIT)
        yield
    except RuntimeError as error:  # what torch raises where a neighbour is gone
        raise TrainError(f"a training process ended: {error}; the same command goes on from the last checkpoint") from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _wait_for(others: Mapping[Connection, BaseProcess]) -> None:
    """Until each says that it is coming to the meeting, where minutes would pass before one is missed.

    Raises:
        TrainError: one has ended, or says nothing.
    """
    missing = dict(others)
    deadline = time.monotonic() + _WAIT.total_seconds()
    while missing:
        found = [one for one in wait(list(missing), max(0.0, deadline - time.monotonic())) if isinstance(one, Connection)]
        if not found:
            names = ", ".join(process.name for process in missing.values())
            raise TrainError(f"{names}: nothing was heard for {_WAIT}; the machine is too busy for so many processes")
        for here in found:
            process = missing.pop(here)
            try:
                here.recv_bytes(1)
            except EOFError:
                process.join(_LAST_WORDS_S)
                raise TrainError(
                    f"{process.name}: its process ended with exit code {process.exitcode} before training began, see above; a "
                    'script that trains in several processes needs `if __name__ == "__main__":` around what it does, since each '
                    "of them runs it"
                ) from None


def _follow(
    ready: Connection, meeting: str, size: int, rank: int, work: Callable[..., object], settings: Sequence[object]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first one decides, and its end is ours
    ready.send_bytes(b".")
    try:
        with _meeting(meeting, size, rank):
            work(Ranks(size, rank), *settings)
    except Exception as error:  # boundary: the first one raises the same, or says that we are gone
        sys.stderr.write(f"rank {rank}: {type(error).__name__}: {visible(str(error))}\n")
        raise SystemExit(1) from None
