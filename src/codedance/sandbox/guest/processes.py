"""Stand-ins for what would start a process, which sessions cannot: threads where that will do, a clear word where not.

    prepare_processes(note)                       # once, in the zygote
    with multiprocessing.Pool(2) as pool: ...     # threads, and a note that says so
    subprocess.run(["ls"])                        # PermissionError: no process can be started here; ...

The walls are elsewhere (`seccomp.py`): this is courtesy, not a barrier. Not covered: shared memory, `fork` itself.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.thread
import multiprocessing
import multiprocessing.context
import multiprocessing.dummy
import multiprocessing.pool
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from typing import Any, NoReturn

_HINT = "no process can be started here; os.listdir() lists files, shutil copies them, and packages cannot be installed"
_BY_THREADS = "no process can be started here: multiprocessing ran in threads"

Note = Callable[[str], None]


def prepare_processes(note: Note) -> None:
    """Put the stand-ins in place; `note` tells the caller that one was used."""
    _prepare_multiprocessing(note)
    _prepare_executor(note)

    def execute_child(self: Any, args: Any, *_: Any) -> NoReturn:
        raise PermissionError(1, _HINT, args if isinstance(args, str) else " ".join(map(str, args)))

    def system(command: Any) -> int:
        note(f"os.system ran nothing: {_HINT}")
        return 127 << 8

    subprocess.Popen._execute_child = execute_child  # type: ignore[attr-defined]
    os.system = system


def _prepare_multiprocessing(note: Note) -> None:
    dummy = multiprocessing.dummy
    stand_ins: dict[str, Any] = {
        "Lock": threading.Lock, "RLock": threading.RLock, "Semaphore": threading.Semaphore, "Event": threading.Event,
        "BoundedSemaphore": threading.BoundedSemaphore, "Condition": threading.Condition, "Barrier": threading.Barrier,
        "Queue": queue.Queue, "JoinableQueue": queue.Queue, "Manager": dummy.Manager, "Value": dummy.Value, "Array": dummy.Array,
    }  # fmt: skip

    class Process(dummy.DummyProcess):
        """A thread in the place of a process."""

        def start(self) -> None:
            note(_BY_THREADS)
            super().start()

        def terminate(self) -> None:
            """Threads cannot be ended from outside."""

        kill = close = terminate

    def make_pool(processes: int | None = None, initializer: Any = None, initargs: Any = (), *_: Any, **__: Any) -> Any:
        note(_BY_THREADS)
        return multiprocessing.pool.ThreadPool(processes, initializer, initargs)

    context = multiprocessing.context.BaseContext
    for name, make in {**stand_ins, "Pool": make_pool, "Process": Process}.items():
        setattr(multiprocessing, name, make)
        setattr(context, name, make if isinstance(make, type) and name == "Process" else _as_method(make))
    multiprocessing.context.Process = Process  # type: ignore[assignment,misc]


def _as_method(make: Any) -> Any:
    return lambda _, *args, **options: make(*args, **options)


def _prepare_executor(note: Note) -> None:
    class ProcessPoolExecutor(concurrent.futures.ThreadPoolExecutor):
        """Threads in the place of processes."""

        def __init__(
            self, max_workers: int | None = None, mp_context: Any = None, initializer: Any = None, initargs: Any = (), **_: Any
        ) -> None:
            note(_BY_THREADS)
            super().__init__(max_workers, "pool", initializer, initargs)

    concurrent.futures.ProcessPoolExecutor = ProcessPoolExecutor  # type: ignore[assignment,misc]
