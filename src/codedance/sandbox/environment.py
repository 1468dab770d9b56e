"""Where this process runs (a container, a chroot, a batch job), and what to do there about a wall that is missing.

    facts = look()
    facts.place                                              # Place.DOCKER
    advise(Mechanism.NAMESPACES, "unshare(...): ...", facts) # "docker run --security-opt seccomp=deploy/docker-seccomp.json ..."

Facts are read from /proc, /sys and the environment variables; nothing is tried. Not covered: whether the advice may be followed.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from codedance.errors import SandboxError
from codedance.sandbox.limits import Limits

SETFCAP = 31
_LEAST_FILES = 64
"""Descriptors of the supervisor with a few sessions."""
_UNLIMITED = resource.RLIM_INFINITY
_ULIMITS = {"-v": resource.RLIMIT_AS, "-d": resource.RLIMIT_DATA, "-n": resource.RLIMIT_NOFILE, "-u": resource.RLIMIT_NPROC,
            "-f": resource.RLIMIT_FSIZE, "-s": resource.RLIMIT_STACK, "-t": resource.RLIMIT_CPU}  # fmt: skip
"""Options of the shell's ulimit, and what they set."""
_LOW = {"-v": 4 << 30, "-d": 4 << 30, "-n": 256, "-u": 256, "-f": 1 << 30, "-s": 1 << 20, "-t": 3600}
"""Below these a limit may be why something fails."""


class Place(StrEnum):
    """What kind of surroundings a process has."""

    DOCKER = "Docker"
    PODMAN = "Podman"
    KUBERNETES = "Kubernetes"
    LXC = "LXC"
    APPTAINER = "Apptainer"
    CHARLIECLOUD = "Charliecloud"
    BUBBLEWRAP = "bubblewrap"
    GVISOR = "gVisor"
    PROOT = "proot"
    CHROOT = "a chroot"
    PLAIN = "no container"


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be read about the surroundings."""

    place: Place
    is_root: bool
    capabilities: int
    """Effective ones, as a bit mask."""
    is_filtered: bool
    """A seccomp profile of somebody else is in force."""
    has_proc: bool
    max_user_namespaces: int | None
    userns_clone: int | None
    """Debian's kernel.unprivileged_userns_clone."""
    apparmor_restricts: bool
    """Ubuntu's kernel.apparmor_restrict_unprivileged_userns."""
    security_modules: str
    """The kernel's list, empty where it cannot be read."""
    kernel: str
    low_limits: tuple[str, ...]
    """Hard limits that are low, as `ulimit -v 1000000`."""

    def can(self, capability: int) -> bool:
        """Whether a capability is in effect."""
        return bool(self.capabilities >> capability & 1)


def look(root: Path = Path("/"), variables: Mapping[str, str] | None = None) -> Facts:
    """Read the facts; `root` and `variables` are others in tests."""
    status = _fields(_text(root / "proc/self/status"))
    return Facts(
        place=_place(root, os.environ if variables is None else variables, status),
        is_root=os.geteuid() == 0,
        capabilities=int(status.get("CapEff", "0"), 16),
        is_filtered=status.get("Seccomp") == "2",
        has_proc=bool(status),
        max_user_namespaces=_number(root / "proc/sys/user/max_user_namespaces"),
        userns_clone=_number(root / "proc/sys/kernel/unprivileged_userns_clone"),
        apparmor_restricts=_number(root / "proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1,
        security_modules=_text(root / "sys/kernel/security/lsm").strip(),
        kernel=os.uname().release,
        low_limits=tuple(_low_limits()),
    )


def check(limits: Limits) -> None:
    """Refuse at once what cannot work.

    Raises:
        SandboxError: there is no /proc, or a hard limit of this process is too low for any session.
    """
    if not os.path.exists("/proc/self/status"):
        raise SandboxError("the sandbox cannot start: /proc is not mounted; mount it: mount -t proc proc /proc")
    largest = 2 * limits.output_kb * 1024 + (limits.shown_mb << 20)
    for option, which, least, unit in (
        ("-n", resource.RLIMIT_NOFILE, _LEAST_FILES, 1),
        ("-f", resource.RLIMIT_FSIZE, largest, 1024),
    ):
        hard = resource.getrlimit(which)[1]
        if hard != _UNLIMITED and hard < least:
            raise SandboxError(
                f"the sandbox cannot start: `ulimit {option}` is {hard // unit} here and has to be {-(-least // unit)} or more; "
                f"raise it in the shell or the batch job's settings: ulimit {option} {-(-least // unit)}"
            )


def _place(root: Path, variables: Mapping[str, str], status: Mapping[str, str]) -> Place:
    if os.uname().version.endswith("Sun Jan 10 15:06:54 PST 2016"):  # what gVisor says it is, whatever its age
        return Place.GVISOR
    if "proot" in _text(root / f"proc/{status.get('TracerPid', '0')}/comm"):
        return Place.PROOT
    named = variables.get("container", "")
    signs = {
        Place.KUBERNETES: "KUBERNETES_SERVICE_HOST" in variables or (root / "run/secrets/kubernetes.io").exists(),
        Place.PODMAN: named == "podman" or (root / "run/.containerenv").exists(),
        Place.APPTAINER: bool({"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} & set(variables)),
        Place.CHARLIECLOUD: "CH_RUNNING" in variables,
        Place.LXC: named.startswith("lxc"),
        Place.DOCKER: (root / ".dockerenv").exists() and (status.get("Seccomp") == "2" or _root_mount(root) == "overlay"),
        Place.BUBBLEWRAP: _is_below(root, "bwrap", status),
        Place.CHROOT: bool(status) and _root_mount(root) is None,
    }
    return next((place for place, is_there in signs.items() if is_there), Place.PLAIN)


def _root_mount(root: Path) -> str | None:
    """Type of the file system at the root directory; None if that is no mount point."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        fields, _, source = line.partition(" - ")
        if fields.split(" ")[4] == "/":
            return source.split(" ")[0]
    return None


def _is_below(root: Path, program: str, status: Mapping[str, str]) -> bool:
    """Whether an ancestor of this process runs `program`."""
    pid = status.get("PPid", "0")
    while pid != "0":
        found = _fields(_text(root / f"proc/{pid}/status"))
        if found.get("Name") == program:
            return True
        pid = found.get("PPid", "0")
    return False


def _low_limits() -> list[str]:
    found = []
    for option, which in _ULIMITS.items():
        hard = resource.getrlimit(which)[1]
        if hard != _UNLIMITED and hard < _LOW[option]:
            found.append(f"ulimit {option} {hard if option in ('-n', '-u', '-t') else hard >> 10}")
    return found


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace")
    return ""


def _number(path: Path) -> int | None:
    with suppress(ValueError):
        return int(_text(path))
    return None


def _fields(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
