"""The ladder: which mechanisms hold on this machine, and what level that makes.

    report = Report({Mechanism.RLIMITS: None, Mechanism.SECCOMP: None, ...})   # None: in force; text: why not
    report.level                                                               # 0 to 4

| level | mechanisms |
|---|---|
| 4 | level 3 and cgroup caps around all sessions |
| 3 | namespaces (mount, pid, net, ipc, uts) with a private read-only root, Landlock, seccomp, rlimits |
| 2 | Landlock (ABI 3 or newer), seccomp, rlimits: no disk quota, host pids visible |
| 1 | seccomp, rlimits: host files that the user can read are readable |
| 0 | a process of its own, nothing else |

Every mechanism that the machine offers is applied; the level is the highest rung of which none is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from codedance.types import Isolation

LANDLOCK_ABI_FOR_LEVEL_2 = 3
"""Before ABI 3 (Linux 6.2) Landlock cannot stop truncate(2) on files that the user may write."""


class Mechanism(StrEnum):
    """A wall around a session."""

    RLIMITS = "rlimits"
    SECCOMP = "seccomp"
    LANDLOCK = "landlock"
    NAMESPACES = "namespaces"
    CGROUP = "cgroup"


HINTS: Mapping[Mechanism, str] = {
    Mechanism.RLIMITS: "run on Linux with Python's resource module",
    Mechanism.SECCOMP: "run on x86_64 or aarch64 Linux with CONFIG_SECCOMP_FILTER",
    Mechanism.LANDLOCK: "boot with lsm=landlock,... on Linux 5.13 or newer (6.2 or newer for level 2)",
    Mechanism.NAMESPACES: "allow user namespaces: Docker needs --security-opt seccomp=PROFILE, Ubuntu 24.04 an AppArmor "
    "profile or sysctl kernel.apparmor_restrict_unprivileged_userns=0 (docs/sandbox.md has both)",
    Mechanism.CGROUP: "run as root, or in a delegated cgroup: systemd-run --user --scope -p Delegate=yes ...",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What is in force: per mechanism None (in force) or the reason why it is not, and Landlock's ABI version."""

    absent: Mapping[Mechanism, str | None]
    landlock_abi: int = 0
    unreadable: str = ""
    """A directory that keeps sessions from importing further libraries (root's own, below level 3)."""

    def has(self, mechanism: Mechanism) -> bool:
        """Whether `mechanism` is in force."""
        return self.absent[mechanism] is None

    @property
    def level(self) -> int:
        """The highest rung of which nothing is missing."""
        if not (self.has(Mechanism.RLIMITS) and self.has(Mechanism.SECCOMP)):
            return 0
        if not self.has(Mechanism.LANDLOCK):
            return 1
        if not self.has(Mechanism.NAMESPACES):
            return 2 if self.landlock_abi >= LANDLOCK_ABI_FOR_LEVEL_2 else 1
        return 4 if self.has(Mechanism.CGROUP) else 3

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not in force and what follows from it, one line each."""
        lines = [f"{name}: {reason}" for name, reason in self.absent.items() if reason is not None]
        if not self.has(Mechanism.NAMESPACES):
            lines += ["disk quota: a watcher only", "host pids: visible", "thread limit: only as root"]
        if self.unreadable:
            lines.append(f"late imports: {self.unreadable} is closed to the sessions' users; use a Python that all may read")
        return tuple(lines)

    @property
    def isolation(self) -> Isolation:
        """The same as it stands in every result."""
        return Isolation(self.level, self.missing)

    def explain(self, require: int) -> str:
        """One line a missing mechanism below `require`: what, why and how to get it."""
        wanted = list(Mechanism)[: {0: 0, 1: 2, 2: 3, 3: 4, 4: 5}[require]]
        return "\n".join(f"  - {name}: {self.absent[name]}. To get it: {HINTS[name]}." for name in wanted if not self.has(name))
