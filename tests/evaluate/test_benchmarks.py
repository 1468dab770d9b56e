"""Whole benchmarks from their real annotations: what an oracle, a fool and a lazy one that always says A must score."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase

import pytest
from PIL import Image

from codedance.evaluate.scoring import score_trace
from codedance.evaluate.summary import Summary, summarise
from codedance.reward.rules import Scoring
from codedance.reward.scorer import Scorer
from codedance.tasks.selection import Selection
from codedance.types import Sampling, StopReason, Task, Trace

DATA = Path(__file__).parents[3] / "shared/data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real benchmark items is absent")

Answering = Callable[[Task], str]


def gold(task: Task) -> str:
    return task.answer or ""


def wrong(task: Task) -> str:
    """Another option; some are listed twice."""
    right = dict(zip(ascii_uppercase, task.key.choices, strict=False))[gold(task)]
    return next(letter for letter, words in zip(ascii_uppercase, task.key.choices, strict=False) if words != right)


def lazy(task: Task) -> str:
    return "A"


async def summary_of(selection: Selection, answer: Answering, scoring: Scoring = Scoring.DEFAULT) -> Summary:
    """Of a model that says this."""
    scores = []
    with Scorer(scoring) as scorer:
        for task in selection.tasks():
            trace = Trace(
                task_id=task.id, source=task.source, category=task.category, question=task.question, gold=task.answer,
                key=task.key, model="stub", sampling=Sampling(), format="code_tags", prompt="p",
                stop=StopReason.ANSWERED, answer=answer(task), started="2026-01-01T00:00:00.000+00:00", seconds=0.0,
            )  # fmt: skip
            scores.append(await score_trace(trace, scorer))
    (summary,) = summarise(scores).values()
    return summary


def with_pictures(annotations: str, column: str, folder: Path) -> str:
    """The annotations in a folder in which every picture that they name is there."""
    text = (DATA / annotations).read_text()
    (folder / annotations).write_text(text)
    for name in {json.loads(line)[column] for line in text.splitlines()}:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"stub")
    return str(folder / annotations)


@pytest.mark.parametrize("scoring", [Scoring.DEFAULT, Scoring.PAPER])
async def test_wemath_gives_an_oracle_everything_and_a_fool_nothing(tmp_path: Path, scoring: Scoring) -> None:
    selection = Selection(sources=(with_pictures("annot_wemath_testmini.jsonl", "image_path", tmp_path),))
    oracle, fool = [await summary_of(selection, answer, scoring) for answer in (gold, wrong)]
    best, worst = oracle.four_dimensions, fool.four_dimensions
    assert best is not None and worst is not None
    assert (oracle.total, best.problems, best.strict.score, best.strict.mastery) == (1740, 525, 1.0, 525)
    assert best.strict.memorisation_rate == best.loose.memorisation_rate == 0.0
    assert (best.single_steps, best.two_steps, best.three_steps) == (1.0, 1.0, 1.0)
    assert (worst.problems, worst.strict.score, worst.strict.memorisation_rate) == (525, 0.0, None)


async def test_a_part_of_wemath_is_not_scored_as_the_whole(tmp_path: Path) -> None:
    source = with_pictures("annot_wemath_testmini.jsonl", "image_path", tmp_path)
    some = await summary_of(Selection(sources=(source,), limit=1000), wrong)
    assert some.total == 1000
    found = some.four_dimensions
    assert found is None or (found.problems < 525 and found.strict.score == 0.0)


async def test_always_a_is_a_quarter_of_hrbench_in_every_order(tmp_path: Path) -> None:
    selection = Selection(sources=(with_pictures("hires_circular_dev.jsonl", "image_path", tmp_path),))
    for scoring in (Scoring.DEFAULT, Scoring.PAPER):
        one = await summary_of(selection, lazy, scoring)
        assert (one.total, one.accuracy.value) == (28, 0.25)
        assert one.circular is not None and one.circular.all_right.value == 0.0
        best = await summary_of(selection, gold, scoring)
        assert best.accuracy.value == 1.0 and best.circular is not None and best.circular.all_right.value == 1.0


async def test_always_a_does_not_beat_chance_on_vstar_where_the_right_option_was_listed_first(tmp_path: Path) -> None:
    number = 200
    for place in range(number):
        rng = random.Random(place)
        row = {"target_object": ["car"], "bbox": [[1, 2, 3, 4]], "question": f"What is the colour of car {place}?"}
        colours = rng.sample(["red", "blue", "green", "white", "black", "yellow"], 4)
        (tmp_path / f"{place:03}.json").write_text(json.dumps({**row, "options": [f"The car is {one}." for one in colours]}))
        Image.new("RGB", (8, 8)).save(tmp_path / f"{place:03}.jpg")
    right = 0.0
    for seed in (0, 1):
        selection = Selection(sources=(str(tmp_path),), options_seed=seed)
        one = await summary_of(selection, lazy)
        right += one.accuracy.value / 2
        best = await summary_of(selection, gold)
        assert best.accuracy.value == 1.0
    assert 0.18 < right < 0.32, "a quarter, give or take what 400 draws allow"
