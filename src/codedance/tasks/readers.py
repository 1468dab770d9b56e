"""Rows of a source's files, one after another, in memory that does not grow.

    for row in read_rows(Source.parse("hrbench_4k.parquet", ())):
        row.text("question"), row.pictures("image")

Not covered: what kinds of files there are (`formats`); which files a folder stands for (`folders`); what columns mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from codedance.errors import DataError
from codedance.tasks.formats import START, Line, Place, Table, open_table
from codedance.tasks.pictures import ANYWHERE
from codedance.tasks.sources import Source
from codedance.tasks.table import Row, as_index

_INDEX = "index"
_PICTURES = "images"


def read_rows(source: Source, images_from: Sequence[Path] = ANYWHERE) -> Iterator[Row | DataError]:
    """All rows of a file or folder; a line that is no row comes as what is wrong with it.

    `images_from` are the folders that pictures may lie in besides those of the file and the source.

    Raises:
        DataError: it cannot be read.
    """
    before = 0
    for file in source.files():
        number = 0
        try:
            table = open_table(file, "" if source.path.is_dir() else source.part)
            rows = _Rows(file, table, (source.path, *images_from), before)
            for line in table.rows():
                number = line.number
                rows.saw(line)
                yield rows.row(line)
        except OSError as error:
            raise DataError(f"{file}: it cannot be read: {error.strerror or error}") from None
        before += number


class _Rows:
    """Makes rows of lines, and finds them by their `index`: every line is looked at twice at most."""

    def __init__(self, file: Path, table: Table, named: Sequence[Path], before: int) -> None:
        self._file = file
        self._table = table
        self._before = before
        folders = [file.parent, *(folder for folder in named if folder.is_dir() and folder != file.parent)]
        self._folders = tuple(path for folder in folders for path in (folder, folder / _PICTURES))
        self._places: dict[str, Place] = {}
        self._last = START
        self._ahead: Iterator[Line] | None = None
        self._found: tuple[str, Row | None] = ("", None)

    def saw(self, line: Line) -> None:
        """Remember where a row with an index is."""
        self._last = line.place
        if isinstance(line.values, Mapping) and (index := as_index(line.values.get(_INDEX))):
            self._places.setdefault(index, line.place)

    def row(self, line: Line) -> Row | DataError:
        """The row of a line, or what is wrong with it."""
        where, values = f"{self._file}, row {line.number}", line.values
        if isinstance(values, DataError):
            return values
        if not isinstance(values, Mapping):
            return DataError(f"{where}: it is a {type(values).__name__}, not an object with fields")
        if None in values:
            return DataError(f"{where}: it has more cells than there are columns ({', '.join(filter(None, values))})")
        name = line.key or str(self._before + line.number)
        return Row(values, where, self._file, self._folders, name, self.find if _INDEX in values else None)

    def find(self, index: str) -> Row | None:
        """The row with this index, or None where there is none."""
        if index != self._found[0]:  # several rows in a row name the same one
            place = self._places.get(index) or self._place_ahead(index)
            row = self.row(next(self._table.rows(place))) if place is not None else None
            self._found = (index, row if isinstance(row, Row) else None)
        return self._found[1]

    def _place_ahead(self, index: str) -> Place | None:
        """Where a row is that comes later."""
        if self._ahead is None:
            self._ahead = self._table.rows(self._last)
        for line in self._ahead:
            if isinstance(line.values, Mapping) and (found := as_index(line.values.get(_INDEX))):
                self._places.setdefault(found, line.place)
                if found == index:
                    return line.place
        return None
