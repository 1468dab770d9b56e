"""The recipes that come along, from nothing to the model that the card describes. An hour on two cores."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from codedance.config import read_config
from codedance.model.processors import pixel_rule
from codedance.rollout.settings import Settings
from codedance.tasks.synthetic import FAMILIES, Level
from codedance.train.exam import Exam, Question, paper, read_directly
from codedance.train.grpo import GrpoRecipe, train_grpo
from codedance.train.pack import sit
from codedance.train.sft import SftRecipe, train_sft
from codedance.train.start import Learner, Start, open_learner
from codedance.types import Sampling

RECIPES = Path(__file__).parents[2] / "recipes"
TAUGHT = [name for name, family in FAMILIES.items() if not family.composite]
EACH = 100


def settings_of(learner: Learner, temperature: float = 0.0) -> Settings:
    sampling = Sampling(temperature=temperature, max_tokens=320, seed=3)
    return Settings(turns=4, rule=pixel_rule(learner.processor), sampling=sampling)


def right(exam: Exam, family: str, level: Level) -> float:
    some = [sitting.is_right for sitting in exam.sittings if sitting.question[:2] == (family, level)]
    return sum(some) / len(some)


def readable(learner: Learner, questions: list[Question]) -> list[Question]:
    """Easy questions that are answered at a glance in nine of ten draws or more."""
    easy = [question for question in questions if question.level is Level.EASY]
    shares = read_directly(learner, easy, settings_of(learner, 1.0), samples=10)
    return [question for question, share in zip(easy, shares, strict=True) if share >= 0.9]


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_the_recipes_give_the_model_that_the_card_describes(tmp_path: Path) -> None:
    taught = train_sft(read_config(SftRecipe, RECIPES / "tiny-sft.toml", []), tmp_path / "sft")
    trained = train_grpo(read_config(GrpoRecipe, RECIPES / "tiny-grpo.toml", [f"start.path={taught}"]), tmp_path / "grpo")
    learner, beginner = open_learner(Start(path=trained)), open_learner(Start(path=taught))
    questions = paper(TAUGHT, EACH, seed=41)
    exam = asyncio.run(sit(learner, questions, settings_of(learner)))
    cells = {(family, level): right(exam, family, level) for family in TAUGHT for level in Level}
    assert min(cells.values()) >= 0.85, cells
    assert sum(cells.values()) / len(cells) >= 0.95, cells
    calls, ok = (sum(getattr(sitting, name) for sitting in exam.sittings) for name in ("calls", "calls_ok"))
    assert ok / calls >= 0.99
    at_a_glance = [
        read_directly(beginner, [q for q in questions if q[:2] == (f, Level.EASY)], settings_of(beginner)) for f in TAUGHT
    ]
    assert sum(sum(shares) / len(shares) >= 0.9 for shares in at_a_glance) >= 5

    easy, hard = readable(beginner, questions), [question for question in questions if question.level is Level.HARD]
    drawn = asyncio.run(sit(learner, [*easy, *hard], settings_of(learner, 1.0)))
    with_code, of = drawn.uses_code(easy)
    assert with_code / of <= 0.35
    with_code, of = drawn.uses_code(hard)
    assert with_code / of >= 0.95
