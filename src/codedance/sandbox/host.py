"""What the machine offers to the jail: where Python and the guest libraries are, a font cache.

settings = Settings(roots=readable_roots(), import_paths=import_paths(), ...)
"""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from codedance.errors import SandboxError
from codedance.sandbox import temporary, visible

GUEST_LIBRARIES = (
    *("numpy", "PIL", "cv2", "matplotlib", "scipy", "skimage", "sklearn"),
    *("pandas", "seaborn", "shapely", "sympy"),
)


def import_paths() -> tuple[str, ...]:
    """The directories that hold the guest libraries.

    Raises:
        SandboxError: one is not installed.
    """
    paths = []
    for name in GUEST_LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SandboxError(f"the guest library {name} is not installed in {sys.prefix}; run: pip install codedance")
        paths.append(str(Path(spec.origin).parents[1]))
    return tuple(dict.fromkeys(paths))


GUEST_PARENT = str(Path(__file__).parent)
"""The directory that holds our own guest package."""


def readable_roots() -> tuple[str, ...]:
    """The host directories and files that guest code needs, and nothing else: system libraries, Python, guest libraries."""
    return (*visible.roots(import_paths(), GUEST_LIBRARIES), font_cache(), f"{GUEST_PARENT}/guest")


def font_cache() -> str:
    """A directory of the user's for matplotlib's font list.

    Raises:
        SandboxError: none can be written.
    """
    for path in _caches():
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o755)
            info = path.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and os.access(path, os.W_OK):
            return str(path)
    raise SandboxError(
        f"no directory for matplotlib's font list: neither {temporary.user_cache()} nor {temporary.directory()} can be written; "
        "set XDG_CACHE_HOME to one that can"
    )


def _caches() -> Iterator[Path]:
    yield Path(temporary.user_cache(), "codedance/matplotlib")
    yield Path(temporary.directory(), f"codedance-cache.{os.geteuid()}")  # looked for only where there is no cache
