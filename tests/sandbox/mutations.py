"""Take one wall away and see who notices: the measurement when a sandbox starts, the self-check, or both.

    noticed = await examine(MUTATIONS["threads"], folder)
    python tests/sandbox/mutations.py          # prints the table of docs/sandbox.md

A wall is taken away in a copy of the project's sources, which the supervisor and its zygote are started from. Every check that is
run against such a sandbox is bounded by itself, so nothing is filled or exhausted when it gets through.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import codedance
from codedance import Sandbox
from codedance.sandbox import host, link
from codedance.sandbox.promises import CHECKS
from codedance.sandbox.selfcheck import LIMITS, Verdict, run_checks
from codedance.types import Isolation

SOURCES = Path(codedance.__file__).parent
_RLIMITS = "        with suppress(OSError, ValueError):  # gVisor"


@dataclass(frozen=True)
class Edit:
    """One change of a source file below `sandbox`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    """A wall that is taken away, and the checks that may notice."""

    edits: tuple[Edit, ...]
    checks: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    """Further directories of the host that are let in."""


@dataclass(frozen=True)
class Noticed:
    """What told that a wall was gone."""

    level: int
    walls: tuple[str, ...]
    """That do not hold, as measured."""
    checks: tuple[str, ...]
    """That were broken."""


def _skip(limit: str) -> Edit:
    return Edit("guest/confine.py", _RLIMITS, f"        if which == resource.{limit}:\n            continue\n{_RLIMITS}")


def _allow(call: str) -> Edit:
    return Edit("guest/seccomp.py", 'ALLOWED = """\n', f'ALLOWED = """\n{call}\n')


_SEE_ALL = Edit("guest/confine.py", "landlock.prepare(readable, writable,", "landlock.prepare(['/'], ['/'],")
_WRITE_ALL = Edit(
    "guest/mounts.py", "    attributes = linux.MOUNT_ATTR_RDONLY |", "    return\n    attributes = linux.MOUNT_ATTR_RDONLY |"
)
_NO_QUOTA = Edit("guest/namespaces.py", 'f"size={disk_mb}m,nr_inodes={files},mode=755"', '"size=256m,nr_inodes=100000,mode=755"')

MUTATIONS = {
    "files, to read: /etc/passwd is let in": Mutation((), ("the host's files cannot be read",), roots=("/etc/passwd",)),
    "files, to write: nothing is read-only": Mutation((_WRITE_ALL, _SEE_ALL)),
    "files, level 2: no rules of Landlock": Mutation(
        (_SEE_ALL,),
        ("the host's files cannot be read", "the host's directories cannot be listed"),
        without=("namespaces", "notification"),
    ),
    "network: sockets are allowed": Mutation((_allow("socket:41:198"),), ("there are no sockets of any family",)),
    "processes: fork is allowed": Mutation(
        (Edit("guest/seccomp.py", "_op(_ANY_BIT, _CLONE_THREAD, 1, 0)", "_op(_ANY_BIT, _CLONE_THREAD, 1, 1)"),),
        ("no process can be started",),
    ),
    "processes: exec is allowed (Landlock is behind it)": Mutation((_allow("execve:59:221"),)),
    "processes: no pid namespace": Mutation(
        (Edit("guest/births.py", "if self.own_namespace is None:", "if True:"),), ("other processes are not even there",)
    ),
    "threads: no cap": Mutation((_skip("RLIMIT_NPROC"),), ("threads are limited",)),
    "memory: no cap": Mutation((_skip("RLIMIT_AS"),), ("memory cannot be exhausted: heap",)),
    "descriptors: no cap": Mutation((_skip("RLIMIT_NOFILE"),), ("descriptors are limited",)),
    "disk: no quota": Mutation(
        (_NO_QUOTA, _skip("RLIMIT_FSIZE")), ("the disk cannot be filled", "the disk cannot be filled with small files")
    ),
    "calls: no filter": Mutation(
        (Edit("guest/confine.py", "seccomp.install(seccomp.program(os.getpid(), is", "(seccomp.program(os.getpid(), is"),),
        ("no kernel surface", "no namespace, mount or trace"),
    ),
    "time: no interrupt and no kill": Mutation(
        (Edit("supervisor/core.py", "self._after(ward, ward.time_s, ", "self._after(ward, 1e6, "),),
        ("a loop is interrupted and keeps the variables",),
    ),
}


class Claims:
    """A sandbox that claims a level whatever it has measured, so that the self-check is on its own."""

    def __init__(self, box: Sandbox, level: int) -> None:
        self.limits, self.session = box.limits, box.session
        self.isolation = Isolation(level)


def mutate(edits: tuple[Edit, ...], folder: Path) -> Path:
    """A copy of the project in `folder` with `edits`; all but the sandbox are links."""
    package = folder / "codedance"
    package.mkdir()
    for entry in SOURCES.iterdir():
        if entry.name not in ("sandbox", "__pycache__"):
            (package / entry.name).symlink_to(entry)
    shutil.copytree(SOURCES / "sandbox", package / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        path = package / "sandbox" / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.file} has {edit.old!r} {text.count(edit.old)} times; the mutation has to follow the source")
        path.write_text(text.replace(edit.old, edit.new))
    for path in (folder, package):
        path.chmod(0o755)
    return package


async def examine(mutation: Mutation, folder: Path) -> Noticed:
    """Start a sandbox without that wall, and run the checks that are to notice."""
    cache = folder / "cache"
    shutil.copytree(host.font_cache(), cache)
    cache.chmod(0o777)  # so that only the walls keep a session from writing to it
    package = mutate(mutation.edits, folder)
    usual = (link._PACKAGE_PARENT, host.GUEST_PARENT, host.readable_roots, host.font_cache)
    roots = (*host.readable_roots(), *mutation.roots, str(package / "sandbox" / "guest"), str(cache))
    try:
        link._PACKAGE_PARENT, host.GUEST_PARENT = str(folder), str(package / "sandbox")
        host.readable_roots, host.font_cache = lambda: roots, lambda: str(cache)
        box = Sandbox(LIMITS, require=0, pool=1, without=("cgroup", *mutation.without))
        async with box:
            checks = [check for check in CHECKS if check.name in mutation.checks]
            claims = Claims(box, level=2 if "namespaces" in mutation.without else 3)
            broken = [o.name async for o in run_checks(claims, checks) if o.verdict is Verdict.BROKEN]
            fallen = tuple(wall.name.value for wall in box.isolation.walls if not wall.enforced)
            return Noticed(box.isolation.level, fallen, tuple(broken))
    finally:
        link._PACKAGE_PARENT, host.GUEST_PARENT, host.readable_roots, host.font_cache = usual


async def _print_table() -> None:
    sys.stdout.write("| taken away | level left | walls measured not to hold | broken in the self-check |\n|---|---|---|---|\n")
    for name, mutation in MUTATIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            noticed = await examine(mutation, Path(folder))
        cells = (name, str(noticed.level), ", ".join(noticed.walls), "; ".join(noticed.checks))
        sys.stdout.write(f"| {' | '.join(cell or '-' for cell in cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_print_table())
