"""A stored run is scored by rules and judge; what failed is asked again, what is decided is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from codedance.errors import DataError, ModelError
from codedance.evaluate.scoring import read_scores, score_run, scores_file
from codedance.model.chat import Message
from codedance.model.script import ScriptedModel
from codedance.reward.judge import Judge
from codedance.reward.rules import Scoring
from codedance.rollout.store import TRACES, to_json
from codedance.types import AnswerKey, DecidedBy, Rule, Sampling, Score, StopReason, Trace

ANSWERED = StopReason.ANSWERED
YES = '{"why": "same", "same": "yes"}'


def trace(name: str, answer: str | None, gold: str | None, rule: Rule = Rule.EXACT, stop: StopReason = ANSWERED) -> Trace:
    return Trace(
        task_id=name, question=f"{name}?", gold=gold, key=AnswerKey(rule=rule), model="m", sampling=Sampling(), format="code",
        prompt="p", stop=stop, answer=answer, started="2026-01-01T00:00:00.000+00:00", seconds=1.5,
    )  # fmt: skip


def written(folder: Path, *traces: Trace) -> Path:
    (folder / TRACES).write_text("".join(to_json(one) + "\n" for one in traces))
    return folder


RUN = (
    trace("right", "12.0", "12", Rule.PIXMO),
    trace("wrong", "13", "12", Rule.PIXMO),
    trace("words", "light blue", "blue", Rule.CHARTQA),
    trace("silent", None, "12", stop=StopReason.TURN_LIMIT),
    trace("outage", None, "12", stop=StopReason.MODEL_ERROR),
    trace("unknown", "12", None),
    trace("endless", "1" * 1000, "1"),
)


def by_name(scores: Sequence[Score]) -> dict[str, tuple[float | None, DecidedBy]]:
    return {score.task_id: (score.acc, score.decided_by) for score in scores}


async def test_every_rollout_has_a_score_that_says_who_decided(tmp_path: Path) -> None:
    scores = await score_run(written(tmp_path, *RUN), Scoring.DEFAULT, None)
    assert by_name(scores) == {
        "right": (1.0, DecidedBy.RULE),
        "wrong": (0.0, DecidedBy.RULE),
        "words": (0.0, DecidedBy.NONE),
        "silent": (0.0, DecidedBy.RULE),
        "outage": (None, DecidedBy.NONE),
        "unknown": (None, DecidedBy.NONE),
        "endless": (0.0, DecidedBy.RULE),
    }
    assert list(read_scores(scores_file(tmp_path, Scoring.DEFAULT))) == scores
    assert [score.task_id for score in scores] == [one.task_id for one in RUN]


async def test_the_judge_is_asked_only_where_the_rule_is_undecided_and_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def reply(messages: Sequence[Message], sampling: Sampling) -> str:
        asked.append(messages[0].text)
        return YES

    judge = Judge(ScriptedModel(reply))
    await score_run(written(tmp_path, *RUN), Scoring.DEFAULT, None)
    for _ in range(2):
        scores = await score_run(tmp_path, Scoring.DEFAULT, judge)
        assert by_name(scores)["words"] == (1.0, DecidedBy.JUDGE)
        assert len(asked) == 1


async def test_a_disk_that_is_full_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(messages: Sequence[Message], sampling: Sampling) -> str:
        raise OSError(28, "No space left on device")

    made: list[asyncio.Task[Score]] = []
    create_task = asyncio.create_task
    monkeypatch.setattr(asyncio, "create_task", lambda work: made.append(create_task(work)) or made[-1])
    run = written(tmp_path, *(trace(f"words {number}", "light blue", "blue", Rule.CHARTQA) for number in range(5)))
    with pytest.raises(DataError, match="No space left on device"):
        await score_run(run, Scoring.DEFAULT, Judge(ScriptedModel(full)))
    assert len(made) == 5 and all(task.done() for task in made)
    assert not any(task._log_traceback for task in made), "asyncio would print what nobody has asked for"


async def test_a_judgement_that_failed_is_no_zero_and_is_asked_again(tmp_path: Path) -> None:
    def dead(messages: Sequence[Message], sampling: Sampling) -> str:
        raise ModelError("gone")

    scores = await score_run(written(tmp_path, *RUN), Scoring.DEFAULT, Judge(ScriptedModel(dead)))
    assert by_name(scores)["words"] == (None, DecidedBy.FAILED)
    scores = await score_run(tmp_path, Scoring.DEFAULT, Judge(ScriptedModel([YES])))
    assert by_name(scores)["words"] == (1.0, DecidedBy.JUDGE)


async def test_an_outage_that_is_over_is_scored_anew(tmp_path: Path) -> None:
    await score_run(written(tmp_path, *RUN), Scoring.DEFAULT, None)
    scores = await score_run(written(tmp_path, *RUN, trace("outage", "12", "12")), Scoring.DEFAULT, None)
    assert by_name(scores)["outage"] == (1.0, DecidedBy.RULE)
    assert len(scores) == len(RUN)


async def test_each_way_of_scoring_has_a_file_of_its_own(tmp_path: Path) -> None:
    written(tmp_path, *RUN)
    official = await score_run(tmp_path, Scoring.PAPER, None)
    assert by_name(official)["right"] == (1.0, DecidedBy.RULE)
    judged = await score_run(tmp_path, Scoring.JUDGE, Judge(ScriptedModel([YES])))
    assert by_name(judged)["wrong"] == (1.0, DecidedBy.JUDGE), "in this mode the judge has the word"
    assert {path.name for path in tmp_path.glob("scores*")} == {"scores.paper.jsonl", "scores.judge.jsonl"}


async def test_a_score_is_of_the_rollout_that_it_was_made_for(tmp_path: Path) -> None:
    first = trace("redone", "12", "12")
    assert by_name(await score_run(written(tmp_path, first), Scoring.DEFAULT, None))["redone"][0] == 1.0
    second = replace(first, answer="13", started="2026-01-02T00:00:00.000+00:00")
    assert by_name(await score_run(written(tmp_path, second), Scoring.DEFAULT, None))["redone"][0] == 0.0
    mended = replace(second, gold="13")
    assert by_name(await score_run(written(tmp_path, mended), Scoring.DEFAULT, None))["redone"][0] == 1.0


async def test_another_judge_decides_anew(tmp_path: Path) -> None:
    run = written(tmp_path, trace("words", "light blue", "blue", Rule.CHARTQA))
    said = {"one": YES, "two": YES.replace("yes", "no")}
    judges = {name: Judge(ScriptedModel([reply], name)) for name, reply in said.items()}
    told = [(await score_run(run, Scoring.DEFAULT, judges[name]))[0] for name in ("one", "one", "two")]
    assert [score.acc for score in told] == [1.0, 1.0, 0.0]
    assert [score.judge.split()[0] for score in told] == ["one", "one", "two"]


async def test_half_a_character_of_a_judge_stops_nothing(tmp_path: Path) -> None:
    run = written(tmp_path, trace("words", "light blue", "blue", Rule.CHARTQA))
    judge = Judge(ScriptedModel(['{"same": "yes", "why": "\\ud83d"}']))
    (score,) = await score_run(run, Scoring.DEFAULT, judge)
    assert score.acc == 1.0 and list(read_scores(scores_file(run, Scoring.DEFAULT))) == [score]
