"""Which part of the host's file system a session may know of, and where a path that it names leads.

    view = View(roots=["/usr", "/home/me/.venv"], work="/tmp/codedance-1-x/session-7")
    view.place("/etc/passwd")                       # Place.OUTSIDE
    with view.find("/usr/lib/../lib/python3", follow=True) as found:
        found.fd, found.real, found.place           # an O_PATH descriptor of what is there, and what that really is

What a session sees is decided by what was opened, never by the text alone: a link that leads outside leads nowhere. A path with
`..` is taken apart, so that it does not tell either whether what stands before the `..` exists.
Not covered: permissions (the broker acts under the session's own user id).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePath
from typing import Self

from codedance.sandbox.guest.namespaces import DEVICES

_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Usually links into /usr, by which the dynamic loader goes."""
_MOST_STEPS_UP = 40


class Place(Enum):
    """What a session may do with a path."""

    OUTSIDE = auto()
    """Nothing: it is as if it did not exist."""
    ABOVE = auto()
    """Know that it exists, because something below it may be used."""
    READABLE = auto()
    DEVICE = auto()
    WRITABLE = auto()


@dataclass(frozen=True, slots=True)
class Found:
    """Something that exists and is not outside; closed at the end of a `with` block."""

    fd: int
    real: str
    place: Place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


class View:
    """The host's files as one session sees them."""

    def __init__(self, roots: Iterable[str], work: str) -> None:
        names = {name for path in roots for name in (os.path.abspath(path), os.path.realpath(path))}
        names |= {link for link in _LINKS if os.path.islink(link) and os.path.realpath(link).startswith(_below(names))}
        self._roots = frozenset(names)
        self._below_roots = _below(names)
        self._works = frozenset({work, os.path.realpath(work)})
        self._below_works = _below(self._works)
        self._above = {str(parent) for path in (*names, *self._works, *DEVICES) for parent in PurePath(path).parents}

    def place(self, path: str) -> Place:
        """Where an absolute path without `..` is."""
        if path.startswith(self._below_works) or path in self._works:
            return Place.WRITABLE
        if path.startswith(self._below_roots) or path in self._roots:
            return Place.READABLE
        if path in DEVICES:
            return Place.DEVICE
        return Place.ABOVE if path in self._above else Place.OUTSIDE

    def find(self, path: str, follow: bool) -> Found:
        """Open what an absolute path leads to, without any effect on it. The last part may be a link unless `follow`.

        Raises:
            FileNotFoundError: it does not exist, or is outside.
            OSError: as the kernel says.
        """
        if "/.." in path:
            path = self.without_steps_up(path)
        else:
            self._check(path)
        return self._open(path, follow)

    def find_parent(self, path: str) -> tuple[Found, str]:
        """The directory in which the last part of an absolute path is or would be, and that last part.

        Raises:
            FileNotFoundError: the directory does not exist, or is outside.
            OSError: the path has no last part, or as the kernel says.
        """
        head, _, name = path.rstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            raise IsADirectoryError(21, "no name")
        return self.find(head or "/", follow=True), name

    def without_steps_up(self, path: str) -> str:
        """The same place with every `..` taken from the directory that really is there; raises what `find` raises."""
        if "/.." not in path:
            self._check(path)
            return path
        done = ""
        num_steps = 0
        for part in path.split("/"):
            if part != "..":
                done += f"/{part}" if part else ""
                continue
            num_steps += 1
            if num_steps > _MOST_STEPS_UP:
                raise OSError(40, "too many steps up")
            self._check(done or "/")
            with self._open(done or "/", follow=True) as found:
                done = os.path.dirname(found.real).rstrip("/")
        self._check(done or "/")
        return done or "/"

    def _check(self, path: str) -> None:
        is_plain = "/." not in path and "//" not in path and not path.endswith("/")
        if self.place(path if is_plain else os.path.normpath(path)) is Place.OUTSIDE:
            raise FileNotFoundError(2, "outside")

    def _open(self, path: str, follow: bool) -> Found:
        """Of a path that was checked."""
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
        try:
            real = os.readlink(f"/proc/self/fd/{fd}")
            place = self.place(real)
            if place is Place.OUTSIDE:
                raise FileNotFoundError(2, "outside")
        except BaseException:
            os.close(fd)
            raise
        return Found(fd, real, place)


def _below(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(path.rstrip("/") + "/" for path in paths)
