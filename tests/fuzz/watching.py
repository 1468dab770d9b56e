"""What a case did besides returning: files it opened, processes it started, memory it took.

    watch = Watch(allowed=(work,), forbidden=secrets)
    with watch.case() as seen: run()
    seen.faults          # ("opened /etc/passwd",)

Two watches complement each other: Python's audit events see every path that Python code opens, wherever it is; the kernel's
inotify sees every opening below the forbidden folder, also by libraries in C. Not covered: C libraries that open files elsewhere.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_OPENING = {
    "open": 0,
    "os.listdir": 0,
    "os.scandir": 0,
    "os.remove": 0,
    "os.rename": 1,
    "os.rmdir": 0,
    "os.mkdir": 0,
    "os.link": 0,
}
_OPENING |= {"os.symlink": 1, "os.truncate": 0, "os.chmod": 0, "os.utime": 0, "shutil.rmtree": 0, "sqlite3.connect": 0}
_OF_NAMES = ("os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.mkdir")
_STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")
_IN_OPEN, _IN_NONBLOCK = 0x20, 0o4000
_MEGABYTE = 1 << 20
_HIGH_MB = 300


@dataclass
class Seen:
    """Of one case."""

    faults: list[str] = field(default_factory=list)
    peak_mb: int = 0
    """Resident memory of the whole process; the most so far, and anew after a case that took much."""


class Watch:
    """Watches this process until it ends; an audit hook cannot be taken away.

    Args:
        allowed: folders whose files may be opened, besides Python's, the system's libraries and fonts.
        forbidden: a folder of which not even C libraries may open a file.
        may_start: processes may be started.
    """

    def __init__(self, allowed: tuple[Path, ...], forbidden: Path, *, may_start: bool = False) -> None:
        source = Path(__file__).parents[2]
        places = (
            *allowed,
            source / "src",
            source / "tests",
            Path(sys.prefix),
            Path(sys.base_prefix),
            *map(Path, sysconfig.get_paths().values()),
        )
        system = (
            "/usr/lib",
            "/usr/share",
            "/usr/local/lib",
            "/usr/local/share",
            "/lib",
            "/lib64",
            "/etc/ld.so.cache",
            "/etc/mime.types",
        )
        system += (
            "/etc/localtime",
            "/etc/hosts",
            "/etc/resolv.conf",
            "/etc/nsswitch.conf",
            "/etc/ssl",
            "/etc/gai.conf",
            "/etc/host.conf",
        )
        system += (
            "/dev/null",
            "/dev/urandom",
            "/dev/shm",
            "/proc/self",
            f"/proc/{os.getpid()}",
            "/proc/cpuinfo",
            "/proc/meminfo",
            "/sys/fs/cgroup",
        )
        system += ("/sys/devices/system", "/proc/stat", "/proc/sys", "/etc/apache2/mime.types", "/etc/httpd", "/proc/filesystems")
        self._allowed = tuple({os.path.realpath(place) for place in places} | {str(place) for place in places} | set(system))
        self._may_start = may_start
        self._seen: Seen | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._notices = self._libc.inotify_init1(_IN_NONBLOCK)
        for folder, _, _ in os.walk(forbidden):
            self._libc.inotify_add_watch(self._notices, folder.encode(), _IN_OPEN)
        sys.addaudithook(self._hear)

    @contextmanager
    def case(self) -> Iterator[Seen]:
        """What happens inside."""
        self._read_notices()
        seen = self._seen = Seen()
        try:
            yield seen
        finally:
            self._seen = None
            seen.peak_mb = peak_mb()
            if seen.peak_mb > _HIGH_MB:  # which walks through all of the memory
                Path("/proc/self/clear_refs").write_text("5")
            seen.faults += [f"a library opened {name} outside" for name in sorted(set(self._read_notices()))]

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if (seen := self._seen) is None:
            return
        if event in _OPENING:
            path = args[_OPENING[event]]
            if isinstance(path, (str, bytes)) and not self._may_open(os.fsdecode(path), event, args):
                seen.faults.append(f"{event} of {_name(os.fsdecode(path))}, which lies outside")
        elif event in _STARTING and not self._may_start:
            seen.faults.append(f"{event} {str(args)[:200]}")

    def _may_open(self, path: str, event: str, args: tuple[Any, ...]) -> bool:
        if "\0" in path or path.startswith((":memory:", "file:")):
            return True
        flags = args[2] if event == "open" and isinstance(args[2], int) else 0
        if flags & (os.O_NOFOLLOW | os.O_PATH) or event in _OF_NAMES:  # what a link leads to is not touched
            real = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
        else:
            real = os.path.realpath(path)
        if not os.path.lexists(real):
            return True  # nothing is there to be read; what is written is found by its folder
        return any(real == place or real.startswith(f"{place}/") for place in self._allowed)

    def _read_notices(self) -> list[str]:
        found = []
        while True:
            try:
                data = os.read(self._notices, 1 << 16)
            except BlockingIOError:
                return found
            while data:
                size = struct.unpack_from("iIII", data)[3]
                found.append(data[16 : 16 + size].rstrip(b"\0").decode(errors="replace") or "the folder")
                data = data[16 + size :]


def _name(path: str) -> str:
    """Without what differs from case to case."""
    return re.sub(r"[0-9a-f]{32}|/tmp\S*/", "*", path)


def peak_mb() -> int:
    """Of this process, since the peak last started anew."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 // _MEGABYTE
