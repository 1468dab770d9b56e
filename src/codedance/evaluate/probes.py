"""Does a model need what it seems to use? The same questions with one thing taken away or changed.

    settings, tasks = probed(Probe.BLANK, settings, tasks)

A model that looks at what its code shows loses accuracy when that comes back blank; one that reads options does not mind their
order. Not covered: comparing the runs (`paired`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from string import ascii_uppercase

from codedance.rollout.settings import Returned, Settings
from codedance.tasks.adapters.adapter import replace_options
from codedance.types import Rule, Task


class Probe(StrEnum):
    """What is changed."""

    BLANK = "blank"
    """The pictures that code shows come back grey."""
    SWAP = "swap"
    """In their place comes the picture of another task."""
    NO_TOOL = "no-tool"
    """No code can be run."""
    SHUFFLE_OPTIONS = "shuffle-options"
    """Options stand in another order."""


def probed(probe: Probe, settings: Settings, tasks: Iterator[Task], seed: int = 1) -> tuple[Settings, Iterator[Task]]:
    """Settings and tasks with the one change."""
    match probe:
        case Probe.BLANK:
            return replace(settings, returned=Returned.BLANK), tasks
        case Probe.SWAP:
            return replace(settings, returned=Returned.SWAPPED), tasks
        case Probe.NO_TOOL:
            return replace(settings, tool=False), tasks
        case Probe.SHUFFLE_OPTIONS:
            return settings, (reordered(task, seed) for task in tasks)


def reordered(task: Task, seed: int) -> Task:
    """The task with its options in another order; as it is where it has none or the question does not list them in order."""
    old = task.key.choices
    if len(old) < 2 or task.answer is None:
        return task
    order = list(range(len(old)))
    rng = random.Random(f"{seed}/{task.id}")
    while order == sorted(order):
        rng.shuffle(order)
    new = tuple(old[place] for place in order)
    question = replace_options(task.question, old, new)
    if question is None:
        return task
    letters, letter = ascii_uppercase[: len(old)], task.answer.strip("() .").upper()
    names_a_letter = task.key.rule is not Rule.MATHVISTA and letter in tuple(letters)  # MathVista's answers are words, even "B"
    answer = letters[order.index(letters.index(letter))] if names_a_letter else task.answer
    return replace(task, question=question, answer=answer, key=replace(task.key, choices=new))
