"""The table of formats in the documentation is the table that the parser reads by."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from codedance.reply_marks import MARKS, Kind, Mark

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
TITLES = {
    Kind.THOUGHT: "Thoughts",
    Kind.CODE: "Code",
    Kind.CALL: "Tool calls",
    Kind.PARAMETER: "Parameters of calls",
    Kind.ANSWER: "Answers",
    Kind.BOX: "Boxes",
    Kind.OBSERVATION: "Observations",
}


def cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else "-"


def row(mark: Mark) -> str:
    return f"| {cell(mark.open)} | {cell(mark.close)} | {mark.who} | {mark.source} |"


def tables() -> str:
    parts = []
    for kind, marks in groupby(MARKS, key=lambda mark: mark.kind):
        rows = "\n".join(map(row, marks))
        parts.append(f"### {TITLES[kind]}\n\n| opens | closes | written by | source |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def test_the_documented_table_is_the_one_that_is_read() -> None:
    """After a change of `marks.py`, write what `tables()` gives below "Marks"."""
    assert PAGE.read_text("utf-8").partition("## Marks\n\n")[2] == tables()


def test_every_row_has_a_source_and_stands_once() -> None:
    assert all(mark.source and mark.who for mark in MARKS)
    assert len({(mark.open, mark.close) for mark in MARKS}) == len(MARKS)
