"""Text files with rows, packed with gzip or not: line by line, and never more at once than a row may have.

    with opened(Path("tasks.jsonl.gz")) as data:
        for line in lines_of(data, file): ...
    value = read_json(file)

A packed file of a megabyte may stand for gigabytes, and a line that never ends would fill the memory, so each read has a bound.
Not covered: how many rows a file has, since they are read one after another.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from codedance.errors import DataError
from codedance.untrusted import from_json, open_named

GZIP = ".gz"
MOST_ROW = 1 << 26
"""Bytes of a row; a picture may be in it."""
_MOST_WHOLE = 1 << 28
"""Bytes of JSON that is one value."""
_MOST_BLANK = 1_000_000
_MOST_CELLS = 1_000_000


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked.

    Raises:
        DataError: it is no regular file, cannot be read or, in the block, not be unpacked.
    """
    try:
        with open_named(file) as data:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=data)) if file.suffix == GZIP else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{file}: it cannot be unpacked: {error}; get the whole file again") from None
    except OSError as error:
        raise DataError(f"{file}: it cannot be read: {error.strerror or error}") from None


def lines_of(data: IO[bytes], file: Path) -> Iterator[bytes]:
    """The lines from where `data` stands, each with its end.

    Raises:
        DataError: one has more than a row may have, or almost all are empty.
    """
    num_blank = 0
    while line := data.readline(MOST_ROW + 1):
        if len(line) > MOST_ROW:
            raise DataError(f"{file}: a row has more than {MOST_ROW >> 20} MB; keep pictures in files of their own")
        num_blank = num_blank + 1 if line.isspace() else 0
        if num_blank > _MOST_BLANK:
            raise DataError(f"{file}: it has more than {_MOST_BLANK} empty lines, one after another")
        yield line


class CountedLines:
    """Lines of a file as text, and how many bytes have been read. A row may have several, and no end where a quote has none.

    Raises:
        DataError: as `lines_of`, or a row has more bytes or cells than a row may have.
    """

    def __init__(self, data: IO[bytes], file: Path, delimiter: str) -> None:
        self._data = data
        self._file = file
        self._delimiter = delimiter.encode()
        self._lines = lines_of(data, file)
        self._offset = self._row = 0

    def seek(self, offset: int) -> None:
        """Go on from there."""
        self._offset = self._data.seek(offset)

    def begin_row(self) -> int:
        """Where the next row begins."""
        self._row = self._offset
        return self._row

    def __iter__(self) -> CountedLines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if self._offset + len(line) - self._row > MOST_ROW or line.count(self._delimiter) > _MOST_CELLS:
            raise DataError(f"{self._file}: a row has more than {MOST_ROW >> 20} MB or {_MOST_CELLS} cells; is a quote open?")
        text = line.decode("utf-8" if self._offset else "utf-8-sig")
        self._offset += len(line)
        return text


def read_json(file: Path) -> Any:
    """The one value of a file.

    Raises:
        DataError: as `opened`, or it is no JSON, or too large to be held at once.
    """
    with opened(file) as data:
        text = data.read(_MOST_WHOLE + 1)
    if len(text) > _MOST_WHOLE:
        raise DataError(f"{file}: it has more than {_MOST_WHOLE >> 20} MB; write it as JSON lines (.jsonl), read one by one")
    return json_in(text, str(file))


def json_in(text: bytes, where: str) -> Any:
    """The value of a text.

    Raises:
        DataError: it is no JSON, nested too deeply, or has too many parts.
    """
    try:
        return from_json(text)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
