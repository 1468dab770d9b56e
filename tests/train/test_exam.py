"""Examination papers and their figures."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from codedance.tasks.synthetic import FAMILIES, Level
from codedance.train.exam import Exam, Question, Sitting, paper


def sitting(level: Level, *, is_right: bool, calls: int = 0, calls_ok: int = 0, seed: int = 0) -> Sitting:
    return Sitting(Question("count", level, seed), is_right, calls, calls_ok, None)


def test_a_paper_has_every_cell_and_no_item_of_training() -> None:
    questions = paper(FAMILIES, 3, seed=2)
    cells = {(question.family, question.level) for question in questions}
    assert len(questions) == 3 * len(cells)
    assert {family for family, _ in cells} == set(FAMILIES)
    assert not {family for family, level in cells if level is Level.EASY and FAMILIES[family].composite}
    assert min(question.seed for question in questions) >= 1 << 40
    assert not set(questions) & set(paper(FAMILIES, 3, seed=3))


def test_the_table_counts_by_hand() -> None:
    easy = [sitting(Level.EASY, is_right=True, seed=n) for n in range(3)] + [sitting(Level.EASY, is_right=False, seed=3)]
    hard = [sitting(Level.HARD, is_right=True, calls=2, calls_ok=1, seed=n) for n in range(2)]
    exam = Exam((*easy, *hard))
    lines = {tuple(cells[:2]): cells[2:] for cells in (line.strip("| ").split(" | ") for line in exam.table().splitlines()[2:])}
    assert lines["count", "easy"][0] == "4"
    assert lines["count", "easy"][1].startswith("0.750 [")
    assert lines["count", "easy"][2:] == ["0.00", "-"]
    assert lines["count", "hard"][2:] == ["1.00", "0.500"]
    assert lines["all", "all"][0] == "6"
    assert exam.uses_code([one.question for one in hard]) == (2, 2)
