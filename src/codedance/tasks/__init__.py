"""Where questions come from.

    for task in read_tasks("questions.jsonl"): ...
    for task in read_tasks("hrbench:hr_bench_4k.parquet", on_bad=bad.append): ...
    for task in read_tasks("ChartQA:test"): ...                   # the split of a folder as `datasets` has it

A file's layout is told by its columns (`adapters`), or by a name in front of it; some questions have a name and no file
(`named`). Not covered: fetching data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path

from codedance.errors import DataError
from codedance.tasks.adapters import ADAPTERS, Reading, recognise
from codedance.tasks.named import NAMED
from codedance.tasks.pictures import ANYWHERE
from codedance.tasks.readers import read_rows
from codedance.tasks.sources import Source
from codedance.tasks.table import Row
from codedance.types import Rule, Task


def read_tasks(
    source: str | PathLike[str],
    *,
    options_seed: int = 0,
    rule: Rule | None = None,
    images_from: Sequence[Path] = ANYWHERE,
    on_bad: Callable[[DataError], None] | None = None,
) -> Iterator[Task]:
    """The tasks of a file, one after another, in memory that does not grow; pictures are decoded when they are needed.

    Args:
        source: a file, FOLDER:SPLIT, LAYOUT:FILE, or a name such as `synthetic`.
        options_seed: of the order of options, where a data set lists the right one first.
        rule: how answers are scored where neither the layout nor the row says it.
        images_from: the folders that its pictures may lie in besides its own, for files of others: what they name is shown to a
            model.
        on_bad: what to do with a row that is no task; without it the first one is an error.

    Raises:
        DataError: the file cannot be read, or a row is no task; names file, row and column.
    """
    if source in NAMED:
        yield from NAMED[str(source)]()
        return
    parsed = parse_source(source)
    adapter = ADAPTERS[parsed.layout] if parsed.layout else None
    reading = Reading(options_seed=options_seed, rule=rule)
    for row in read_rows(parsed, images_from):
        try:
            if isinstance(row, DataError):
                raise row
            adapter = adapter or recognise(row)
            tasks = list(adapter.read(row, reading))
            for task in tasks:
                _refuse_half_characters(task, row)
            yield from tasks
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)


def _refuse_half_characters(task: Task, row: Row) -> None:
    """Wherever in a row its words come from."""
    key = task.key
    words = (task.id, task.question, task.answer or "", task.system, task.source, task.category, key.group, key.part)
    try:
        "".join((*words, *key.choices, *key.alternatives, key.judge_context)).encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{row.where}: its texts hold half characters (an escape such as \\ud83d alone), which no file can hold"
        ) from None


def parse_source(source: str | PathLike[str]) -> Source:
    """What a text such as LAYOUT:FILE or FOLDER:SPLIT names.

    Raises:
        DataError: there is no such layout, and no file of the whole name.
    """
    return Source.parse(source, ADAPTERS)
