"""Run a command with some system calls refused (EPERM), as container profiles do.

    python refuse.py pivot_root,setns -- COMMAND...

Standard library and the project's own system calls only: it starts before the project is found.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src/codedance/sandbox"))
from guest import linux, seccomp

CALLS = """
sethostname:170:161 pivot_root:155:41 umount2:166:39 setns:308:268 mount_setattr:442:442 pidfd_open:434:434
pidfd_send_signal:424:424 unshare:272:97 setgroups:116:159 chroot:161:51 mount:165:40
"""


def program(names: list[str]) -> bytes:
    """A filter that lets everything pass but `names`."""
    numbers = seccomp.numbers(CALLS, linux.MACHINE)
    step = struct.Struct("=HBBI").pack
    refusals = b"".join(step(0x15, 0, 1, numbers[name]) + step(0x06, 0, 0, 0x0005_0001) for name in names)
    return step(0x20, 0, 0, 0) + refusals + step(0x06, 0, 0, 0x7FFF_0000)


if __name__ == "__main__":
    split = sys.argv.index("--")
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(program([name for name in sys.argv[1].split(",") if name]))
    os.execv(sys.argv[split + 1], sys.argv[split + 1 :])
