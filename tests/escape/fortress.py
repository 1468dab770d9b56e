"""What is attacked: a sandbox at one isolation level, run by one user, and how to start the supervisor as that user."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from codedance import Mechanism, Sandbox, Session

WITHOUT = {
    4: (),
    3: (Mechanism.CGROUP,),
    2: (Mechanism.CGROUP, Mechanism.NAMESPACES),
    1: (Mechanism.CGROUP, Mechanism.NAMESPACES, Mechanism.LANDLOCK),
    0: (Mechanism.CGROUP, Mechanism.NAMESPACES, Mechanism.LANDLOCK, Mechanism.SECCOMP),
}
USERS = ("root", "nobody") if os.geteuid() == 0 else ("myself",)


@dataclass(frozen=True)
class Fortress:
    """A sandbox under attack and the session that must not notice."""

    box: Sandbox
    canary: Session
    picture: Image.Image
    user: str
    level: int


def launcher(user: str, level: int) -> tuple[str, ...]:
    """The command in front of the supervisor's own that makes it run as `user`."""
    if user != "nobody":
        return ()
    demote = Path(__file__).with_name("demote.py")
    delegate = ("--delegate",) if level == 4 else ()
    return (sys.executable, str(demote), *delegate, sys.base_prefix, sys.prefix, str(Path(__file__).parents[2]), "--")
