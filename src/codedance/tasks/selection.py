"""Which questions of which data sets: what a run asks, in a form that can be stored and asked again.

    selection = Selection(sources=("synthetic", "chartqa:test.json"), limit=200)
    for task in selection.tasks(): ...              # ids synthetic/count/easy/0, ..., test/1, ...

Of several sources, ids and data sets carry the source's name in front. Not covered: drawing at random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from codedance.errors import ConfigError, DataError
from codedance.tasks import parse_source, read_tasks
from codedance.tasks.named import NAMED
from codedance.tasks.pictures import ANYWHERE
from codedance.types import Rule, Task
from codedance.untrusted import open_named

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Some tasks.

    Raises:
        ConfigError: there are no sources, two have the same name, or the limit is below 1.
    """

    sources: tuple[str, ...]
    """Files, FOLDER:SPLIT, LAYOUT:FILE, or names such as `synthetic`."""
    limit: int | None = None
    """The first tasks of each source, at most."""
    options_seed: int = 0
    """Of the order of options, where a data set lists the right one first."""
    rule: Rule | None = None
    """How answers are scored where neither the layout nor the row says it."""

    images_from: tuple[Path, ...] = ANYWHERE
    """The folders that pictures may lie in besides those of the sources."""

    def __post_init__(self) -> None:
        if not self.sources:
            raise ConfigError(f"name at least one file with tasks, or one of {', '.join(NAMED)}")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit is {self.limit}; it must be at least 1")
        names = [name_of(source) for source in self.sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"two sources have the name {twice[0]!r}, which tells their tasks apart; rename a file")

    def tasks(
        self, on_bad: Callable[[DataError], None] | None = None, keep: Callable[[Task], bool] = lambda task: True
    ) -> Iterator[Task]:
        """The tasks, source after source, in memory that does not grow.

        Args:
            on_bad: what to do with a row that is no task; without it the first one is an error.
            keep: whether to take a task; others do not count against the limit.

        Raises:
            DataError: a file cannot be read, or a row is no task.
        """
        for source in self.sources:
            read = read_tasks(source, options_seed=self.options_seed, rule=self.rule, images_from=self.images_from, on_bad=on_bad)
            yield from islice(filter(keep, (self._named(task, name_of(source)) for task in read)), self.limit)

    def _named(self, task: Task, name: str) -> Task:
        """With its data set; of several sources with the source in front of what tells it apart."""
        if len(self.sources) == 1:
            return replace(task, source=task.source or name)
        source = name if task.source in ("", name) else f"{name}/{task.source}"
        key = replace(task.key, group=f"{name}/{task.key.group}") if task.key.group else task.key
        return replace(task, id=f"{name}/{task.id}", source=source, key=key)

    def digests(self) -> dict[str, str]:
        """SHA-256 of every file that is read, by its source; pictures beside it are not part of it."""
        return {source: _digest(source) for source in self.sources if source not in NAMED}


def name_of(source: str) -> str:
    """What a source is called: its own name, or its file's and split's."""
    return source if source in NAMED else parse_source(source).name


def _digest(source: str) -> str:
    parsed = parse_source(source)
    whole = hashlib.sha256()
    try:
        for file in parsed.files():
            with open_named(file) as data:
                while chunk := data.read(_CHUNK):
                    whole.update(chunk)
    except OSError as error:
        raise DataError(f"{parsed.path}: it cannot be read: {error.strerror}") from None
    return whole.hexdigest()
