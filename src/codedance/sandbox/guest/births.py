"""How a session's process comes into being: as pid 1 of a pid namespace of its own where the zygote has one.

    births = Births.choose(own_namespace)            # None: no namespaces, an ordinary fork
    pid = births.fork(lambda: be_session(...))       # never returns in the child

The zygote unshares a pid namespace, forks, and returns to its own by setns. Where that is refused it forks a process in
between, which unshares, forks and ends; the session is then a child of the zygote, its nearest reaper, and waited for as usual.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from . import linux


@dataclass(frozen=True, slots=True)
class Births:
    """One way to fork sessions."""

    own_namespace: int | None
    """A descriptor of the zygote's pid namespace, if sessions get one of their own."""
    may_return: bool
    """setns is allowed."""

    @classmethod
    def choose(cls, own_namespace: int | None) -> Births:
        """Find out by trying: to enter the namespace that one is in already changes nothing."""
        if own_namespace is None:
            return cls(None, may_return=False)
        try:
            linux.setns(own_namespace, linux.CLONE_NEWPID)
        except OSError:
            return cls(own_namespace, may_return=False)
        return cls(own_namespace, may_return=True)

    def fork(self, be: Callable[[], NoReturn]) -> int:
        """The pid of a child that does `be`.

        Raises:
            OSError: no process or no pid namespace can be made.
        """
        if self.own_namespace is None:
            return _fork(be)
        if not self.may_return:
            return _fork_by_one_between(be)
        linux.unshare(linux.CLONE_NEWPID)
        try:
            return _fork(be)
        finally:
            linux.setns(self.own_namespace, linux.CLONE_NEWPID)


def _fork(be: Callable[[], NoReturn]) -> int:
    child = os.fork()
    if child == 0:
        be()
    return child


def _fork_by_one_between(be: Callable[[], NoReturn]) -> int:
    told, tell = os.pipe()
    may_go, go = os.pipe()
    between = os.fork()
    if between == 0:
        try:
            linux.unshare(linux.CLONE_NEWPID)
            child = os.fork()
            if child == 0:
                os.close(go)
                os.read(may_go, 1)  # until its parent is the zygote: the death of an earlier one would end it
                be()
            os.write(tell, f"{child}".encode())
        except OSError as error:
            os.write(tell, f"-{error.errno}".encode())
        finally:
            os._exit(0)
    try:
        os.close(tell)
        os.close(may_go)
        answer = int(os.read(told, 20) or b"-5")
        os.waitpid(between, 0)
        if answer < 0:
            raise OSError(-answer, f"a pid namespace for the session: {os.strerror(-answer)}")
        os.write(go, b"!")
    finally:
        os.close(told)
        os.close(go)
    return answer
