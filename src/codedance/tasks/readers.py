"""Rows of files, one after another: parquet, JSONL, JSON, TSV and CSV, in memory that does not grow.

    for row in read_rows(Path("hrbench_4k.parquet")):
        row.text("question"), row.picture("image")

A folder stands for the parquet files in it, or else for its JSON files, in the order of their names. Not covered: what columns
mean.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codedance.errors import DataError
from codedance.tasks.table import Row

_BATCH = 32
KINDS = (".parquet", ".jsonl", ".json", ".tsv", ".csv")
"""Files that are read."""


def read_rows(path: Path) -> Iterator[Row | DataError]:
    """All rows of a file or folder; a line that is no row comes as what is wrong with it.

    Raises:
        DataError: it cannot be read.
    """
    files = files_of(path)
    if not files:
        raise DataError(f"{path}: there is neither a parquet file nor a JSON file in this folder")
    before = 0
    for file in files:
        number = 0
        for number, row in _rows_of(file, before):  # noqa: B007 - the last one counts
            yield row
        before += number


def files_of(path: Path) -> list[Path]:
    """The files that a path stands for: itself, or those of a folder."""
    if not path.is_dir():
        return [path]
    return sorted(path.glob("*.parquet")) or sorted(path.glob("*.json"))


def _rows_of(file: Path, before: int) -> Iterator[tuple[int, Row | DataError]]:
    """The rows of one file with their numbers in it."""
    if file.suffix not in KINDS:
        raise DataError(f"{file}: tasks are read from {', '.join(KINDS)}")
    if not file.is_file():
        raise DataError(f"{file}: {'it is no file' if file.exists() else 'it cannot be read: No such file or directory'}")
    finder = _Finder(file)
    try:
        for number, values in _READERS[file.suffix](file):
            where = f"{file}, row {number}"
            if isinstance(values, DataError):
                yield number, values
            elif not isinstance(values, Mapping):
                yield number, DataError(f"{where}: it is a {type(values).__name__}, not an object with fields")
            elif None in values:
                yield number, DataError(f"{where}: it has more cells than there are columns ({', '.join(filter(None, values))})")
            else:
                yield number, Row(values, where, file, before + number, finder.find)
    except OSError as error:
        raise DataError(f"{file}: it cannot be read: {error.strerror or error}") from None


class _Finder:
    """Finds rows by their `index`, reading on from where the last one was: they are asked for in about their own order."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rest: Iterator[tuple[int, Any]] = iter(())
        self._found: tuple[str, Row | None] = ("", None)

    def find(self, index: str) -> Row | None:
        """The row, or None where there is none."""
        if index != self._found[0]:  # several rows in a row name the same one
            self._found = (index, self._search(index))
        return self._found[1]

    def _search(self, index: str) -> Row | None:
        for _ in range(2):  # on to the end, then once from the start
            for number, values in self._rest:
                if isinstance(values, Mapping) and str(values.get("index")) == index:
                    return Row(values, f"{self._file}, row {number}", self._file, number)
            self._rest = _READERS[self._file.suffix](self._file)
        return None


def _parquet(file: Path) -> Iterator[tuple[int, Any]]:
    try:
        with pq.ParquetFile(file, pre_buffer=False) as table:
            number = 0
            for batch in table.iter_batches(batch_size=_BATCH):
                for place in range(batch.num_rows):
                    number += 1
                    yield number, batch.slice(place, 1).to_pylist()[0]
    except pa.ArrowInvalid as error:
        raise DataError(f"{file}: it is no parquet: {error}") from None


def _jsonl(file: Path) -> Iterator[tuple[int, Any]]:
    with open(file, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield number, _from_json(line, f"{file}, row {number}")
                except DataError as error:
                    yield number, error


def _json(file: Path) -> Iterator[tuple[int, Any]]:
    whole = _from_json(file.read_bytes(), str(file))
    if isinstance(whole, dict) and whole and all(isinstance(value, dict) for value in whole.values()):
        whole = [{"_key": key, **value} for key, value in whole.items()]
    yield from enumerate(whole if isinstance(whole, list) else [whole], start=1)


def _from_json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: it is no JSON: {error}") from None


def _separated(file: Path) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(sys.maxsize)  # a picture in base64 is one field
    with open(file, encoding="utf-8-sig", newline="") as lines:
        try:
            yield from enumerate(csv.DictReader(lines, delimiter="\t" if file.suffix == ".tsv" else ","), start=1)
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{file}: it is no table in UTF-8: {error}") from None


_READERS = {".parquet": _parquet, ".jsonl": _jsonl, ".json": _json, ".tsv": _separated, ".csv": _separated}
