"""A control group around the zygote and all its sessions, so that together they cannot starve the caller's machine.

    group = Cgroup.create("codedance-123", memory_bytes=16 << 30, pids=20_000)    # OSError where it may not
    group.add(pid); group.oom_kills(); group.remove()

Version 2 where memory and pids are delegated to us, else version 1. Not covered: a cap per session (rlimits do that).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_PREFIX = "codedance-"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One directory (version 2) or one a controller (version 1)."""

    memory: Path
    pids: Path

    @classmethod
    def create(cls, name: str, memory_bytes: int, pids: int) -> Cgroup:
        """Make a group below our own, with both caps set.

        Raises:
            OSError: neither version lets this process do that; the message has the reason of each.
        """
        reasons = []
        for version in (_create_v2, _create_v1):
            try:
                return version(name, memory_bytes, pids)
            except OSError as error:
                reasons.append(f"{error.filename or version.__name__}: {error.strerror}")
        raise OSError(errno.EPERM, "; ".join(reasons))

    def add(self, pid: int) -> None:
        """Move a process, and all that it forks from now on, into the group."""
        for directory in {self.memory, self.pids}:
            (directory / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int:
        """How many processes the kernel killed for the memory cap."""
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                lines = dict(line.split() for line in (self.memory / name).read_text().splitlines())
                return int(lines.get("oom_kill", 0))
        return 0

    def remove(self) -> None:
        """Delete the group, once its processes are gone."""
        for directory in {self.memory, self.pids}:
            with suppress(OSError):
                directory.rmdir()


def sweep() -> None:
    """Delete the groups of supervisors that were killed before they could do it."""
    for parent in _own_groups().values():
        for directory in parent.glob(_PREFIX + "*") if parent.is_dir() else ():
            pid = directory.name.removeprefix(_PREFIX)
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                with suppress(OSError):
                    directory.rmdir()


def _own_groups() -> dict[str, Path]:
    """Controller ('' for version 2) -> directory of the group that this process is in."""
    groups = {}
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                version_1 = _MOUNT / controller if controller else _MOUNT
                groups[controller] = version_1 / path.lstrip("/")
    return groups


def _create_v2(name: str, memory_bytes: int, pids: int) -> Cgroup:
    parent = _own_groups().get("")
    if parent is None or not (_MOUNT / "cgroup.controllers").exists():
        raise OSError(errno.ENOENT, "cgroup version 2 is not mounted", str(_MOUNT))
    group = parent / name

    def fill() -> None:
        if not {"memory", "pids"} <= set((group / "cgroup.controllers").read_text().split()):
            raise OSError(errno.EPERM, "memory and pids are not delegated", str(group))
        (group / "memory.max").write_text(str(memory_bytes))
        (group / "pids.max").write_text(str(pids))

    _make([group], fill)
    return Cgroup(group, group)


def _create_v1(name: str, memory_bytes: int, pids: int) -> Cgroup:
    own = _own_groups()
    if "memory" not in own or "pids" not in own:
        raise OSError(errno.ENOENT, "cgroup version 1 has no memory and pids here", str(_MOUNT))
    memory, processes = own["memory"] / name, own["pids"] / name

    def fill() -> None:
        (memory / "memory.limit_in_bytes").write_text(str(memory_bytes))
        (processes / "pids.max").write_text(str(pids))

    _make([memory, processes], fill)
    return Cgroup(memory, processes)


def _make(directories: list[Path], fill: Callable[[], None]) -> None:
    made = []
    try:
        for directory in directories:
            directory.mkdir()
            made.append(directory)
        fill()
    except OSError:
        for directory in made:
            directory.rmdir()
        raise
