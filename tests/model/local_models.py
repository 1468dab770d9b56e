"""Questions for local models, and a look at what the model is asked to compute."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from codedance.images import Picture
from codedance.model.chat import Message, Reply, Role
from codedance.model.local import LocalModel


def noise(width: int, height: int, seed: int = 0) -> Picture:
    """A picture that is unlike any other."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture.of(Image.fromarray(pixels))


def ask(*parts: str | Picture) -> list[Message]:
    """A conversation of one question."""
    return [Message(Role.USER, parts)]


def mixed() -> list[list[Message]]:
    """Conversations of many lengths, with none, one or two pictures of many sizes."""
    asked = [ask("a" * (7 * i), *(noise(56 + 28 * j, 84, seed=i) for j in range(i % 3)), "what is it?") for i in range(6)]
    turns = [Message(Role.ASSISTANT, ("<code>crop()</code>",)), Message(Role.USER, ("there:", noise(90, 60), "and?"))]
    return [*asked, [Message(Role.SYSTEM, ("Look closely.",)), *asked[1], *turns]]


async def failure(asked: Any) -> BaseException | Reply:
    """How it ended, whatever it was."""
    (outcome,) = await asyncio.gather(asked, return_exceptions=True)
    return outcome


@contextmanager
def watched(model: LocalModel, gate: threading.Event | None = None) -> Iterator[list[tuple[int, int]]]:
    """Rows and tokens of every step of the model; none begins before the gate is open."""
    steps: list[tuple[int, int]] = []

    def note(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        steps.append(tuple(kwargs["input_ids"].shape))
        assert gate is None or gate.wait(60)

    handle = model._model.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield steps
    finally:
        handle.remove()
