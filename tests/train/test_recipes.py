"""The recipes that come along, from nothing to the model that the card describes. An hour on two cores."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from codedance.config import read_config
from codedance.tasks.synthetic import FAMILIES, Level
from codedance.train.exam import Exam, paper, read_directly, readable, settings_of, sit
from codedance.train.grpo import train_grpo
from codedance.train.grpo_recipe import GrpoRecipe
from codedance.train.sft import SftRecipe, train_sft
from codedance.train.start import Start, open_learner

RECIPES = Path(__file__).parents[2] / "recipes"
TAUGHT = [name for name, family in FAMILIES.items() if not family.composite]
EACH = 100


def right(exam: Exam, family: str, level: Level) -> float:
    some = [sitting.is_right for sitting in exam.sittings if sitting.question[:2] == (family, level)]
    return sum(some) / len(some)


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_the_recipes_give_the_model_that_the_card_describes(tmp_path: Path) -> None:
    taught = train_sft(read_config(SftRecipe, RECIPES / "tiny-sft.toml", []), tmp_path / "sft")
    trained = train_grpo(read_config(GrpoRecipe, RECIPES / "tiny-grpo.toml", [f"start.path={taught}"]), tmp_path / "grpo")
    learner, beginner = open_learner(Start(path=trained)), open_learner(Start(path=taught))
    questions = paper(TAUGHT, EACH, seed=41)
    greedy, drawn = (settings_of(learner, temperature=heat, seed=3) for heat in (0.0, 1.0))
    exam = asyncio.run(sit(learner, questions, greedy))
    cells = {(family, level): right(exam, family, level) for family in TAUGHT for level in Level}
    assert min(cells.values()) >= 0.85, cells
    assert sum(cells.values()) / len(cells) >= 0.95, cells
    calls, ok = (sum(getattr(sitting, name) for sitting in exam.sittings) for name in ("calls", "calls_ok"))
    assert ok / calls >= 0.99
    at_a_glance = [read_directly(beginner, [q for q in questions if q[:2] == (f, Level.EASY)], greedy) for f in TAUGHT]
    assert sum(sum(shares) / len(shares) >= 0.9 for shares in at_a_glance) >= 5

    easy = readable(beginner, questions, drawn, share=0.9, samples=10)
    hard = [question for question in questions if question.level is Level.HARD]
    called = asyncio.run(sit(learner, [*easy, *hard], drawn))
    with_code, of = called.uses_code(easy)
    assert with_code / of <= 0.35
    with_code, of = called.uses_code(hard)
    assert with_code / of >= 0.95
