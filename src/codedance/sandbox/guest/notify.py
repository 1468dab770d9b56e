"""The session's side of the broker: calls that name files or start threads wait until the supervisor's side answers them.

    channel.sendmsg(...)                     # hand_over(CHANNEL_FD), before the main filter goes up and any untrusted code runs

A second seccomp filter, below level 3. It only asks; the main filter (`seccomp.py`) still refuses what it refuses, whatever the
broker says. The listener is handed over together with the session's memory file and then closed here, so that nothing inside
can answer itself. Without a broker that listens, the calls fail with ENOSYS.
Not covered: what is answered (`supervisor/notify.py`).
"""

from __future__ import annotations

import errno
import os
import socket

from . import linux, seccomp

LISTENER = b"listener"
"""The datagram that carries the two descriptors."""
ASKED = """
open:2:- openat:257:56 stat:4:- lstat:6:- newfstatat:262:79 statx:332:291 statfs:137:43 access:21:- faccessat:269:48
faccessat2:439:439 readlink:89:- readlinkat:267:78 chdir:80:49 mkdir:83:- mkdirat:258:34 rmdir:84:- unlink:87:-
unlinkat:263:35 rename:82:- renameat:264:38 renameat2:316:276 link:86:- linkat:265:37 symlink:88:- symlinkat:266:36
truncate:76:45 clone:56:220
"""
_REFUSED = {"openat2": errno.ENOSYS, "getxattr": errno.ENOTSUP, "lgetxattr": errno.ENOTSUP} | {
    "listxattr": errno.ENOTSUP,
    "llistxattr": errno.ENOTSUP,
}
"""Not worth a broker: libraries do without. The flags of openat2 are behind a pointer."""
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
"""The second from Linux 5.19: a soft interrupt does not make a call happen twice."""


def program(machine: str = linux.MACHINE) -> bytes:
    """The filter as BPF: ask for `ASKED`, refuse `_REFUSED`, allow the rest (the main filter does not)."""
    known = seccomp.numbers(seccomp.ALLOWED, machine)
    asked = seccomp.numbers(ASKED, machine).values()
    refused = {known[name]: number for name, number in _REFUSED.items() if name in known}
    return seccomp.choose(asked, refused, machine)


def install() -> int:
    """Put the filter up for the calling thread and all that it starts; returns the listener. Needs no_new_privs.

    Raises:
        OSError: the kernel has no such thing, or a listener exists already (a container's runtime may hold it).
    """
    code = program()
    try:
        return seccomp.install(code, _NEW_LISTENER | _WAIT_KILLABLE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return seccomp.install(code, _NEW_LISTENER)


def hand_over(channel_fd: int, memory: int) -> None:
    """Put the filter up and give its listener and the memory file to the supervisor; neither stays here."""
    listener = install()
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=os.dup(channel_fd))
    with channel:
        socket.send_fds(channel, [LISTENER], [listener, memory])
    os.close(listener)
    os.close(memory)


def trial() -> None:
    """Whether it works here; for a throw-away child."""
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    os.close(os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC))
    os.close(install())
