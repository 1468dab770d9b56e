"""The private world of the zygote and of each session: own mounts, own pids, no network, a read-only root.

    host = HostProc()                                     # while /proc is still there
    enter(host, Way.OWN, None, roots=["/usr", "/venv"])   # the zygote, once; the next fork is pid 1
    furnish_session(host, 64, 4096, uid, ())              # each session: its own tmpfs, its own uid or user namespace

Three ways lead there, see `identities.Way`. What a container's profile may refuse and the walls do not need is left out
(`spared`): a host name, a network namespace where there are no sockets anyway. There is no /proc inside.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from . import linux, mounts
from .identities import Way, enter_user_namespace, leave_namespaces, take_mapped_id
from .proc import HostProc

SESSION = "/session"
WORK = f"{SESSION}/work"
TEMPORARY = f"{SESSION}/tmp"
DATA = f"{SESSION}/data"
_WRITABLE = {"/tmp": TEMPORARY, "/mnt/data": DATA}
"""Where code expects to be able to write, and the directory of the session that it finds there."""
_ROOTS = "/roots"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_MOUNT_POINTS = ("/tmp", "/mnt", "/var", "/usr")
"""Where the new root is put together; the first that exists."""


@dataclass(frozen=True, slots=True)
class World:
    """What `enter` has made."""

    overlaps: tuple[Overlap, ...]
    """What sessions have to mount for themselves."""
    spared: tuple[str, ...]
    """Second walls that were refused here."""


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


def enter(host: HostProc, way: Way, first_uid: int | None, roots: Iterable[str]) -> World:
    """Move the calling process into fresh namespaces with only `roots` visible, read-only.

    Leaves `SESSION` empty and the root writable; `seal` closes it. Raises OSError naming the step that is not allowed.
    """
    spared = leave_namespaces(host, way, first_uid)
    try:
        linux.set_host_name("sandbox")
    except OSError:
        spared = [*spared, "host name"]
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    sources = _open_roots(roots)  # now: a descriptor from before belongs to the old mount namespace
    if way is Way.MAPPED and first_uid is not None:
        take_mapped_id(first_uid)
    root = next(filter(os.path.isdir, _MOUNT_POINTS))
    linux.mount("tmpfs", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=64m,mode=755")
    overlaps = _furnish_root(host, root, sources)
    mounts.change_root(root)
    for fd in sources.values():
        os.close(fd)
    return World(overlaps, tuple(spared))


def seal(host: HostProc) -> None:
    """Make the root itself read-only, once the zygote has written what it needs there."""
    mounts.make_read_only("/", host.mountinfo, devices=False, recursive=False)


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
            _bind(host, source, overlap.own + path.removeprefix(overlap.place), os.path.isdir(source))
        linux.mount(overlap.own, overlap.place, None, linux.MS_BIND | linux.MS_REC)
    os.chdir(WORK)
    if uid is None:
        enter_user_namespace(host)


def _open_roots(roots: Iterable[str]) -> dict[str, int]:
    """Target path -> O_PATH descriptor of each existing root, under its own name and under its real one."""
    paths = sorted({name for path in roots if os.path.exists(path) for name in (os.path.abspath(path), os.path.realpath(path))})
    tops = [p for p in paths if not any(p != other and p.startswith(other.rstrip("/") + "/") for other in paths)]
    return {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in tops}


def _bind(host: HostProc, source: str, target: str, is_directory: bool) -> None:
    """Make `source` visible at `target`, read-only."""
    os.makedirs(target if is_directory else os.path.dirname(target), exist_ok=True)
    if not is_directory:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    linux.mount(source, target, None, linux.MS_BIND | linux.MS_REC)
    mounts.make_read_only(target, host.mountinfo, devices=False, recursive=True)


def _furnish_root(host: HostProc, root: str, sources: dict[str, int]) -> tuple[Overlap, ...]:
    for path, fd in sources.items():
        _bind(host, f"/proc/self/fd/{fd}", root + path, stat.S_ISDIR(os.fstat(fd).st_mode))
    os.makedirs(f"{root}/dev", exist_ok=True)
    for device in filter(os.path.exists, DEVICES):
        os.close(os.open(root + device, os.O_CREAT | os.O_WRONLY, 0o444))
        linux.mount(device, root + device, None, linux.MS_BIND)
        mounts.make_read_only(root + device, host.mountinfo, devices=True, recursive=False)
    for link in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(link) and not os.path.lexists(root + link):
            os.symlink(os.readlink(link), root + link)
    os.mkdir(root + SESSION)
    return tuple(
        overlap for place, own in _WRITABLE.items() if (overlap := _open_place(host, root, place, own, sources)) is not None
    )


def _open_place(host: HostProc, root: str, place: str, own: str, sources: dict[str, int]) -> Overlap | None:
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
        _bind(host, root + path, root + other, os.path.isdir(root + path))
    return Overlap(place, own, tuple(others))
