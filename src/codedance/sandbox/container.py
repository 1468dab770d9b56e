"""What the container or batch job around this process allows: memory, processes and threads, processors. Never the host's alone.

    tasks()        # Tasks(most=300, free=262, by="pids.max"), or None where nothing limits them
    memory()       # Memory(total_mb=512, free_mb=431)
    cpus()         # 2

Control groups of both versions are asked, from our own up to the topmost one that is mounted, since each of them counts; and the
limit of the user (ulimit -u). Not covered: limits outside of a container that hides them (its view of the control groups ends at
itself), and what other programs in it will need later.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from codedance.sandbox.guest import linux

_PROC = Path("/proc")
_UNLIMITED = 1 << 50
"""Version 1 writes a number of about 2**63 where there is no limit."""
_PLENTY = 1 << 16
"""With a limit of that many tasks, the user's need not be counted."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Processes and threads, which count alike."""

    most: int
    free: int
    by: str
    """The limit that is nearest."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the machine or, where that is less, of the container."""

    total_mb: int
    free_mb: int


def tasks() -> Tasks | None:
    """The nearest limit of processes and threads, or None where there is none."""
    found = []
    for group in groups("pids"):
        most = _number(group / "pids.max")
        if most is not None:
            found.append(Tasks(most, most - (_number(group / "pids.current") or 0), "pids.max"))
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if most < _PLENTY and most != resource.RLIM_INFINITY and os.getuid() != 0 and not linux.may_exceed_limits():
        found.append(Tasks(most, most - _num_tasks_of_user(), "ulimit -u"))
    return min(found, key=lambda tasks: tasks.free, default=None)


def memory() -> Memory:
    """What there is and what can still be had."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = _fields(_PROC / "meminfo").get("MemAvailable:", 0) << 10
    for group in groups("memory"):
        most = min(filter(None, (_number(group / name) for name in ("memory.max", "memory.limit_in_bytes"))), default=_UNLIMITED)
        total = min(total, most)
        used = max(filter(None, (_number(group / name) for name in ("memory.current", "memory.usage_in_bytes"))), default=0)
        stat = _fields(group / "memory.stat")
        cached = stat.get("total_inactive_file", stat.get("inactive_file", 0))
        free = min(free, max(0, most - used + cached))
    return Memory(total >> 20, free >> 20)


def cpus() -> int:
    """Processors that this process may use, rounded up."""
    most = float(len(os.sched_getaffinity(0)))
    for group in groups("cpu"):
        quota, period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
        with suppress(OSError, ValueError):
            quota, period = map(int, (group / "cpu.max").read_text().split())
        if quota is not None and quota > 0 and period:
            most = min(most, quota / period)
    return max(1, -int(-most // 1))


def num_oom_kills() -> int:
    """Processes that the kernel has killed for want of memory, in our own control group or, if that does not tell, anywhere."""
    own = next(groups("memory"), None)
    count = oom_kills_of(own) if own is not None else None
    return _fields(_PROC / "vmstat").get("oom_kill", 0) if count is None else count


def oom_kills_of(group: Path) -> int | None:
    """The same in one control group, or None where it does not tell."""
    return _fields(group / "memory.events").get("oom_kill", _fields(group / "memory.oom_control").get("oom_kill"))


def groups(controller: str) -> Iterator[Path]:
    """The directories of the control groups that hold this process, from its own up to the mount point."""
    for mount, path in _hierarchies(controller):
        directory = mount / path
        if ".." in path.parts or not directory.is_dir():
            directory = mount
        while directory.is_relative_to(mount):
            yield directory
            directory = directory.parent
        return


def mounts() -> dict[str, tuple[Path, PurePosixPath]]:
    """Controller ('' for version 2) -> where its control groups are mounted, and which of them that is."""
    found: dict[str, tuple[Path, PurePosixPath]] = {}
    with suppress(OSError):
        for line in (_PROC / "self/mountinfo").read_text().splitlines():
            before, _, after = line.partition(" - ")
            root, mount_point = (_unescaped(field) for field in before.split()[3:5])
            kind, _, options = after.split(maxsplit=2)
            names = [""] if kind == "cgroup2" else options.split(",") if kind == "cgroup" else []
            for name in names:
                found.setdefault(name, (Path(mount_point), PurePosixPath(root)))
    return found


def _hierarchies(controller: str) -> Iterator[tuple[Path, PurePosixPath]]:
    """Mount point and our own group below it, of version 1 if that has the controller, else of version 2."""
    mounted = mounts()
    own: dict[str, str] = {}
    with suppress(OSError):
        for line in (_PROC / "self/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            own.update(dict.fromkeys(names.split(","), path))
    for name in (controller, ""):
        if name in mounted and name in own:
            mount, root = mounted[name]
            group = PurePosixPath(own[name])
            yield mount, group.relative_to(root) if group.is_relative_to(root) else PurePosixPath()


def _num_tasks_of_user() -> int:
    count, uid = 0, os.getuid()
    for process in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == uid:
                count += len(os.listdir(process / "task"))
    return count


def _number(path: Path) -> int | None:
    """The number in a file; None if it is not there, or says that there is no limit."""
    with suppress(OSError, ValueError):
        value = int(path.read_text())
        return value if value < _UNLIMITED else None
    return None


def _fields(path: Path) -> dict[str, int]:
    """The numbers in a file of lines such as 'oom_kill 3'."""
    fields = {}
    with suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            name, value, *_ = line.split()
            fields[name] = int(value)
    return fields


def _unescaped(text: str) -> str:
    return text.encode().decode("unicode_escape") if "\\" in text else text
