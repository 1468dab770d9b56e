"""Where something may be written for a while, also in containers without a temporary directory.

    path = directory()       # "/tmp", or "/dev/shm" where the file system is read-only

Not covered: how much room there is.
"""

from __future__ import annotations

import os
import tempfile

from codedance.errors import SandboxError


def directory() -> str:
    """The usual temporary directory (TMPDIR, /tmp, ...), else one in memory, else the user's cache.

    Raises:
        SandboxError: nothing can be written.
    """
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        for path in ("/dev/shm", f"/run/user/{os.geteuid()}", user_cache()):
            if os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK):
                return path
        raise SandboxError(
            f"no directory can be written here: {error.strerror}, nor /dev/shm, nor {user_cache()}; give the container one "
            "(docker run --tmpfs /tmp, or an emptyDir at /tmp in Kubernetes), or set TMPDIR"
        ) from None


def user_cache() -> str:
    """The user's directory for what can be made again."""
    return os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
