"""A made question: the picture, the exact answer, and the ways to get to it.

    item = make_item("count", Level.HARD, seed=7)
    item.question, item.answer            # ("How many red shapes are there?", "11")
    item.plans[0].code                    # code that prints 11 when it is run on item.image as `original_image`

A plan is what a good reply would say and run; `look` is what it would say where a look is enough. Neither gives the answer
away. Not covered: how these become a conversation or a training example.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image


class Level(StrEnum):
    """Which kind of picture; the wording of the question is the same."""

    EASY = "easy"
    """Readable at a glance, even on a view of 112x112 pixels."""
    HARD = "hard"
    """Too small, too many or too fine for a glance."""


class Ability(StrEnum):
    """What the code does for the answer."""

    OPERATION = "operation"
    """A known operation on the picture (zoom, rotate, crop), then a look at its outcome."""
    COMPUTATION = "computation"
    """The code prints the answer."""
    OPEN = "open"
    """The code draws something new; a look at it gives the answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to the answer by code."""

    template: str
    """Names the way; unique within the family."""
    thought: str
    """What the code will do."""
    code: str
    """Works on `original_image` at any resolution; prints exactly the answer, or shows exactly one picture."""
    conclusion: str
    """A thought after the outcome was seen, without the answer."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question about one picture."""

    family: str
    level: Level
    ability: Ability
    image: Image.Image
    """RGB, at the original resolution."""
    question: str
    answer: str
    """An integer or one word."""
    look: str
    """A thought before an answer without code, without the answer itself."""
    plans: tuple[Plan, ...]
    """At least one; a family has two or more templates."""


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of question, easy and hard."""

    name: str
    ability: Ability
    composite: bool
    """Joins what other families ask for; there are hard ones only."""
    summary: str
    draw: Callable[[random.Random, Level], Item]
