"""Many tasks: bounded, resumed, counted; outages are done again; a kill in the middle costs nothing but time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from codedance import ConfigError, DataError, Limits, ModelError, Sandbox
from codedance.model import Message, Reply
from codedance.model.script import ScriptedModel
from codedance.rollout.runner import Progress, Runner
from codedance.rollout.settings import Settings
from codedance.rollout.store import TRACES, read_traces
from codedance.types import Sampling, StopReason, Task, Usage

CODE = "<code>\n```python\nprint(input_image.size)\n```\n</code>"


def tasks(number: int, picture: Image.Image) -> Iterator[Task]:
    for index in range(number):
        yield Task(id=f"t{index}", question=f"question {index}?", images=(picture,), answer=str(index % 2))


class Asked:
    """Answers 0 after one cell, and remembers every request; the first replies come when so many are asked at once."""

    def __init__(self, together: int = 1) -> None:
        self.name = "asked"
        self.together = together
        self.met = asyncio.Event()
        self.questions: list[str] = []
        self.running = self.peak = 0
        self.fails: set[str] = set()

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        question = messages[1].text.split("question ")[1].split("?")[0]
        self.questions.append(question)
        self.running += 1
        self.peak = max(self.peak, self.running)
        if self.running == self.together:
            self.met.set()
        try:
            async with asyncio.timeout(60):
                await self.met.wait()
            await asyncio.sleep(0.005)
        finally:
            self.running -= 1
        if question in self.fails:
            raise ModelError("the server is down")
        return Reply(text=CODE if len(messages) == 2 else "<answer>0</answer>", usage=Usage(5, 2))


async def test_every_task_has_one_line_and_the_counts_are_right(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    model, seen = Asked(together=4), []
    said = {"0": True, "1": None}  # what is right somebody else says, by the known answer here
    runner = Runner(model, box, tmp_path, concurrency=4, on_progress=seen.append, is_right=lambda trace: said[trace.gold or ""])
    progress = await runner.run(tasks(20, picture))
    assert sorted(trace.task_id for trace in read_traces(tmp_path)) == sorted(f"t{index}" for index in range(20))
    assert (progress.done, progress.answered, progress.with_gold) == (20, 20, 20)
    assert (progress.right, progress.undecided) == (10, 10)
    assert (progress.cells, progress.failed_cells, progress.outages, progress.running) == (20, 0, 0, 0)
    assert progress.usage == Usage(200, 80) and progress.seconds > 0
    assert model.peak == 4 and max(snapshot.running for snapshot in seen) == 4
    assert len(list((tmp_path / "images").iterdir())) == 2, "the picture that all share lies there once, and its view"
    assert len(list((tmp_path / "prompts").iterdir())) == 1


async def test_the_same_call_again_asks_nothing(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    await Runner(Asked(), box, tmp_path).run(tasks(5, picture))
    before = (tmp_path / TRACES).read_bytes()
    model = Asked()
    progress = await Runner(model, box, tmp_path).run(tasks(5, picture))
    assert (progress.done, progress.resumed, model.questions) == (0, 5, [])
    assert (tmp_path / TRACES).read_bytes() == before
    more = await Runner(model, box, tmp_path).run(tasks(7, picture))
    assert (more.done, more.resumed, set(model.questions)) == (2, 5, {"5", "6"})


async def test_outages_are_asked_again_and_nothing_else(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    model = Asked()
    model.fails = {"3", "4"}
    progress = await Runner(model, box, tmp_path, concurrency=2).run(tasks(6, picture))
    assert (progress.done, progress.outages, progress.last_failure, progress.with_gold) == (6, 2, "the server is down", 4)
    again = Asked()
    assert (await Runner(again, box, tmp_path).run(tasks(6, picture))).done == 2
    assert set(again.questions) == {"3", "4"}
    assert [trace.stop for trace in read_traces(tmp_path)] == [StopReason.ANSWERED] * 6


async def test_a_dead_server_stops_the_run_early_with_its_reason(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    model = Asked()
    model.fails = {str(index) for index in range(200)}
    with pytest.raises(ModelError, match="in a row ended by an outage, the last one by: the server is down; nothing is lost"):
        await Runner(model, box, tmp_path, concurrency=4).run(tasks(200, picture))
    assert 8 <= len(model.questions) <= 16


async def test_samples_are_rollouts_of_their_own(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    seeds: list[int | None] = []

    def reply(messages: Sequence[Message], sampling: Sampling) -> str:
        seeds.append(sampling.seed)
        return "<answer>0</answer>"

    settings = Settings(sampling=Sampling(temperature=1.0, seed=7))
    await Runner(ScriptedModel(reply), box, tmp_path, settings, samples=3).run(tasks(2, picture))
    assert sorted((trace.task_id, trace.sample) for trace in read_traces(tmp_path)) == [
        (t, s) for t in ("t0", "t1") for s in range(3)
    ]
    assert sorted(seeds) == [7, 7, 8, 8, 9, 9]


async def test_a_spent_budget_ends_in_good_order_and_goes_on_later(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    model = Asked()
    progress = await Runner(model, box, tmp_path, concurrency=2, may_go_on=lambda: len(model.questions) < 6).run(
        tasks(50, picture)
    )
    assert 3 <= progress.done <= 5 and len(list(read_traces(tmp_path))) == progress.done
    rest = await Runner(Asked(), box, tmp_path).run(tasks(50, picture))
    assert rest.done + rest.resumed == 50


async def test_stop_lets_what_is_under_way_finish(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    model = Asked()
    runner = Runner(model, box, tmp_path, concurrency=3, on_progress=lambda progress: progress.done >= 3 and runner.stop())
    progress = await runner.run(tasks(100, picture))
    assert 3 <= progress.done <= 6 and progress.running == 0


async def test_cancelling_leaves_whole_lines(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    run = asyncio.create_task(Runner(Asked(), box, tmp_path, concurrency=3).run(tasks(1000, picture)))
    await asyncio.sleep(0.3)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    done = [trace.task_id for trace in read_traces(tmp_path)]
    assert done and len(done) == len(set(done)) < 1000
    assert (await Runner(Asked(), box, tmp_path, concurrency=3).run(tasks(len(done) + 2, picture))).done >= 2


async def test_two_tasks_of_one_id_and_a_broken_source_stop_the_run_after_what_was_begun(
    box: Sandbox, picture: Image.Image, tmp_path: Path
) -> None:
    def broken() -> Iterator[Task]:
        yield from tasks(3, picture)
        raise DataError("row 4 is damaged")

    with pytest.raises(DataError, match="row 4 is damaged"):
        await Runner(Asked(), box, tmp_path / "a", concurrency=2).run(broken())
    assert len(list(read_traces(tmp_path / "a"))) == 3
    with pytest.raises(DataError, match="two tasks have the id 't0'"):
        await Runner(Asked(), box, tmp_path / "b").run([*tasks(1, picture), *tasks(1, picture)])


async def test_a_task_whose_picture_is_broken_is_a_trace_with_a_reason(
    box: Sandbox, picture: Image.Image, tmp_path: Path
) -> None:
    bad = Task(id="bad", question="question 9?", images=(b"garbage",))
    progress = await Runner(Asked(), box, tmp_path).run([*tasks(2, picture), bad])
    stops = {trace.task_id: trace.stop for trace in read_traces(tmp_path)}
    assert (progress.done, progress.unusable, progress.outages) == (3, 1, 0) and stops["bad"] is StopReason.DATA_ERROR
    assert "bad: image 1" in progress.last_failure
    mended = Task(id="bad", question="question 9?", images=(picture,))
    assert (await Runner(Asked(), box, tmp_path).run([*tasks(2, picture), mended])).done == 1, "it may have been put in its place"


async def test_a_question_that_has_changed_under_its_id_is_told(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    await Runner(Asked(), box, tmp_path).run(tasks(2, picture))
    with pytest.raises(DataError, match="task 't1' was asked another question"):
        await Runner(Asked(), box, tmp_path).run(Task(id=f"t{index}", question="question 0?") for index in range(2))


async def test_odd_ids_and_texts_are_stored_and_found_again(box: Sandbox, tmp_path: Path) -> None:
    odd = [
        Task(id=name, question="question 0?\ud800", answer="\ud800")
        for name in ("", "a/b", "a\nb", "\u00e9\u2028", "\ud800", "'")
    ]
    assert (await Runner(Asked(), box, tmp_path).run(odd)).done == 6
    again = await Runner(Asked(), box, tmp_path).run(odd)
    assert (again.done, again.resumed) == (0, 6)


async def test_a_model_that_cancels_itself_is_an_outage_like_others(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    def reply(messages: Sequence[Message], sampling: Sampling) -> str:
        raise asyncio.CancelledError

    progress = await Runner(ScriptedModel(reply), box, tmp_path).run(tasks(3, picture))
    assert (progress.done, progress.outages) == (3, 3) and "cancelled the request itself" in progress.last_failure


async def test_many_slow_cells_wait_their_turn_and_are_no_outage(picture: Image.Image, tmp_path: Path) -> None:
    slow = ScriptedModel(["<code>import time; time.sleep(0.9)</code>", "<answer>0</answer>"])
    async with Sandbox(Limits(time_s=1.0), require=0, slots=12, parallel=1, pool=1) as narrow:
        progress = await Runner(slow, narrow, tmp_path, concurrency=12).run(tasks(12, picture))
    assert (progress.answered, progress.outages) == (12, 0)


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"concurrency": 0}])
async def test_numbers_that_make_no_sense_are_refused(box: Sandbox, tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Runner(Asked(), box, tmp_path, **wrong)


def test_progress_starts_at_nothing() -> None:
    assert Progress().done == Progress().resumed == 0


SCRIPT = """
import os
def reply(messages, sampling):
    question = messages[1].text.split('question ')[1].split('?')[0]
    with open(os.environ['ASKED'], 'a') as file:
        file.write(question + '\\n')
    if len(messages) == 2:
        return '<code>\\n```python\\nprint(%s * 2, input_image.size)\\ndisplay(input_image)\\n```\\n</code>' % question
    return '<answer>%s</answer>' % messages[-1].text.split()[1]
"""
NUM_TASKS = 200
TIMINGS = {"started", "seconds", "model_s"}


@pytest.fixture
def many_tasks(tmp_path: Path, picture: Image.Image) -> Path:
    picture.save(tmp_path / "p.png")
    rows = [
        {"id": f"t{index}", "question": f"question {index}?", "image": "p.png", "answer": str(index * 2)}
        for index in range(NUM_TASKS)
    ]
    (tmp_path / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def start(folder: Path, out: str, asked: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from codedance.cli import main; main()", "run", str(folder / "tasks.jsonl")]
    command += ["--out", str(folder / out), "--model", f"script:{folder / 'script.py'}", "--isolation", "0", "--json"]
    environment = {**os.environ, "ASKED": str(folder / asked)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def without_timings(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_timings(inner) for key, inner in value.items() if key not in TIMINGS}
    return [without_timings(inner) for inner in value] if isinstance(value, list) else value


def lines(path: Path) -> dict[str, Any]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == len({row["task_id"] for row in rows})
    return {row["task_id"]: without_timings(row) for row in rows}


def test_a_run_killed_in_the_middle_ends_as_one_that_was_not(many_tasks: Path) -> None:
    whole = start(many_tasks, "whole", "asked-whole")
    said, _ = whole.communicate(timeout=100)
    assert whole.returncode == 0 and json.loads(said)["right"] == NUM_TASKS
    killed = start(many_tasks, "killed", "asked-before")
    traces = many_tasks / "killed" / TRACES
    while killed.poll() is None and (not traces.exists() or traces.read_bytes().count(b"\n") < NUM_TASKS // 3):
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with open(traces, "ab") as file:
        file.write(b'{"schema": 1, "task_id": "t199", "sam')  # what a kill in the middle of a write leaves
    (many_tasks / "killed/images/.part-x").write_bytes(b"half a pict")
    done = {json.loads(line)["task_id"] for line in traces.read_bytes().split(b"\n")[:-1]}
    assert NUM_TASKS // 3 <= len(done) < NUM_TASKS
    resumed = start(many_tasks, "killed", "asked-after")
    said, _ = resumed.communicate(timeout=100)
    assert resumed.returncode == 0
    counts = json.loads(said)
    assert (counts["resumed"], counts["done"], counts["missing"]) == (len(done), NUM_TASKS - len(done), 0)
    asked = {f"t{question}" for question in (many_tasks / "asked-after").read_text().split()}
    assert asked.isdisjoint(done), "no finished task is asked again"
    assert lines(traces) == lines(many_tasks / "whole" / TRACES)
    images = [sorted(path.name for path in (many_tasks / out / "images").iterdir()) for out in ("killed", "whole")]
    assert images[0] == images[1]


def test_one_interrupt_finishes_what_is_under_way_and_says_how_to_go_on(many_tasks: Path) -> None:
    run = start(many_tasks, "run", "asked")
    traces = many_tasks / "run" / TRACES
    while run.poll() is None and (not traces.exists() or traces.read_bytes().count(b"\n") < 20):
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    said, talk = run.communicate(timeout=60)
    counts = json.loads(said)
    assert run.returncode == 130 and "Traceback" not in talk and "finishing what is under way" in talk
    assert counts["done"] == len(lines(traces)) and counts["missing"] == NUM_TASKS - counts["done"] > 0
    assert counts["running"] == 0
