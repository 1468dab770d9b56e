"""Questions made by a program, with exact answers and with code that gets to them.

    item = make_item("count", Level.HARD, seed=7)
    for item in make_items(["count", "digit"], list(Level), count=100, seed=1): ...
    task = to_task(item, "count-7")

Every family has easy pictures, which a small vision tower can read, and hard ones, which need code; the wording of a question
does not tell which. The same arguments give the same bytes. Composite families join what others ask for and are meant for
measuring transfer, not for training. Not covered: how an item becomes a conversation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from codedance.errors import ConfigError
from codedance.tasks.synthetic.charting import draw_bar, draw_curve
from codedance.tasks.synthetic.composite import (
    draw_area_difference,
    draw_bar_digit,
    draw_count_difference,
    draw_count_half,
    draw_digit_sum,
    draw_photo_grid,
)
from codedance.tasks.synthetic.counting import draw_count
from codedance.tasks.synthetic.covering import draw_area, draw_histogram
from codedance.tasks.synthetic.drawing import draw_grid
from codedance.tasks.synthetic.item import Ability, Family, Item, Level, Plan
from codedance.tasks.synthetic.measuring import draw_angle, draw_distance
from codedance.tasks.synthetic.palette import COLOURS
from codedance.tasks.synthetic.photo import draw_photo
from codedance.tasks.synthetic.reading import draw_digit, draw_rotate
from codedance.types import Task

__all__ = [
    "FAMILIES",
    "FRESH_SEEDS",
    "SLOTS",
    "Ability",
    "Family",
    "Item",
    "Level",
    "Plan",
    "check_families",
    "make_item",
    "make_items",
    "to_task",
]

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family("count", Ability.COMPUTATION, False, "shapes of a colour", draw_count),
            Family("photo", Ability.COMPUTATION, False, "bright objects in a photograph", draw_photo),
            Family("bar", Ability.COMPUTATION, False, "bars on a chart", draw_bar),
            Family("line", Ability.COMPUTATION, False, "a line on a chart", draw_curve),
            Family("digit", Ability.OPERATION, False, "a digit in a frame or near a place", draw_digit),
            Family("rotate", Ability.OPERATION, False, "a digit upside down or mirrored", draw_rotate),
            Family("distance", Ability.COMPUTATION, False, "from dot to dot", draw_distance),
            Family("angle", Ability.COMPUTATION, False, "between two arms", draw_angle),
            Family("area", Ability.COMPUTATION, False, "the share of a colour", draw_area),
            Family("grid", Ability.OPEN, False, "the cell of a dot", draw_grid),
            Family("histogram", Ability.OPEN, False, "the most frequent colour", draw_histogram),
            Family("count_difference", Ability.COMPUTATION, True, "shapes of a colour against another", draw_count_difference),
            Family("count_half", Ability.COMPUTATION, True, "shapes of a colour in one half", draw_count_half),
            Family("bar_digit", Ability.OPERATION, True, "the digit in the highest bar", draw_bar_digit),
            Family("digit_sum", Ability.OPERATION, True, "two tiny digits, added", draw_digit_sum),
            Family("area_difference", Ability.COMPUTATION, True, "the share of a colour against another", draw_area_difference),
            Family("photo_grid", Ability.COMPUTATION, True, "quarters of a photograph with objects", draw_photo_grid),
        )
    }
)

FRESH_SEEDS = 1 << 40
"""Seeds from here on are for measuring; those of training are below."""

SLOTS = (*COLOURS, "black", "left", "right", "upper", "lower")
"""Words that fill a slot in questions and code alike."""


def check_families(names: Sequence[str]) -> None:
    """Refuse names that are none.

    Raises:
        ConfigError: there is no such family.
    """
    for name in names:
        if name not in FAMILIES:
            raise ConfigError(f"there is no family {name!r}; the families are {', '.join(FAMILIES)}")


def make_item(family: str, level: Level, seed: int) -> Item:
    """One item; the same arguments always give the same.

    Raises:
        ConfigError: there is no such family, or it has no items of this level.
    """
    check_families([family])
    if FAMILIES[family].composite and level is not Level.HARD:
        raise ConfigError(f"family {family!r} has no {level} items; composite families are hard only")
    return FAMILIES[family].draw(random.Random(f"{family}/{level}/{seed}"), level)


def make_items(families: Sequence[str], levels: Sequence[Level], count: int, seed: int) -> Iterator[Item]:
    """`count` different items in turn from every family and level; composite families are hard whatever is asked for.

    Raises:
        ConfigError: there is no such family, or nothing to choose from.
    """
    cells = [(family, level) for family in families for level in levels if family not in FAMILIES or _has(family, level)]
    if not cells:
        raise ConfigError(f"no family of {list(families)} has items of level {[str(level) for level in levels]}")
    for index in range(count):
        family, level = cells[index % len(cells)]
        yield make_item(family, level, (seed << 32) + index)


def _has(family: str, level: Level) -> bool:
    return level is Level.HARD or not FAMILIES[family].composite


def to_task(item: Item, id: str) -> Task:
    """The item as a question to a model; what a plan knows is left out."""
    category = f"{item.family}/{item.level}"
    return Task(id=id, question=item.question, images=(item.image,), answer=item.answer, source="synthetic", category=category)
