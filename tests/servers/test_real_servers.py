"""The same list for every real server: whatever its model says, no rollout is lost and everything is told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cli.commands import run as command
from cli.commands import write
from codedance import OpenAIModel, Sandbox, Settings
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Format
from codedance.rollout.store import read_traces
from codedance.types import Sampling, StopReason, Task
from servers.processes import Served

SHORT = Sampling(temperature=1.0, max_tokens=12, seed=1)
ENDS = {StopReason.NO_ACTION, StopReason.TOKEN_LIMIT, StopReason.ANSWERED, StopReason.TURN_LIMIT}


def tasks(number: int, server: Served) -> Iterator[Task]:
    for index in range(number):
        picture = Image.new("RGB", (64, 48), (index, 2 * index, 255 - index))
        yield Task(id=f"t{index}", question=f"question {index}?", images=(picture,) * server.takes_pictures, answer=str(index))


def task_file(folder: Path, number: int, server: Served, question: str = "How many circles are there?") -> Path:
    Image.new("RGB", (90, 60), "white").save(folder / "p.png")
    images = {"images": ["p.png"]} if server.takes_pictures else {}
    rows = [{"id": str(n), "question": f"{question} ({n})", "answer": "3", **images} for n in range(number)]
    return write(folder / "tasks.jsonl", rows)


def endpoint(server: Served) -> tuple[object, ...]:
    return ("--base-url", server.base_url, "--model", f"openai:{server.model}", "--isolation", 0)


@pytest.mark.parametrize("format", Format)
async def test_every_format_runs_without_an_outage(box: Sandbox, real_server: Served, tmp_path: Path, format: Format) -> None:
    settings = Settings(format=format, turns=3, sampling=SHORT)
    async with OpenAIModel(real_server.model, [real_server.base_url]) as model:
        progress = await Runner(model, box, tmp_path, settings, concurrency=4).run(tasks(6, real_server))
    traces = list(read_traces(tmp_path))
    assert (progress.done, progress.outages, len(traces)) == (6, 0, 6), progress.last_failure
    assert {trace.stop for trace in traces} <= ENDS
    for trace in traces:
        assert trace.usage.prompt_tokens > 16 and 0 < trace.usage.completion_tokens <= 12 * len(trace.turns)
        assert trace.turns and all(turn.text or turn.tool_calls for turn in trace.turns)


def test_a_file_is_evaluated_and_replayed_by_the_commands(real_server: Served, tmp_path: Path) -> None:
    out = tmp_path / "run"
    how = ("--turns", 2, "--max-tokens", 8, "--concurrency", 2, "--out", out)
    done = command("eval", task_file(tmp_path, 3, real_server), *endpoint(real_server), *how)
    assert done.returncode == 0, done.stderr
    (stats,) = out.glob("stats_*.json")
    assert json.loads(stats.read_text())["tasks"]["success_rate"] == 1.0
    assert command("replay", out, "--isolation", 0).returncode == 0


def test_one_question_is_asked_from_the_terminal(real_server: Served, tmp_path: Path) -> None:
    Image.new("RGB", (90, 60), "white").save(tmp_path / "p.png")
    pictures = (tmp_path / "p.png",) if real_server.takes_pictures else ()
    words = (*pictures, "How many circles are there?", "--turns", 1, "--max-tokens", 8, "--out", tmp_path / "ask")
    done = command("ask", *words, *endpoint(real_server))
    (trace,) = read_traces(tmp_path / "ask")
    assert (done.returncode == 0) == (trace.stop is StopReason.ANSWERED) and "Traceback" not in done.stderr, done.stderr
    assert trace.stop in ENDS and trace.usage.completion_tokens > 0 and trace.model == real_server.model


def test_a_run_that_was_killed_goes_on_and_loses_nothing(real_server: Served, tmp_path: Path) -> None:
    file, out = task_file(tmp_path, 50, real_server), tmp_path / "run"
    words = ("run", file, "--out", out, "--turns", 1, "--max-tokens", 4, "--concurrency", 4, *endpoint(real_server))
    program = [sys.executable, "-c", "from codedance.cli import main; main()", *map(str, words)]
    first = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while first.poll() is None and (not out.is_dir() or sum(1 for _ in read_traces(out)) < 8):
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = [trace.started for trace in read_traces(out)]
    assert 8 <= len(before) < 50
    done = command(*words)
    assert done.returncode == 0, done.stderr
    traces = list(read_traces(out))
    assert len(traces) == len({trace.task_id for trace in traces}) == 50
    assert set(before) <= {trace.started for trace in traces}, "what was finished is not asked again"


async def test_a_conversation_that_does_not_fit_ends_the_rollout(box: Sandbox, real_server: Served, tmp_path: Path) -> None:
    if not real_server.knows_its_context:
        pytest.skip("this server answers however long the conversation is")
    task = Task(id="long", question="word " * 4000, answer="1")
    async with OpenAIModel(real_server.model, [real_server.base_url]) as model:
        progress = await Runner(model, box, tmp_path, Settings(turns=2, sampling=SHORT)).run([task])
    (trace,) = read_traces(tmp_path)
    assert (progress.outages, trace.stop) == (0, StopReason.TOKEN_LIMIT), trace.error
    async with OpenAIModel(real_server.model, [real_server.base_url]) as model:
        assert (await Runner(model, box, tmp_path, Settings(turns=2, sampling=SHORT)).run([task])).resumed == 1


def test_a_wrong_model_name_is_told(real_server: Served, tmp_path: Path) -> None:
    file = task_file(tmp_path, 1, real_server)
    words = ("--base-url", real_server.base_url, "--model", "openai:no-such-model", "--max-tokens", 4, "--turns", 1)
    done = command("run", file, "--out", tmp_path / "run", *words, "--isolation", 0)
    assert real_server.model in done.stderr or "no-such-model" in done.stderr
    assert (done.returncode == 0) is real_server.takes_any_name, done.stderr


async def test_several_pictures_are_counted_in_the_prompt(box: Sandbox, real_server: Served, tmp_path: Path) -> None:
    if not real_server.takes_pictures:
        pytest.skip("a language model")
    prompt_tokens = []
    async with OpenAIModel(real_server.model, [real_server.base_url]) as model:
        for number in (0, 1, 3):
            task = Task(id=str(number), question="?", images=(Image.new("RGB", (112, 112)),) * number)
            await Runner(model, box, tmp_path / str(number), Settings(turns=1, sampling=SHORT)).run([task])
            (trace,) = read_traces(tmp_path / str(number))
            prompt_tokens.append(trace.usage.prompt_tokens)
    assert prompt_tokens[1] - prompt_tokens[0] >= 16 and prompt_tokens[2] - prompt_tokens[1] >= 32


def test_pictures_for_a_language_model_stop_the_run_at_once(real_server: Served, tmp_path: Path) -> None:
    if real_server.takes_pictures:
        pytest.skip("it reads pictures")
    Image.new("RGB", (90, 60), "white").save(tmp_path / "p.png")
    file = write(tmp_path / "t.jsonl", [{"id": str(n), "question": "?", "images": ["p.png"], "answer": "3"} for n in range(8)])
    begun = time.monotonic()
    done = command("run", file, "--out", tmp_path / "run", *endpoint(real_server))
    assert done.returncode == 1 and "picture" in done.stderr, done.stderr
    assert time.monotonic() - begun < 30


def test_recorded_tokens_come_or_their_absence_is_told(real_server: Served, tmp_path: Path) -> None:
    words = ("--out", tmp_path / "run", "--record-tokens", "--turns", 1, "--max-tokens", 4, *endpoint(real_server))
    done = command("run", task_file(tmp_path, 2, real_server), *words)
    traces = list(read_traces(tmp_path / "run")) if (tmp_path / "run" / "traces.jsonl").is_file() else []
    recorded = [turn for trace in traces for turn in trace.turns if turn.token_ids and turn.logprobs]
    assert all(len(turn.token_ids or ()) == len(turn.logprobs or ()) for turn in recorded)
    assert (done.returncode == 0 and len(recorded) == 2) or "token" in done.stderr, done.stderr
