"""What a session measured, as walls: which of them hold here, by what, and how that was found out.

walls = walls_of(measured, limits, in_force, spared)
walls[0].name, walls[0].enforced, walls[0].by          # files, True, "private root, landlock"
"""

from __future__ import annotations

from collections.abc import Collection

from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.limits import Limits
from codedance.types import Wall, WallName

_ROUNDING_MB = 1


def walls_of(measured: Measured, limits: Limits, in_force: Collection[str], spared: Collection[str]) -> tuple[Wall, ...]:
    """All walls, in the order of `WallName`. `in_force` are names of mechanisms, `spared` of second walls that were refused."""

    def by(**names: str) -> str:
        """The words for those mechanisms that are in force."""
        return ", ".join(text for mechanism, text in names.items() if mechanism in in_force) or "nothing"

    threads, descriptors = limits.threads, limits.open_files
    most_mb = limits.memory_mb + limits.shown_mb + _ROUNDING_MB
    net = {} if "net" in spared else {"namespaces": "a network namespace"}
    own_disk = measured.disk_mb >= 0
    rows: dict[WallName, tuple[bool, str, str]] = {
        WallName.FILES: (
            not (measured.read or measured.written),
            by(namespaces="a private root", landlock="Landlock", notification="a broker"),
            _files(measured),
        ),
        WallName.NETWORK: (
            not measured.connected,
            by(seccomp="seccomp", **net),
            f"{measured.connected or 'no'} sockets could be opened",
        ),
        WallName.PROCESSES: (not measured.started, by(seccomp="seccomp", namespaces="a pid namespace"), _processes(measured)),
        WallName.THREADS: (
            measured.threads <= threads,
            by(notification="a broker", rlimits="RLIMIT_NPROC") if measured.threads <= threads else "nothing",
            _count(measured.threads, threads),
        ),
        WallName.MEMORY: (
            0 <= measured.memory_mb <= most_mb,
            by(rlimits="RLIMIT_AS"),
            f"{measured.memory_mb} MB were granted" if measured.memory_mb >= 0 else "no end was found",
        ),
        WallName.DESCRIPTORS: (
            measured.descriptors <= descriptors,
            by(rlimits="RLIMIT_NOFILE"),
            _count(measured.descriptors, descriptors),
        ),
        WallName.DISK: (
            own_disk,
            by(namespaces="a file system in memory") if own_disk else "a watcher",
            f"{measured.disk_mb} MB, {measured.files} files" if own_disk else "the host's own file system",
        ),
    }
    return tuple(Wall(name, *rows[name]) for name in WallName)


def _count(reached: int, limit: int) -> str:
    return f"{reached} of {limit}" if reached <= limit else f"more than {limit}"


def _files(measured: Measured) -> str:
    if not (measured.read or measured.written):
        return "nothing of the host could be read or written"
    read = f"{measured.read} could be read" if measured.read else "nothing could be read"
    return f"{read}, {f'{measured.written} could be written to' if measured.written else 'nothing could be written'}"


def _processes(measured: Measured) -> str:
    seen = f"process {measured.seen} could be seen" if measured.seen else "none could be seen"
    return f"one could be started by {measured.started}; {seen}" if measured.started else f"none could be started; {seen}"
