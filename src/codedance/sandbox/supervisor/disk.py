"""Directories of sessions below level 3, where no file system of their own caps what they write.

    with Scratch() as scratch:
        work = scratch.make(session=7)
        scratch.remove(work)

Not covered: what is in them (`watch.py`).
"""

from __future__ import annotations

import fcntl
import itertools
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from codedance.errors import SandboxError
from codedance.sandbox import temporary

_PREFIX = "codedance-"
_FLAT = itertools.count()


class Scratch:
    """A host directory that holds one directory a session, and goes away with the supervisor."""

    def __init__(self) -> None:
        sweep()
        self._root = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=temporary.directory())
        os.chmod(self._root, 0o711)
        self._lock = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._removals = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remove")

    @property
    def root(self) -> str:
        """The directory that holds them all."""
        return self._root

    def make(self, session: int, uid: int | None) -> str:
        """An empty directory that only its session may enter."""
        path = os.path.join(self._root, f"session-{session}")
        os.mkdir(path, 0o700)
        if uid is not None:
            os.chown(path, uid, uid)
        return path

    def remove(self, path: str) -> None:
        """Delete one session's directory, whatever is in it, while other sessions go on; links are never followed.

        Tens of thousands of directories in one another take seconds.
        """
        self._removals.submit(_delete, path)

    def close(self) -> None:
        """Delete everything."""
        self._removals.shutdown()
        _delete(self._root)
        os.close(self._lock)


def _delete(path: str) -> None:
    """Delete a tree of any depth and any permissions, in constant stack: directories are first moved to the top."""
    queue = [path]
    while queue:
        directory = queue.pop()
        with suppress(OSError):
            os.chmod(directory, 0o700)
            with os.scandir(directory) as entries:
                for entry in list(entries):
                    if entry.is_dir(follow_symlinks=False):
                        flat = f"{path}.{next(_FLAT)}"
                        os.chmod(entry.path, 0o700)
                        os.rename(entry.path, flat)
                        queue.append(flat)
                    else:
                        os.unlink(entry.path)
            os.rmdir(directory)


def sweep() -> None:
    """Delete what supervisors that were killed have left."""
    with suppress(SandboxError):  # nothing can be written, so nothing was left
        _sweep()


def _sweep() -> None:
    for path in Path(temporary.directory()).glob(_PREFIX + "*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError):
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}") and path.lstat().st_uid == os.geteuid() and _is_free(path):
                _delete(str(path))


def _is_free(path: Path) -> bool:
    """Whether nobody holds the directory: its supervisor may live in another container, where its pid means something else."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True
