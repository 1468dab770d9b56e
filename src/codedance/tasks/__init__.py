"""Where questions come from.

    for task in read_tasks("questions.jsonl"): ...
    for task in read_tasks("hrbench:hr_bench_4k.parquet", on_bad=bad.append): ...

A file's layout is told by its columns (`adapters`), or by a name in front of it; some questions have a name and no file
(`named`). Not covered: fetching data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path

from codedance.errors import DataError
from codedance.tasks.adapters import ADAPTERS, recognise
from codedance.tasks.named import NAMED
from codedance.tasks.readers import read_rows
from codedance.types import Task


def read_tasks(
    source: str | PathLike[str], *, options_seed: int = 0, on_bad: Callable[[DataError], None] | None = None
) -> Iterator[Task]:
    """The tasks of a file, one after another, in memory that does not grow; pictures are decoded when they are needed.

    Args:
        source: a file, LAYOUT:FILE, or a name such as `synthetic`.
        options_seed: of the order of options, where a data set lists the right one first.
        on_bad: what to do with a row that is no task; without it the first one is an error.

    Raises:
        DataError: the file cannot be read, or a row is no task; names file, row and column.
    """
    if source in NAMED:
        yield from NAMED[str(source)]()
        return
    layout, path = layout_and_path(source)
    adapter = ADAPTERS[layout] if layout else None
    for row in read_rows(path):
        try:
            if isinstance(row, DataError):
                raise row
            adapter = adapter or recognise(row)
            yield from list(adapter.read(row, options_seed))
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)


def layout_and_path(source: str | PathLike[str]) -> tuple[str, Path]:
    """The parts of LAYOUT:FILE; a file alone has no layout.

    Raises:
        DataError: there is no such layout, and no file of the whole name.
    """
    name, colon, rest = str(source).partition(":")
    if colon and name in ADAPTERS:
        return name, Path(rest)
    if colon and "/" not in name and not Path(source).exists():
        raise DataError(f"{source}: there is no layout {name!r}; the layouts are {', '.join(ADAPTERS)}")
    return "", Path(source)
