"""What comes from others is opened here: run folders, scores, task files, pictures. Never by a plain `open`.

    folder = Folder(Path("runs/theirs"))
    folder.read("run.json", most=MANIFEST_BYTES)              # bytes of a regular file that lies in the folder itself
    for line in folder.lines("traces.jsonl"): ...             # bounded lines
    parsed(line.data, adapter)                                # a record by its types, with numbers that are some
    with writing(Path("runs/theirs/scores.jsonl")) as file: ...

A folder that somebody else has made may hold links to files of ours, pipes that never end, devices, and JSON that is deep, huge
or full of numbers that are none. Inside a `Folder` only regular files count, and no part of their path may be a link; hard links
do no harm. A file that the user named (`open_named`) may be a link, as downloads have them. Every reader has a cap, and whatever
is wrong is a `DataError`. Not covered: what the values mean; decoding pictures (`codedance.images.reading`).
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from codedance.errors import DataError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

MANIFEST_BYTES = 1 << 22
"""Of a small file about a whole, such as run.json."""
LINE_BYTES = 1 << 25
"""Of one line of a run's files: a rollout of many turns with its tokens."""
PICTURE_BYTES = 1 << 29
"""Of an encoded picture."""
MOST_LINES = 2_000_000
_MOST_CONTAINERS = 1_000_000
"""Lists and objects of one JSON text; empty ones take a hundred times their text in memory."""
_MOST_COMMAS = 3_000_000
_MOST_NUMBER = 1 << 64
_NO_NUMBERS = {"str", "str | None", "bool", "tuple[str, ...]", "dict[str, str]", "ExecStatus", "FinishReason", "StopReason"}
_MAY_BE_NEGATIVE = {"seed", "precision", "line", "level"}
_REGULAR = "it is {kind}, no regular file; only regular files are read"
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY  # not to wait for whoever holds a pipe's other end


class NotThere(DataError):
    """There is no such file."""


class Line(NamedTuple):
    """One line of a file, without what ends it."""

    number: int
    """Counted from 1."""
    offset: int
    """Bytes before it."""
    data: bytes
    is_whole: bool
    """A newline ends it; only a last line may lack one."""


class Folder:
    """A folder whose files may be anybody's. The folder itself may be a link, as the user named it; nothing in it may.

    Names are relative, with `/` between parts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, name: str) -> IO[bytes]:
        """A regular file, for reading.

        Raises:
            NotThere: there is no such file.
            DataError: it is a link, a pipe, a device or a folder, lies behind a link, or cannot be opened.
        """
        parts = _parts(name)
        try:
            with self._inside(parts[:-1]) as fd:
                found = os.stat(parts[-1], dir_fd=fd, follow_symlinks=False)
                _refuse_other_kinds(found.st_mode, f"{self.path / name}")
                return _file(os.open(parts[-1], _FLAGS | os.O_NOFOLLOW, dir_fd=fd), f"{self.path / name}")
        except FileNotFoundError:
            raise NotThere(f"{self.path / name}: it cannot be read: No such file or directory") from None
        except OSError as error:
            raise DataError(f"{self.path / name}: it cannot be read: {error.strerror or error}") from None

    def read(self, name: str, most: int) -> bytes:
        """The bytes of a file of at most `most`.

        Raises:
            NotThere, DataError: as `open`, or it is larger.
        """
        with self.open(name) as file:
            return _bounded(file, most, f"{self.path / name}")

    def lines(self, name: str, most: int = LINE_BYTES) -> Iterator[Line]:
        """The lines of a file, none longer than `most`.

        Raises:
            NotThere, DataError: as `open`, a line is longer, or there are more than `MOST_LINES`.
        """
        with self.open(name) as file:
            yield from lines_of(file, f"{self.path / name}", most)

    def has(self, name: str) -> bool:
        """Something of this name is there that is read, or refused by name: anything but nothing."""
        try:
            with self._inside(_parts(name)[:-1]) as fd:
                os.stat(_parts(name)[-1], dir_fd=fd, follow_symlinks=False)
                return True
        except (OSError, DataError):
            return False

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders in it that begin so, without links, in order."""
        try:
            with self._inside(()) as fd, os.scandir(fd) as entries:
                return sorted(one.name for one in entries if one.name.startswith(prefix) and one.is_dir(follow_symlinks=False))
        except OSError:
            return []

    @contextmanager
    def _inside(self, parts: tuple[str, ...]) -> Iterator[int]:
        """The folder behind these parts, open."""
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for number, part in enumerate(parts, start=1):
                found = os.stat(part, dir_fd=fd, follow_symlinks=False)
                if stat.S_ISLNK(found.st_mode):
                    _refuse_other_kinds(found.st_mode, str(self.path.joinpath(*parts[:number])))
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)


def open_named(path: str | os.PathLike[str]) -> IO[bytes]:
    """A regular file that the user named, for reading; links are followed.

    Raises:
        NotThere: there is no such file.
        DataError: it is no regular file, or cannot be opened.
    """
    name = os.fspath(path)
    try:
        _refuse_other_kinds(os.stat(name).st_mode, name)
        return _file(os.open(name, _FLAGS), name)
    except FileNotFoundError:
        raise NotThere(f"{name or repr(name)}: it cannot be read: No such file or directory") from None
    except OSError as error:
        raise DataError(f"{name}: it cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a null character, or half a character
        raise DataError(f"{name!r}: it cannot be read: {error}") from None


def read_named(path: str | os.PathLike[str], most: int) -> bytes:
    """The bytes of a file that the user named.

    Raises:
        NotThere, DataError: as `open_named`, or it has more than `most`.
    """
    with open_named(path) as file:
        return _bounded(file, most, os.fspath(path))


def lines_of(file: IO[bytes], where: str, most: int = LINE_BYTES) -> Iterator[Line]:
    """The lines of an open file.

    Raises:
        DataError: one is longer than `most`, or there are more than `MOST_LINES`.
    """
    offset = number = 0
    while data := file.readline(most + 1):
        number += 1
        if len(data) > most:
            raise DataError(f"{where}: line {number} has more than {most >> 20} MB, which is the most that is read")
        if number > MOST_LINES:
            raise DataError(f"{where}: it has more than {MOST_LINES} lines, which are the most that are read")
        whole = data.endswith(b"\n")
        yield Line(number, offset, data[:-1] if whole else data, whole)
        offset += len(data)


def from_json(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        DataError: it is no JSON, or nested too deeply, or has too many parts; says what, not where.
    """
    _refuse_flood(data)
    try:
        return json.loads(data)
    except RecursionError:
        raise DataError("it is nested too deeply") from None
    except ValueError as error:
        raise DataError(f"it is no JSON: {str(error)[:300]}") from None


def parsed(data: bytes, adapter: TypeAdapter[T]) -> T:
    """The record in a JSON text; its numbers are finite, and counts are not negative.

    Raises:
        DataError: it is no such record; says what, not where.
    """
    _refuse_flood(data)
    try:
        value = adapter.validate_json(data)
    except RecursionError:
        raise DataError("it is nested too deeply") from None
    except ValueError as error:
        raise DataError(_first_line(error)) from None
    _refuse_odd_numbers(value, "")
    return value


@contextmanager
def writing(path: Path, prefix: str = ".part-") -> Iterator[IO[bytes]]:
    """A file that appears under its name whole or not at all, with what the block has written.

    What stands there, a link for example, is replaced and never written through.

    Raises:
        OSError: it cannot be written.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _parts(name: str) -> tuple[str, ...]:
    """Of a name that stays in its folder."""
    parts = tuple(name.split("/"))
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        parts = ()
    if not parts or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise DataError(f"{name[:200]!r} is no name of a file in this folder; the folder's records have been changed")
    return parts


def _refuse_other_kinds(mode: int, where: str) -> None:
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFDIR: "a folder", stat.S_IFSOCK: "a socket"}
    if stat.S_ISLNK(mode):
        raise DataError(f"{where}: it is a link, and links out of a folder are not followed; put the file itself there")
    if not stat.S_ISREG(mode):
        raise DataError(f"{where}: {_REGULAR.format(kind=kinds.get(stat.S_IFMT(mode), 'a device'))}")


def _file(fd: int, where: str) -> IO[bytes]:
    """The file behind a descriptor, if it still is a regular one: it may have been exchanged after it was looked at."""
    try:
        _refuse_other_kinds(os.fstat(fd).st_mode, where)
        return os.fdopen(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def _bounded(file: IO[bytes], most: int, where: str) -> bytes:
    size = os.fstat(file.fileno()).st_size
    data = file.read(most + 1) if size <= most else b""
    if size > most or len(data) > most:
        raise DataError(f"{where}: it has {max(size, len(data)) >> 20} MB; at most {most >> 20} MB are read")
    return data


def _refuse_flood(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") > _MOST_CONTAINERS or data.count(b",") > _MOST_COMMAS:
        raise DataError("it has too many parts")


def _refuse_odd_numbers(value: Any, name: str) -> None:
    """Numbers that no run has: infinite ones, those that no machine counts to, counts and times below nothing."""
    kind: type = type(value)
    if kind is float:
        if not 0 <= value < math.inf:  # those below are all in sequences
            raise DataError(f"{name} is {value}; it must be a number from 0 on")
    elif kind is int:
        least = -_MOST_NUMBER if name in _MAY_BE_NEGATIVE else 0
        if not least <= value < _MOST_NUMBER:
            raise DataError(f"{name}: a number is out of its range, which begins at {least} and ends below 2^64")
    elif kind is tuple or kind is list:
        _refuse_odd_parts(value, name)
    elif kind is dict:
        _refuse_odd_parts(tuple(value.values()), name)
    else:
        for field in _fields_of(kind):
            if (part := getattr(value, field)) is not None:
                _refuse_odd_numbers(part, field)


def _refuse_odd_parts(values: Sequence[Any], name: str) -> None:
    """The same for a sequence, quickly where it has thousands of tokens."""
    kinds = set(map(type, values))
    if kinds == {float}:
        if not math.isfinite(sum(values)):
            raise DataError(f"{name}: one of its numbers is none")
    elif kinds == {int}:
        if not -_MOST_NUMBER < min(values) <= max(values) < _MOST_NUMBER:
            raise DataError(f"{name}: a number is out of its range, 2^64 either way")
    elif not kinds <= {str}:
        for part in values:
            _refuse_odd_numbers(part, name)


@cache
def _fields_of(kind: type) -> tuple[str, ...]:
    """Those of a record that may hold numbers; none of anything else."""
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    return tuple(field.name for field in fields if field.type not in _NO_NUMBERS)


def _first_line(error: ValueError) -> str:
    """pydantic's messages have several lines: number of errors, place, reason."""
    return " ".join(str(error).split("\n")[1:3]).strip()[:300] or str(error)[:300]
