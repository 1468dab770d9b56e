"""A question for an echoing server, the answer it must get, and the model to ask."""

from __future__ import annotations

from typing import Any

from codedance.model.chat import Message, Role
from codedance.model.openai import OpenAIModel
from model.faulty_server import FAST, echo


def asking(text: str) -> list[Message]:
    return [Message(Role.SYSTEM, ("Be brief.",)), Message(Role.USER, (text,))]


def expected(text: str) -> str:
    """The echo of exactly this question."""
    return echo({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]})


def model_at(*urls: str, name: str = "tiny", **settings: Any) -> OpenAIModel:
    """That hardly waits before it asks again."""
    return OpenAIModel(name, urls, **{"backoff": FAST} | settings)
