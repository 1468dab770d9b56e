"""docs/models.md shows the table of families as it is in the code, and names the marks that the codec reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codedance.images import PixelRule
from codedance.model.families import FAMILIES, Family
from codedance.reply_marks import MARKS, Kind, Mark
from codedance.rollout.codec.tags import Tags

PAGE = (Path(__file__).parents[1] / "docs/models.md").read_text()


def shown(rule: PixelRule) -> str:
    """The sizes of a row."""
    if rule.fills:
        return f"step {rule.step}, scaled to fill {rule.most:,}"
    if rule.step == 1:
        return f"any, to {rule.most:,}, side {rule.max_side:,}"
    side = f", side {rule.max_side:,}" if rule.max_side else ""
    return f"step {rule.step}, {rule.least:,} to {rule.most:,}{side}"


def cells(family: Family) -> tuple[list[str], list[str]]:
    """What stands before and after the columns that are no business of this table."""
    exact = "yes" if family.rule.is_exact else "no"
    before = [f"`{family.name}`", family.title, shown(family.rule), exact, f"`{family.coordinates}`"]
    return before, [str(family.checked)]


def row(first: str, width: int) -> list[str]:
    found = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith(f"| {first} |")]
    (only,) = [line for line in found if len(line) == width]
    return only


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_page_shows_each_family_as_the_code_has_it(family: Family) -> None:
    before, after = cells(family)
    line = row(f"`{family.name}`", 8)
    assert (line[:5], line[7:]) == (before, after)
    assert all(cell.strip() for cell in line)
    assert row(f"`{family.name}`", 3) == [f"`{family.name}`", family.source, family.coordinates_source]


def test_the_page_shows_no_other_families() -> None:
    names = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `") and line.count(" | ") == 7]
    assert sorted(name for name in names if name != "--family") == sorted(family.name for family in FAMILIES)


THOUGHTS, CALLS = (Kind.THOUGHT, Kind.BOX), (Kind.CALL, Kind.PARAMETER, Kind.CODE)
PARAMETERS = [mark.open for mark in MARKS if mark.kind is Kind.PARAMETER]


def names(listed: str) -> set[str]:
    """Of models, as both tables list them."""
    return {name.strip() for name in re.split("[,;]", listed)}


def read_marks(cell: str) -> set[Mark]:
    """The marks that a cell shows, as the codec reads them; those of parameters are checked alone."""
    found: set[Mark] = set()
    for shown in re.findall("`([^`]+)`", cell.replace("\\|", "|").replace("...", "NAME")):
        for token in re.findall(r"<[^>]+>\w*|\[[^]]+\]", shown):
            if any(token.removesuffix(">") in parameter for parameter in PARAMETERS):
                continue
            marks = {tag.mark for tag in Tags(token).all}
            assert marks, f"{token} is no mark that the codec reads"
            found |= marks
    return found


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_page_names_the_marks_that_are_read(family: Family) -> None:
    thoughts, calls = (read_marks(cell) for cell in row(f"`{family.name}`", 8)[5:7])
    assert {mark.kind for mark in thoughts} <= {*THOUGHTS} and {mark.kind for mark in calls} <= {*CALLS}
    own = {mark for mark in MARKS if mark.kind in (Kind.THOUGHT, Kind.BOX, Kind.CALL) and names(mark.who) & names(family.title)}
    assert own <= thoughts | calls, "the table of marks names this model"
