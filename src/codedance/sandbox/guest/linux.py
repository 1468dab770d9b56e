"""The few system calls that Python 3.11 does not offer, as functions that raise OSError.

    unshare(CLONE_NEWNS); mount("tmpfs", "/session", "tmpfs", MS_NOSUID, "size=64m")

By ctypes, because all of them must run in a forked child without exec (an exec would lose the imported libraries).
Not covered: other systems and other machines than x86_64 and aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_NAMESPACES = {
    CLONE_NEWUSER: "user", CLONE_NEWNS: "mount", CLONE_NEWPID: "pid",
    CLONE_NEWNET: "net", CLONE_NEWIPC: "ipc", CLONE_NEWUTS: "uts",
}  # fmt: skip

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
_MOUNT_KINDS = {MS_MOVE: "move", MS_REMOUNT: "remount", MS_BIND: "bind", MS_PRIVATE: "make private"}
"""What mount(2) does instead of making a new mount, the first that is asked for."""

MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4
AT_RECURSIVE = 0x8000
AT_FDCWD = -100

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

MADV_COLLAPSE = 25
FALLOC_FL_KEEP_SIZE = 1
FALLOC_FL_PUNCH_HOLE = 2

MACHINES = ("x86_64", "aarch64")
MACHINE = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine(), platform.machine())

_NUMBERS = {  # (x86_64, aarch64), from the kernel's unistd headers
    "pivot_root": (155, 41),
    "seccomp": (317, 277),
    "mount_setattr": (442, 442),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(name: str, *args: object) -> int:
    """Call a system call by name."""
    if MACHINE not in MACHINES:
        raise OSError(errno.ENOSYS, f"{name}: no system call table for {MACHINE}, only for {' and '.join(MACHINES)}")
    number = _NUMBERS[name][MACHINES.index(MACHINE)]
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return _checked(_libc.syscall(ctypes.c_long(number), *words), name)


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags`."""
    names = ", ".join(name for flag, name in _NAMESPACES.items() if flags & flag)
    _checked(_libc.unshare(flags), f"unshare({names})")


def set_host_name(name: str) -> None:
    """sethostname(2)."""
    _checked(_libc.sethostname(name.encode(), len(name)), "sethostname")


def setns(fd: int, kind: int) -> None:
    """Enter the namespace that `fd` refers to."""
    _checked(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2)."""
    encoded = (kind.encode() if kind else None, flags, data.encode() or None)
    what = kind or next(name for flag, name in _MOUNT_KINDS.items() if flags & flag)
    _checked(_libc.mount(os.fsencode(source), os.fsencode(target), *encoded), f"mount ({what}) on {target}")


def unmount(target: str, flags: int) -> None:
    """umount2(2)."""
    _checked(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


class _MountAttr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def set_mount_attributes(target: str, attributes: int, *, recursive: bool) -> None:
    """mount_setattr(2): set `attributes` on the mount at `target`, and on those below it."""
    attr = _MountAttr(attributes, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    path = ctypes.c_char_p(os.fsencode(target))
    syscall("mount_setattr", AT_FDCWD, path, flags, ctypes.byref(attr), ctypes.sizeof(attr))


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2)."""
    syscall("pivot_root", ctypes.c_char_p(os.fsencode(new)), ctypes.c_char_p(os.fsencode(old)))


def prctl(option: int, value: int = 0) -> int:
    """prctl(2) with one argument."""
    return _checked(_libc.prctl(option, value, 0, 0, 0), f"prctl({option})")


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def drop_capabilities() -> None:
    """Give up every capability for good (where the process has any)."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break  # past the last one, or not allowed: then there was nothing to drop
    header = _CapHeader(0x20080522, 0)
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref((_CapData * 2)())), "capset")


def has_sys_admin() -> bool:
    """Whether this process may create namespaces and mounts without a user namespace."""
    return _has_capability(21)


def may_map_root() -> bool:
    """Whether this process may give root's own user id to a new user namespace."""
    return _has_capability(31)


def may_exceed_limits() -> bool:
    """Whether the user's cap on processes does not hold for this process."""
    return _has_capability(24) or has_sys_admin()


def may_set_uid() -> bool:
    """Whether this process may take any user's and group's identity."""
    return _has_capability(6) and _has_capability(7)


def act_on_files_as(uid: int) -> int:
    """Let the calling thread act on files with this user's and group's rights, and without root's; returns who it was.

    Raises:
        OSError: it may not.
    """
    _libc.setfsgid(ctypes.c_uint(uid))
    before = _libc.setfsuid(ctypes.c_uint(uid))
    if _libc.setfsuid(ctypes.c_uint(-1)) != ctypes.c_int(uid).value:
        raise OSError(errno.EPERM, f"setfsuid({uid}): {os.strerror(errno.EPERM)}")
    return int(before)


def _has_capability(number: int) -> bool:
    header, data = _CapHeader(0x20080522, 0), (_CapData * 2)()
    _checked(_libc.capget(ctypes.byref(header), ctypes.byref(data)), "capget")
    return bool(data[0].effective >> number & 1)


def collapse_huge_pages(start: int, size: int) -> None:
    """Back `start`..`start+size` with huge pages now, where the kernel can (6.1 or newer); else nothing happens."""
    _libc.madvise(start, size, MADV_COLLAPSE)


def punch_hole(fd: int, size: int) -> None:
    """Give the first `size` bytes of a memory file back to the system; they read as zeros afterwards."""
    _checked(_libc.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size), "fallocate")
