"""What a conversation is made of and what a model must be able to do.

    class Parrot:                                          # any object with this method and a name is a ChatModel
        name = "parrot"
        async def generate(self, messages, sampling):
            return Reply(text=f"<answer>{messages[-1].text}</answer>")

A message holds texts and pictures in the order in which the model reads them. Not covered: streaming (a reply is used as a
whole), sound, video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from codedance.images import ImageLimits, Picture
from codedance.types import Coordinates, FinishReason, Sampling, ToolCall, Usage


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation."""

    role: Role
    content: tuple[str | Picture, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    """Of an assistant."""
    tool_call_id: str | None = None
    """Of a tool: the call that it answers."""
    token_ids: tuple[int, ...] | None = None
    """Of an assistant: the reply as the model itself wrote it, with its end token where it had one."""
    reasoning: str = ""
    """Of an assistant: its thoughts, where the server returned them apart from the text."""
    extra: str = ""
    """Of an assistant: further fields of its message that the server wants back unchanged, as a JSON object."""

    @property
    def text(self) -> str:
        """The texts without the pictures."""
        return "".join(part for part in self.content if isinstance(part, str))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures without the texts."""
        return tuple(part for part in self.content if not isinstance(part, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model said."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    """Of each token in `token_ids`, or of each token of the text where the server gives no ids."""
    finish_reason: FinishReason = FinishReason.STOP
    reasoning: str = ""
    """Thoughts that the server keeps apart from the text."""
    prompt_ids: tuple[int, ...] | None = None
    extra: str = ""
    """Further fields of the message that the server wants back unchanged (signatures, reasoning details), as a JSON object."""
    refusal: str = ""
    """Why the model or its provider declined to reply; empty where it did not."""
    notes: tuple[str, ...] = ()
    """In what the request was other than asked for, since the server takes it only so."""


class ChatModel(Protocol):
    """Anything that continues a conversation. Safe to call many times at once from one event loop.

    One that knows what pictures it reads as they are, and more, says so in an attribute `info`, a `ModelInfo` (see `info_of`).
    """

    @property
    def name(self) -> str:
        """As traces and reports call it."""
        ...

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The next message of the assistant.

        Raises:
            ContextFull: the conversation does not fit into the model's context.
            ModelError: the model cannot be asked, after the retries that make sense.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a rollout has to know of a model."""

    name: str
    family: str = ""
    """The row of `families` that describes it; empty: nobody knows, and what follows are defaults."""
    image_limits: ImageLimits = field(default_factory=ImageLimits)
    coordinates: Coordinates = Coordinates.PIXELS
    """Which numbers it writes for places in a picture."""
    context: int | None = None
    """Tokens that it reads, its reply included."""


def info_of(model: ChatModel) -> ModelInfo:
    """What a model says of itself; the defaults where it says nothing."""
    info = getattr(model, "info", None)
    return info if isinstance(info, ModelInfo) else ModelInfo(name=model.name)


def origin_of(model: ChatModel) -> str:
    """Who answers, as far as caches have to tell answers apart: the endpoints of a model behind some, else the kind of model."""
    return str(getattr(model, "origin", "")) or f"{type(model).__module__}.{type(model).__qualname__}"
