"""The next command for a wall that is missing, for the place that the process is in.

    advise(Mechanism.NAMESPACES, "by a user namespace: unshare(user, mount, pid): ...", look())
    # "start the container with: docker run --security-opt seccomp=deploy/docker-seccomp.json"

Each rule is one place and one reason; the first that fits is given. docs/sandbox.md says where each was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from codedance.sandbox.environment import SETFCAP, Facts, Place
from codedance.sandbox.isolation import Mechanism, Report
from codedance.types import Wall, WallName

_SWITCHED_OFF = "switched off by the caller"
_PROFILE = "deploy/docker-seccomp.json"
_MAPPING = ("uid_map", "gid_map", "mapping user ids")


def advise(mechanism: Mechanism, reason: str, facts: Facts) -> str:
    """What to do, as a command where there is one."""
    if reason == _SWITCHED_OFF:
        return f"leave {mechanism} out of `without`"
    if not facts.has_proc:
        return "mount /proc: mount -t proc proc /proc"
    return next(_RULES[mechanism](reason, facts))


def advise_wall(wall: Wall, facts: Facts) -> str:
    """What to do about a wall that does not hold although the mechanisms are there; empty where those are to blame."""
    if wall.name is WallName.THREADS and facts.is_root:
        return f"{_as_user(facts)}, or give root CAP_SETUID and CAP_SETGID and a range of user ids"
    return ""


def after_failure(facts: Facts) -> str:
    """What may be why nothing could be started, and what to do about it; empty where nothing stands out."""
    hints = []
    if facts.low_limits:
        hints.append(f"limits are low here: {', '.join(facts.low_limits)}; raise them in the shell or the batch job's settings")
    if facts.place in (Place.GVISOR, Place.PROOT):
        hints.append(next(_namespaces("", facts)))
    return "; ".join(hints)


def explain(report: Report, require: int, facts: Facts) -> str:
    """One line for each thing that is missing below level `require`: what, why and what to do."""
    lines = []
    for mechanism in report.missing_below(require):
        reason = report.absent[mechanism] or ""
        lines.append(f"  - {mechanism}: {reason}. To get it: {advise(mechanism, reason, facts)}.")
    for wall in report.walls:
        if not wall.enforced:
            advice = advise_wall(wall, facts)
            lines.append(f"  - {wall.name}: {wall.measured}." + (f" To get a cap: {advice}." if advice else ""))
    return "\n".join(lines)


def _namespaces(reason: str, facts: Facts) -> Iterator[str]:
    match facts.place:
        case Place.PROOT:
            yield "run it without proot, which cannot make namespaces; bubblewrap, Podman and Apptainer can"
        case Place.GVISOR:
            yield "run the container with runc (docker run --runtime runc), or accept less: gVisor is a sandbox itself"
        case Place.CHROOT:
            yield (
                "on the host, before chroot: mount --bind DIR DIR (its root must be a mount point), and be root in it; "
                "or enter it with: bwrap --bind DIR / --proc /proc --dev /dev"
            )
    if facts.max_user_namespaces == 0 or "No space left" in reason:
        yield (
            "start bubblewrap without --disable-userns"
            if facts.place is Place.BUBBLEWRAP
            else "as root on the host: sysctl -w user.max_user_namespaces=10000 (the limit on user namespaces is used up or 0)"
        )
    if facts.userns_clone == 0 and not facts.is_root:
        yield "as root on the host: sysctl -w kernel.unprivileged_userns_clone=1"
    if facts.is_root and not facts.can(SETFCAP) and (any(word in reason for word in _MAPPING) or not facts.is_filtered):
        yield f"{_as_user(facts)}, or give root CAP_SETFCAP, CAP_SETUID and CAP_SETGID"
    if facts.apparmor_restricts and not facts.is_root:
        yield (
            "as root on the host: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with the rule "
            "`userns,` for this Python"
        )
    yield from _container(facts)
    if facts.is_filtered:
        yield f"allow the system calls of {_PROFILE} in the seccomp profile of this container"
    yield "allow user namespaces: as root on the host, sysctl -w user.max_user_namespaces=10000"


def _container(facts: Facts) -> Iterator[str]:
    """How each engine is told to use the profile."""
    commands = {
        Place.DOCKER: f"start the container with: docker run --security-opt seccomp={_PROFILE}",
        Place.PODMAN: f"start the container with: podman run --security-opt seccomp={_PROFILE}",
        Place.KUBERNETES: "give the pod the profile of deploy/kubernetes.yaml: securityContext.seccompProfile, type Localhost",
        Place.LXC: "on the host: lxc config set NAME security.nesting true",
    }
    if facts.place in commands:
        yield commands[facts.place]


def _as_user(facts: Facts) -> str:
    """How not to be root."""
    return {
        Place.DOCKER: "start the container with: docker run --user 1000",
        Place.PODMAN: "start the container with: podman run --user 1000",
        Place.KUBERNETES: "give the pod securityContext.runAsUser: 1000",
        Place.BUBBLEWRAP: "start it with: bwrap --unshare-user --uid 1000, as an ordinary user",
    }.get(facts.place, "run it as an ordinary user")


def _landlock(reason: str, facts: Facts) -> Iterator[str]:
    if facts.place is Place.GVISOR:
        yield "run the container with runc (docker run --runtime runc); gVisor has no Landlock"
    if facts.security_modules and "landlock" not in facts.security_modules.split(","):
        yield f"boot the host with lsm=landlock,{facts.security_modules}"
    if facts.is_filtered and "not permitted" in reason:
        yield f"update the container engine (Docker 23 or newer allows Landlock), or use {_PROFILE}"
    yield f"boot Linux 5.13 or newer with Landlock (6.2 for level 2); this is {facts.kernel}"


def _seccomp(_: str, facts: Facts) -> Iterator[str]:
    if facts.place is Place.PROOT:
        yield "run it without proot, which needs seccomp for itself"
    yield "run on x86_64 or aarch64 Linux with CONFIG_SECCOMP_FILTER"


def _rlimits(_: str, facts: Facts) -> Iterator[str]:
    yield f"raise what is low here: {', '.join(facts.low_limits) or 'ulimit -v'}"


def _cgroup(_: str, facts: Facts) -> Iterator[str]:
    commands = {
        Place.DOCKER: "cap the container as a whole: docker run --memory 16g --pids-limit 4000",
        Place.PODMAN: "cap the container as a whole: podman run --memory 16g --pids-limit 4000",
        Place.KUBERNETES: "cap the pod as a whole: resources.limits.memory",
    }
    if facts.place in commands:
        yield commands[facts.place]
    if facts.is_root:
        yield "mount control groups with memory and pids controllers, writable: mount -t cgroup2 none /sys/fs/cgroup"
    yield "start it in a delegated group: systemd-run --user --scope -p Delegate=yes codedance ..."


def _notification(reason: str, facts: Facts) -> Iterator[str]:
    if "busy" in reason:
        yield "run it in a container whose engine does not listen to system calls itself (LXC: security.syscalls.intercept.*)"
    yield f"run on Linux 5.14 or newer; this is {facts.kernel}"


_RULES: dict[Mechanism, Callable[[str, Facts], Iterator[str]]] = {
    Mechanism.RLIMITS: _rlimits,
    Mechanism.SECCOMP: _seccomp,
    Mechanism.LANDLOCK: _landlock,
    Mechanism.NAMESPACES: _namespaces,
    Mechanism.CGROUP: _cgroup,
    Mechanism.NOTIFICATION: _notification,
}
