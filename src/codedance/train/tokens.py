"""Conversations as the token sequences that training reads: ids, which of them the model wrote, in which turn, and the pictures.

    sequence = of_messages(processor, messages)                  # a written conversation: tokenised here, once
    sequences = of_trace(trace, store.read)                      # a rollout: the ids that were recorded, as they are

A rollout whose turns do not continue one another letter by letter (a reply was cut, a forgery escaped) becomes several sequences.
Only tokens that the model wrote are ever learnt from: never a question, an observation or a note. Not covered: batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedance.errors import DataError
from codedance.images import Picture, Size
from codedance.model.chat import Message
from codedance.model.processors import encode_whole
from codedance.types import SeenImage, Trace

CONTEXT = -1
"""In `TokenSequence.turns`: not written by the model."""


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """One row to train on. All arrays have one entry a token."""

    ids: NDArray[np.int64]
    turns: NDArray[np.int16]
    """Which turn of the model wrote the token, from 0; CONTEXT for the others."""
    pictures: tuple[Picture, ...]
    """As the model saw them, in the order of their places in `ids`."""
    logprobs: NDArray[np.float32] | None = None
    """Of the tokens when they were drawn; 0 in the context."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The tokens that the model wrote."""
        mask: NDArray[np.bool_] = self.turns != CONTEXT
        return mask


def of_messages(processor: Any, messages: Sequence[Message]) -> TokenSequence:
    """A written conversation; each message of the assistant is a turn, the token that ends it included."""
    inputs, spans = encode_whole(processor, messages)
    ids = inputs["input_ids"][0].numpy()
    turns = np.full(len(ids), CONTEXT, np.int16)
    for turn, (start, end) in enumerate(spans):
        turns[start:end] = turn
    return TokenSequence(ids, turns, tuple(picture for message in messages for picture in message.pictures))


def of_trace(trace: Trace, read: Callable[[str], bytes]) -> list[TokenSequence]:
    """A rollout with recorded ids.

    Args:
        trace: every turn has `prompt_ids` and `token_ids`; an unfinished one gives what there is.
        read: the bytes of a picture by its name in the store.

    Raises:
        DataError: a turn has no recorded ids.
    """
    sequences = []
    run: list[int] = []  # turns that continue one another
    for number, turn in enumerate(trace.turns):
        if turn.prompt_ids is None or turn.token_ids is None:
            raise DataError(f"{trace.task_id}: turn {number + 1} has no recorded token ids; ask with a model that gives them")
        if run:
            last = trace.turns[run[-1]]
            so_far = (*(last.prompt_ids or ()), *(last.token_ids or ()))
            if turn.prompt_ids[: len(so_far)] != so_far:
                sequences.append(_joined(trace, run, read))
                run = []
        run.append(number)
    if run:
        sequences.append(_joined(trace, run, read))
    return sequences


def _joined(trace: Trace, run: list[int], read: Callable[[str], bytes]) -> TokenSequence:
    """Turns that continue one another as one sequence."""
    last = trace.turns[run[-1]]
    ids = np.array([*(last.prompt_ids or ()), *(last.token_ids or ())], np.int64)
    turns = np.full(len(ids), CONTEXT, np.int16)
    logprobs = np.zeros(len(ids), np.float32)
    for number in run:
        turn = trace.turns[number]
        start = len(turn.prompt_ids or ())
        end = start + len(turn.token_ids or ())
        turns[start:end] = number
        if turn.logprobs is not None:
            logprobs[start:end] = turn.logprobs
    pictures = [_picture(image.view_file, image.view_width, image.view_height, read) for image in trace.images]
    for before in trace.turns[: run[-1]]:
        shown = [part for part in before.observation if isinstance(part, SeenImage)]
        pictures += [_picture(part.file, part.width, part.height, read) for part in shown]
    is_drawn = all(trace.turns[number].logprobs is not None for number in run)
    return TokenSequence(ids, turns, tuple(pictures), logprobs if is_drawn else None)


def _picture(name: str, width: int, height: int, read: Callable[[str], bytes]) -> Picture:
    media = "image/jpeg" if name.endswith(".jpg") else "image/png"
    return Picture(Size(width, height), None, read(name), media)
