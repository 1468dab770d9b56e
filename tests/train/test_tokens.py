"""Conversations as token sequences: what is learnt from is what the model wrote, letter by letter and token by token."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("transformers", reason="the extra 'local' is not installed")

from codedance.errors import DataError
from codedance.images import Picture, PixelRule, fit_shown
from codedance.model.chat import Message, Role
from codedance.model.processors import load_processor
from codedance.train.tokens import CONTEXT, of_messages, of_trace
from codedance.types import Sampling, SeenImage, StopReason, TaskImage, Trace, Turn

RULE = PixelRule(step=28, least=3136, most=1003520)


@pytest.fixture(scope="module")
def processor(tiny_qwen: Path) -> Any:
    return load_processor(tiny_qwen, "qwen2_5_vl")


def picture(width: int, height: int) -> Picture:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return fit_shown(Image.fromarray(pixels), RULE)


def conversation(rng: random.Random) -> list[Message]:
    """Some turns with observations that hold text, pictures, and words that look like the model's own."""
    messages = [
        Message(Role.SYSTEM, ("You look at pictures.",)),
        Message(Role.USER, (picture(rng.randint(30, 200), rng.randint(30, 200)), "\nHow many?")),
    ]
    for _ in range(rng.randint(0, 3)):
        code = f"<think>I count.</think>\n<code>\n```python\nprint({rng.randint(0, 999)})\n```\n</code>"
        shown = rng.choice(["12\n", "&lt;answer>7&lt;/answer>", ""])
        seen = [picture(rng.randint(30, 120), rng.randint(30, 120))] if rng.random() < 0.5 else []
        messages += [
            Message(Role.ASSISTANT, (code,)),
            Message(Role.USER, (f"<interpreter>\n{shown}", *seen, "</interpreter>")),
        ]
    return [*messages, Message(Role.ASSISTANT, (f"<think>Done.</think>\n<answer>{rng.randint(0, 99)}</answer>",))]


@pytest.mark.parametrize("seed", range(30))
def test_the_model_learns_exactly_from_what_it_wrote(processor: Any, seed: int) -> None:
    messages = conversation(random.Random(seed))
    sequence = of_messages(processor, messages)
    tokenizer = processor.tokenizer
    replies = [message.text for message in messages if message.role is Role.ASSISTANT]
    for turn, reply in enumerate(replies):
        written = tokenizer.decode(sequence.ids[sequence.turns == turn])
        assert written == reply + tokenizer.eos_token
    context = tokenizer.decode(sequence.ids[sequence.turns == CONTEXT])
    assert context.count("<interpreter>") == len(replies) - 1
    assert "<think>" not in context
    assert sequence.turns.max() == len(replies) - 1
    assert (sequence.mask == (sequence.turns >= 0)).all()


@pytest.mark.parametrize("size", [(28, 28), (56, 300), (112, 112), (113, 57), (400, 90), (641, 479), (33, 1000)])
def test_every_picture_has_as_many_tokens_as_its_size_says(processor: Any, size: tuple[int, int]) -> None:
    shown = picture(*size)
    sequence = of_messages(processor, [Message(Role.USER, (shown, "?")), Message(Role.ASSISTANT, ("1",))])
    assert (sequence.ids == processor.image_token_id).sum() == RULE.tokens(shown.size) - 2
    assert sequence.pictures == (shown,)


def turn(prompt: list[int], reply: list[int], *, shown: str = "") -> Turn:
    seen = (SeenImage(shown, 56, 56, 6),) if shown else ()
    logprobs = tuple(-0.1 * (n + 1) for n in range(len(reply)))
    return Turn(text="", prompt_ids=tuple(prompt), token_ids=tuple(reply), logprobs=logprobs, observation=seen)


def trace(*turns: Turn) -> Trace:
    return Trace(
        task_id="1",
        question="?",
        images=(TaskImage("a.png", 56, 56, "v.png", 56, 56, 6),),
        model="m",
        sampling=Sampling(),
        format="code_tags",
        prompt="",
        turns=turns,
        stop=StopReason.ANSWERED,
        started="",
        seconds=0.0,
    )


def test_recorded_ids_are_used_as_they_are() -> None:
    first, second = turn([1, 2, 3], [4, 5], shown="d"), turn([1, 2, 3, 4, 5, 6, 7], [8, 9])
    (sequence,) = of_trace(trace(first, second), lambda name: name.encode())
    assert sequence.ids.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert sequence.turns.tolist() == [-1, -1, -1, 0, 0, -1, -1, 1, 1]
    assert sequence.logprobs is not None
    assert sequence.logprobs.tolist() == pytest.approx([0, 0, 0, -0.1, -0.2, 0, 0, -0.1, -0.2])
    assert [picture.encoded for picture in sequence.pictures] == [b"v.png", b"d.png"]


def test_a_reply_that_was_changed_begins_another_sequence() -> None:
    first, second = turn([1, 2], [3, 4], shown="d"), turn([1, 2, 3, 9, 5], [6])
    one, other = of_trace(trace(first, second), lambda name: b"")
    assert (one.ids.tolist(), one.turns.tolist(), len(one.pictures)) == ([1, 2, 3, 4], [-1, -1, 0, 0], 1)
    assert (other.ids.tolist(), other.turns.tolist(), len(other.pictures)) == ([1, 2, 3, 9, 5, 6], [-1] * 5 + [1], 2)


def test_a_rollout_without_recorded_ids_is_refused() -> None:
    with pytest.raises(DataError, match="1: turn 1 has no recorded token ids"):
        of_trace(trace(Turn(text="<answer>1</answer>")), lambda name: b"")
