"""How many sessions there may be, and what each may use, so that together they fit the container that they run in.

    sizes = fit(Limits(), slots=256, pool=4, tasks=Tasks(300, 270, "pids.max"), memory=Memory(2048, 1900))
    sizes.slots, sizes.threads, sizes.shortages

A stopped session keeps the threads that its code has started, so all slots are counted with all their threads; the caller keeps a
reserve. Memory is not shared out: sessions rarely use what they may, so only a single one's cap is brought below what the
container has. Not covered: several sandboxes in one container, of which each sees only what is free when it starts.
"""

from __future__ import annotations

from dataclasses import dataclass

from codedance.sandbox.container import Memory, Tasks
from codedance.sandbox.limits import Limits

_OWN_TASKS = 12
"""Supervisor and zygote with their threads, and sessions that are just being forked."""
_LEAST_THREADS = 12
"""A pool of eight workers; rather fewer sessions than fewer threads than that."""
_FEWEST_THREADS = 4
_RESERVE, _LEAST_RESERVE, _MOST_RESERVE = 1 / 8, 8, 256
"""Of the container's tasks, for the caller."""
_LIBRARIES_MB = 192
"""What the libraries take, once for all sessions."""
_LEAST_MB = 256
"""With less, libraries that are imported late do not fit."""
_SHARE_OF_MEMORY, _MOST_SHARE_OF_MEMORY = 0.75, 0.9
"""Of the container's memory, for all sessions: usually, and where one session would not fit otherwise."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What holds here of what was asked for."""

    slots: int
    pool: int
    threads: int
    memory_mb: int
    total_tasks: int
    total_memory_mb: int
    """Caps of the control group around all sessions."""
    shortages: tuple[str, ...] = ()
    """What is less than was asked for, and why."""


def fit(limits: Limits, slots: int, pool: int, tasks: Tasks | None, memory: Memory) -> Sizes:
    """The sizes that were asked for, or the largest that fit."""
    threads, shortages = limits.threads, []
    total = (slots + pool) * (threads + 1) + 64
    if tasks is not None:
        reserve = min(_MOST_RESERVE, max(_LEAST_RESERVE, int(tasks.most * _RESERVE)))
        free = tasks.free - reserve
        total = max(_OWN_TASKS + _FEWEST_THREADS, min(total, free))
        num_slots, num_threads, pool = _share_out(free - _OWN_TASKS, slots, threads, pool)
        less = [f"{num_threads} threads a session instead of {threads}"] if num_threads < threads else []
        less += [f"{num_slots} sessions at a time instead of {slots}"] if num_slots < slots else []
        if less:
            shortages.append(
                f"processes: {tasks.most} are allowed here ({tasks.by}), {max(0, tasks.free)} are free; so {' and '.join(less)}"
            )
        slots, threads = num_slots, num_threads
    one_session_mb = min(int(memory.total_mb * _MOST_SHARE_OF_MEMORY), _LIBRARIES_MB + _LEAST_MB)
    total_memory_mb = max(int(memory.total_mb * _SHARE_OF_MEMORY), one_session_mb)
    usable = max(_LEAST_MB, total_memory_mb - _LIBRARIES_MB)
    if usable < limits.memory_mb:
        shortages.append(f"memory: there are {memory.total_mb} MB here; so {usable} MB a session instead of {limits.memory_mb}")
    return Sizes(
        slots=slots,
        pool=pool,
        threads=threads,
        memory_mb=min(limits.memory_mb, usable),
        total_tasks=total,
        total_memory_mb=total_memory_mb,
        shortages=tuple(shortages),
    )


def _share_out(free: int, slots: int, threads: int, pool: int) -> tuple[int, int, int]:
    """Slots, threads of each, and sessions kept ready, which have one thread each."""
    pool = max(0, min(pool, free // (4 * _FEWEST_THREADS)))
    free -= pool
    if slots * threads <= free:
        return slots, threads, pool
    each = min(threads, max(_LEAST_THREADS, free // slots))
    slots = min(slots, max(1, free // each))
    each = min(each, max(_FEWEST_THREADS, free // slots))
    return slots, each, min(pool, slots)
