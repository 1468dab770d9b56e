"""The ladder: which mechanisms are in force on this machine, what a session measured behind them, and what level that makes.

    report = Report({Mechanism.RLIMITS: None, Mechanism.SECCOMP: None, ...}, measured, limits)  # None: in force; text: why not
    report.level                                                                                # 0 to 4

| level | mechanisms | and measured |
|---|---|---|
| 4 | level 3 and cgroup caps around all sessions | |
| 3 | namespaces (mount, pid) with a private read-only root, seccomp, rlimits; Landlock is a second wall | every wall holds |
| 2 | Landlock (ABI 3 or newer) or a private root, seccomp, rlimits | files, network, processes, memory, descriptors hold |
| 1 | seccomp, rlimits | the same, but files are kept by the broker alone or can be read; none can be changed |
| 0 | a process of its own, nothing else is sure | |

Every mechanism that the machine offers is applied; the level is the highest rung of which none is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.limits import Limits
from codedance.sandbox.walls import walls_of
from codedance.types import Isolation, Wall, WallName

_OWN_MB = 16
"""Of the memory of a session its own machinery takes no more than this."""
LANDLOCK_ABI_FOR_LEVEL_2 = 3
"""Before ABI 3 (Linux 6.2) Landlock cannot stop truncate(2) on files that the user may write."""


class Mechanism(StrEnum):
    """A wall around a session."""

    RLIMITS = "rlimits"
    SECCOMP = "seccomp"
    LANDLOCK = "landlock"
    NAMESPACES = "namespaces"
    CGROUP = "cgroup"
    NOTIFICATION = "notification"
    """Only below level 3, where there are no namespaces."""


_FIRST = (Mechanism.RLIMITS, Mechanism.SECCOMP)
_WANTED: Mapping[int, tuple[Mechanism, ...]] = {
    0: (),
    1: _FIRST,
    2: (*_FIRST, Mechanism.LANDLOCK),
    3: (*_FIRST, Mechanism.NAMESPACES),
    4: (*_FIRST, Mechanism.NAMESPACES, Mechanism.CGROUP),
}


_ALWAYS = {WallName.NETWORK, WallName.PROCESSES, WallName.MEMORY, WallName.DESCRIPTORS}
"""Walls without which there is no level at all."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is in force: per mechanism None (in force) or the reason why it is not; and what a session measured behind it."""

    absent: Mapping[Mechanism, str | None]
    measured: Measured
    limits: Limits
    landlock_abi: int = 0
    unreadable: str = ""
    """A directory that keeps sessions from importing further libraries (root's own, below level 3)."""
    spared: tuple[str, ...] = ()
    """Second walls that were refused: namespaces that seccomp makes up for, the host name."""
    shortages: tuple[str, ...] = ()
    """What sessions get less of than was asked for, since the container has no more."""

    def has(self, mechanism: Mechanism) -> bool:
        """Whether `mechanism` is in force."""
        return self.absent[mechanism] is None

    @property
    def walls(self) -> tuple[Wall, ...]:
        """Each wall, and whether it holds."""
        in_force = [name for name in Mechanism if self.has(name) and self._matters(name)]
        return walls_of(self.measured, self.limits, in_force, self.spared)

    @property
    def level(self) -> int:
        """The highest rung of which nothing is missing, and whose walls held."""
        holding = {wall.name for wall in self.walls if wall.enforced}
        if not (self.has(Mechanism.RLIMITS) and self.has(Mechanism.SECCOMP) and holding >= _ALWAYS) or self.measured.written:
            return 0
        if WallName.FILES not in holding or not (self._knows_truncate or self.has(Mechanism.NAMESPACES)):
            return 1
        if not self.has(Mechanism.NAMESPACES) or self.measured.seen or holding < set(WallName):
            return 2
        return 4 if self.has(Mechanism.CGROUP) else 3

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not in force and what follows from it, one line each."""
        lines = [f"{name}: {reason}" for name, reason in self.absent.items() if reason is not None and self._matters(name)]
        lines += [f"{wall.name}: {wall.measured} ({wall.by} keeps it)" for wall in self.walls if not wall.enforced]
        lines += [f"{name}: {has} of {limit}; a limit of the caller is lower ({how})" for name, has, limit, how in self._lower()]
        if self.measured.seen:
            lines.append("host pids: visible")
        if not self.has(Mechanism.NAMESPACES) and not self.has(Mechanism.NOTIFICATION):
            lines.append("the existence of host files: visible")
            if not self._knows_truncate:
                lines.append("files: nothing can be written, not even in the session's own directory")
        if self.spared:
            lines.append(f"second walls: the container refuses {', '.join(self.spared)}")
        if self.unreadable:
            lines.append(f"late imports: {self.unreadable} is closed to the sessions' users; use a Python that all may read")
        return (*lines, *self.shortages)

    @property
    def _knows_truncate(self) -> bool:
        return self.has(Mechanism.LANDLOCK) and self.landlock_abi >= LANDLOCK_ABI_FOR_LEVEL_2

    def _matters(self, mechanism: Mechanism) -> bool:
        return mechanism is not Mechanism.NOTIFICATION or not self.has(Mechanism.NAMESPACES)

    @property
    def isolation(self) -> Isolation:
        """The same as it stands in every result."""
        return Isolation(self.level, self.missing, self.walls)

    def _lower(self) -> Iterator[tuple[str, int, int, str]]:
        """What sessions get less of than was asked for: name, amount, what was asked for, where that is set."""
        has, asked = self.measured, self.limits
        for name, amount, wanted, slack, how in (
            ("threads", has.threads, asked.threads, 0, "ulimit -u"),
            ("descriptors", has.descriptors, asked.open_files, 0, "ulimit -n"),
            ("megabytes of memory", has.memory_mb, asked.memory_mb, _OWN_MB, "ulimit -v, ulimit -d"),
        ):
            if 0 <= amount < wanted - slack:
                yield name, amount, wanted, how

    def missing_below(self, require: int) -> list[Mechanism]:
        """The mechanisms of level `require` that are not in force."""
        return [name for name in _WANTED[require] if not self.has(name)]
