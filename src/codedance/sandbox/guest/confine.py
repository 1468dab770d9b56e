"""The order in which the walls go up around one session, and the trial that tells which of them this machine has.

    found = probe(settings)            # found.absent: {"namespaces": None, "landlock": "...why not", ...}, by throw-away children
    confine(walls, 7, work)            # in the forked session, before anything untrusted runs

Every step is taken by the session upon itself; none can be undone. Not covered: cgroups and the clock (supervisor).
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import NoReturn

from . import identities, landlock, linux, namespaces, notify, seccomp
from .births import Births
from .measure import measure
from .messages import CHANNEL_FD
from .proc import HostProc
from .settings import Settings

NAMESPACES, LANDLOCK, SECCOMP, RLIMITS = "namespaces", "landlock", "seccomp", "rlimits"
NOTIFICATION = "notification"
_MB = 1 << 20
_OWN_ROOM = 32 * _MB
"""What the session's own machinery may use beyond the cap, to report that a cell ran out of memory."""
_LEAST_ROOM = 64 * _MB
"""With less memory than this to grow into nothing can be done in a session."""
_UNCOUNTED = "threads are not counted"
_NOTHING = (resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_NICE, resource.RLIMIT_RTPRIO)


class WallError(Exception):
    """A session could not put up one of its walls: the mechanism's name, and the reason."""


@dataclass(frozen=True, slots=True)
class Walls:
    """What the zygote knows when it forks a session."""

    settings: Settings
    in_force: frozenset[str]
    host: HostProc
    first_uid: int | None
    counts_threads: bool
    """RLIMIT_NPROC caps the threads of one session alone; else it is not set."""
    address_space: int
    """Bytes of virtual memory that the zygote itself has."""
    overlaps: tuple[namespaces.Overlap, ...] = ()
    """What each session mounts for itself."""

    @property
    def has_broker(self) -> bool:
        """Whether the supervisor's side answers calls about files and threads."""
        return needs_broker(self.in_force)


def needs_broker(in_force: Collection[str]) -> bool:
    """Whether there shall be a broker: where sessions have no file system and no process numbers of their own, and it can be."""
    return NAMESPACES not in in_force and SECCOMP in in_force and NOTIFICATION in in_force


@dataclass(frozen=True, slots=True)
class Found:
    """What this machine has."""

    absent: dict[str, str | None]
    """Mechanism -> None where it works here, or the reason why not."""
    way: identities.Way | None
    """How to enter namespaces, if that works."""
    counts_threads: bool
    """The kernel counts the threads of such sessions one by one."""


def probe(settings: Settings) -> Found:
    """Try each mechanism in a throw-away child, as a session would use it."""

    def try_landlock() -> str:
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        landlock.enforce(landlock.prepare(["/"], []))
        return ""

    def try_seccomp() -> str:
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        seccomp.install(seccomp.program(own_pid=os.getpid(), private_root=True))
        return ""

    def try_notification() -> str:
        notify.trial()
        return ""

    trials = {RLIMITS: lambda: "", SECCOMP: try_seccomp, LANDLOCK: try_landlock, NOTIFICATION: try_notification}
    off = "switched off by the caller"
    absent = {name: off if name in settings.without else _try_in_child(trial) for name, trial in trials.items()}
    if NAMESPACES in settings.without:
        return Found({**absent, NAMESPACES: off}, None, counts_threads=settings.first_uid is not None)
    reasons = []
    for way in identities.ways(settings.first_uid):
        try:
            remark = _await(partial(_fork_trial, partial(_try_way, settings, way)))
        except OSError as error:
            reasons.append(f"by {way}: {error.strerror}")
            continue
        return Found({**absent, NAMESPACES: None}, way, counts_threads=remark != _UNCOUNTED)
    return Found({**absent, NAMESPACES: "; ".join(reasons)}, None, counts_threads=settings.first_uid is not None)


def _try_way(settings: Settings, way: identities.Way) -> str:
    """Go into namespaces as a session does; raises OSError where that is refused, else says whether threads are counted."""
    host = HostProc()
    world = namespaces.enter(host, way, settings.first_uid, settings.roots)
    first_uid = settings.first_uid if way is not identities.Way.OWN else None
    uid = identities.session_uid(first_uid, 0)

    def be_session() -> str:
        namespaces.furnish_session(host, 1, 32, uid, world.overlaps)
        if uid is not None:
            identities.become(uid)
        linux.drop_capabilities()
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        try:
            child = os.fork()
        except OSError:
            return ""
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return _UNCOUNTED

    def be_first() -> str:  # the mounts of a session need the pid namespace's first process, as in real use
        births = Births.choose(host.own_pid_namespace())
        return _await(lambda writer: births.fork(lambda: _exit_with_word(be_session, writer)))

    return _await(partial(_fork_trial, be_first))


def confine(walls: Walls, session: int, work: str) -> None:
    """Put the calling process, the `session`-th one, behind every wall in force; `work` is its directory below level 3."""
    caps = walls.settings.caps
    uid = identities.session_uid(walls.first_uid, session)
    with _putting_up(NAMESPACES):
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
    with _putting_up(LANDLOCK):
        rules = landlock.prepare(readable, writable, namespaces.DEVICES) if LANDLOCK in walls.in_force else None
    with _putting_up(RLIMITS):
        if uid is not None:
            identities.become(uid)
        if RLIMITS in walls.in_force:
            _set_rlimits(walls)
        linux.drop_capabilities()
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if SECCOMP in walls.in_force:
            linux.prctl(linux.PR_SET_DUMPABLE, int(walls.has_broker))  # it looks at this process's descriptors
    with _putting_up(NOTIFICATION):
        memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC) if walls.has_broker else None
    with _putting_up(LANDLOCK):
        if rules is not None:
            landlock.enforce(rules)
    with _putting_up(NOTIFICATION):
        if memory is not None:
            notify.hand_over(CHANNEL_FD, memory)
    with _putting_up(SECCOMP):
        if SECCOMP in walls.in_force:
            is_private = NAMESPACES in walls.in_force
            is_open = not is_private and not walls.has_broker and not _guards_files(walls)
            seccomp.install(seccomp.program(os.getpid(), is_private, read_only=is_open))


def _guards_files(walls: Walls) -> bool:
    """Whether Landlock alone keeps a session from changing the user's files."""
    return LANDLOCK in walls.in_force and landlock.abi() >= landlock.ABI_THAT_GUARDS


def report(walls: Walls) -> None:
    """Measure what the walls around this session let through, and tell the supervisor."""
    measured = measure(walls.settings.caps, [walls.settings.font_cache, "/dev/shm", "/var/tmp"])
    os.write(CHANNEL_FD, json.dumps({"token": "", **asdict(measured)}).encode())


@contextmanager
def _putting_up(mechanism: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WallError(f"{mechanism}: {_words(error)}") from error


def _words(error: Exception) -> str:
    """What the system said; the steps of `linux` name themselves."""
    said = error.strerror if isinstance(error, OSError) and not error.filename else None
    return said or str(error)


def _set_rlimits(walls: Walls) -> None:
    caps = walls.settings.caps
    most = walls.address_space + (caps.memory_mb + caps.shown_mb) * _MB
    limits = {
        resource.RLIMIT_NOFILE: (caps.open_files, caps.open_files),
        resource.RLIMIT_FSIZE: (caps.disk_mb * _MB, caps.disk_mb * _MB),
        resource.RLIMIT_AS: (most, most + _OWN_ROOM),
        resource.RLIMIT_CORE: (1, 1),  # not even to a program that collects core dumps, which 0 would not keep from it
    }
    limits |= dict.fromkeys(_NOTHING, (0, 0))
    if walls.counts_threads:
        limits[resource.RLIMIT_NPROC] = (caps.threads, caps.threads)
    for which, (soft, hard) in limits.items():
        highest = resource.getrlimit(which)[1]
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        with suppress(OSError, ValueError):  # gVisor has not all of them; what holds is measured
            resource.setrlimit(which, (soft, hard))
    end = resource.getrlimit(resource.RLIMIT_AS)[0]
    room = end - walls.address_space
    if end != resource.RLIM_INFINITY and room < _LEAST_ROOM:
        raise OSError(
            errno.ENOMEM,
            f"the address space may not grow past {(walls.address_space + room) // _MB} MB here, of which the loaded libraries "
            f"take {walls.address_space // _MB}; at least {_LEAST_ROOM // _MB} more are needed: ulimit -v unlimited",
        )


def _fork_trial(trial: Callable[[], str], writer: int) -> int:
    return Births(None, may_return=False).fork(lambda: _exit_with_word(trial, writer))


def _try_in_child(trial: Callable[[], str]) -> str | None:
    try:
        _await(partial(_fork_trial, trial))
    except OSError as error:
        return error.strerror
    return None


def _await(fork: Callable[[int], int]) -> str:
    """Wait for a child that `fork` starts, and give what it writes to the descriptor; raise that as OSError if it failed."""
    reader, writer = os.pipe()
    child = fork(writer)
    os.close(writer)
    with open(reader, "rb") as pipe:
        word = pipe.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    if status != 0:
        raise OSError(errno.EPERM, word or f"the trial ended with status {status}")
    return word


def _exit_with_word(action: Callable[[], str], writer: int) -> NoReturn:
    status = 0
    try:
        text = action()
    except Exception as error:  # boundary: a forked child must never return into its parent's code
        status = 1
        text = _words(error)
    os.write(writer, text.encode()[:500])
    os._exit(status)
