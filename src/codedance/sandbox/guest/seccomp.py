"""Which system calls a session may make: an allow-list, everything else fails with EPERM.

    install(program(own_pid=os.getpid(), private_root=True))

Not on the list: sockets of every family, fork, exec, ptrace, mounts, namespaces, keys, bpf, io_uring, memfd, signals to
other processes. The one exception is a connected pair of Unix stream sockets, by which asyncio wakes itself: neither end has an
address, nothing can be sent to an address, and no descriptor can be passed. Calls newer than the table fail with ENOSYS, as on an
older kernel, so that libraries fall back.

Where neither Landlock nor a broker (`notify.py`) keeps a session from the user's files, `read_only` refuses every call that
changes files by name.

Not covered: 32-bit code (killed at once) and other machines than x86_64 and aarch64. The numbers are from the kernel's
unistd headers; a test compares them with the installed ones.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Mapping
from functools import cache

from . import linux
from .messages import CHANNEL_FD

ALLOWED = """
read:0:63 write:1:64 readv:19:65 writev:20:66 pread64:17:67 pwrite64:18:68 preadv:295:69 pwritev:296:70 preadv2:327:286
pwritev2:328:287 open:2:- openat:257:56 openat2:437:437 close:3:57 close_range:436:436 stat:4:- fstat:5:80 lstat:6:-
newfstatat:262:79 statx:332:291 statfs:137:43 fstatfs:138:44 lseek:8:62 access:21:- faccessat:269:48 faccessat2:439:439
readlink:89:- readlinkat:267:78 getdents:78:- getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 mkdir:83:-
mkdirat:258:34 rmdir:84:- unlink:87:- unlinkat:263:35 rename:82:- renameat:264:38 renameat2:316:276 link:86:-
linkat:265:37 symlink:88:- symlinkat:266:36 umask:95:166 truncate:76:45 ftruncate:77:46 fallocate:285:47 fsync:74:82
fdatasync:75:83 fadvise64:221:223 readahead:187:213 getxattr:191:8 lgetxattr:192:9 fgetxattr:193:10
listxattr:194:11 llistxattr:195:12 flistxattr:196:13 dup:32:23 dup2:33:- dup3:292:24 pipe:22:- pipe2:293:59 poll:7:-
ppoll:271:73 select:23:- pselect6:270:72 epoll_create:213:- epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232:-
epoll_pwait:281:22 epoll_pwait2:441:441 eventfd:284:- eventfd2:290:19 sendfile:40:71 copy_file_range:326:285 mmap:9:222
munmap:11:215 mprotect:10:226 mremap:25:216 madvise:28:233 mincore:27:232 msync:26:227 brk:12:214 membarrier:324:283
rseq:334:293 futex:202:98 set_robust_list:273:99 get_robust_list:274:100 set_tid_address:218:96 sched_yield:24:124
sched_getaffinity:204:123 sched_getparam:143:121 sched_getscheduler:145:120 sched_get_priority_max:146:125
sched_get_priority_min:147:126 getpriority:140:141 getcpu:309:168 gettid:186:178 getpid:39:172 getppid:110:173
getuid:102:174 geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150 getgroups:115:158
getpgrp:111:- getpgid:121:155 getsid:124:156 uname:63:160 sysinfo:99:179 times:100:153 getrusage:98:165 getrlimit:97:163
gettimeofday:96:169 time:201:- clock_gettime:228:113 clock_getres:229:114 clock_nanosleep:230:115 nanosleep:35:101
alarm:37:- getitimer:36:102 setitimer:38:103 pause:34:- rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139
rt_sigpending:127:136 rt_sigsuspend:130:133 rt_sigtimedwait:128:137 sigaltstack:131:132 restart_syscall:219:128
exit:60:93 exit_group:231:94 wait4:61:260 waitid:247:95 getrandom:318:278 arch_prctl:158:-
"""
CHANGES_OF_FILES = """
chmod:90:- fchmod:91:52 fchmodat:268:53 fchmodat2:452:452 utime:132:- utimes:235:- utimensat:280:88 futimesat:261:-
"""
"""Harmless below a private root; elsewhere only pretended, because Landlock does not cover them."""
CONDITIONAL = """
flock:73:32 clone:56:220 clone3:435:435 kill:62:129 tgkill:234:131 prctl:157:167 ioctl:16:29 prlimit64:302:261
recvmsg:47:212 fcntl:72:25 socketpair:53:199 sendto:44:206 recvfrom:45:207
"""
LAST_KNOWN = 462
"""Higher numbers (also the x32 calls, which start at 2**30) get ENOSYS."""

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _EQUAL, _GREATER, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
_KILL, _ALLOW, _ERRNO, _ASK = 0x80000000, 0x7FFF0000, 0x00050000, 0x7FC00000

_CLONE_THREAD = 0x00010000
_CLONE_NEW_ANYTHING = 0x7E020000
_PRCTL_HARMLESS = (3, 15, 16, 23, 39, 0x53564D41)  # get dumpable, set and get name, read bounding set, get NNP, name a VMA
_IOCTL_HARMLESS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIO(N)CLEX
_AF_UNIX = 1
_STREAM = (1, 1 | 0x800, 1 | 0x80000, 1 | 0x80800)
"""SOCK_STREAM, each with and without SOCK_NONBLOCK and SOCK_CLOEXEC; datagram sockets could send to an address."""
_FCNTL_HARMFUL = (4, 8, 10, 15, 1024, 1026, 1031)
"""Set flags (descriptions are shared), owner, signal; leases; notification; a pipe's size (the quota is the user's)."""
_FCNTL_LOCKS = (6, 7, 37, 38)


def numbers(table: str, machine: str) -> dict[str, int]:
    """Name -> number on `machine`, without the calls that it does not have."""
    column = 1 + linux.MACHINES.index(machine)
    rows = (entry.split(":") for entry in table.split())
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _deny(number: int = errno.EPERM) -> bytes:
    return _op(_RETURN, _ERRNO | number)


_ABOUT_PROCESSES = {"getpriority": 1} | dict.fromkeys(
    ("getpgid", "getsid", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "get_robust_list"), 0
)
"""Which of their arguments names the process."""
_CHANGING_BY_NAME = (
    *("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat"),
    *("symlink", "symlinkat", "truncate"),
)
_O_CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)

_PRETEND = _deny(0)
"""The call does nothing and succeeds."""


def _load_argument(index: int, half: int = 0) -> bytes:
    """The low half unless `half` is 1: all arguments tested here are ints, but for the address of `sendto`."""
    return _op(_LOAD, 16 + 8 * index + 4 * half)


def _only(argument: int, values: Iterable[int], refusal: int = errno.EPERM) -> list[bytes]:
    checks = [step for value in values for step in (_op(_EQUAL, value, 0, 1), _op(_RETURN, _ALLOW))]
    return [_load_argument(argument), *checks, _deny(refusal)]


def _fcntl() -> list[bytes]:
    harmful = [step for value in _FCNTL_HARMFUL for step in (_op(_EQUAL, value, 0, 1), _deny())]
    locks = [step for value in _FCNTL_LOCKS for step in (_op(_EQUAL, value, 0, 1), _PRETEND)]
    return [_load_argument(1), *harmful, *locks, _op(_RETURN, _ALLOW)]


def _socketpair() -> list[bytes]:
    return [_load_argument(0), _op(_EQUAL, _AF_UNIX, 1, 0), _deny(), *_only(1, _STREAM)]


def _sendto() -> list[bytes]:
    """Only to the other end: with no address."""
    halves = [step for half in (0, 1) for step in (_load_argument(4, half), _op(_EQUAL, 0, 1, 0), _deny())]
    return [*halves, _op(_RETURN, _ALLOW)]


def _clone() -> list[bytes]:
    return [
        _load_argument(0),
        _op(_ANY_BIT, _CLONE_NEW_ANYTHING, 0, 1),
        _deny(),
        _op(_ANY_BIT, _CLONE_THREAD, 1, 0),
        _deny(),
        _op(_RETURN, _ALLOW),
    ]


def _about_itself(known: Mapping[str, int], own_pid: int) -> dict[int, list[bytes]]:
    """Number -> rule for each call that asks about a process: where there are others, they do not exist."""
    return {known[name]: _only(at, [0, own_pid], errno.ESRCH) for name, at in _ABOUT_PROCESSES.items() if name in known}


def _only_to_read(flags_argument: int) -> list[bytes]:
    return [_load_argument(flags_argument), _op(_ANY_BIT, _O_CHANGING, 0, 1), _deny(errno.EROFS), _op(_RETURN, _ALLOW)]


def _read_only(known: Mapping[str, int]) -> dict[int, list[bytes]]:
    """Number -> rule for each call that could change a file by its name; the flags of openat2 are behind a pointer."""
    rules = {known[name]: [_deny(errno.EROFS)] for name in _CHANGING_BY_NAME if name in known}
    rules |= {known[name]: _only_to_read(at) for name, at in (("open", 1), ("openat", 2)) if name in known}
    return rules | {known["openat2"]: [_deny(errno.ENOSYS)]}


def _runs(values: Iterable[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in sorted(values):
        if runs and runs[-1][1] == value - 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs


@cache
def program(own_pid: int, private_root: bool, machine: str = linux.MACHINE, read_only: bool = False) -> bytes:
    """The filter as BPF for a process whose pid is `own_pid`; at level 3 that is always 1, so it is built once."""
    known = numbers(ALLOWED, machine)
    special = {} if private_root else _about_itself(known, own_pid)
    special |= _read_only(known) if read_only else {}
    conditional = numbers(CONDITIONAL, machine)
    rules = {
        "clone": _clone(),
        "clone3": [_deny(errno.ENOSYS)],  # its flags are behind a pointer; libc falls back to clone
        "kill": _only(0, [own_pid]),
        "tgkill": _only(0, [own_pid]),
        "prctl": _only(0, _PRCTL_HARMLESS),
        "ioctl": _only(1, _IOCTL_HARMLESS),
        "prlimit64": _only(0, [0]),
        "recvmsg": _only(0, [CHANNEL_FD]),
        "fcntl": _fcntl(),
        "socketpair": _socketpair(),
        "sendto": _sendto(),
        "recvfrom": [_op(_RETURN, _ALLOW)],
        "flock": [_PRETEND],  # a lock on a library's file would be seen by other sessions and by the host
    }
    steps = [
        _op(_LOAD, 4),
        _op(_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD, 0),
        _op(_GREATER, LAST_KNOWN, 0, 1),
        _deny(errno.ENOSYS),
    ]
    changes = numbers(CHANGES_OF_FILES, machine).values()
    allowed = {*known.values(), *(changes if private_root else ())} - special.keys()
    rules_for_changes = [] if private_root else [step for n in changes for step in (_op(_EQUAL, n, 0, 1), _PRETEND)]
    for low, high in _runs(allowed):
        steps += [_op(_AT_LEAST, low, 0, 2), _op(_GREATER, high, 1, 0), _op(_RETURN, _ALLOW)]
    steps += rules_for_changes
    for number, rule in [*special.items(), *((conditional[name], rule) for name, rule in rules.items())]:
        steps += [_op(_EQUAL, number, 0, len(rule)), *rule]
    return b"".join([*steps, _deny()])


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def choose(asked: Iterable[int], refused: Mapping[int, int], machine: str) -> bytes:
    """A filter that asks the listener about some calls, refuses others with an errno, and allows all the rest."""
    steps = [_op(_LOAD, 4), _op(_EQUAL, _AUDIT_ARCH[machine], 1, 0), _op(_RETURN, _ALLOW), _op(_LOAD, 0)]
    steps += [step for number in asked for step in (_op(_EQUAL, number, 0, 1), _op(_RETURN, _ASK))]
    steps += [step for number, error in refused.items() for step in (_op(_EQUAL, number, 0, 1), _deny(error))]
    return b"".join([*steps, _op(_RETURN, _ALLOW)])


def install(code: bytes, flags: int = 0) -> int:
    """Put the calling thread, and all that it starts, under `code` for good. Needs no_new_privs. Returns the call's result."""
    program_struct = _Program(len(code) // 8, code)
    return linux.syscall("seccomp", 1, flags, ctypes.byref(program_struct))
