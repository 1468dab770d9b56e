"""Which of the host's directories sessions may read: those that code needs of the system, of Python and of its environment.

    roots()        # ("/usr/lib", ..., "/home/me/project/lib", "/home/me/project/pyvenv.cfg", ...)

An environment may lie in a folder that holds more: a project in which `python -m venv .` was run, an application below /opt, a
folder into which packages were installed (pip install --target). So it is never shown as a whole: of a prefix, the directories
that installers write to; of any other directory on the path, the packages that lie there. Not covered: what somebody keeps below
lib, bin or share of such a folder.
"""

from __future__ import annotations

import csv
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_SYSTEM = ("/lib", "/lib32", "/lib64", "/nix/store", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
_SYSTEM_PREFIXES = ("/usr", "/usr/local")
_SYSTEM_PARTS = ("bin", "lib", "lib32", "lib64", "libx32", "share")
_PYTHON_PARTS = ("bin", "include", "lib", "lib64", "share", "etc/fonts", "fonts", "pyvenv.cfg")
"""The fonts are where conda has them."""
_LIBRARY_FOLDERS = ("site-packages", "dist-packages")
_NO_PACKAGES = {"", ".", "..", "__pycache__"}
_SCHEMES = ("stdlib", "platstdlib", "purelib", "platlib")


def roots(import_paths: Iterable[str], libraries: Iterable[str]) -> tuple[str, ...]:
    """All of it; `import_paths` are where `libraries`, the names of packages, were found."""
    found = [path for path in _SYSTEM if os.path.exists(path) and not os.path.islink(path)]
    found += [f"{prefix}/{part}" for prefix in _SYSTEM_PREFIXES for part in _SYSTEM_PARTS]
    prefixes = dict.fromkeys((sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix))
    found += [os.path.join(prefix, part) for prefix in prefixes for part in _PYTHON_PARTS]
    found += [sysconfig.get_path(name) for name in _SCHEMES]
    for folder in map(Path, import_paths):
        found += [str(folder)] if folder.name in _LIBRARY_FOLDERS else map(str, _packages(folder, libraries))
    return tuple(path for path in dict.fromkeys(found) if os.path.exists(path))


def _packages(folder: Path, libraries: Iterable[str]) -> Iterator[Path]:
    """What installers have put into a folder that may hold other things too."""
    names = {name for library in libraries for name in (library, f"{library}.py", f"{library}.libs")}
    for description in folder.glob("*.dist-info"):
        names.add(description.name)
        with suppress(OSError, csv.Error, UnicodeDecodeError), open(description / "RECORD", encoding="utf-8", newline="") as file:
            names |= {row[0].split("/")[0] for row in csv.reader(file) if row}
    yield from (folder / name for name in sorted(names - _NO_PACKAGES) if (folder / name).exists())
