"""Look over the questions before any is asked: how many, from where, and whether their own scorers accept the known answers.

    census = look_over(Selection(sources=("chartqa:test.json",)), skip_bad=False)
    census.total, census.by_source              # 2500, {"chartqa": 2500}
    for task in census.tasks(): ...

A reference answer that its own rule does not call right would make every model wrong: such a row is as bad as one that cannot be
read. Of each source the answers of the first 5,000 tasks are scored, and then of one in ten, so that a training file of 63,000
rows starts within seconds; what is systematically wrong still shows. Not covered: pictures, which are decoded when a task begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codedance.errors import DataError
from codedance.reward.scorer import Scorer
from codedance.tasks.selection import Selection
from codedance.types import Task

_ALL = 5000
_ONE_IN = 10
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Census:
    """What there is to ask."""

    selection: Selection
    by_source: dict[str, int]
    left_out: tuple[str, ...]
    """Why rows are not asked, one text a row."""
    unfit: frozenset[str]
    """Ids of tasks among them that could be read."""
    unknown: int
    """Tasks without a known answer, which are asked but not scored."""

    @property
    def total(self) -> int:
        """Tasks to be asked."""
        return sum(self.by_source.values())

    def tasks(self) -> Iterator[Task]:
        """Those to be asked, read again."""
        on_bad = (lambda error: None) if self.left_out else None
        return self.selection.tasks(on_bad, lambda task: task.id not in self.unfit)


def look_over(selection: Selection, *, skip_bad: bool, with_prompt: bool = False) -> Census:
    """Read everything once.

    Args:
        selection: what is to be asked.
        skip_bad: leave bad rows out; else the first one is an error.
        with_prompt: every task has to bring a system prompt along.

    Raises:
        DataError: a row is bad, or there is nothing to ask.
    """
    left_out: list[str] = []
    unfit: set[str] = set()
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    unknown = 0
    read: Counter[str] = Counter()
    with Scorer() as scorer:

        def is_fit(task: Task) -> bool:
            is_scored = read[task.source] < _ALL or read[task.source] % _ONE_IN == 0
            read[task.source] += 1
            problem = _unreadable(task, with_prompt) or (_unscorable(task, scorer) if is_scored else "")
            if task.id in seen:
                raise DataError(f"{task.source}: two tasks have the id {task.id!r}; ids must differ, they name the rollouts")
            seen.add(task.id)
            if problem and not skip_bad:
                raise DataError(f"{problem}; leave such rows out with --skip-bad")
            if problem:
                left_out.append(problem)
                unfit.add(task.id)
            return not problem

        for task in selection.tasks((lambda error: left_out.append(str(error))) if skip_bad else None, is_fit):
            counts[task.source] += 1
            unknown += task.answer is None
    if not counts:
        reason = f"; all {len(left_out)} rows are bad, the first one: {left_out[0]}" if left_out else ""
        raise DataError(f"{', '.join(selection.sources)}: there is no task in it{reason}")
    return Census(selection, dict(counts), tuple(left_out), frozenset(unfit), unknown)


def _unreadable(task: Task, with_prompt: bool) -> str:
    """What the task lacks to be asked; empty if nothing."""
    if with_prompt and not task.system:
        return f"{task.source}, task {task.id}: it brings no system prompt along, as --prompt row wants"
    if gone := [image for image in task.images if isinstance(image, Path) and not image.is_file()]:
        return f"{task.source}, task {task.id}: there is no picture {gone[0]}"
    return ""


def _unscorable(task: Task, scorer: Scorer) -> str:
    """Which of its reference answers the scorer does not call right; empty if none."""
    for reference in () if task.answer is None else (task.answer, *task.key.alternatives):
        said = scorer.grade(task.answer, reference, task.key)
        if not said.is_right:
            verdict = "wrong" if said.is_right is False else "undecided"
            where, rule = f"{task.source}, task {task.id}", task.key.rule
            return f"{where}: its rule {rule} calls the known answer {reference[:_SHOWN]!r} {verdict}: {said.why}"
    return ""
