"""Files as rows, one after another, and from any place on: parquet, Arrow, JSON lines, JSON, TSV and CSV.

    table = open_table(Path("mmbench.tsv"))
    for line in table.rows(): line.number, line.values, line.place
    next(table.rows(place))                                     # that row again, without reading what is before it

Text files may be packed with gzip. A .json file may hold objects line by line or one value in any layout of `json_layouts`.
Memory stays flat but for JSON that is one value. Not covered: what columns mean.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from codedance.errors import DataError
from codedance.tasks.json_layouts import rows_of
from codedance.tasks.text_files import GZIP, MOST_ROW, CountedLines, json_in, lines_of, opened, read_json
from codedance.untrusted import open_named

_BATCH = 32
_HEAD = 64
_POINTER = b"version https://git-lfs"


class Place(NamedTuple):
    """Where a row begins."""

    number: int
    """Rows (of text: lines) before it."""
    offset: int
    """Bytes before it, in a text file."""


START = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One row as a file has it."""

    number: int
    """Counted from 1."""
    values: Any
    """Its fields by name; of a damaged file anything, or what is wrong with it."""
    place: Place
    key: str = ""
    """What the file calls it, where rows are the fields of an object."""


class Table(Protocol):
    """A file with rows."""

    def rows(self, start: Place = START) -> Iterator[Line]:
        """The rows from a place on.

        Raises:
            DataError: it is no file of its kind.
            OSError: it cannot be read.
        """


class _Parquet:
    def __init__(self, file: Path, part: str) -> None:
        self._file = file

    def rows(self, start: Place = START) -> Iterator[Line]:
        try:
            with pq.ParquetFile(self._file, pre_buffer=False) as table:
                groups, before = list(range(table.num_row_groups)), 0
                while groups and before + table.metadata.row_group(groups[0]).num_rows <= start.number:
                    before += table.metadata.row_group(groups.pop(0)).num_rows
                batches = table.iter_batches(batch_size=_BATCH, row_groups=groups) if groups else iter(())
                yield from _from_batches(batches, before, start.number)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{self._file}: it is no parquet: {error}") from None
        finally:
            pa.default_memory_pool().release_unused()  # the pictures of the last batches


class _Arrow:
    """What `datasets` writes with save_to_disk: a stream of batches; Feather files as well."""

    def __init__(self, file: Path, part: str) -> None:
        self._file = file

    def rows(self, start: Place = START) -> Iterator[Line]:
        try:
            with pa.memory_map(str(self._file)) as data:
                yield from _from_batches(_batches(data), 0, start.number)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{self._file}: it is no Arrow file: {error}") from None


def _batches(data: pa.MemoryMappedFile) -> Iterator[pa.RecordBatch]:
    try:
        stream = pa.ipc.open_stream(data)
    except pa.ArrowInvalid:
        data.seek(0)
        file = pa.ipc.open_file(data)
        return (file.get_batch(number) for number in range(file.num_record_batches))
    return iter(stream)


def _from_batches(batches: Iterator[pa.RecordBatch], before: int, start: int) -> Iterator[Line]:
    """Offsets of a damaged file may lead anywhere, so a batch is looked through before it is read."""
    for batch in batches:
        if before + batch.num_rows > start:
            batch.validate(full=True)
        for place in range(max(0, start - before), batch.num_rows):
            number = before + place
            yield Line(number + 1, _values(batch.slice(place, 1)), Place(number, 0))
        before += batch.num_rows


def _values(row: pa.RecordBatch) -> Any:
    if row.nbytes > MOST_ROW:
        return DataError(f"a row has {row.nbytes >> 20} MB; at most {MOST_ROW >> 20} MB are read")
    try:
        return row.to_pylist()[0]
    except (ValueError, OverflowError) as error:  # such as a date beyond the calendar
        return DataError(f"a row cannot be read: {error}")


class _Lines:
    """JSON lines; a file of that name that is one list after all is read as such."""

    def __init__(self, file: Path, part: str) -> None:
        self._file = file
        self._whole = _Whole(file, part)

    def rows(self, start: Place = START) -> Iterator[Line]:
        with opened(self._file) as data:
            if data.read(_HEAD).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
                yield from self._whole.rows(start)
                return
            number, offset = start
            data.seek(offset)
            for line in lines_of(data, self._file):
                if line.strip():
                    values = _row_or_error(line, f"{self._file}, row {number + 1}")
                    yield Line(number + 1, values, Place(number, offset))
                number, offset = number + 1, offset + len(line)


def _row_or_error(line: bytes, where: str) -> Any:
    try:
        return json_in(line, where)
    except DataError as error:
        return error


class _Json:
    """A .json file, which may hold lines after all."""

    def __init__(self, file: Path, part: str) -> None:
        self._file = file
        self._whole = _Whole(file, part)
        self._lines = _Lines(file, part)

    def rows(self, start: Place = START) -> Iterator[Line]:
        return (self._lines if self._holds_lines() else self._whole).rows(start)

    def _holds_lines(self) -> bool:
        """The first line is an object, and another line follows."""
        with opened(self._file) as data:
            first = data.readline(MOST_ROW)
            while first.isspace():
                first = data.readline(MOST_ROW)
            if not first.endswith(b"\n") or not isinstance(_row_or_error(first, ""), dict):
                return False
            return any(not line.isspace() for line in lines_of(data, self._file))


class _Whole:
    """JSON that is one value, kept once it is read."""

    def __init__(self, file: Path, part: str) -> None:
        self._file, self._part = file, part
        self._rows: list[tuple[str, Any]] | None = None

    def rows(self, start: Place = START) -> Iterator[Line]:
        if self._rows is None:
            self._rows = rows_of(read_json(self._file), self._part, self._file)
        for place in range(start.number, len(self._rows)):
            key, values = self._rows[place]
            yield Line(place + 1, values, Place(place, 0), key)


class _Separated:
    """TSV and CSV."""

    def __init__(self, file: Path, part: str) -> None:
        self._file = file

    def _delimiter(self, data: IO[bytes]) -> str:
        """By the file's name; what spreadsheets write in place of a comma by the first line."""
        usual, head = "\t" if ".tsv" in self._file.suffixes else ",", data.readline(MOST_ROW)
        data.seek(0)
        return usual if usual.encode() in head else next((one for one in ";\t" if one.encode() in head), usual)

    def rows(self, start: Place = START) -> Iterator[Line]:
        csv.field_size_limit(MOST_ROW)  # a picture in base64 is one field
        try:
            with opened(self._file) as data:
                delimiter = self._delimiter(data)
                lines = CountedLines(data, self._file, delimiter)
                rows = csv.reader(lines, delimiter=delimiter)
                head = next(rows, [])
                number = start.number
                if start.offset:
                    lines.seek(start.offset)
                offset = lines.begin_row()
                for cells in rows:
                    if cells:
                        number += 1
                        yield Line(number, _named(head, cells), Place(number - 1, offset))
                    offset = lines.begin_row()
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{self._file}: it is no table in UTF-8: {error}") from None


def _named(head: list[str], cells: list[str]) -> dict[str | None, Any]:
    """Cells by column; those too many by None, as csv.DictReader has it."""
    row: dict[str | None, Any] = dict(zip(head, chain(cells, [None] * (len(head) - len(cells))), strict=False))
    return row | {None: cells[len(head) :]} if len(cells) > len(head) else row


_TABLES: Mapping[str, Callable[[Path, str], Table]] = {
    ".parquet": _Parquet,
    ".arrow": _Arrow,
    ".jsonl": _Lines,
    ".ndjson": _Lines,
    ".tsv": _Separated,
    ".csv": _Separated,
    ".json": _Json,
}
KINDS = tuple(_TABLES)
"""Files that are read, by the ending of their names; those of text may have .gz behind it."""


def kind_of(file: Path) -> str:
    """The ending that tells a file's kind; empty where it is none of `KINDS`."""
    name = file.name.removesuffix(GZIP)
    kind = Path(name).suffix.lower()
    is_text = kind not in (".parquet", ".arrow")
    return kind if kind in _TABLES and (is_text or name == file.name) else ""


def open_table(file: Path, part: str = "") -> Table:
    """The table in a file.

    Args:
        file: of one of `KINDS`.
        part: which of the lists in a JSON file.

    Raises:
        DataError: it is of another kind, or not there.
        OSError: it cannot be read.
    """
    kind = kind_of(file)
    if not kind:
        raise DataError(f"{file}: tasks are read from {', '.join(KINDS)}")
    if not file.is_file():
        raise DataError(f"{file}: {'it is no file' if file.exists() else 'it cannot be read: No such file or directory'}")
    with open_named(file) as data:
        if data.read(len(_POINTER)) == _POINTER:
            raise DataError(f"{file}: this is only a pointer to a file that Git LFS holds; fetch it with git lfs pull")
    return _TABLES[kind](file, part)
