"""Count what sessions below level 3 have written, in a thread of its own: the loop with the clocks never waits for a disk.

    watch = Watch(root, caps, found=kill)          # found(7, "it wrote more than 64 MB"), on the loop
    watch.add(7, subject); watch.remove(7)         # while a cell runs
    quick = watch.quick(subject)                   # at the end of a cell: an answer at once, if the directory is small
    watch.ask(subject, answer)                     # else the thread counts, and answer("it made ..." or None) runs on the loop

How often a directory is counted follows what counting it costs, and the thread rests after each, so that many sessions with many
files cost a quarter of a core and no more. Whenever the file system as a whole has lost space, all are counted at once.
Deleted files that are still open count, too (`held.py`). Not covered: what is written and given back between two looks.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from codedance.sandbox.guest.settings import Caps
from codedance.sandbox.supervisor.held import held

_TICK_S = 0.05
_MOST_WAIT_S = 1.0
"""A directory that is dear to count is looked at this often all the same, as far as the thread's budget goes."""
_REST, _ALARMED_REST = 3.0, 0.5
"""How many times the CPU time of a count the thread rests after it: usually, and while the disk is filling."""
_QUICK_ENTRIES = 128
_MOST_DEPTH = 200
"""Directories in one another; each holds a descriptor while it is counted."""


class TooMany(Exception):
    """There are more entries than were to be looked at."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose files are counted."""

    work: str
    """Its directory."""
    pid: int | None = None
    """Its process, to find deleted files that it still has open."""
    uid: int | None = None
    """Its user, if it has one of its own."""


def excess(of: Subject, caps: Caps, most_entries: int | None = None, with_mapped: bool = False) -> str | None:
    """What the files of `of` are over the caps, if anything; also if the tree cannot be walked to its end.

    Raises:
        TooMany: it has more than `most_entries` entries, so there is no answer yet.
    """
    count = 0
    size = held(of.pid, of.uid, of.work, with_mapped) if of.pid is not None else 0
    try:
        for blocks in _walk(of.work):
            count += 1
            size += blocks * 512
            if count > caps.files:
                return f"it made more than {caps.files} files"
            if most_entries is not None and count > most_entries:
                raise TooMany
    except OSError as error:
        return f"its directory cannot be read ({type(error).__name__})"
    return f"it wrote more than {caps.disk_mb} MB" if size > caps.disk_mb << 20 else None


def _walk(path: str) -> Iterator[int]:
    """The blocks of every entry, at every depth; links are not followed, and what vanishes meanwhile is passed over."""
    open_ones: list[tuple[int, list[str]]] = []
    try:
        yield from _list(path, None, open_ones)
        while open_ones:
            fd, directories = open_ones[-1]
            if not directories:
                os.close(open_ones.pop()[0])
                continue
            if len(open_ones) > _MOST_DEPTH:
                raise OSError("too deep")
            with suppress(FileNotFoundError, NotADirectoryError):
                yield from _list(directories.pop(), fd, open_ones)
    finally:
        for fd, _ in open_ones:
            os.close(fd)


def _list(path: str, parent: int | None, open_ones: list[tuple[int, list[str]]]) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    directories: list[str] = []
    open_ones.append((fd, directories))
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
                yield 0
            else:
                yield _blocks(entry)


def _blocks(entry: os.DirEntry[str]) -> int:
    with suppress(FileNotFoundError):  # deleted since it was listed; what is left still counts
        return entry.stat(follow_symlinks=False).st_blocks
    return 0


@dataclass
class _Watched:
    subject: Subject
    due: float = 0.0


@dataclass(frozen=True)
class _Question:
    subject: Subject
    answer: Callable[[str | None], None]


class Watch:
    """The thread and what it watches. All methods are for the loop's thread, which also hears the answers."""

    def __init__(self, root: str, caps: Caps, found: Callable[[int, str], None]) -> None:
        self._root = root
        self._caps = caps
        self._found = found
        self._loop = asyncio.get_running_loop()
        self._watched: dict[int, _Watched] = {}
        self._questions: deque[_Question] = deque()
        self._changed = threading.Condition()
        self._is_over = False
        self._free = _free(root)
        self._alarm = 0.0
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def add(self, session: int, subject: Subject) -> None:
        """Look at its files again and again from now on."""
        self._watched[session] = _Watched(subject, time.monotonic() + _TICK_S)

    def remove(self, session: int) -> None:
        """Look no more; an answer that is under way may still come."""
        self._watched.pop(session, None)

    def quick(self, subject: Subject) -> str | None:
        """What is over the caps, if anything, found here and now.

        Raises:
            TooMany: that would take too long; `ask` instead.
        """
        return excess(subject, self._caps, _QUICK_ENTRIES)

    def ask(self, subject: Subject, answer: Callable[[str | None], None]) -> None:
        """Count as soon as possible, before anything else, and call `answer` on the loop."""
        with self._changed:
            self._questions.append(_Question(subject, answer))
            self._changed.notify()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        rest = _TICK_S
        while True:
            with self._changed:
                if not self._questions and not self._is_over:
                    self._changed.wait(rest)
                if self._is_over:
                    return
                question = self._questions.popleft() if self._questions else None
            if question is not None:
                self._say(question.answer, excess(question.subject, self._caps))
            else:
                rest = self._look()

    def _look(self) -> float:
        """Count the directory that has waited longest, if one is due; seconds to rest."""
        now = time.monotonic()
        watched = self._watched.copy()
        if not watched:
            return _TICK_S
        if self._is_filling():
            self._alarm = now
            for one in watched.values():
                one.due = min(one.due, now)
        session, first = min(watched.items(), key=lambda item: item[1].due)
        if first.due > now:
            return min(_TICK_S, first.due - now)
        is_alarmed = first.due <= self._alarm
        begun = time.thread_time()
        what = excess(first.subject, self._caps, with_mapped=is_alarmed)
        cost = time.thread_time() - begun
        first.due = time.monotonic() + min(max(20 * cost, _TICK_S), _MOST_WAIT_S)
        if what is not None and self._watched.get(session) is first:
            self._say(self._found, session, what)
        return cost * (_ALARMED_REST if is_alarmed else _REST)

    def _is_filling(self) -> bool:
        """Whether the file system has lost a quarter of one session's caps since it was last asked, or had most room."""
        room = _free(self._root)
        lost_bytes, lost_files = (before - now for before, now in zip(self._free, room, strict=True))
        lost = lost_bytes > self._caps.disk_mb << 18 or lost_files > self._caps.files // 4
        if lost or lost_bytes < 0 or lost_files < 0:
            self._free = room
        return lost

    def _say(self, heard: Callable[..., None], *what: object) -> None:
        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(heard, *what)


def _free(root: str) -> tuple[int, int]:
    """Bytes and inodes that the file system of `root` has left."""
    info = os.statvfs(root)
    return info.f_bavail * info.f_frsize, info.f_favail
