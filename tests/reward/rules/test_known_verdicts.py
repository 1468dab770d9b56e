"""Known verdicts: 97 tricky pairs, and answers of real models that the benchmarks' own scorers have judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codedance.reward.rules import Expressions, Scoring, grade
from codedance.types import AnswerKey, AnswerType, Rule

DATA = Path(__file__).parents[4] / "shared/data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder with benchmark items is not here")
RULES = {
    "chartqa_relaxed": Rule.CHARTQA,
    "mcq": Rule.CHOICE,
    "mcq_vstar": Rule.VSTAR,
    "wemath": Rule.WEMATH,
    "math": Rule.MATHS,
    "mathvista": Rule.MATHVISTA,
}


def rows(name: str) -> list[dict[str, Any]]:
    file = DATA / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


@pytest.fixture(scope="module")
def expressions() -> Iterator[Expressions]:
    with Expressions() as expressions:
        yield expressions


def key_of(pair: dict[str, Any]) -> AnswerKey:
    rule = RULES.get(pair["rule"])
    if rule is None:
        source = pair["source"]
        rule = Rule.COUNTBENCHQA if "CountBenchQA" in source else Rule.PIXMO if "pixmo" in source else Rule.COUNTBENCH
    kind, precision = AnswerType.TEXT, None
    if rule is Rule.MATHVISTA:
        told, _, rest = pair["why"].partition(", precision ")
        kind = AnswerType(told)
        precision = int(rest[0]) if rest[0].isdigit() else None
    return AnswerKey(rule=rule, choices=tuple(pair["choices"] or ()), answer_type=kind, precision=precision)


@pytest.mark.parametrize("pair", rows("tricky_pairs"), ids=lambda pair: f"{pair['id']}-{pair['rule']}")
def test_a_tricky_pair_is_judged_as_the_reference_does_and_as_people_would(
    pair: dict[str, Any], expressions: Expressions
) -> None:
    said = {scoring: grade(pair["gold"], pair["pred"], key_of(pair), scoring, expressions) for scoring in Scoring}
    official, ours = said[Scoring.PAPER], said[Scoring.DEFAULT]
    assert official.is_right == (None if pair["official"] == "to judge" else pair["official"]), official
    assert (ours.is_right is True) == pair["recommended"], ours


def test_chartqa_answers_of_a_real_model_get_the_published_score() -> None:
    answers, key = rows("replay_chartqa_qwen25vl7b"), AnswerKey(rule=Rule.CHARTQA)
    with Expressions() as expressions:
        right = [grade(row["answer"], row["prediction"], key, Scoring.PAPER, expressions).is_right for row in answers]
    assert right == [row["relaxed"] for row in answers]
    score = {
        split: sum(bool(is_right) for is_right, row in zip(right, answers, strict=True) if row["split"] == split) / 12.50
        for split in ("test_human", "test_augmented")
    }
    assert {name: round(value, 2) for name, value in score.items()} == {"test_human": 80.72, "test_augmented": 94.96}
    assert round(sum(map(bool, right)) / 25, 2) == 87.84


def test_with_exact_years_the_same_answers_get_less() -> None:
    answers = rows("replay_chartqa_qwen25vl7b")
    with Expressions() as expressions:
        official, ours = (
            [
                grade(row["answer"], row["prediction"], AnswerKey(rule=Rule.CHARTQA), scoring, expressions).is_right
                for row in answers
            ]
            for scoring in (Scoring.PAPER, Scoring.DEFAULT)
        )
    is_year = [
        row["answer"].strip().isdigit() and row["answer"].strip()[:2] in ("19", "20") and len(row["answer"].strip()) == 4
        for row in answers
    ]
    lost = sum(bool(was) and now is False and year for was, now, year in zip(official, ours, is_year, strict=True))
    assert (sum(is_year), lost) == (144, 33)
    assert round((sum(map(bool, official)) - lost) / 25, 2) == 86.52


def test_mathvista_verdicts_are_those_of_the_benchmark(expressions: Expressions) -> None:
    answers = rows("replay_mathvista_dev")
    wrong = []
    for row in answers:
        key = AnswerKey(
            rule=Rule.MATHVISTA,
            choices=tuple(row["choices"] or ()),
            answer_type=AnswerType(row["answer_type"]),
            precision=None if row["precision"] is None else int(row["precision"]),
        )
        told = grade(row["answer"], str(row["extraction"]), key, Scoring.PAPER, expressions)
        if told.is_right != row["true_false"]:
            wrong.append((row["pid"], row["answer"], row["extraction"], told))
    assert len(answers) == 278
    assert not wrong


def test_mathvision_verdicts_agree_with_the_benchmark(expressions: Expressions) -> None:
    answers = rows("replay_mathvision_dev")
    wrong = []
    for row in answers:
        key = AnswerKey(rule=Rule.MATHVISION, choices=tuple(row["options"]))
        told = grade(row["answer"], row["response"], key, Scoring.PAPER, expressions)
        if told.is_right != row["correct"]:
            wrong.append((row["id"], row["answer"], row["model_answer"], told))
    assert len(answers) == 356
    assert not wrong
