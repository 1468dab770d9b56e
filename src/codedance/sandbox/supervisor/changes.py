"""Opening and changing files on behalf of a session, where nothing else keeps it from the user's files.

    fd = opened(view, "/tmp/codedance-1-x/session-7/crop.png", os.O_WRONLY | os.O_CREAT, 0o600)
    change(view, "mkdir", path, 0o700); change_two(view, "rename", old, new, 0)

Every step is taken from a descriptor of a directory that was looked at, and by the last part of the path alone, so that it does
not matter what the session does to the path meanwhile. Changes are possible below its own directory only. Raises OSError with
what the session is to be told. Not covered: permissions (the broker acts as the session's user).
"""

from __future__ import annotations

import errno
import os
import stat

from codedance.sandbox.supervisor.paths import Found, Place, View

O_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
_CHANGING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC
_KEPT_FLAGS = os.O_ACCMODE | os.O_TRUNC | os.O_APPEND | os.O_NONBLOCK | os.O_DIRECTORY | os.O_SYNC | os.O_DSYNC
_REMOVE_DIRECTORY = 0x200


def opened(view: View, path: str, flags: int, mode: int) -> int:
    """A descriptor for the session, close-on-exec here."""
    try:
        found = view.find(path, not flags & os.O_NOFOLLOW)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
        return _created(view, path, flags, mode)
    with found:
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise FileExistsError(errno.EEXIST, path)
        return _reopened(found, flags)


def truncate(view: View, path: str, size: int, most_bytes: int) -> None:
    """Cut or lengthen a file, up to the size that files of the session may have."""
    with view.find(path, follow=True) as found:
        _must_be_writable(found)
        if not 0 <= size <= most_bytes:
            raise OSError(errno.EFBIG, path)
        os.truncate(f"/proc/self/fd/{found.fd}", size)


def change(view: View, call: str, path: str, detail: int) -> None:
    """Make or remove something; `detail` is the call's mode or flags."""
    parent, name = view.find_parent(path)
    with parent:
        _must_be_writable(parent)
        match call:
            case "mkdir" | "mkdirat":
                os.mkdir(name, detail & 0o777, dir_fd=parent.fd)
            case "unlinkat" if detail & _REMOVE_DIRECTORY:
                os.rmdir(name, dir_fd=parent.fd)
            case "rmdir":
                os.rmdir(name, dir_fd=parent.fd)
            case _:
                os.unlink(name, dir_fd=parent.fd)


def change_two(view: View, call: str, path: str, other: str, flags: int) -> None:
    """Rename or link."""
    parent, name = view.find_parent(path)
    with parent:
        new_parent, new_name = view.find_parent(other)
        with new_parent:
            _must_be_writable(parent)
            _must_be_writable(new_parent)
            if call.startswith("link"):
                os.link(name, new_name, src_dir_fd=parent.fd, dst_dir_fd=new_parent.fd, follow_symlinks=False)
            elif call == "renameat2" and flags:
                raise OSError(errno.EINVAL, "flags of renameat2")
            else:
                os.rename(name, new_name, src_dir_fd=parent.fd, dst_dir_fd=new_parent.fd)


def symlink(view: View, target: str, path: str) -> None:
    """Make a link, but none that could be used to ask about places outside."""
    if ".." in target.split("/") or (target.startswith("/") and view.place(os.path.normpath(target)) is Place.OUTSIDE):
        raise PermissionError(errno.EPERM, target)
    parent, name = view.find_parent(path)
    with parent:
        _must_be_writable(parent)
        os.symlink(target, name, dir_fd=parent.fd)


def _created(view: View, path: str, flags: int, mode: int) -> int:
    parent, name = view.find_parent(path)
    with parent:
        _must_be_writable(parent)
        kept = flags & (_KEPT_FLAGS | os.O_CREAT | os.O_EXCL)
        return os.open(name, kept | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent.fd)


def _reopened(found: Found, flags: int) -> int:
    mode = os.fstat(found.fd).st_mode
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, found.real)
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or found.place is Place.DEVICE):
        raise PermissionError(errno.EACCES, found.real)
    if found.place is Place.ABOVE or (flags & _CHANGING and found.place is Place.READABLE):
        raise PermissionError(errno.EACCES, found.real)
    if flags & os.O_CREAT and stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, found.real)
    return os.open(f"/proc/self/fd/{found.fd}", flags & _KEPT_FLAGS | os.O_CLOEXEC | os.O_NOCTTY)


def _must_be_writable(found: Found) -> None:
    if found.place is not Place.WRITABLE:
        raise PermissionError(errno.EACCES, found.real)
