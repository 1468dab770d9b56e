"""Which files a session may open: read below some directories, write below one, whatever the file modes say.

    rules = prepare(readable=["/"], writable=["/session"])
    enforce(rules)

A second wall behind the private root at level 3, the only one for files at level 2. It also forbids TCP and signals to
processes outside where the kernel knows how (ABI 4 and 6); seccomp forbids both anyway.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from . import linux

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ABI_1 = (1 << 13) - 1
_READ = _READ_FILE | _READ_DIR  # not execute: loading a shared library needs none
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
ABI_THAT_GUARDS = 3
"""Before it (Linux 6.2) Landlock cannot stop truncate(2) on files that the user may write."""
_NET_BIND_AND_CONNECT = 3
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def abi() -> int:
    """The version that the running kernel speaks; raises OSError where it has none."""
    return linux.syscall("landlock_create_ruleset", None, 0, 1)


def _handled(version: int) -> int:
    rights = _ABI_1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        rights |= right if version >= since else 0
    return rights


def prepare(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str] = ()) -> int:
    """A descriptor of the rules; to be made while the paths can still be reached. Missing paths are passed over."""
    version = abi()
    rights = _handled(version)
    network = _NET_BIND_AND_CONNECT if version >= 4 else 0
    scoped = _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    attributes = _Ruleset(rights, network, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = linux.syscall("landlock_create_ruleset", ctypes.byref(attributes), size, 0)
    grants = [(path, _READ) for path in readable]
    grants += [(path, rights & ~_EXECUTE & ~_IOCTL_DEV) for path in writable]
    grants += [(path, _READ_FILE | _WRITE_FILE) for path in devices]
    for path, allowed in grants:
        _allow(ruleset, path, allowed & rights)
    return ruleset


def enforce(ruleset: int) -> None:
    """Confine the calling thread, and all that it starts, for good. Needs no_new_privs."""
    linux.syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            allowed &= _FILE_ONLY
        rule = _PathBeneath(allowed, fd)
        linux.syscall("landlock_add_rule", ruleset, 1, ctypes.byref(rule), 0)
    finally:
        os.close(fd)
