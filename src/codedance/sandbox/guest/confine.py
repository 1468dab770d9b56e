"""The order in which the walls go up around one session, and the trial that tells which of them this machine has.

    found = probe(settings)            # {"namespaces": None, "landlock": "...why not", ...}, in throw-away children
    confine(walls, spec)               # in the forked session, before anything untrusted runs

Every step is taken by the session upon itself; none can be undone. Not covered: cgroups and the clock (supervisor).
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from . import landlock, linux, namespaces, seccomp
from .settings import Settings

NAMESPACES, LANDLOCK, SECCOMP, RLIMITS = "namespaces", "landlock", "seccomp", "rlimits"
_MB = 1 << 20
_OWN_ROOM = 32 * _MB
"""What the session's own machinery may use beyond the cap, to report that a cell ran out of memory."""


@dataclass(frozen=True, slots=True)
class Walls:
    """What the zygote knows when it forks a session."""

    settings: Settings
    in_force: frozenset[str]
    host: namespaces.HostProc
    first_uid: int | None
    address_space: int
    """Bytes of virtual memory that the zygote itself has."""
    overlaps: tuple[namespaces.Overlap, ...] = ()
    """What each session mounts for itself."""


def probe(settings: Settings) -> dict[str, str | None]:
    """Mechanism -> None where it works here, or the reason why not."""

    def try_namespaces() -> None:
        host = namespaces.HostProc()
        overlaps = namespaces.enter(host, settings.roots)
        uid = namespaces.session_uid(namespaces.first_session_uid(host), 0)
        if os.fork() == 0:  # the mounts of a session need the pid namespace's first process, as in real use
            _exit_by_error(lambda: namespaces.furnish_session(host, 1, 32, uid, overlaps), None)
        if os.wait()[1] != 0:
            raise OSError("a session's own mounts or user namespace were refused")

    def try_landlock() -> None:
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        landlock.enforce(landlock.prepare(["/"], []))

    def try_seccomp() -> None:
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        seccomp.install(seccomp.program(own_pid=os.getpid(), private_root=True))

    trials = {RLIMITS: lambda: None, SECCOMP: try_seccomp, LANDLOCK: try_landlock, NAMESPACES: try_namespaces}
    return {
        name: "switched off by the caller" if name in settings.without else _try_in_child(trial) for name, trial in trials.items()
    }


def confine(walls: Walls, session: int, work: str) -> None:
    """Put the calling process, the `session`-th one, behind every wall in force; `work` is its directory below level 3."""
    caps = walls.settings.caps
    uid = namespaces.session_uid(walls.first_uid, session)
    if NAMESPACES in walls.in_force:
        namespaces.furnish_session(walls.host, caps.disk_mb, caps.files, uid, walls.overlaps)
        readable, writable = ["/"], [namespaces.SESSION, *(overlap.own for overlap in walls.overlaps)]
    else:
        os.chdir(work)
        readable, writable = [*walls.settings.roots, work], [work]
        os.environ.update(HOME=work, TMPDIR=work)
    with suppress(OSError):
        walls.host.write("self/oom_score_adj", "1000")  # rather this one than the zygote
    os.close(walls.host.fd)
    rules = landlock.prepare(readable, writable, namespaces.DEVICES) if LANDLOCK in walls.in_force else None
    if uid is not None:
        namespaces.become(uid)
    if RLIMITS in walls.in_force:
        _set_rlimits(walls, threads_are_own=uid is not None or NAMESPACES in walls.in_force)
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    if rules is not None:
        landlock.enforce(rules)
    if SECCOMP in walls.in_force:
        seccomp.install(seccomp.program(os.getpid(), NAMESPACES in walls.in_force))


def _set_rlimits(walls: Walls, threads_are_own: bool) -> None:
    caps = walls.settings.caps
    most = walls.address_space + (caps.memory_mb + caps.shown_mb) * _MB
    resource.setrlimit(resource.RLIMIT_AS, (most, most + _OWN_ROOM))
    limits = {
        resource.RLIMIT_NOFILE: caps.open_files,
        resource.RLIMIT_FSIZE: caps.disk_mb * _MB,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    if threads_are_own:
        limits[resource.RLIMIT_NPROC] = caps.threads
    for which, cap in limits.items():
        hard = resource.getrlimit(which)[1]
        value = cap if hard == resource.RLIM_INFINITY else min(cap, hard)
        resource.setrlimit(which, (value, value))


def _try_in_child(trial: Callable[[], None]) -> str | None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _exit_by_error(trial, writer)
    os.close(writer)
    with open(reader, "rb") as pipe:
        reason = pipe.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    return None if status == 0 else reason or f"the trial ended with status {status}"


def _exit_by_error(action: Callable[[], None], writer: int | None) -> None:
    status = 0
    try:
        action()
    except Exception as error:  # boundary: a forked child must never return into its parent's code
        status = 1
        if writer is not None:
            os.write(writer, str(error).encode()[:500])
    os._exit(status)
