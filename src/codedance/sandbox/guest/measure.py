"""What a session can really do behind its walls, found out by doing it: the ground for the level that is claimed.

    measured = measure(caps, ["/dev/shm"])      # in a throw-away session, once its walls are up
    measured.threads                            # how many it could have, at most one more than the cap

Some milliseconds, standard library only; the session ends afterwards, so nothing is undone. The size of its file system is asked
for, not filled. Not covered: what the supervisor keeps (time, printed text, pictures). The self-check tries more and fills disks.
"""

from __future__ import annotations

import _thread
import mmap
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from .settings import Caps

_HOST = ("/etc/passwd", "/etc/hostname", "/etc/hosts", "/proc/self/status", "/proc/1/environ", "/proc/version", "/sys/kernel/mm")
"""Nothing that a private root has, too, such as the directories on the way to Python."""
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
_PIDS = range(1, 64)
_MAP_NORESERVE = 0x4000
_MB = 1 << 20
_NAME = "written-by-a-session"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the walls let through: empty texts and no more than the caps, if they hold."""

    read: str
    """A file or directory of the host that could be read, of some that are everywhere."""
    written: str
    """A directory of the host in which a file could be made."""
    connected: str
    """A family of which a socket could be opened."""
    started: str
    """A way by which a process could be started."""
    seen: int
    """The pid of another process whose existence could be found out, 0 if there was none."""
    threads: int
    """How many there could be, the first one included."""
    descriptors: int
    memory_mb: int
    """The largest piece of memory that was granted beyond what the session has; -1: no end was found."""
    disk_mb: int
    """Size of the file system that the session writes to; -1: it has none of its own."""
    files: int


def measure(caps: Caps, places: Iterable[str]) -> Measured:
    """Try everything once; `places` are directories of the host that its user may write to."""
    disk_mb, files = _disk(caps)
    return Measured(
        read=next(filter(_is_readable, _HOST), ""),
        written=next(filter(_is_writable, places), ""),
        connected=next(filter(None, map(_connect, _FAMILIES)), ""),
        started=_start(),
        seen=next(_others(), 0),
        memory_mb=_memory(caps),
        threads=_threads(caps),
        descriptors=_descriptors(caps),
        disk_mb=disk_mb,
        files=files,
    )


def _is_readable(path: str) -> bool:
    with suppress(OSError):
        if os.path.isdir(path):
            os.listdir(path)
        else:
            os.close(os.open(path, os.O_RDONLY))
        return True
    return False


def _is_writable(directory: str) -> bool:
    path = os.path.join(directory, f"{_NAME}-{os.getpid()}")
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(path)
        return True
    return False


def _connect(family: int) -> str:
    with suppress(OSError):
        socket.socket(family, socket.SOCK_RAW if family == socket.AF_NETLINK else socket.SOCK_STREAM)
        return socket.AddressFamily(family).name
    return ""


def _start() -> str:
    with suppress(OSError):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return "fork"
    try:
        os.execv("/nowhere", ["nowhere"])
    except FileNotFoundError:
        return "exec"
    except OSError:
        return ""


def _others() -> Iterator[int]:
    for pid in {os.getppid(), *_PIDS} - {0, os.getpid()}:
        with suppress(OSError):
            os.getpgid(pid)
            yield pid


def _memory(caps: Caps) -> int:
    """By halving: each piece is given back at once and never touched."""
    least, most = 0, caps.memory_mb + caps.shown_mb + 256
    if _is_granted(most):
        return -1
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if _is_granted(middle) else (least, middle)
    return least


def _is_granted(size_mb: int) -> bool:
    with suppress(OSError):
        mmap.mmap(-1, size_mb * _MB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE).close()
        return True
    return False


def _threads(caps: Caps) -> int:
    closed = _thread.allocate_lock()
    closed.acquire()
    _thread.stack_size(1 << 16)
    count = 1
    with suppress(RuntimeError):
        while count <= caps.threads:
            _thread.start_new_thread(closed.acquire, ())
            count += 1
    return count


def _descriptors(caps: Caps) -> int:
    highest = 0
    with suppress(OSError):
        while highest <= caps.open_files:
            highest = os.dup(0)
    return highest + 1


def _disk(caps: Caps) -> tuple[int, int]:
    info = os.statvfs(".")
    size_mb = info.f_blocks * info.f_frsize // _MB
    return (size_mb, info.f_files) if size_mb <= caps.disk_mb else (-1, -1)
