"""A control group around the zygote and all its sessions, so that together they cannot starve the caller's machine.

    group = Cgroup.create("codedance-123", memory_bytes=16 << 30, pids=20_000)    # OSError where it may not
    group.add(pid); group.oom_kills(); group.remove()
    OomKills(group).was_one()                                                     # since we last asked

Version 2 where memory and pids are delegated to us, else version 1. Not covered: a cap per session (rlimits do that).
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codedance.sandbox import container

_PREFIX = "codedance-"
_SWEEP_S = 1.0
_TOGETHER_S = 2.0
"""Processes that the kernel killed at the same time are reported within that."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One directory (version 2) or one a controller (version 1)."""

    memory: Path
    pids: Path
    caps: tuple[tuple[Path, int], ...]
    """Which files hold its caps, and what stands in them."""

    @classmethod
    def create(cls, name: str, memory_bytes: int, pids: int) -> Cgroup:
        """Make a group below our own, with both caps set.

        Raises:
            OSError: neither version lets this process do that; the message has the reason of each.
        """
        reasons = []
        for version in (_version_2, _version_1):
            try:
                group = version(name, memory_bytes, pids)
                group.make()
                return group
            except OSError as error:
                reasons.append(f"{error.filename or version.__name__}: {error.strerror}")
        raise OSError(errno.EPERM, "; ".join(reasons))

    def make(self) -> None:
        """Make its directories and set its caps."""
        made = []
        try:
            for directory in sorted({self.memory, self.pids}):
                directory.mkdir()
                made.append(directory)
            if any(not file.exists() for file, _ in self.caps):
                raise OSError(errno.EPERM, "memory and pids are not delegated", str(self.memory))
            for file, cap in self.caps:
                file.write_text(str(cap))
        except OSError:
            for directory in made:
                directory.rmdir()
            raise

    def add(self, pid: int) -> None:
        """Move a process, and all that it forks from now on, into the group, which is made again if somebody removed it."""
        if not (self.memory.is_dir() and self.pids.is_dir()):
            self.remove()
            self.make()
        for directory in {self.memory, self.pids}:
            (directory / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int:
        """How many processes the kernel killed for the memory cap."""
        return container.oom_kills_of(self.memory) or 0

    def remove(self) -> None:
        """Delete the group, once its processes are gone."""
        for directory in {self.memory, self.pids}:
            with suppress(OSError):
                directory.rmdir()


class OomKills:
    """What the kernel has killed for want of memory: for the cap of our group, or for that of the container around it."""

    def __init__(self, group: Cgroup | None) -> None:
        self._group = group
        self._seen = self._count()
        self._num_more = 0
        self._until = 0.0

    def was_one(self) -> bool:
        """Whether a process that has just died by SIGKILL can be one of them; each kill answers for one process."""
        new, now = self._count() - self._seen, time.monotonic()
        if new > 0:
            self._seen, self._num_more, self._until = self._seen + new, new - 1, now + _TOGETHER_S
            return True
        if self._num_more > 0 and now < self._until:
            self._num_more -= 1
            return True
        return False

    def _count(self) -> int:
        return container.num_oom_kills() + (self._group.oom_kills() if self._group is not None else 0)


def sweep() -> None:
    """Delete the groups below our own that supervisors have left which were killed before they could do it."""
    for controller in ("memory", "pids", ""):
        if (parent := next(container.groups(controller), None)) is not None:
            with suppress(OSError):
                for directory in parent.glob(_PREFIX + "*"):
                    _remove_if_left(directory)


def sweep_everywhere() -> None:
    """Delete those that lie in other groups too, such as that of a batch job's earlier step; for a second at most."""
    deadline = time.monotonic() + _SWEEP_S
    places = deque({mount for name, (mount, _) in container.mounts().items() if name in ("memory", "pids", "")})
    while places and time.monotonic() < deadline:
        with suppress(OSError), os.scandir(places.popleft()) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    continue
                if entry.name.startswith(_PREFIX):
                    _remove_if_left(Path(entry.path))
                else:
                    places.append(Path(entry.path))


def _remove_if_left(directory: Path) -> None:
    """One with processes cannot be removed; one that is still to be filled belongs to a supervisor that lives."""
    pid = directory.name.removeprefix(_PREFIX)
    if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
        with suppress(OSError):
            directory.rmdir()


def _version_2(name: str, memory_bytes: int, pids: int) -> Cgroup:
    parent = next(container.groups(""), None)
    if parent is None:
        raise OSError(errno.ENOENT, "cgroup version 2 is not mounted", "cgroup2")
    group = parent / name
    return Cgroup(group, group, ((group / "memory.max", memory_bytes), (group / "pids.max", pids)))


def _version_1(name: str, memory_bytes: int, pids: int) -> Cgroup:
    memory, processes = (next(container.groups(controller), None) for controller in ("memory", "pids"))
    if memory is None or processes is None or not (memory / "memory.limit_in_bytes").exists():
        raise OSError(errno.ENOENT, "cgroup version 1 has no memory and pids here", "cgroup")
    memory, processes = memory / name, processes / name
    return Cgroup(memory, processes, ((memory / "memory.limit_in_bytes", memory_bytes), (processes / "pids.max", pids)))
