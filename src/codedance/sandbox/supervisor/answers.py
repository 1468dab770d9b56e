"""What the broker answers a session's call: go on, fail, or here is what you asked for, done on your behalf.

    answers = Answers(view, memory, caps, is_only_wall=False)
    reply = answers.to("newfstatat", thread=4711, arguments=(...))

The session can change its memory while it waits, so a path that was looked at is not the path that the kernel will read when the
call goes on. Hence what asks about files (stat, access, readlink, statfs, O_PATH) is done here and the result put into the
session's memory. Opening and changing files goes on below Landlock, which decides by itself: there a race tells at most whether
a path exists. Where there is no Landlock (`is_only_wall`) nothing goes on: everything is done here, and descriptors are handed
in. Threads are counted by the kernel's own number, and by the calls that were let go on and may not have happened yet.
Not covered: what is done through descriptors (read, write, ftruncate), which is for the rlimits and the watcher.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import time
from dataclasses import dataclass
from typing import Any

from codedance.sandbox.guest import linux, seccomp
from codedance.sandbox.supervisor import changes
from codedance.sandbox.supervisor.paths import Place, View

_MOST_PATH = 4096
_AT_FDCWD = -100
_SYMLINK_NOFOLLOW, _EMPTY_PATH, _EACCESS = 0x100, 0x1000, 0x200
_STAT_BYTES, _STATX_BYTES, _STATFS_BYTES = {"x86_64": 144, "aarch64": 128}, 256, 120
_UNSEEN_S = 0.05
"""How long a thread that was allowed may be on its way."""

_BUFFER = object()
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


@dataclass(frozen=True, slots=True)
class Reply:
    """What to tell the kernel."""

    value: int = 0
    error: int = 0
    goes_on: bool = False
    """The kernel shall make the call itself."""
    fd: int | None = None
    """Give the session this descriptor; the caller closes it."""
    cloexec: bool = False


class Later(Exception):
    """Ask again in a moment."""


GO_ON = Reply(goes_on=True)
_DONE = Reply()


class Answers:
    """The answers for one session."""

    def __init__(self, view: View, memory: int, most_threads: int, most_bytes: int, is_only_wall: bool) -> None:
        self._view = view
        self._memory = memory
        self._most_threads = most_threads
        self._most_bytes = most_bytes
        self._is_only_wall = is_only_wall
        self._on_their_way: dict[int, float] = {}

    def to(self, name: str, thread: int, a: tuple[int, ...]) -> Reply:
        """Answer one call.

        Raises:
            Later: it cannot be decided yet.
        """
        at = _AT_FDCWD
        try:
            match name:
                case "clone":
                    return self._clone(thread)
                case "open":
                    return self._open(self._path(thread, at, a[0]), a[1], a[2])
                case "openat":
                    return self._open(self._path(thread, a[0], a[1]), a[2], a[3])
                case "stat" | "lstat":
                    return self._stat(thread, at, a[0], a[1], _SYMLINK_NOFOLLOW if name == "lstat" else 0)
                case "newfstatat":
                    return self._stat(thread, a[0], a[1], a[2], a[3])
                case "statx":
                    return self._statx(thread, a)
                case "statfs":
                    return self._ask(self._path(thread, at, a[0]), "fstatfs", _STATFS_BYTES, a[1])
                case "access":
                    return self._access(self._path(thread, at, a[0]), a[1], 0)
                case "faccessat" | "faccessat2":
                    return self._access(self._path(thread, a[0], a[1]), a[2], a[3] if name == "faccessat2" else 0)
                case "readlink":
                    return self._readlink(self._path(thread, at, a[0]), a[1], a[2])
                case "readlinkat":
                    return self._readlink(self._path(thread, a[0], a[1]), a[2], a[3])
                case "chdir":
                    return self._chdir(self._path(thread, at, a[0]))
                case _:
                    return self._change(name, thread, a)
        except OSError as error:
            return Reply(error=error.errno or errno.EIO)

    # -- what is asked ------------------------------------------------------------------------------------------------

    def _text(self, address: int) -> str:
        """A zero-terminated string from the session's memory."""
        read = b""
        while b"\0" not in read and len(read) < _MOST_PATH:
            size = min(256 if not read else _MOST_PATH, _MOST_PATH - len(read))
            try:
                more = os.pread(self._memory, size, address + len(read))
            except (OSError, OverflowError):
                more = b""
            if not more:
                raise OSError(errno.EFAULT, "no string there")
            read += more
        text, end, _ = read.partition(b"\0")
        if not end:
            raise OSError(errno.ENAMETOOLONG, "no end")
        return os.fsdecode(text)

    def _path(self, thread: int, directory: int, address: int) -> str:
        """The absolute path that a call names."""
        text = self._text(address)
        if not text:
            raise FileNotFoundError(errno.ENOENT, "empty")
        return self._absolute(thread, directory, text)

    def _absolute(self, thread: int, directory: int, text: str) -> str:
        if text.startswith("/"):
            return text
        base = os.readlink(self._itself(thread, directory))
        if not base.startswith("/"):
            raise NotADirectoryError(errno.ENOTDIR, "no directory")
        return f"{base}/{text}"

    def _put(self, address: int, data: bytes) -> None:
        try:
            written = os.pwrite(self._memory, data, address)
        except (OSError, OverflowError):
            written = 0
        if written != len(data):
            raise OSError(errno.EFAULT, "cannot be written")

    # -- what only asks -----------------------------------------------------------------------------------------------

    def _stat(self, thread: int, directory: int, address: int, buffer: int, flags: int) -> Reply:
        size = _STAT_BYTES[linux.MACHINE]
        text = self._text(address)
        if not text and flags & _EMPTY_PATH:
            self._put(buffer, _call("newfstatat", size, _AT_FDCWD, self._open_one(thread, directory), _BUFFER, 0))
            return _DONE
        if not text:
            return Reply(error=errno.ENOENT)
        with self._view.find(self._absolute(thread, directory, text), not flags & _SYMLINK_NOFOLLOW) as found:
            self._put(buffer, _call("newfstatat", size, found.fd, b"", _BUFFER, _EMPTY_PATH))
        return _DONE

    def _statx(self, thread: int, a: tuple[int, ...]) -> Reply:
        text = self._text(a[1])
        flags, mask = a[2] & 0xFFFFFFFF, a[3] & 0xFFFFFFFF
        if not text and flags & _EMPTY_PATH:
            data = _call("statx", _STATX_BYTES, _AT_FDCWD, self._open_one(thread, a[0]), 0, mask, _BUFFER)
        elif not text:
            return Reply(error=errno.ENOENT)
        else:
            with self._view.find(self._absolute(thread, a[0], text), not flags & _SYMLINK_NOFOLLOW) as found:
                data = _call("statx", _STATX_BYTES, found.fd, b"", _EMPTY_PATH, mask, _BUFFER)
        self._put(a[4], data)
        return _DONE

    def _itself(self, thread: int, descriptor: int) -> str:
        """What a descriptor of the session refers to, as a path for this process."""
        number = _signed(descriptor)
        if number == _AT_FDCWD:
            return f"/proc/{thread}/cwd"
        path = f"/proc/{thread}/fd/{number}"
        if number < 0 or not os.path.lexists(path):
            raise OSError(errno.EBADF, "no descriptor")
        return path

    def _open_one(self, thread: int, descriptor: int) -> bytes:
        """The path for this process of what the session has open. It may have raced to a current directory outside."""
        path = self._itself(thread, descriptor)
        if path.endswith("/cwd") and self._view.place(os.readlink(path)) is Place.OUTSIDE:
            raise FileNotFoundError(errno.ENOENT, "outside")
        return path.encode()

    def _ask(self, path: str, call: str, size: int, buffer: int) -> Reply:
        with self._view.find(path, follow=True) as found:
            self._put(buffer, _call(call, size, found.fd, _BUFFER))
        return _DONE

    def _access(self, path: str, mode: int, flags: int) -> Reply:
        with self._view.find(path, not flags & _SYMLINK_NOFOLLOW) as found:
            if mode & os.W_OK and found.place not in (Place.WRITABLE, Place.DEVICE):
                return Reply(error=errno.EACCES)
            _call("faccessat2", 0, found.fd, b"", mode & 7, _EMPTY_PATH | _EACCESS)
        return _DONE

    def _readlink(self, path: str, buffer: int, size: int) -> Reply:
        with self._view.find(path, follow=False) as found:
            if not stat.S_ISLNK(os.fstat(found.fd).st_mode):
                return Reply(error=errno.EINVAL)
            target = os.fsencode(os.readlink("", dir_fd=found.fd))[: max(0, _signed(size))]
        self._put(buffer, target)
        return Reply(value=len(target))

    def _chdir(self, path: str) -> Reply:
        with self._view.find(path, follow=True):
            return GO_ON

    # -- what opens ---------------------------------------------------------------------------------------------------

    def _open(self, path: str, flags: int, mode: int) -> Reply:
        flags &= 0xFFFFFFFF
        if flags & changes.O_TMPFILE:
            return Reply(error=errno.EOPNOTSUPP)
        if flags & os.O_PATH:
            found = self._view.find(path, not flags & os.O_NOFOLLOW)
            if flags & os.O_DIRECTORY and not stat.S_ISDIR(os.fstat(found.fd).st_mode):
                os.close(found.fd)
                return Reply(error=errno.ENOTDIR)
            return Reply(fd=found.fd, cloexec=bool(flags & os.O_CLOEXEC))
        if not self._is_only_wall:
            self._view.without_steps_up(path)
            return GO_ON
        return Reply(fd=changes.opened(self._view, path, flags, mode & 0o777), cloexec=bool(flags & os.O_CLOEXEC))

    # -- what changes -------------------------------------------------------------------------------------------------

    def _change(self, name: str, thread: int, a: tuple[int, ...]) -> Reply:
        at = _AT_FDCWD
        match name:
            case "mkdir" | "rmdir" | "unlink" | "truncate":
                path, other, detail = self._path(thread, at, a[0]), None, a[1]
            case "mkdirat" | "unlinkat":
                path, other, detail = self._path(thread, a[0], a[1]), None, a[2]
            case "rename" | "link":
                path, other, detail = self._path(thread, at, a[0]), self._path(thread, at, a[1]), 0
            case "renameat" | "renameat2" | "linkat":
                path, other, detail = self._path(thread, a[0], a[1]), self._path(thread, a[2], a[3]), a[4]
            case "symlink":
                return self._symlink(self._text(a[0]), self._path(thread, at, a[1]))
            case "symlinkat":
                return self._symlink(self._text(a[0]), self._path(thread, a[1], a[2]))
            case _:
                return Reply(error=errno.ENOSYS)
        if not self._is_only_wall:
            for each in (path, other):
                if each is not None:
                    self._view.without_steps_up(each)
            return GO_ON
        if name == "truncate":
            changes.truncate(self._view, path, detail, self._most_bytes)
        elif other is None:
            changes.change(self._view, name, path, detail & 0xFFFFFFFF)
        else:
            changes.change_two(self._view, name, path, other, detail & 0xFFFFFFFF)
        return _DONE

    def _symlink(self, target: str, path: str) -> Reply:
        """Done here at every level, because not every link may be made."""
        changes.symlink(self._view, target, path)
        return _DONE

    # -- threads ------------------------------------------------------------------------------------------------------

    def _clone(self, thread: int) -> Reply:
        """The main filter has seen to it that it is a thread."""
        now = time.monotonic()
        ways = self._on_their_way
        ways.pop(thread, None)  # what it was allowed last has happened, or failed
        there = _num_threads(thread)
        if there >= self._most_threads:
            return Reply(error=errno.EAGAIN)
        if there + len(ways) >= self._most_threads:
            for other in [other for other, since in ways.items() if now - since > _UNSEEN_S]:
                del ways[other]
            if there + len(ways) >= self._most_threads:
                raise Later
        ways[thread] = now
        return GO_ON


def _num_threads(thread: int) -> int:
    with open(f"/proc/{thread}/status", "rb") as file:
        return int(file.read().partition(b"\nThreads:")[2].split(maxsplit=1)[0])


def _signed(number: int) -> int:
    """The int in the low half of a register."""
    return (number & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def _call(name: str, size: int, *args: Any) -> bytes:
    """A system call that fills a buffer of `size` bytes, given by `_BUFFER`."""
    buffer = ctypes.create_string_buffer(size) if size else b""
    given = [buffer if a is _BUFFER else ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if _libc.syscall(ctypes.c_long(_NUMBERS[name]), *given) < 0:
        raise OSError(ctypes.get_errno(), name)
    return bytes(buffer)


_NUMBERS = seccomp.numbers(seccomp.ALLOWED, linux.MACHINE) if linux.MACHINE in linux.MACHINES else {}
