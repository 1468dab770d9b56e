"""Lessons: what each token weighs, what a step holds, and that a book that was cut off is finished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from codedance.errors import ConfigError
from codedance.model.loading import open_processor
from codedance.rollout.settings import Settings
from codedance.tasks.synthetic import SLOTS
from codedance.train.lessons import Lessons, Scribe, Stage, write_book
from codedance.train.ranks import Ranks
from codedance.train.tiny import RULE, Sizes, make_model
from train.recipes import SMALL, SMALL_EYE

STAGE = Stage(kind="solve", steps=3, examples=5, pool=7, easy=0.5, code_easy=0.5, slot_weight=3, families=("count", "digit"))


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    texts = ["<think>I count.</think>\n<code>\nred = 12\n</code>", "<answer>3</answer>"] * 30
    sizes = Sizes.model_validate(SMALL | SMALL_EYE)
    return open_processor(make_model(sizes, texts, SLOTS, 1, tmp_path_factory.mktemp("made") / "model"))


def scribe(processor: Any, *stages: Stage) -> Scribe:
    return Scribe(processor, Settings(rule=RULE, turns=4), stages, seed=1)


def lessons(processor: Any, book: Path, ranks: Ranks = Ranks()) -> Lessons:  # noqa: B008 - frozen
    return Lessons(processor, [STAGE], book, ranks, seed=1, batch_tokens=600)


@pytest.fixture(scope="module")
def book(processor: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(scribe(processor, STAGE), [STAGE], tmp_path_factory.mktemp("book"), 1, lambda done, of: None)


def test_the_answer_weighs_more_and_what_was_observed_nothing(processor: Any) -> None:
    seen = 0
    for number in range(12):
        example = scribe(processor, STAGE).example(0, number)
        assert ((example.weights > 0) <= (example.sequence.turns >= 0)).all()
        heavy = example.sequence.ids[example.weights == STAGE.answer_weight]
        last = processor.tokenizer.decode(example.sequence.ids[example.sequence.turns == example.sequence.turns.max()])
        if len(heavy):
            assert f"<answer>{processor.tokenizer.decode(heavy)}</answer>" in last
        seen += len(heavy)
    assert seen


def test_a_guess_at_a_hard_item_is_not_learnt(processor: Any) -> None:
    stage = STAGE.model_copy(update={"easy": 0.0, "code_hard": 0.0})
    example = scribe(processor, stage).example(0, 1)
    assert example.sequence.turns.max() == 0
    inside = processor.tokenizer.decode(example.sequence.ids[example.sequence.mask & (example.weights == 0)])
    assert "<answer>" not in inside
    assert inside.strip()


def test_slots_weigh_more_in_a_step_but_not_in_the_answer(processor: Any, book: Path) -> None:
    weights = np.concatenate([batch.weights["weight"].numpy().ravel() for batch in lessons(processor, book)[0].batches])
    assert set(np.unique(weights)) == {0.0, 1.0, STAGE.slot_weight, STAGE.answer_weight}


def test_a_step_is_the_same_on_every_call_and_whole_on_two_ranks(processor: Any, book: Path) -> None:
    def read(ranks: Ranks) -> list[list[int]]:
        rows = [row for batch in lessons(processor, book, ranks)[1].batches for row in batch.inputs["input_ids"].tolist()]
        return sorted([token for token in row if token != processor.tokenizer.pad_token_id] for row in rows)

    alone = read(Ranks())
    assert alone == read(Ranks())
    assert len(alone) == STAGE.examples
    assert sorted(read(Ranks(2, 0)) + read(Ranks(2, 1))) == alone
    assert lessons(processor, book, Ranks(2, 0))[1].weight == lessons(processor, book)[1].weight


def test_a_stage_goes_through_its_pool_before_it_repeats(processor: Any, book: Path) -> None:
    taught = lessons(processor, book)
    seen = [tuple(taught._example(0, STAGE.pool, count).sequence.ids) for count in range(2 * STAGE.pool)]
    assert len(set(seen[: STAGE.pool])) == STAGE.pool
    assert set(seen[STAGE.pool :]) == set(seen[: STAGE.pool])


def test_a_book_that_was_cut_off_is_finished_to_the_same_bytes(processor: Any, tmp_path: Path) -> None:
    stages = [STAGE.model_copy(update={"pool": 3}), STAGE.model_copy(update={"pool": 2, "families": ("count",)})]
    told: list[tuple[int, int]] = []
    write_book(scribe(processor, *stages), stages, tmp_path, 1, lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]
    chapters = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "1-0000.npz").unlink()
    (tmp_path / "1-0000.part").write_bytes(b"half")
    write_book(scribe(processor, *stages), stages, tmp_path, 1, lambda done, of: None)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == chapters


@pytest.mark.parametrize("changes", [{"families": ()}, {"runs": ("somewhere",)}, {"kind": "stored"}, {"families": ("cont",)}])
def test_a_stage_without_a_source_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, ConfigError)):
        Stage.model_validate(STAGE.model_dump() | changes)
