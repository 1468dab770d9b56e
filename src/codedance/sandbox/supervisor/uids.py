"""User ids for the sessions of one supervisor, which no other supervisor hands out at the same time.

    taken = UidRange.take()        # None where this process may not become other users
    taken.first; taken.close()

The kernel counts threads by user id, so sandboxes that shared ids would use up each other's caps. A range is taken at random and
held by an abstract socket; that tells supervisors of one network namespace apart. Those of other containers, which may have
the same ids, are told apart by chance only: one in 98,304.
"""

from __future__ import annotations

import os
import random
import socket
from dataclasses import dataclass
from pathlib import Path

from codedance.sandbox.guest import identities, linux

_LOWEST, _HIGHEST = 0x7A00_0000, 0x8000_0000
"""Far from the ids of people and services, and below those that some programs take for negative numbers."""
_LOWEST_IN_CONTAINER = 0x4000
"""Where only 65,536 ids are mapped, as in rootless containers."""
_SIZE = identities.NUM_UIDS


@dataclass(frozen=True, slots=True)
class UidRange:
    """`NUM_UIDS` ids from `first` on."""

    first: int
    lock: socket.socket

    @classmethod
    def take(cls) -> UidRange | None:
        """A range of this process's own, or None where it is not root or may not become other users."""
        if os.geteuid() != 0 or not linux.may_set_uid():
            return None
        num_mapped = min(_num_mapped("uid_map"), _num_mapped("gid_map"))
        lowest = _LOWEST if num_mapped > _HIGHEST else _LOWEST_IN_CONTAINER
        num_ranges = (min(num_mapped, _HIGHEST) - lowest) // _SIZE
        if num_ranges < 1 or not _can_become(lowest):
            return None
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        start = random.SystemRandom().randrange(num_ranges)
        for step in range(min(num_ranges, 1000)):
            first = lowest + (start + step) % num_ranges * _SIZE
            try:
                lock.bind(f"\0codedance-uids-{first}")
            except OSError:  # somebody has it
                continue
            return cls(first, lock)
        return cls(lowest + start * _SIZE, lock)  # all are taken: better shared than without

    def close(self) -> None:
        """Let others have it."""
        self.lock.close()


def _num_mapped(kind: str) -> int:
    lines = Path("/proc/self", kind).read_text().splitlines()
    return max((int(line.split()[0]) + int(line.split()[2]) for line in lines), default=0)


def _can_become(uid: int) -> bool:
    """Ask by doing it, in a child: capabilities, profiles and maps all have a say."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            identities.become(uid)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0
