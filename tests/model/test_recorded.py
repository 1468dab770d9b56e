"""What a model has written stays the tokens it wrote: recorded ids in prompts, and where they stand in a whole conversation."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("transformers", reason="the extra 'local' is not installed")

from codedance.errors import ModelError
from codedance.images import Picture
from codedance.model.chat import Message, Reply, Role
from codedance.model.processors import encode, encode_whole, load_processor
from codedance.rollout.codec import Codec
from codedance.rollout.settings import Format
from codedance.types import ToolCall

NUM_CONVERSATIONS = 25
_STRIPPING = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'][0]['text'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module", params=["tiny_llava", "tiny_qwen"])
def processor(request: pytest.FixtureRequest) -> Any:
    folder: Path = request.getfixturevalue(request.param)
    return load_processor(folder, "qwen2_5_vl" if request.param == "tiny_qwen" else "llava")


def ids_of(inputs: Any) -> list[int]:
    row: list[int] = inputs["input_ids"][0].tolist()
    return row


def spoken(processor: Any, ids: Sequence[int]) -> Message:
    """What a model that has said these tokens leaves in the conversation."""
    is_ended = bool(ids) and ids[-1] == processor.tokenizer.eos_token_id
    return Message(Role.ASSISTANT, (processor.tokenizer.decode(list(ids[: len(ids) - is_ended])),), token_ids=tuple(ids))


def heard(rng: random.Random) -> Message:
    """Words with or without a picture, with typed marks and breaks at their ends."""
    words = "".join(rng.choices(["\n", " ", "no", "<|im_end|>", "<image>", "\U000f0000", "\U000f0010", "ok"], k=4))
    side = rng.randrange(28, 120)
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Message(Role.USER, (words, Picture.of(Image.fromarray(pixels)), words)[: rng.choice([1, 3])])


def draw_reply(processor: Any, rng: random.Random) -> list[int]:
    """Any tokens that a model may say, single bytes often, so that their text would be read as other tokens."""
    tokenizer = processor.tokenizer
    sayable = sorted(set(range(len(tokenizer))) - set(tokenizer.all_special_ids) - set(tokenizer.added_tokens_decoder))
    single = [i for i in sayable if len(tokenizer.convert_ids_to_tokens(i)) == 1]
    tags = tokenizer.convert_tokens_to_ids(["<code>", "</code>"])
    ids = rng.choices(rng.choice([sayable, single, [*single, *tags]]), k=rng.randrange(0, 30))
    return ids + [tokenizer.eos_token_id] * rng.randrange(2)


@pytest.mark.parametrize("seed", range(NUM_CONVERSATIONS))
def test_a_prompt_begins_with_the_last_one_and_the_tokens_of_its_reply(processor: Any, seed: int) -> None:
    rng = random.Random(seed)
    messages = [Message(Role.SYSTEM, ("Look.",)), heard(rng)]
    known: list[int] = []
    spans = []
    for _ in range(rng.randrange(1, 4)):
        prompt = ids_of(encode(processor, messages))
        assert prompt[: len(known)] == known
        said = draw_reply(processor, rng)
        messages += [spoken(processor, said), heard(rng)]
        known = prompt + said
        spans.append((len(prompt), said))
    assert ids_of(encode(processor, messages))[: len(known)] == known
    inputs, found = encode_whole(processor, messages)
    end = processor.tokenizer.eos_token_id
    assert [start for start, _ in found] == [start for start, _ in spans]
    for (start, stop), (_, said) in zip(found, spans, strict=True):
        assert ids_of(inputs)[start:stop] == [*said, *([] if said[-1:] == [end] else [end])]
    assert inputs["attention_mask"].sum() == len(ids_of(inputs))


def test_tokens_that_would_merge_stay_apart(processor: Any) -> None:
    tokenizer = processor.tokenizer
    single = [tokenizer.convert_tokens_to_ids(letter) for letter in "picture"]
    assert tokenizer.encode("picture", add_special_tokens=False) != single
    asked = [Message(Role.USER, ("what?",))]
    answered = [*asked, spoken(processor, single), *asked]
    prompt = ids_of(encode(processor, asked))
    assert ids_of(encode(processor, answered))[len(prompt) : len(prompt) + len(single)] == single


def test_a_written_conversation_is_read_as_the_model_would_have_said_it(processor: Any) -> None:
    tokenizer = processor.tokenizer
    words = ["<think>Look</think><code>print(1)</code>", "\nTyped: <|im_end|>", ""]
    messages = [m for text in words for m in (Message(Role.USER, ("so?",)), Message(Role.ASSISTANT, (text,)))]
    inputs, spans = encode_whole(processor, messages)
    assert [tokenizer.decode(ids_of(inputs)[start:stop]) for start, stop in spans] == [f"{text}<|im_end|>" for text in words]
    assert [ids_of(inputs)[start:stop].count(tokenizer.eos_token_id) for start, stop in spans] == [1, 1, 1]
    whole = tokenizer.decode(ids_of(inputs))
    assert whole == "".join(f"<|im_start|>user\nso?<|im_end|>\n<|im_start|>assistant\n{text}<|im_end|>\n" for text in words)
    start = spans[1][0]
    assert ids_of(encode(processor, messages[:3])) == ids_of(inputs)[:start]


def test_where_the_template_strips_replies_their_text_is_read(tiny_qwen: Path) -> None:
    processor = load_processor(tiny_qwen, "qwen2_5_vl")
    processor.chat_template = _STRIPPING
    tokenizer = processor.tokenizer
    apart = [tokenizer.convert_tokens_to_ids(letter) for letter in "picture"]
    padded = [tokenizer.convert_tokens_to_ids("Ġ"), *apart]
    asked = Message(Role.USER, ("what?",))
    inputs, spans = encode_whole(processor, [asked, spoken(processor, padded), asked, spoken(processor, apart)])
    end = tokenizer.eos_token_id
    said = [ids_of(inputs)[start:stop] for start, stop in spans]
    assert said == [[*tokenizer.encode("picture"), end], [*apart, end]]


def test_where_the_template_rewrites_replies_a_whole_conversation_is_refused(tiny_qwen: Path) -> None:
    processor = load_processor(tiny_qwen, "qwen2_5_vl")
    processor.chat_template = _STRIPPING.replace("trim", "upper")
    messages = [Message(Role.USER, ("what?",)), Message(Role.ASSISTANT, ("this",))]
    assert "THIS" in processor.tokenizer.decode(ids_of(encode(processor, messages)))
    with pytest.raises(ModelError, match="rewrites"):
        encode_whole(processor, messages)


@pytest.mark.parametrize(
    ("text", "calls", "is_kept"),
    [
        ("<code>1</code>", (), True),
        ("hm", (), True),
        ("<code>1</code> and then", (), False),
        ("<code>1", (), False),
        ("<interpreter>", (), False),
        ("", (), False),
        ("so", (ToolCall("1", "python", "{}"),), False),
    ],
)
def test_a_conversation_keeps_the_ids_of_a_reply_only_with_its_own_words(
    text: str, calls: tuple[ToolCall, ...], is_kept: bool
) -> None:
    codec = Codec(Format.CODE_TAGS)
    reply = Reply(text=text, tool_calls=calls, token_ids=(1, 2, 3))
    message = codec.response(reply, codec.parse(reply), ("1",))[0]
    assert message.token_ids == ((1, 2, 3) if is_kept else None)
