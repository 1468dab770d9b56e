"""Conversations in the order and with the roles that a server's chat template takes.

    arrange(messages, {Arrangement.SYSTEM_INTO_USER})          # for templates without a system role (Gemma 2, Molmo)

The conversation itself stays as it is; only what is sent changes, and only after the server has refused it as it stands
(`adaptation`). What each server refuses: Mistral's templates a user's message right behind a tool's (mistral-common#169), Gemma's
and Llama 3.2 Vision's the role system (vllm#8854), strict templates two messages of one role in a row or the role tool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from enum import StrEnum

from codedance.images import Picture
from codedance.model.chat import Message, Role

_BRIDGE = "I will look at the pictures that the tool has shown."
_ID_LENGTH = 9


class Arrangement(StrEnum):
    """One way in which messages are sent otherwise than they stand."""

    SYSTEM_INTO_USER = "system text stands before the first user message"
    BRIDGE_AFTER_TOOL = "a sentence of the assistant stands between a tool's message and the user's pictures"
    PICTURES_IN_TOOL = "pictures that a tool shows stand in its own message"
    TOOL_AS_USER = "tool calls and their results are written as ordinary messages"
    MERGED = "neighbouring messages of one role are sent as one"
    SHORT_IDS = "tool calls have ids of nine letters and digits"
    TEXT_AS_PARTS = "texts are sent as lists of parts"
    """Applied by `wire`."""
    EMPTY_TEXT = "an empty text is sent as such, not as null"
    """Applied by `wire`."""


def arrange(messages: Sequence[Message], wanted: Set[Arrangement]) -> list[Message]:
    """The messages as they are to be sent."""
    arranged = list(messages)
    for arrangement, apply in _STEPS.items():
        if arrangement in wanted:
            arranged = apply(arranged)
    return arranged


def with_unique_ids(messages: Sequence[Message]) -> list[Message]:
    """Calls of one conversation with an id each: some servers count anew in every reply, others refuse one twice."""
    used: set[str] = set()
    renamed: dict[str, list[str]] = {}
    found: list[Message] = []
    for message in messages:
        if message.tool_calls:
            renamed = {}
            calls = []
            for call in message.tool_calls:
                fresh = call.id if call.id not in used else f"{call.id}_{len(used)}"
                used.add(fresh)
                renamed.setdefault(call.id, []).append(fresh)
                calls.append(call if fresh == call.id else replace(call, id=fresh))
            message = replace(message, tool_calls=tuple(calls)) if tuple(calls) != message.tool_calls else message
        elif message.tool_call_id is not None and renamed.get(message.tool_call_id):
            fresh = renamed[message.tool_call_id].pop(0)
            message = message if fresh == message.tool_call_id else replace(message, tool_call_id=fresh)
        found.append(message)
    return found


def _system_into_user(messages: list[Message]) -> list[Message]:
    system = "\n\n".join(message.text for message in messages if message.role is Role.SYSTEM)
    others = [message for message in messages if message.role is not Role.SYSTEM]
    if not system:
        return others
    for index, message in enumerate(others):
        if message.role is Role.USER:
            others[index] = replace(message, content=(f"{system}\n\n", *message.content))
            return others
    return [Message(Role.USER, (system,)), *others]


def _bridge_after_tool(messages: list[Message]) -> list[Message]:
    found: list[Message] = []
    for message in messages:
        if message.role is Role.USER and found and found[-1].role is Role.TOOL:
            found.append(Message(Role.ASSISTANT, (_BRIDGE,)))
        found.append(message)
    return found


def _pictures_in_tool(messages: list[Message]) -> list[Message]:
    found: list[Message] = []
    for message in messages:
        if message.role is Role.USER and found and found[-1].role is Role.TOOL:
            found[-1] = replace(found[-1], content=(*found[-1].content, "\n", *message.content))
        else:
            found.append(message)
    return found


def _tool_as_user(messages: list[Message]) -> list[Message]:
    if not any(message.tool_calls or message.role is Role.TOOL for message in messages):
        return messages
    found: list[Message] = []
    for message in messages:
        if message.tool_calls:
            calls = "\n".join(f"{call.name}({call.arguments})" for call in message.tool_calls)
            words = (*message.content, "\n" if message.text else "", calls)
            found.append(replace(message, content=tuple(word for word in words if word), tool_calls=()))
        elif message.role is Role.TOOL:
            found.append(Message(Role.USER, message.content))
        else:
            found.append(message)
    return _merged(found)


def _merged(messages: list[Message]) -> list[Message]:
    found: list[Message] = []
    for message in messages:
        last = found[-1] if found else None
        if last is None or last.role is not message.role or last.role is Role.TOOL or last.tool_calls or message.tool_calls:
            found.append(message)
            continue
        between: tuple[str | Picture, ...] = ("\n\n",)
        found[-1] = replace(last, content=(*last.content, *between, *message.content), token_ids=None)
    return found


def _short_ids(messages: list[Message]) -> list[Message]:
    return [
        replace(
            message,
            tool_calls=tuple(replace(call, id=_short(call.id)) for call in message.tool_calls),
            tool_call_id=None if message.tool_call_id is None else _short(message.tool_call_id),
        )
        for message in messages
    ]


def _short(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:_ID_LENGTH]


_STEPS: dict[Arrangement, Callable[[list[Message]], list[Message]]] = {
    Arrangement.PICTURES_IN_TOOL: _pictures_in_tool,
    Arrangement.BRIDGE_AFTER_TOOL: _bridge_after_tool,
    Arrangement.TOOL_AS_USER: _tool_as_user,
    Arrangement.SYSTEM_INTO_USER: _system_into_user,
    Arrangement.MERGED: _merged,
    Arrangement.SHORT_IDS: _short_ids,
}
