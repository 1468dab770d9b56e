"""Whole runs against a server that fails in every way; real servers are in tests/servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from codedance import ModelError, OpenAIModel, Sandbox, Settings
from codedance.model.cache import CachedModel
from codedance.rollout.runner import Progress, Runner
from codedance.rollout.store import read_traces
from codedance.types import Sampling, StopReason, Task, Trace
from model.asking import model_at
from model.faulty_server import PASSING, Fault, FaultyServer, mix

SHORT = Settings(turns=3, sampling=Sampling(temperature=1.0, max_tokens=12, seed=1))
NUM_TASKS = 20


def tasks(number: int = NUM_TASKS) -> Iterator[Task]:
    for index in range(number):
        picture = Image.new("RGB", (64, 48), (index, 2 * index, 255 - index))
        yield Task(id=f"t{index}", question=f"question {index}?", images=(picture,), answer=str(index))


def two_turns(body: Mapping[str, Any]) -> str:
    """Prints the question's number, and answers with what was printed."""
    messages = body["messages"]
    if len(messages) == 2:
        number = messages[1]["content"][-1]["text"].split("question ")[1].split("?")[0]
        return f"<code>\n```python\nprint({number}, input_image.getpixel((0, 0))[0])\n```\n</code>"
    printed = messages[-1]["content"].split("\n")[1]
    return f"<answer>{printed.split()[0]}</answer>"


async def run(
    model: OpenAIModel, box: Sandbox, folder: Path, number: int = NUM_TASKS, **settings: int
) -> tuple[Progress, dict[str, Trace]]:
    runner = Runner(model, box, folder, is_right=lambda trace: trace.answer == trace.gold, **settings)
    progress = await runner.run(tasks(number))
    return progress, {trace.task_id: trace for trace in read_traces(folder)}


async def test_no_task_is_lost_when_every_passing_fault_comes_by_chance(box: Sandbox, tmp_path: Path) -> None:
    faults = [*PASSING, Fault.SLOW]
    async with FaultyServer(mix(1, 0.5, faults), two_turns) as server, model_at(server.url, tries=12, timeout_s=0.5) as model:
        progress, traces = await run(model, box, tmp_path, number=60)
    assert (progress.done, progress.right, progress.outages) == (60, 60, 0)
    assert all(trace.answer == trace.gold for trace in traces.values()) and len(traces) == 60
    assert {request.fault for request in server.requests} == {*faults, Fault.NONE}


async def test_with_one_of_two_endpoints_dead_the_run_equals_one_with_a_live_endpoint(box: Sandbox, tmp_path: Path) -> None:
    async with FaultyServer((), two_turns) as server, FaultyServer() as other:
        dead = other.url
        async with model_at(server.url) as model:
            alone, expected = await run(model, box, tmp_path / "alone")
    async with FaultyServer((), two_turns) as server, model_at(dead, server.url) as model:
        both, traces = await run(model, box, tmp_path / "both")
    assert (both.done, both.right, both.outages) == (alone.done, alone.right, 0) == (NUM_TASKS, NUM_TASKS, 0)

    def said(traces: dict[str, Trace]) -> dict[str, Any]:
        return {
            key: [(turn.text, turn.execution and turn.execution.stdout) for turn in trace.turns] for key, trace in traces.items()
        }

    assert said(traces) == said(expected)


@pytest.mark.parametrize(
    ("fault", "words"), [(Fault.UNKNOWN_MODEL, "tiny"), (Fault.NO_KEY, "OPENAI_API_KEY"), (Fault.NO_CREDIT, "quota")]
)
async def test_what_does_not_pass_stops_the_run_with_its_reason(box: Sandbox, tmp_path: Path, fault: Fault, words: str) -> None:
    async with FaultyServer(mix(1, 1.0, [fault]), two_turns) as server, model_at(server.url) as model:
        with pytest.raises(ModelError, match=words):
            await run(model, box, tmp_path, concurrency=4)
        assert len(server.requests) <= 16
    async with FaultyServer((), two_turns) as server, model_at(server.url) as model:
        progress, _ = await run(model, box, tmp_path)
    assert progress.done + progress.resumed == progress.right + progress.resumed == NUM_TASKS


async def test_a_context_that_is_too_long_ends_the_rollout_not_the_run(box: Sandbox, tmp_path: Path) -> None:
    def too_long_later(body: Mapping[str, Any], num_before: int) -> Fault:
        return Fault.TOO_LONG if len(body["messages"]) > 2 else Fault.NONE

    async with FaultyServer(too_long_later, two_turns) as server, model_at(server.url) as model:
        progress, traces = await run(model, box, tmp_path)
    assert (progress.done, progress.outages) == (NUM_TASKS, 0)
    assert {trace.stop for trace in traces.values()} == {StopReason.TOKEN_LIMIT} and len(traces["t0"].turns) == 1


async def test_a_cache_answers_a_second_run_without_the_server(box: Sandbox, tmp_path: Path) -> None:
    async with (
        FaultyServer((), two_turns) as server,
        model_at(server.url) as model,
        CachedModel(model, tmp_path / "cache") as cached,
    ):
        await Runner(cached, box, tmp_path / "one").run(tasks(5))
        assert len(server.requests) == 10
        progress = await Runner(cached, box, tmp_path / "two").run(tasks(5))
    assert (progress.answered, len(server.requests)) == (5, 10)


async def test_a_server_that_fails_on_stop_texts_is_asked_without_them(box: Sandbox, tmp_path: Path) -> None:
    def no_stop(body: Mapping[str, Any], num_before: int) -> Fault:
        return Fault.ERROR if "stop" in body else Fault.NONE

    async with FaultyServer(no_stop, two_turns) as server, model_at(server.url) as model:
        progress, _ = await run(model, box, tmp_path, concurrency=1)
    assert progress.right == NUM_TASKS
    assert sum("stop" in request.body for request in server.requests) == 3, "it is not tried again and again"


async def test_one_error_is_no_reason_to_leave_stop_texts_out(box: Sandbox, tmp_path: Path) -> None:
    async with FaultyServer([Fault.ERROR], two_turns) as server, model_at(server.url) as model:
        await run(model, box, tmp_path, concurrency=1)
    assert ["stop" in request.body for request in server.requests[:3]] == [True, False, True]
    assert all("stop" in request.body for request in server.requests[2:])
