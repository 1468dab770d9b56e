"""The bundled model behind a real vLLM gives what it gives in process; its tokens and log-probabilities can be learned from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'local' is not installed")

import torch
from PIL import Image

from cli.commands import run as command
from codedance import OpenAIModel, Sandbox, Settings
from codedance.model.chat import ChatModel
from codedance.model.loading import vocabulary
from codedance.model.local import LocalModel
from codedance.model.named import TINY
from codedance.rollout.runner import Runner
from codedance.rollout.store import read_traces
from codedance.tasks.synthetic import FAMILIES, FRESH_SEEDS, Level, make_items, to_task
from codedance.train.batch import collate
from codedance.train.policy_loss import token_logprobs
from codedance.train.start import Start, open_learner
from codedance.train.tiny import RULE
from codedance.train.tokens import of_trace
from codedance.types import Sampling, Task, Trace
from servers.processes import Served, free_port, serve_vllm

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

NUM_ITEMS = 110
"""Ten of every family that the bundled model was taught."""
LEAST_SAME = 0.98
TEMPERATURE = 2.0


def synthetic(count: int) -> Iterator[Task]:
    families = [name for name, family in FAMILIES.items() if not family.composite]
    for number, item in enumerate(make_items(families, list(Level), count=count, seed=FRESH_SEEDS + 5)):
        yield to_task(item, f"{item.family}-{number}")


async def traces_of(model: ChatModel, box: Sandbox, folder: Path, tasks: Sequence[Task], sampling: Sampling) -> dict[str, Trace]:
    settings = Settings(rule=RULE, sampling=sampling, turns=4)
    progress = await Runner(model, box, folder, settings, concurrency=16).run(tasks)
    assert progress.outages == 0, progress.last_failure
    return {trace.task_id: trace for trace in read_traces(folder)}


async def test_answers_are_those_of_the_model_in_process(box: Sandbox, vllm: Served, tmp_path: Path) -> None:
    tasks, greedy = list(synthetic(NUM_ITEMS)), Sampling(temperature=0.0, max_tokens=256)
    async with OpenAIModel(vllm.model, [vllm.base_url], record_tokens=True) as model:
        served = await traces_of(model, box, tmp_path / "served", tasks, greedy)
    async with LocalModel(TINY) as local:
        own = await traces_of(local, box, tmp_path / "own", tasks, greedy)
    other = {name: (served[name].answer, own[name].answer) for name in own if served[name].answer != own[name].answer}
    assert len(other) <= (1 - LEAST_SAME) * NUM_ITEMS, other
    tokenizer = open_learner(Start(path=TINY)).processor.tokenizer
    turns = [turn for trace in served.values() for turn in trace.turns]
    for turn in turns:
        assert turn.token_ids and turn.prompt_ids and turn.logprobs is not None and len(turn.logprobs) == len(turn.token_ids)
        words = tokenizer.decode(list(turn.token_ids), skip_special_tokens=False)
        assert words.removesuffix("<|im_end|>") == turn.text, "the ids spell the text, the closing tag included"
    assert len([turn for turn in turns if turn.code is not None]) > 20


async def test_recorded_logprobs_are_those_of_the_distribution_that_was_drawn_from(
    box: Sandbox, vllm: Served, tmp_path: Path
) -> None:
    async with OpenAIModel(vllm.model, [vllm.base_url], record_tokens=True) as model:
        drawn = Sampling(temperature=TEMPERATURE, max_tokens=64, seed=3)
        traces = await traces_of(model, box, tmp_path, list(synthetic(11)), drawn)
    learner = open_learner(Start(path=TINY, autocast=False))
    allowed = torch.zeros_like(vocabulary(learner.processor, learner.model).banned)

    def read(name: str) -> bytes:
        return (tmp_path / "images" / name).read_bytes()

    for trace in traces.values():
        for sequence in of_trace(trace, read):
            assert sequence.logprobs is not None
            batch = collate(learner.processor, [sequence], [{"mask": sequence.mask.astype(np.float32)}])
            kept = batch.weights["mask"][:, 1:].bool()
            with torch.no_grad():
                logits = learner.logits(batch, kept)
                expected, _ = token_logprobs(logits, batch.inputs["input_ids"][:, 1:][kept], TEMPERATURE, allowed)
            told = torch.from_numpy(sequence.logprobs[sequence.mask])
            torch.testing.assert_close(told, expected.float(), atol=5e-3, rtol=0)


def test_the_commands_need_no_flags_for_a_short_context(vllm: Served, tmp_path: Path) -> None:
    shapes = Path(__file__).parents[2] / "examples" / "shapes.png"
    words = ("Count the blue shapes.", "--base-url", vllm.base_url, "--isolation", 0, "--out", tmp_path / "ask")
    done = command("ask", shapes, *words)
    assert done.returncode == 0, done.stderr
    (trace,) = read_traces(tmp_path / "ask")
    assert trace.answer == "3"


async def test_a_run_outlives_a_restart_of_the_server(box: Sandbox, tmp_path: Path) -> None:
    """The server goes in the middle, with rollouts under way, and comes back on the same port half a minute later."""
    port, tasks, scratch = free_port(), list(synthetic(60)), tmp_path / "server"
    scratch.mkdir()
    settings = Settings(rule=RULE, sampling=Sampling(temperature=0.0, max_tokens=128), turns=4)

    first = serve_vllm(TINY, scratch, port=port)
    server = await asyncio.to_thread(first.__enter__)
    async with OpenAIModel(server.model, [server.base_url], concurrency=4) as model:
        running = asyncio.create_task(Runner(model, box, tmp_path / "run", settings, concurrency=4).run(tasks))
        while not (tmp_path / "run" / "traces.jsonl").is_file() or sum(1 for _ in read_traces(tmp_path / "run")) < 12:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(first.__exit__, None, None, None)
        assert not running.done(), "it was over before the server went"
        second = serve_vllm(TINY, scratch, port=port)
        await asyncio.to_thread(second.__enter__)
        try:
            progress = await running
        finally:
            await asyncio.to_thread(second.__exit__, None, None, None)
    assert (progress.done, progress.outages) == (60, 0), progress.last_failure


async def test_another_pixel_rule_than_the_servers_is_told(vllm: Served, tmp_path: Path) -> None:
    Image.new("RGB", (640, 480), "white").save(tmp_path / "p.png")
    words = ("What is this?", "--base-url", vllm.base_url, "--min-pixels", 3136, "--max-pixels", 12845056, "--max-tokens", 64)
    done = command("ask", tmp_path / "p.png", *words, "--isolation", 0, "--turns", 1, "--out", tmp_path / "ask")
    assert "--pixel-step as its image processor has them" in " ".join(done.stderr.split()), done.stderr
