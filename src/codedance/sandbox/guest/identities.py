"""By which right the zygote leaves the host's namespaces, and which user ids its sessions get there.

    way = ways(first_uid)[0]                        # the best that seems possible
    spared = leave_namespaces(host, way, first_uid)    # names of the second walls that are refused here
    become(session_uid(first_uid, 7))                  # in a session

RLIMIT_NPROC, the cap on threads, counts by user id and user namespace, and not at all for the kernel's user id 0. Which range of
ids nobody else uses is decided by the supervisor (`supervisor/uids.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

from . import linux
from .proc import HostProc

NUM_UIDS = 1024
"""How many user ids one supervisor has: the first is the zygote's where root has no privileges, the others are the sessions'."""
_SPARED = {linux.CLONE_NEWNET: "net", linux.CLONE_NEWIPC: "ipc", linux.CLONE_NEWUTS: "uts"}
"""Namespaces that are a second wall behind seccomp, which allows neither sockets nor System V objects nor a host name."""
_NEEDED = linux.CLONE_NEWNS | linux.CLONE_NEWPID


class Way(StrEnum):
    """By which right the namespaces are made, and how sessions get an identity of their own."""

    DIRECT = "CAP_SYS_ADMIN"
    """Namespaces without more ado; each session gets a user id of its own where those may be handed out."""
    MAPPED = "a user namespace with user ids for the sessions"
    """Root without privileges: the kernel caps no threads of user id 0, so sessions, too, need others."""
    OWN = "a user namespace"
    """An ordinary user: all have the same user id, and each session a nested user namespace, by which its threads are counted."""


def ways(first_uid: int | None) -> list[Way]:
    """The ways to try, the best first; `first_uid` is where the sessions' user ids begin, if they may be handed out."""
    direct = [Way.DIRECT] if linux.has_sys_admin() else []
    return [*direct, *([Way.MAPPED] if first_uid is not None else []), Way.OWN]


def session_uid(first: int | None, session: int) -> int | None:
    """The uid of the `session`-th session."""
    return None if first is None else first + uid_index(session)


def uid_index(session: int) -> int:
    """Which of the user ids the `session`-th session has."""
    return 1 + session % (NUM_UIDS - 1)


def become(uid: int) -> None:
    """Turn from root into `uid`, for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def leave_namespaces(host: HostProc, way: Way, first_uid: int | None) -> list[str]:
    """Unshare what is needed, and of the rest what is allowed; the names of what is not."""
    if way is Way.MAPPED and first_uid is not None:
        with _mapped_from_outside(host, first_uid):
            return _unshare(_NEEDED | linux.CLONE_NEWUSER)
    if way is Way.OWN:
        uid, gid = os.geteuid(), os.getegid()
        spared = _unshare(_NEEDED | linux.CLONE_NEWUSER)
        _map_own_id(host, uid, gid)
        return spared
    return _unshare(_NEEDED)


def _unshare(needed: int) -> list[str]:
    try:
        linux.unshare(needed | sum(_SPARED))
    except OSError:  # one of them is refused, or its number is capped at none (user.max_net_namespaces and the like)
        linux.unshare(needed)
        return [name for flag, name in _SPARED.items() if not _is_unshared(flag)]
    return []


def _is_unshared(flag: int) -> bool:
    with suppress(OSError):
        linux.unshare(flag)
        return True
    return False


def enter_user_namespace(host: HostProc) -> None:
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER)
    _map_own_id(host, uid, gid)


def _map_own_id(host: HostProc, uid: int, gid: int) -> None:
    host.write("self/setgroups", "deny")
    host.write("self/uid_map", f"{uid} {uid} 1")
    host.write("self/gid_map", f"{gid} {gid} 1")


@contextmanager
def _mapped_from_outside(host: HostProc, first_uid: int) -> Iterator[None]:
    """Inside the block the caller unshares a user namespace; then a child that has stayed outside maps the ids into it."""
    ids = f"{first_uid} {first_uid} {NUM_UIDS}\n"
    if linux.may_map_root():
        ids = f"0 0 1\n{ids}"
    own = os.getpid()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(tell)
            if os.read(told, 1):
                host.write(f"{own}/gid_map", ids)
                host.write(f"{own}/uid_map", ids)
                status = 0
        except OSError as error:
            status = error.errno or 1
        finally:
            os._exit(status)
    try:
        yield
        os.write(tell, b"!")
    finally:
        os.close(told)
        os.close(tell)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise OSError(status, f"mapping user ids from {first_uid}: {os.strerror(status)}")


def take_mapped_id(first_uid: int) -> None:
    """Become a user that exists in the new user namespace; as root from outside, unmapped, nothing could be created."""
    if os.geteuid() != 0:
        os.setgroups([])
        os.setresgid(first_uid, first_uid, first_uid)
        os.setresuid(first_uid, first_uid, first_uid)
        linux.prctl(linux.PR_SET_DUMPABLE, 1)  # else its own files in /proc would be root's
