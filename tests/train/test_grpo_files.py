"""Reinforcement learning on a file: rewards are what `codedance score` says, broken pictures are told, none is needed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import codedance
from codedance.errors import DataError, TrainError
from codedance.evaluate.scoring import score_run
from codedance.images import encode_png
from codedance.model.loading import open_processor
from codedance.model.processors import pixel_rule
from codedance.model.script import read_script
from codedance.reward import Outcomes
from codedance.reward.judge import Judge
from codedance.reward.rules import Scoring
from codedance.rollout.store import read_traces
from codedance.tasks.synthetic import Level, make_item
from codedance.train import grpo as loop
from codedance.train.grpo import train_grpo
from codedance.train.harvest import joined
from codedance.train.journal import read_metrics
from codedance.types import DecidedBy
from train.recipes import grpo

TINY = Path(codedance.__file__).parent / "tiny"
JUDGE = 'def reply(messages, sampling):\n    return \'{"why": "told to", "same": "no"}\'\n'
"""Passes no check: it calls everything different."""
JUDGE = """
def reply(messages, sampling):
    said = messages[0].text.partition("Student's answer: ")[2].partition("\\n")[0]
    return '{"why": "", "same": "%s"}' % ("no" if "5." in said or said == '"3"' else "yes")
"""
"""Calls "3" wrong, and passes its examination."""


def row(number: int, folder: Path, **more: Any) -> dict[str, Any]:
    """An easy question that the bundled model knows, with a picture, in a file's words."""
    item = make_item("count", Level.EASY, number)
    (folder / f"{number}.png").write_bytes(encode_png(item.image))
    return {"id": f"q{number}", "question": item.question, "image": f"{number}.png", "answer": item.answer, **more}


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def recipe(start: Path, file: Path, questions: dict[str, Any] | None = None, **changes: Any) -> Any:
    small = {"steps": 1, "prompts": 4, "samples": 2, "max_tokens": 8, "turns": 2}
    start_of = {"path": start, "autocast": False}
    return grpo(start, **({"start": start_of} | small | {"questions": {"file": file} | (questions or {})} | changes))


async def test_accuracy_is_what_score_says_of_the_same_rollouts_item_by_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {number: make_item("count", Level.EASY, number).answer for number in (1, 2)}
    rows = [
        row(1, tmp_path, rule="choice", choices=["none", known[1]]) | {"answer": "B"},  # its words stand for the letter
        row(2, tmp_path, rule="chartqa") | {"answer": f"{known[2]}.01"},  # within five per cent
        row(3, tmp_path, rule="judged") | {"answer": "some"},
        row(4, tmp_path),
        {"id": "words", "question": "How many legs has a cat?", "answer": "4"},  # without a picture
    ]
    (tmp_path / "judge.py").write_text(JUDGE)
    paid: list[Outcomes] = []
    monkeypatch.setattr(loop, "joined", lambda harvests: paid.append(joined(harvests)) or paid[-1])
    more = {"prompts": 6, "max_tokens": 100, "turns": 3, "rollouts_every": 1, "seed": 6}
    judge = {"model": f"script:{tmp_path / 'judge.py'}"}
    await asyncio.to_thread(train_grpo, recipe(TINY, written(tmp_path, rows), judge=judge, **more), tmp_path / "out")
    run = tmp_path / "out" / "rollouts" / "step-000001"
    traces = list(read_traces(run))
    most = pixel_rule(open_processor(TINY)).most
    assert max(view.view_width * view.view_height for trace in traces for view in trace.images) <= most, "as its processor has it"
    with_judge = Judge(read_script(tmp_path / "judge.py"))
    scores = await score_run(run, Scoring.DEFAULT, with_judge)
    (metrics,) = read_metrics(tmp_path / "out")
    (outcomes,) = paid
    assert [score.acc for score in scores] == outcomes.accuracy.tolist()
    assert metrics["accuracy"] == pytest.approx(np.mean([score.acc for score in scores]), rel=1e-5)
    by_text = [float(trace.answer == trace.gold) for trace in traces]
    assert by_text != outcomes.accuracy.tolist(), "equal texts would have paid otherwise"
    assert {len(trace.images) for trace in traces} == {0, 1}, "questions with and without a picture in one batch"
    assert {score.decided_by for score in scores} == {DecidedBy.RULE, DecidedBy.JUDGE}


def test_a_missing_picture_is_told_before_the_first_step_or_left_out_and_told(start: Path, tmp_path: Path) -> None:
    rows = [row(number, tmp_path) for number in range(4)]
    file = written(tmp_path, [rows[0] | {"image": "gone.png"}, *rows[1:]])
    with pytest.raises(DataError, match=r"1 of 4 rows cannot be used, the first one: .*gone.png.*skip_bad=true"):
        train_grpo(recipe(start, file), tmp_path / "out")
    assert not (tmp_path / "out" / "recipe.json").exists(), "nothing has begun"
    told: list[str] = []
    train_grpo(recipe(start, file, {"skip_bad": True}), tmp_path / "out", tell=told.append)
    assert len(told) == 1 and "1 of 4 rows are left out" in told[0] and "gone.png" in told[0]
    assert read_metrics(tmp_path / "out")[0]["broken_pictures"] == 0


def test_a_damaged_picture_is_counted_and_too_many_end_the_training(start: Path, tmp_path: Path) -> None:
    rows = [row(number, tmp_path) for number in range(8)]
    (tmp_path / "7.png").write_bytes(b"no picture")  # one that is drawn
    train_grpo(recipe(start, written(tmp_path, rows), prompts=8, samples=1), tmp_path / "few")
    (metrics,) = read_metrics(tmp_path / "few")
    assert 0 < metrics["broken_pictures"] == metrics["broken"] < 0.5
    (tmp_path / "1.png").write_bytes(b"no picture")
    more = {"prompts": 8, "samples": 1, "steps": 5}
    with pytest.raises(TrainError, match=r"own.jsonl: \d+ of the \d+ questions so far .*/q[17]: .*[17].png"):
        train_grpo(recipe(start, written(tmp_path, rows), **more), tmp_path / "many")


def test_questions_without_answers_are_refused(start: Path, tmp_path: Path) -> None:
    file = written(tmp_path, [{"question": "How many?"}, {"question": "How many?", "answer": "3"}])
    with pytest.raises(DataError, match="needs an answer; 1 of 2 have none"):
        train_grpo(recipe(start, file), tmp_path / "out")
