"""Deleted files that a session still has open or mapped: they take space, and no directory shows them.

    held(pid, uid, "/tmp/codedance-1-x/session-7", with_mapped=False)      # bytes

The kernel shows a process's descriptors to who may trace it. Sessions below level 3 that have a broker allow that to their own
user (as whom this asks); they cannot trace one another, whatever their users. Else only root with CAP_SYS_PTRACE sees them.
Not covered: what cannot be seen counts as nothing. Of a file that is mapped but not open the mapped part counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from codedance.sandbox.guest import linux

_DELETED = " (deleted)"


def held(pid: int, uid: int | None, directory: str, with_mapped: bool) -> int:
    """Bytes on disk of deleted files from below `directory`; `with_mapped` also looks at the mappings, which takes longer."""
    sizes: dict[int, int] = {}
    with _acting_as(uid), suppress(OSError):  # it has ended, or must not be seen
        sizes.update(_open_files(pid, directory))
        if with_mapped:
            for inode, size in _mapped(pid, directory):
                sizes.setdefault(inode, size)
    return sum(sizes.values())


def pid_of(pidfd: int) -> int:
    """The process that a pidfd stands for; -1 if it has ended."""
    with open(f"/proc/self/fdinfo/{pidfd}") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))


def _open_files(pid: int, directory: str) -> Iterator[tuple[int, int]]:
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{number}"
        with suppress(FileNotFoundError):  # closed since it was listed
            if _is_deleted_from(os.readlink(path), directory):
                info = os.stat(path)
                if info.st_nlink == 0:
                    yield info.st_ino, info.st_blocks * 512


def _mapped(pid: int, directory: str) -> Iterator[tuple[int, int]]:
    sizes: dict[int, int] = {}
    with open(f"/proc/{pid}/maps", errors="surrogateescape") as file:
        for line in file:
            if _DELETED not in line:
                continue
            span, _, _, _, inode, path = line.rstrip("\n").split(maxsplit=5)
            if _is_deleted_from(path, directory):
                begin, end = (int(address, 16) for address in span.split("-"))
                sizes[int(inode)] = sizes.get(int(inode), 0) + end - begin
    yield from sizes.items()


def _is_deleted_from(path: str, directory: str) -> bool:
    return path.endswith(_DELETED) and path.startswith(directory + "/")


@contextmanager
def _acting_as(uid: int | None) -> Iterator[None]:
    """This thread asks for files as that user."""
    if uid is None:
        yield
        return
    before = linux.act_on_files_as(uid)
    try:
        yield
    finally:
        linux.act_on_files_as(before)
