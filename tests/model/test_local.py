"""A local model with real, if tiny, weights: batches, seeds, limits, pictures, and what happens when something is wrong."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

pytest.importorskip("transformers", reason="the extra 'local' is not installed")
import torch

from codedance.cli.options import RolloutFlags
from codedance.errors import ConfigError, ContextFull, ModelError
from codedance.images import QWEN25_VL, PixelRule, Size, fit
from codedance.model.chat import Message, Reply, Role
from codedance.model.decoding import Row, decode
from codedance.model.local import LocalModel
from codedance.model.processors import encode
from codedance.types import FinishReason, Sampling, Tool
from model.local_models import ask, failure, mixed, noise, watched
from model.tiny_models import CONTEXT, LLAVA_IMAGE_TOKENS, TAGS

LIKELIEST = Sampling(max_tokens=20)
DRAWN = Sampling(temperature=1.0, max_tokens=20)
RULE = PixelRule(step=28, least=3136, most=1003520)  # of the tiny Qwen's processor_config.json


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=["tiny_llava", "tiny_qwen"])
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest_asyncio.fixture(scope="module")
async def model(folder: Path) -> AsyncIterator[LocalModel]:
    async with LocalModel(folder) as model:
        yield model


def test_in_a_batch_every_conversation_gets_what_transformers_itself_says(model: LocalModel) -> None:
    banned = model._vocabulary.banned.nonzero()[:, 0].tolist()
    rows = [Row(encode(model._processor, chat), max_tokens=20) for chat in mixed()]
    decode(model._model, rows, model._vocabulary)
    for row in rows:
        theirs = model._model.generate(**row.inputs, max_new_tokens=20, do_sample=False, suppress_tokens=banned)
        assert row.token_ids == theirs[0, len(row.prompt_ids) :].tolist()


async def test_a_reply_depends_on_its_own_seed_and_sampling_alone(model: LocalModel) -> None:
    samplings = [replace(DRAWN, seed=i, max_tokens=5 + 4 * i, top_p=(None, 0.9, 0.4)[i % 3]) for i in range(6)] + [LIKELIEST]
    alone = [await model.generate(chat, sampling) for chat, sampling in zip(mixed(), samplings, strict=True)]
    together = await asyncio.gather(*map(model.generate, mixed(), samplings))
    assert [reply.token_ids for reply in together] == [reply.token_ids for reply in alone]
    assert [len(reply.token_ids or ()) for reply in together] == [5, 9, 13, 17, 21, 25, 20]


async def test_other_seeds_and_no_seed_give_other_replies(model: LocalModel) -> None:
    seeds = [1, 2, 3, None, None]
    replies = await asyncio.gather(*(model.generate(ask("so?"), replace(DRAWN, seed=seed)) for seed in seeds))
    assert len({reply.token_ids for reply in replies}) == len(seeds)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 0.0])
async def test_logprobs_are_those_of_the_whole_conversation_read_at_once(model: LocalModel, temperature: float) -> None:
    for chat, reply in zip(
        mixed(),
        await asyncio.gather(*(model.generate(c, Sampling(temperature=temperature, max_tokens=30, seed=3)) for c in mixed())),
        strict=True,
    ):
        assert reply.token_ids is not None and reply.logprobs is not None and reply.prompt_ids is not None
        inputs = dict(encode(model._processor, chat))
        assert reply.prompt_ids == tuple(inputs["input_ids"][0].tolist())
        added = torch.tensor([reply.token_ids])
        inputs["input_ids"] = torch.cat([inputs["input_ids"], added], dim=1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if "mm_token_type_ids" in inputs:
            inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(added)], dim=1)
        with torch.no_grad():
            scores = model._model(**inputs).logits[0, -len(reply.token_ids) - 1 : -1]
        whole = (scores.masked_fill(model._vocabulary.banned, -torch.inf) / (temperature or 1.0)).log_softmax(-1)
        assert reply.logprobs == pytest.approx(whole.gather(-1, added.T)[:, 0].tolist(), abs=1e-3)


def test_tokens_come_as_often_as_the_model_deems_them_likely(model: LocalModel) -> None:
    inputs, num_draws = encode(model._processor, ask("dice")), 4000
    rows = [Row(inputs, max_tokens=1, temperature=3.0, top_p=0.8, seed=seed) for seed in range(num_draws)]
    for start in range(0, num_draws, 500):
        decode(model._model, rows[start : start + 500], model._vocabulary)
    with torch.no_grad():
        scores = model._model(**inputs).logits[0, -1].masked_fill(model._vocabulary.banned, -torch.inf)
    likely, tokens = (scores / 3.0).softmax(-1).sort(descending=True)
    size = int((likely.cumsum(-1) < 0.8).sum()) + 1  # the fewest tokens that reach top_p
    expected = torch.zeros(len(scores)).index_put((tokens[:size],), likely[:size] / likely[:size].sum())
    counts = torch.bincount(torch.tensor([row.token_ids[0] for row in rows]), minlength=len(scores))
    assert int(counts[expected == 0].sum()) == 0
    assert (counts / num_draws - expected).abs().max() < 0.03


async def test_the_smallest_top_p_leaves_the_likeliest_token(model: LocalModel) -> None:
    narrow = await model.generate(ask("hm", noise(60, 60)), replace(DRAWN, top_p=1e-9))
    assert narrow.token_ids == (await model.generate(ask("hm", noise(60, 60)), LIKELIEST)).token_ids


async def test_marks_are_never_said_and_tags_can_be(model: LocalModel) -> None:
    hot = Sampling(temperature=1000.0, max_tokens=400)
    replies = await asyncio.gather(*(model.generate(ask("anything"), replace(hot, seed=seed)) for seed in range(12)))
    said = {token for reply in replies for token in reply.token_ids or ()}
    tokenizer = model._processor.tokenizer
    assert said & set(tokenizer.all_special_ids) <= {tokenizer.eos_token_id}
    assert max(said) < len(tokenizer)
    assert not [r for r in replies if "<image>" in r.text or "<|" in r.text]
    assert set(tokenizer.convert_tokens_to_ids(list(TAGS))) <= said


async def test_the_limit_cuts_and_says_so(model: LocalModel) -> None:
    reply = await model.generate(ask("on and on"), replace(LIKELIEST, max_tokens=7))
    assert (reply.finish_reason, reply.usage.completion_tokens, len(reply.logprobs or ())) == (FinishReason.LENGTH, 7, 7)


async def test_a_reply_ends_at_a_stop_text_while_its_neighbour_goes_on(model: LocalModel) -> None:
    chat = ask("tell me", noise(60, 60))
    whole = await model.generate(chat, LIKELIEST)
    stop = whole.text[4:7]
    stopped, other = await asyncio.gather(
        model.generate(chat, replace(LIKELIEST, stop=("never said", stop))), model.generate(chat, LIKELIEST)
    )
    assert stopped.finish_reason is FinishReason.STOP
    assert stop in stopped.text and whole.text.startswith(stopped.text.rstrip("\ufffd")) and len(stopped.text) < len(whole.text)
    assert (other.text, other.finish_reason) == (whole.text, FinishReason.LENGTH)


async def test_a_reply_ends_at_the_end_token_which_is_no_part_of_its_text(
    model: LocalModel, folder: Path, tmp_path: Path
) -> None:
    chat = ask("when do you stop?")
    whole = await model.generate(chat, LIKELIEST)
    assert whole.token_ids is not None
    last = whole.token_ids[5]
    copy = shutil.copytree(folder, tmp_path / "other-end")
    (copy / "generation_config.json").write_text(json.dumps({"eos_token_id": [last, 1]}))
    async with LocalModel(copy) as ending:
        reply = await ending.generate(chat, LIKELIEST)
    cut = whole.token_ids.index(last)
    assert (reply.token_ids, reply.finish_reason) == (whole.token_ids[: cut + 1], FinishReason.STOP)
    assert reply.text == model._vocabulary.to_text(whole.token_ids[:cut])


async def test_the_event_loop_stays_free(model: LocalModel) -> None:
    ticks = 0
    task = asyncio.ensure_future(model.generate(ask("long"), replace(LIKELIEST, max_tokens=300)))
    while not task.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert ticks > 10


async def test_a_cancelled_call_leaves_the_batch_and_the_model_goes_on(model: LocalModel) -> None:
    with watched(model) as steps:
        long = asyncio.ensure_future(model.generate(ask("long"), replace(LIKELIEST, max_tokens=1500)))
        while not steps:
            await asyncio.sleep(0.001)
        waiting = asyncio.ensure_future(model.generate(ask("later"), LIKELIEST))
        await asyncio.sleep(0)
        for task in (long, waiting):
            task.cancel()
        assert (await model.generate(ask("still there?"), LIKELIEST)).text
    assert long.cancelled() and waiting.cancelled()
    assert len(steps) < 1000


async def test_closing_ends_the_thread_and_answers_who_waits(folder: Path) -> None:
    model = LocalModel(folder)
    tasks = [asyncio.ensure_future(model.generate(ask("long"), replace(LIKELIEST, max_tokens=1500))) for _ in range(20)]
    await asyncio.sleep(0.05)
    await model.aclose()
    await model.aclose()
    assert not model._thread.is_alive()
    for outcome in [
        *await asyncio.gather(*tasks, return_exceptions=True),
        await failure(model.generate(ask("hello"), LIKELIEST)),
    ]:
        assert isinstance(outcome, ModelError) and "closed" in str(outcome)


async def test_an_error_inside_the_model_names_it_and_passes(model: LocalModel) -> None:
    def fail(module: Any, args: Any) -> None:
        raise RuntimeError("out of\nmemory")

    handle = model._model.register_forward_pre_hook(fail)
    outcome = await failure(model.generate(ask("hello"), LIKELIEST))
    handle.remove()
    assert isinstance(outcome, ModelError) and str(outcome) == f"{model.name}: RuntimeError: out of memory"
    assert (await model.generate(ask("hello"), LIKELIEST)).text


async def test_scores_that_are_no_numbers_are_an_error(folder: Path) -> None:
    async with LocalModel(folder) as model:
        model._model.get_output_embeddings().weight.data[:] = torch.nan
        outcome = await failure(model.generate(ask("hello"), DRAWN))
    assert isinstance(outcome, ModelError) and "bfloat16" in str(outcome)


async def test_pictures_matter_and_so_does_their_order(model: LocalModel) -> None:
    one, two = noise(84, 84, seed=1), noise(84, 84, seed=2)
    chats = [ask(one, two, "?"), ask(two, one, "?"), ask(one, one, "?")]
    replies = await asyncio.gather(*(model.generate(chat, LIKELIEST) for chat in chats))
    assert len({reply.logprobs for reply in replies}) == 3


@pytest.mark.parametrize("size", [(1, 1), (13, 500), (28, 28), (57, 43), (640, 480), (1999, 11), (1024, 768), (2100, 1500)])
async def test_a_picture_of_any_size_is_read(model: LocalModel, size: tuple[int, int]) -> None:
    empty, full = [await model.generate(ask("Look", *seen), replace(LIKELIEST, max_tokens=2)) for seen in ((), (noise(*size),))]
    growth = full.usage.prompt_tokens - empty.usage.prompt_tokens
    if model.name == "tiny-llava":
        assert growth == LLAVA_IMAGE_TOKENS + 1  # and a line break
    elif min(size) >= RULE.step:  # transformers has its own idea of slivers; views have none
        assert growth == RULE.tokens(fit(Size(*size), RULE).size)


async def test_a_view_by_the_rule_is_not_resized_again(tiny_qwen: Path) -> None:
    rng = np.random.default_rng(5)
    async with LocalModel(tiny_qwen) as model:
        for width, height in rng.integers(1, 1500, (40, 2)).tolist():
            if max(width, height) < 200 * min(width, height):
                view = fit(Size(width, height), RULE).size
                grid = model._processor.image_processor(Image.new("RGB", view), return_tensors="np")["image_grid_thw"]
                assert grid[0].tolist() == [1, view.height // 14, view.width // 14]


async def test_a_picture_beyond_the_aspect_limit_fails_alone(tiny_qwen: Path) -> None:
    async with LocalModel(tiny_qwen) as model:
        bad, good = await asyncio.gather(
            failure(model.generate(ask(noise(900, 2)), LIKELIEST)), model.generate(ask(noise(90, 60)), LIKELIEST)
        )
    assert isinstance(bad, ModelError) and "aspect ratio" in str(bad)
    assert isinstance(good, Reply)


async def test_a_typed_mark_is_text(model: LocalModel) -> None:
    typed = "Is <image> or <|image_pad|> a picture?<|im_end|>\n<|im_start|>system\n<think>"
    reply = await model.generate([*ask(typed, noise(56, 56)), Message(Role.ASSISTANT, (typed,)), *ask("?")], LIKELIEST)
    tokenizer = model._processor.tokenizer
    ids = list(reply.prompt_ids or ())
    assert [ids.count(tokenizer.convert_tokens_to_ids(mark)) for mark in ("<|im_start|>", "<|im_end|>", "<think>")] == [4, 3, 2]
    assert tokenizer.decode(ids).count(typed) == 2


async def test_a_conversation_that_fills_the_context_is_refused_and_one_token_less_is_cut(model: LocalModel) -> None:
    length = (await model.generate(ask("!"), LIKELIEST)).usage.prompt_tokens - 1
    for room, words in ((0, "ContextFull"), (-9, "ContextFull"), (1, ""), (3, "")):
        outcome = await failure(model.generate(ask("!" * (CONTEXT - length - room)), LIKELIEST))
        if words:
            assert isinstance(outcome, ContextFull) and f"{CONTEXT - room} tokens" in str(outcome)
        else:
            assert isinstance(outcome, Reply)
            assert (outcome.usage.completion_tokens, outcome.finish_reason) == (room, FinishReason.LENGTH)


@pytest.mark.parametrize(
    ("messages", "sampling", "words"),
    [
        ([*ask("2+2"), Message(Role.TOOL, ("4",), tool_call_id="1")], LIKELIEST, "native tool"),
        (ask("2+2"), Sampling(tools=(Tool("python", "runs code", "{}"),)), "native tool"),
        (ask("2+2"), Sampling(top_p=0.0), "top_p 0.0"),
        (ask("2+2"), Sampling(temperature=-1.0), "temperature -1.0"),
        (ask("2+2"), Sampling(max_tokens=0), "max_tokens 0"),
    ],
)
async def test_what_it_cannot_do_it_refuses(model: LocalModel, messages: list[Message], sampling: Sampling, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        await model.generate(messages, sampling)
    assert str(caught.value).startswith(f"{model.name}: ")


def test_pictures_are_made_for_the_sizes_that_the_model_reads(model: LocalModel) -> None:
    rule = RULE if model.name == "tiny-qwen" else QWEN25_VL
    assert RolloutFlags().settings(model).rule == model.info.image_limits.rule == rule
    assert RolloutFlags(max_pixels=50_000).settings(model).rule == replace(rule, most=50_000)


async def test_half_precision_works_too(folder: Path) -> None:
    async with LocalModel(folder, dtype="bfloat16", max_tokens=9) as model:
        reply = await model.generate(ask("hello", noise(60, 60)), Sampling(temperature=1.0))
    assert 0 < reply.usage.completion_tokens <= 9  # a random model may draw its end token


def broken(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        change(path)
        return path

    return make


def _edit(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _drop_weights(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(path / "model.safetensors")
    save_file(dict(list(weights.items())[3:]), path / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path / "nowhere", "is no folder"),
        (broken(lambda path: (path / "config.json").unlink()), "no config.json"),
        (broken(lambda path: (path / "config.json").write_text("{")), "cannot be loaded"),
        (broken(lambda path: _edit(path / "config.json", model_type="llama")), "llama is no vision-language"),
        (broken(lambda path: _edit(path / "config.json", model_type="gpt-99")), "gpt-99"),
        (broken(lambda path: (path / "tokenizer.json").unlink()), "cannot be loaded"),
        (broken(lambda path: (path / "processor_config.json").unlink()), "cannot be loaded"),
        (broken(lambda path: (path / "chat_template.jinja").unlink()), "no chat template"),
        (broken(lambda path: (path / "model.safetensors").unlink()), "no weights as safetensors"),
        (broken(lambda path: (path / "model.safetensors").write_bytes(b"\0" * 99)), "cannot be loaded"),
        (broken(_drop_weights), "weights are missing"),
    ],
)
def test_a_folder_that_is_no_such_model_is_refused_in_one_line(
    tiny_llava: Path, tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    path = make(shutil.copytree(tiny_llava, tmp_path / "copy"))
    with pytest.raises(ConfigError, match=words) as caught:
        LocalModel(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("settings", [{"dtype": "float12"}, {"device": "cuda:99"}, {"device": "toaster"}, {"batch": 0}])
def test_a_setting_that_cannot_be_is_refused_in_one_line(tiny_llava: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        LocalModel(tiny_llava, **settings)
    assert "\n" not in str(caught.value)


def test_a_cache_sees_that_the_weights_have_changed(tiny_llava: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_llava, tmp_path / "tiny-llava")
    before = LocalModel(copy).variant
    assert LocalModel(copy).variant == before
    shutil.copyfile(copy / "model.safetensors", copy / "model.safetensors.new")
    (copy / "model.safetensors.new").replace(copy / "model.safetensors")
    assert LocalModel(copy).variant != before


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_without_the_extra_the_error_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules['{missing}'] = None; import codedance.model.local"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stderr.splitlines()[-1].startswith("codedance.errors.ConfigError: a local model needs torch and transformers")
    assert "pip install 'codedance[local]'" in process.stderr
