"""Calls that join a batch under way, leave it when they end, and do not change each other's replies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

pytest.importorskip("transformers", reason="the extra 'local' is not installed")
import torch
from transformers import DynamicCache

from codedance.errors import ConfigError, ModelError
from codedance.model import columns
from codedance.model.chat import Message, Reply
from codedance.model.columns import Columns
from codedance.model.loading import load
from codedance.model.local import LocalModel
from codedance.model.stops import StopTexts
from codedance.types import Sampling
from model.local_models import ask, failure, mixed, noise, watched

LIKELIEST = Sampling(max_tokens=20)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest_asyncio.fixture(scope="module", params=["tiny_llava", "tiny_qwen"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[LocalModel]:
    async with LocalModel(request.getfixturevalue(request.param)) as model:
        yield model


async def all_at_once(
    model: LocalModel, busy: int, *asked: tuple[list[Message], Sampling]
) -> tuple[list[tuple[int, int]], list[Reply]]:
    """Ask while the model reads its first prompt, so that nothing hangs on time; the steps behind that and the replies."""
    gate = threading.Event()
    with watched(model, gate) as steps:
        first = asyncio.ensure_future(model.generate(ask("first"), replace(LIKELIEST, max_tokens=busy)))
        while not steps:
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(model.generate(*each)) for each in asked]
        await asyncio.sleep(0)
        gate.set()
        replies = await asyncio.gather(*others)
        await first
    return steps[1:], replies


async def test_calls_join_at_the_next_step_and_leave_when_they_end(model: LocalModel) -> None:
    asked = [(ask("same"), replace(LIKELIEST, max_tokens=most)) for most in (2, 5, 5, 9)]
    steps, _ = await all_at_once(model, 12, *asked)
    assert [rows for rows, _ in steps] == [1, 4, 5, 4, 4, 4, 2, 2, 2, 2, 1, 1]
    assert [tokens > 1 for _, tokens in steps] == [False, True] + [False] * 10


async def test_those_that_wait_are_read_together_when_there_is_room(model: LocalModel) -> None:
    asked = [(ask("q" * i, *[noise(60, 60)] * (i % 2)), LIKELIEST) for i in range(40)]
    steps, replies = await all_at_once(model, 100, *asked)
    assert [rows for rows, tokens in steps if tokens > 1] == [15, 15, 10]
    assert len({reply.prompt_ids for reply in replies}) == 40


@pytest.mark.parametrize("sampling", [LIKELIEST, replace(LIKELIEST, temperature=1.0, seed=5)])
async def test_a_reply_is_the_same_whenever_it_joins(model: LocalModel, sampling: Sampling) -> None:
    samplings = [replace(sampling, max_tokens=7 + 5 * (i % 4)) for i in range(7)]
    alone = [await model.generate(chat, each) for chat, each in zip(mixed(), samplings, strict=True)]
    with watched(model) as steps:

        async def later(chat: list[Message], each: Sampling, start: int) -> Reply:
            while len(steps) < start:
                await asyncio.sleep(0)
            return await model.generate(chat, each)

        starts = [0, 1, 1, 4, 9, 12, 16]
        joined = await asyncio.gather(*map(later, mixed(), samplings, starts))
    assert [reply.token_ids for reply in joined] == [reply.token_ids for reply in alone]
    for one, other in zip(joined, alone, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)


async def test_a_long_batch_makes_room_as_it_goes(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = [ask("short"), ask("long" * 30), ask("longer" * 60, noise(60, 60))]
    whole = [await model.generate(chat, replace(LIKELIEST, max_tokens=90)) for chat in chats]
    monkeypatch.setattr(columns, "_ROOM", 3)
    first = asyncio.ensure_future(model.generate(chats[0], replace(LIKELIEST, max_tokens=90)))
    await asyncio.sleep(0.02)
    others = [await model.generate(chat, replace(LIKELIEST, max_tokens=90)) for chat in chats[1:]]
    assert [reply.token_ids for reply in (await first, *others)] == [reply.token_ids for reply in whole]


async def test_a_reply_is_there_while_its_neighbour_goes_on(model: LocalModel) -> None:
    long = asyncio.ensure_future(model.generate(ask("long"), replace(LIKELIEST, max_tokens=1000)))
    await model.generate(ask("short"), replace(LIKELIEST, max_tokens=3))
    assert not long.done()
    long.cancel()


async def test_a_crash_fails_all_that_is_under_way_and_the_next_call_works(model: LocalModel) -> None:
    with watched(model) as steps:
        tasks = [asyncio.ensure_future(model.generate(ask("long" * i), replace(LIKELIEST, max_tokens=900))) for i in range(3)]
        while not any(rows == 3 and tokens == 1 for rows, tokens in steps):
            await asyncio.sleep(0.001)

        def fail(module: Any, args: Any) -> None:
            raise RuntimeError("lost")

        handle = model._model.register_forward_pre_hook(fail)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        handle.remove()
    assert {str(outcome) for outcome in outcomes} == {f"{model.name}: RuntimeError: lost"}
    assert (await model.generate(ask("hello"), LIKELIEST)).text


async def test_a_model_in_memory_is_asked_as_one_from_a_folder_and_its_new_weights_are_seen(tiny_qwen: Path) -> None:
    processor, weights = load(tiny_qwen, None, None)
    chat = ask("hello", noise(60, 60))
    for dtype in (None, "bfloat16"):
        async with LocalModel(tiny_qwen, dtype=dtype) as model, LocalModel.of(weights, processor, dtype=dtype) as policy:
            theirs, ours = [await each.generate(chat, LIKELIEST) for each in (model, policy)]
            assert (ours.token_ids, ours.logprobs) == (theirs.token_ids, theirs.logprobs)
            before = weights.get_input_embeddings().weight.detach().clone()
            with torch.no_grad():
                weights.get_input_embeddings().weight.mul_(0.5)
            assert (await policy.generate(chat, LIKELIEST)).logprobs != ours.logprobs
            with torch.no_grad():
                weights.get_input_embeddings().weight.copy_(before)
            assert (await policy.generate(chat, LIKELIEST)).logprobs == ours.logprobs
    assert weights.dtype == torch.float32 and all(weight.requires_grad for weight in weights.parameters())


async def test_what_cannot_be_is_refused_in_one_line(tiny_qwen: Path) -> None:
    processor, weights = load(tiny_qwen, None, None)
    for settings in ({"dtype": "float12"}, {"batch": 0}, {"max_tokens": 0}):
        with pytest.raises(ConfigError):
            LocalModel.of(weights, processor, **settings)  # type: ignore[arg-type]
    unused = LocalModel.of(weights, processor)
    await unused.aclose()
    assert isinstance(await failure(unused.generate(ask("hello"), LIKELIEST)), ModelError)


def filled(num_rows: int, width: int, start: int) -> DynamicCache:
    """A cache of one layer, each token with a number of its own."""
    cache = DynamicCache()
    numbers = torch.arange(start, start + num_rows * width, dtype=torch.float32).view(num_rows, 1, width, 1)
    cache.update(numbers, -numbers, 0)
    return cache


def test_columns_keep_what_each_row_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_ROOM", 2)
    rng = torch.Generator().manual_seed(1)
    table, rows, number = Columns(), [], 1  # rows: the numbers that each should hold
    for _ in range(60):
        if not rows or torch.rand((), generator=rng) < 0.3:
            width, count = (int(torch.randint(1, most, (), generator=rng)) for most in (9, 4))
            cache = filled(count, width, number)
            lengths = torch.randint(1, width + 1, (count,), generator=rng).tolist()
            lengths[0] = width
            table.join(cache, lengths)
            rows += [cache.layers[0].keys[i, 0, width - lengths[i] :, 0].tolist() for i in range(count)]
            number += count * width
        mask = table.open()
        written = torch.arange(number, number + len(rows), dtype=torch.float32).view(-1, 1, 1, 1)
        number += len(rows)
        keys, values = table.update(written, -written, 0)
        table.close()
        rows = [[*row, float(new)] for row, new in zip(rows, written.flatten(), strict=True)]
        assert [row[seen].tolist() for row, seen in zip(keys[:, 0, :, 0], mask, strict=True)] == rows
        assert torch.equal(keys, -values) and mask[:, 0].any()  # no column is padding for all
        stay = [i for i in range(len(rows)) if torch.rand((), generator=rng) < 0.8]
        order = table.keep(stay)
        assert sorted(order) == stay
        rows = [rows[i] for i in order]


def test_the_tail_is_read_only_where_a_stop_text_can_end() -> None:
    words = ["a", "</", "code", "co", "de", ">", ">\n", "<", "/code> and", "x>y", "\ufffd", ""]
    read: list[int] = []

    def to_text(ids: Any) -> str:
        read.append(len(ids))
        return "".join(words[i] for i in ids)

    stops = StopTexts(("</code>", "never"), to_text)
    said = [0, 1, 3, 4, 0, 1, 2, 6]
    assert [stops.are_said(said[: i + 1]) for i in range(len(said))] == [False] * 7 + [True]
    assert stops.are_said([0, 7, 8]) and not stops.are_said([7, 9]) and not stops.are_said([10]) and not stops.are_said([11])
    read.clear()
    for _ in range(100):
        assert not stops.are_said([5, 0])
    assert read == []
    assert stops.are_said([1, 3, 4, 5])
