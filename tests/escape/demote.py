"""Become the user 65534 for good and run a command, as if root had never been there.

    python demote.py [--delegate] DIRECTORY... -- COMMAND...

A private mount namespace first opens the closed directories (such as /root) on the way to each DIRECTORY, so that the
interpreter can be read; nothing changes for anybody else. With --delegate the command also gets control groups of its own, as
systemd would give it, named GROUPS, the caller's pid and its own. Standard library only: it starts before the project is found.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path

_SOURCE = Path(__file__).parents[2] / "src/codedance/sandbox/guest/linux.py"
_NOBODY = 65534
GROUPS = "codedance-test-"


def load_linux():  # type: ignore[no-untyped-def]
    """The project's system calls, loaded by path."""
    spec = importlib.util.spec_from_file_location("linux", _SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def closed_parents(path: str) -> list[str]:
    """The directories on the way to `path` that others may not enter, outermost first."""
    return [str(p) for p in reversed(Path(path).parents) if not p.stat().st_mode & 0o001]


def delegate_groups() -> None:
    """Move into groups that belong to the user from now on, where this machine has memory and pids controllers to give."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("memory", "pids", ""):
            continue
        group = Path("/sys/fs/cgroup", controllers, path.lstrip("/"), f"{GROUPS}{os.getppid()}-{os.getpid()}")
        with suppress(OSError):
            group.mkdir()
            for file in (group, group / "cgroup.procs"):
                os.chown(file, _NOBODY, _NOBODY)
            (group / "cgroup.procs").write_text(str(os.getpid()))


def main() -> None:
    if sys.argv[1] == "--delegate":
        del sys.argv[1]
        delegate_groups()
    split = sys.argv.index("--")
    linux = load_linux()
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    wanted = {path: os.open(path, os.O_PATH) for path in sys.argv[1:split]}
    for path, fd in wanted.items():
        for parent in closed_parents(path):
            linux.mount("tmpfs", parent, "tmpfs", 0, "mode=755")
            os.makedirs(path, exist_ok=True)
        if not os.listdir(path):
            linux.mount(f"/proc/self/fd/{fd}", path, None, linux.MS_BIND | linux.MS_REC)
    for fd in wanted.values():
        os.close(fd)
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    os.execv(sys.argv[split + 1], sys.argv[split + 1 :])


if __name__ == "__main__":
    main()
