"""The private world of the zygote and of each session: own mounts, own pids, no network, a read-only root.

    host = HostProc()                                # while /proc is still there
    enter(host, roots=["/usr", "/home/me/.venv"])    # the zygote, once; the next fork is pid 1
    furnish_session(host, 64, 4096, uid, ())         # each session: its own tmpfs, its own uid or user namespace

Two ways lead there. With CAP_SYS_ADMIN (root) the namespaces are made directly and each session gets an uid of its own;
without it everything happens in a user namespace, and each session gets a nested one, so that the cap on threads counts
for one session alone. There is no /proc inside.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import linux

SESSION = "/session"
WORK = f"{SESSION}/work"
TEMPORARY = f"{SESSION}/tmp"
DATA = f"{SESSION}/data"
_WRITABLE = {"/tmp": TEMPORARY, "/mnt/data": DATA}
"""Where code expects to be able to write, and the directory of the session that it finds there."""
_ROOTS = "/roots"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_UID_BASE, _NUM_UIDS = 0x7A00_0000, 0x8000
"""As root, where the sessions' own uids are: far from those of people and services."""
_MOUNT_POINT = "/tmp"


class HostProc:
    """A handle on the host's /proc that outlives the change of root; closed before any untrusted code runs."""

    def __init__(self) -> None:
        self.fd = os.open("/proc", os.O_PATH | os.O_CLOEXEC)

    def read(self, path: str) -> str:
        """The text of /proc/PATH."""
        with open(path, encoding="ascii", opener=self._open) as file:
            return file.read()

    def write(self, path: str, text: str) -> None:
        """Write to /proc/PATH in one call, as the kernel's map files want it."""
        fd = self._open(path, os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def num_threads(self) -> int:
        """Threads of this process."""
        fd = self._open("self/task", os.O_RDONLY)
        try:
            return len(os.listdir(fd))
        finally:
            os.close(fd)

    def address_space(self) -> int:
        """Bytes of virtual memory of this process."""
        return int(self.read("self/statm").split()[0]) * os.sysconf("SC_PAGESIZE")

    def own_pid_namespace(self) -> int:
        """An open descriptor of the pid namespace of this process."""
        return self._open("self/ns/pid", os.O_RDONLY)

    def _open(self, path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, dir_fd=self.fd)


@dataclass(frozen=True, slots=True)
class Overlap:
    """A place to write to with readable directories below it, such as /tmp with a virtual environment in it.

    Each session mounts its own directory there and the readable ones into that.
    """

    place: str
    own: str
    """The session's directory."""
    roots: tuple[tuple[str, str], ...]
    """Path below `place`, and another path under which the same can be found."""


def enter(host: HostProc, roots: Iterable[str]) -> tuple[Overlap, ...]:
    """Move the calling process into fresh namespaces with only `roots` visible, read-only.

    Leaves `SESSION` empty and the root writable; `seal` closes it. Returns what sessions have to mount for themselves. Raises
    OSError naming the step that is not allowed.
    """
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWPID
    if linux.has_sys_admin():
        linux.unshare(flags)
    else:
        _enter_user_namespace(host, flags)
    linux.set_host_name("sandbox")
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    sources = _open_roots(roots)  # now: a descriptor from before belongs to the old mount namespace
    linux.mount("tmpfs", _MOUNT_POINT, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=64m,mode=755")
    overlaps = _furnish_root(_MOUNT_POINT, sources)
    linux.pivot_into(_MOUNT_POINT)
    for fd in sources.values():
        os.close(fd)
    return overlaps


def seal() -> None:
    """Make the root itself read-only, once the zygote has written what it needs there."""
    linux.make_read_only("/", devices=False, recursive=False)


@contextmanager
def new_pid_namespace(own: int) -> Iterator[None]:
    """Children forked inside the block are pid 1 of a new pid namespace; `own` is the one to return to."""
    linux.unshare(linux.CLONE_NEWPID)
    try:
        yield
    finally:
        linux.setns(own, linux.CLONE_NEWPID)


def furnish_session(host: HostProc, disk_mb: int, files: int, uid: int | None, overlaps: Iterable[Overlap]) -> None:
    """Give the calling process a tmpfs of its own to write to, and `uid` or a nested user namespace."""
    linux.unshare(linux.CLONE_NEWNS)
    options = f"size={disk_mb}m,nr_inodes={files},mode=755"
    linux.mount("tmpfs", SESSION, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
    for directory in (WORK, TEMPORARY, DATA, f"{DATA}/temp_processed_images"):  # the last is what Thyme's code saves into
        os.mkdir(directory, 0o700)
        if uid is not None:
            os.chown(directory, uid, uid)
    for overlap in overlaps:
        for path, source in overlap.roots:
            _bind(source, overlap.own + path.removeprefix(overlap.place), os.path.isdir(source))
        linux.mount(overlap.own, overlap.place, None, linux.MS_BIND | linux.MS_REC)
    os.chdir(WORK)
    if uid is None:
        _enter_user_namespace(host, 0)


def first_session_uid(host: HostProc) -> int | None:
    """Where the uids reserved for sessions begin, or None where this process may not hand out uids."""
    if os.geteuid() != 0 or not linux.may_set_uid():
        return None
    num_mapped = max(int(line.split()[0]) + int(line.split()[2]) for line in host.read("self/uid_map").splitlines())
    first = min(_UID_BASE, num_mapped - 1 - _NUM_UIDS)
    return first if first > _NUM_UIDS else None


def session_uid(first: int | None, session: int) -> int | None:
    """The uid of the `session`-th session."""
    return None if first is None else first + session % _NUM_UIDS


def become(uid: int) -> None:
    """Turn from root into `uid`, for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _enter_user_namespace(host: HostProc, flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER | flags)
    host.write("self/setgroups", "deny")
    host.write("self/uid_map", f"{uid} {uid} 1")
    host.write("self/gid_map", f"{gid} {gid} 1")


def _open_roots(roots: Iterable[str]) -> dict[str, int]:
    """Target path -> O_PATH descriptor of each existing root, under its own name and under its real one."""
    paths = sorted({name for path in roots if os.path.exists(path) for name in (os.path.abspath(path), os.path.realpath(path))})
    tops = [p for p in paths if not any(p != other and p.startswith(other.rstrip("/") + "/") for other in paths)]
    return {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in tops}


def _bind(source: str, target: str, is_directory: bool) -> None:
    """Make `source` visible at `target`, read-only."""
    os.makedirs(target if is_directory else os.path.dirname(target), exist_ok=True)
    if not is_directory:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    linux.mount(source, target, None, linux.MS_BIND | linux.MS_REC)
    linux.make_read_only(target, devices=False, recursive=True)


def _furnish_root(root: str, sources: dict[str, int]) -> tuple[Overlap, ...]:
    for path, fd in sources.items():
        _bind(f"/proc/self/fd/{fd}", root + path, stat.S_ISDIR(os.fstat(fd).st_mode))
    os.makedirs(f"{root}/dev", exist_ok=True)
    for device in filter(os.path.exists, DEVICES):
        os.close(os.open(root + device, os.O_CREAT | os.O_WRONLY, 0o444))
        linux.mount(device, root + device, None, linux.MS_BIND)
        linux.make_read_only(root + device, devices=True, recursive=False)
    for link in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(link) and not os.path.lexists(root + link):
            os.symlink(os.readlink(link), root + link)
    os.mkdir(root + SESSION)
    return tuple(overlap for place, own in _WRITABLE.items() if (overlap := _open_place(root, place, own, sources)) is not None)


def _open_place(root: str, place: str, own: str, sources: dict[str, int]) -> Overlap | None:
    """Let `place` lead to the session's directory `own`, unless it is, or lies in, a readable directory of the host."""
    if any(place == path or place.startswith(path.rstrip("/") + "/") for path in sources):
        return None
    within = [path for path in sources if path.startswith(place + "/")]
    if not within:
        os.makedirs(os.path.dirname(root + place), exist_ok=True)
        os.symlink(own, root + place)
        return None
    others = [(path, f"{_ROOTS}/{sources[path]}") for path in within]
    for path, other in others:
        _bind(root + path, root + other, os.path.isdir(root + path))
    return Overlap(place, own, tuple(others))
