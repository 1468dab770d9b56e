"""Questions that have a name instead of a file: fresh items of the program's own families, never trained on.

    tasks = NAMED["synthetic"]()            # 100 of every family and level: count/easy, count/hard, photo/easy, ...
    tasks = NAMED["composite"]()            # families that join two of the others, kept out of training

They come in turn from every family and level, so that the first ones are a fair sample. Not covered: other seeds, which
`codedance tasks make` writes into a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from codedance.tasks.synthetic import FAMILIES, FRESH_SEEDS, Level, make_item, to_task
from codedance.types import Task

_EACH = 100


def _trained() -> Iterator[Task]:
    return _in_turn("synthetic", [(name, level) for name, family in FAMILIES.items() if not family.composite for level in Level])


def _composite() -> Iterator[Task]:
    return _in_turn("composite", [(name, Level.HARD) for name, family in FAMILIES.items() if family.composite])


def _in_turn(name: str, cells: list[tuple[str, Level]]) -> Iterator[Task]:
    for number in range(_EACH):
        for family, level in cells:
            task = to_task(make_item(family, level, FRESH_SEEDS + number), f"{family}/{level}/{number}")
            yield replace(task, source=name)


NAMED: Mapping[str, Callable[[], Iterator[Task]]] = MappingProxyType({"synthetic": _trained, "composite": _composite})
