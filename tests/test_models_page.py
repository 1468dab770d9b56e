"""docs/models.md shows the table of families as it is in the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from codedance.images import PixelRule
from codedance.model.families import FAMILIES, Family

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
