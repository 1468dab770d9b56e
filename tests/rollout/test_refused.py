"""What a server or a model declines, as a rollout and as a run see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from codedance import Sandbox
from codedance.errors import RequestRefused
from codedance.evaluate.scoring import score_run
from codedance.model import Message, Reply, notices
from codedance.model.script import ScriptedModel
from codedance.reward.rules import Scoring
from codedance.rollout.loop import solve
from codedance.rollout.runner import Runner
from codedance.rollout.store import read_manifest, read_traces
from codedance.types import DecidedBy, FinishReason, Sampling, StopReason, Task, ToolCall, Usage

DECLINED = Reply(text="", refusal="I cannot help with that.", finish_reason=FinishReason.CONTENT_FILTER)


def tasks(number: int, picture: Image.Image) -> list[Task]:
    return [Task(id=f"t{index}", question=f"question {index}?", images=(picture,), answer="0") for index in range(number)]


class Refusing:
    """Refuses all that comes after a number of good replies."""

    name = "refusing"
    variant = "extra_body={}"

    def __init__(self, num_good: int, *, concerns_all: bool) -> None:
        self.num_good, self.concerns_all, self.num_asked = num_good, concerns_all, 0

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self.num_asked += 1
        is_good = self.num_asked <= self.num_good
        await asyncio.sleep(0)
        if not is_good:
            raise RequestRefused("HTTP 400: no tool parser; use --format tool_call", concerns_all=self.concerns_all)
        return Reply(text="<answer>0</answer>")


async def test_a_refusal_ends_the_rollout_with_its_words_and_is_not_asked_again(
    box: Sandbox, picture: Image.Image, tmp_path: Path
) -> None:
    model = ScriptedModel(lambda messages, sampling: DECLINED)
    progress = await Runner(model, box, tmp_path).run(tasks(2, picture))
    assert (progress.done, progress.refused, progress.outages, progress.with_gold) == (2, 2, 0, 2)
    for trace in read_traces(tmp_path):
        assert (trace.stop, trace.error, trace.answer) == (StopReason.REFUSED, "I cannot help with that.", None)
    again = await Runner(ScriptedModel(lambda messages, sampling: "<answer>0</answer>"), box, tmp_path).run(tasks(2, picture))
    assert (again.done, again.resumed) == (0, 2)


async def test_a_refusal_is_a_wrong_answer_and_the_reason_is_told(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    await Runner(ScriptedModel(lambda messages, sampling: DECLINED), box, tmp_path).run(tasks(1, picture))
    (score,) = await score_run(tmp_path, Scoring.DEFAULT, judge=None)
    assert (score.acc, score.decided_by, score.stop) == (0.0, DecidedBy.RULE, StopReason.REFUSED)
    assert "refused" in score.why


async def test_what_every_request_would_meet_stops_the_run_at_the_first(
    box: Sandbox, picture: Image.Image, tmp_path: Path
) -> None:
    model = Refusing(2, concerns_all=True)
    with pytest.raises(RequestRefused, match="use --format tool_call; every request would be refused"):
        await Runner(model, box, tmp_path, concurrency=2).run(tasks(50, picture))
    assert model.num_asked <= 5
    stops = [trace.stop for trace in read_traces(tmp_path)]
    assert stops.count(StopReason.ANSWERED) == 2 and set(stops) == {StopReason.ANSWERED, StopReason.MODEL_ERROR}
    mended = await Runner(Refusing(99, concerns_all=True), box, tmp_path).run(tasks(50, picture))
    assert (mended.resumed, mended.done, mended.outages) == (2, 48, 0)


async def test_refusals_of_single_requests_stop_a_run_only_where_nothing_ever_went_well(
    box: Sandbox, picture: Image.Image, tmp_path: Path
) -> None:
    with pytest.raises(RequestRefused):
        await Runner(Refusing(0, concerns_all=False), box, tmp_path / "a", concurrency=2).run(tasks(50, picture))
    assert len(list(read_traces(tmp_path / "a"))) <= 10
    progress = await Runner(Refusing(5, concerns_all=False), box, tmp_path / "b", concurrency=2).run(tasks(12, picture))
    assert (progress.done, progress.outages) == (12, 7)


async def test_what_was_asked_otherwise_stands_in_the_trace_and_further_fields_in_the_manifest(
    box: Sandbox, picture: Image.Image, tmp_path: Path
) -> None:
    noted = Reply(text="<answer>0</answer>", notes=("the server refuses the field temperature",))
    trace = await solve(tasks(1, picture)[0], ScriptedModel([noted]), box)
    assert trace.notes == ("the server refuses the field temperature",)
    await Runner(Refusing(9, concerns_all=True), box, tmp_path).run(tasks(1, picture))
    assert read_manifest(tmp_path).variant == "extra_body={}"


async def test_pictures_that_the_server_reads_at_other_sizes_are_noted_once(
    box: Sandbox, picture: Image.Image, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notices, "_told", set())
    few, enough = (Reply(text="<answer>0</answer>", usage=Usage(tokens, 3)) for tokens in (2, 2000))
    for reply, is_noted in ((few, True), (few, True), (enough, False)):
        trace = await solve(tasks(1, picture)[0], ScriptedModel([reply]), box)
        assert any("tokens, fewer than its pictures" in note for note in trace.notes) == is_noted
    assert len([record for record in caplog.records if "fewer than its pictures" in record.message]) == 1


async def test_what_a_server_wants_back_survives_the_loop(box: Sandbox, picture: Image.Image) -> None:
    asked: list[Sequence[Message]] = []
    call = ToolCall("c1", "execute_python_code", '{"code": "print(1)"}', '{"extra_content": "s1"}')

    def reply(messages: Sequence[Message], sampling: Sampling) -> Reply:
        asked.append(list(messages))
        first = Reply(text="", tool_calls=(call,), reasoning="hm", extra='{"reasoning_content": ""}')
        return first if len(asked) == 1 else Reply(text="<answer>0</answer>")

    await solve(tasks(1, picture)[0], ScriptedModel(reply), box)
    assistant = asked[1][2]
    assert (assistant.reasoning, json.loads(assistant.extra)) == ("hm", {"reasoning_content": ""})
    assert assistant.tool_calls[0].extra == call.extra
