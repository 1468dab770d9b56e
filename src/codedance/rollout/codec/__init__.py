"""How a conversation about a task is written and read: prompts, actions, observations.

    codec = Codec(Format.CODE_TAGS)
    messages = codec.opening(question, pictures, turns=10, time_s=20)
    reply = await model.generate(messages, codec.request(sampling))
    action = codec.parse(reply)                              # .code, .answer, or .problem
    messages += codec.response(reply, action, observation)   # what joins the conversation

Rollouts, data export and training use this one object. Prompts are files of the package; `digest` names them in every trace.
Not covered: token ids; running the code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from codedance.image_marks import ImageMark, split_at_marks, without_image_marks
from codedance.images import InputImage, Picture, digest_bytes
from codedance.model.chat import Message, Reply, Role
from codedance.rollout.codec.calls import TOOL_NAME, Misread, code_of_arguments
from codedance.rollout.codec.escape import escape, escape_forgeries, escape_reply, storable
from codedance.rollout.codec.observe import observe, seen
from codedance.rollout.codec.parse import Action, Form, parse
from codedance.rollout.settings import Format
from codedance.types import Coordinates, FinishReason, Repair, Sampling, Tool, ToolCall

__all__ = ["Action", "Codec", "Form", "observe", "seen"]

_OF_TOOL = (
    "environment.md", "environment.pictures.md", "example.crop.md", "example.display.md", "example.print.md", "shown_by_tool.md",
    "tool.json",
)  # fmt: skip
_NO_TOOL = "no_tool"
_CANNOT_RUN = "code cannot be run here"
_EMPTY_REPLY = "(empty reply)"
_WITH_FIRST = "(see the first call)"
_NO_NAME = re.compile(r"[^\w-]", re.ASCII)
_MOST_NAME = 64


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What sets one format apart."""

    observation_tag: str
    forms: frozenset[Form]
    """Of code, without a repair."""
    stop: tuple[str, ...]


_DIALECTS = {
    Format.CODE_TAGS: _Dialect("interpreter", frozenset({Form.TAG}), ("</code>", "<interpreter>")),
    Format.TOOL_CALL: _Dialect("tool_response", frozenset({Form.CALL}), ("</tool_call>", "<tool_response>")),
    Format.OPENAI_TOOLS: _Dialect("interpreter", frozenset(), ("<interpreter>",)),
}


class Codec:
    """Writes and reads one format. Stateless; share it freely.

    Args:
        format: how the model writes its actions.
        tool: whether it may run code.
        system: a system prompt to use as it stands, in place of ours.
        coordinates: how the model writes places in pictures, which our prompt speaks of.
        is_exact: the model sees exactly the pixels that are sent.
    """

    def __init__(
        self,
        format: Format,
        *,
        tool: bool = True,
        system: str = "",
        coordinates: Coordinates = Coordinates.PIXELS,
        is_exact: bool = True,
    ) -> None:
        self.format = format
        self.tool = tool
        self._dialect = _DIALECTS[format]
        self._own = format if tool else _NO_TOOL
        names = (f"{self._own}.system.md", f"{self._own}.nudge.md", "last_turn.md", *(_OF_TOOL if tool else ()))
        self._places = f"places.{coordinates}.md" if is_exact or coordinates is not Coordinates.PIXELS else "places.resized.md"
        names = (*names, self._places) if tool else names
        self.texts = {name: _text(name) for name in sorted(names)}
        """Every prompt text, by file."""
        self._system = storable(system)
        if system:
            self.texts[f"{self._own}.system.md"] = self._system
        self.digest = digest_bytes(json.dumps(self.texts, sort_keys=True).encode())
        """Names the prompt texts."""

    def opening(
        self, question: str, images: Sequence[InputImage], turns: int, time_s: float, *, has_pictures: bool = True
    ) -> list[Message]:
        """The conversation before the first reply: who the model is, the pictures, the question.

        Args:
            question: its words.
            images: what is sent with it.
            turns: how many replies there may be.
            time_s: how long a run of code may take.
            has_pictures: the question has some, so that our prompt speaks of `input_image`.
        """
        system = self._system or self._introduction(turns, time_s, has_pictures)
        parts = _question(storable(question), [_announced(image, index, len(images)) for index, image in enumerate(images)])
        return [Message(Role.SYSTEM, (system.strip(),)), Message(Role.USER, tuple(_merged(parts)))]

    def request(self, sampling: Sampling) -> Sampling:
        """With the stop texts and tools of this format."""
        if not self.tool:
            return sampling
        tools: tuple[Tool, ...] = ()
        if self.format is Format.OPENAI_TOOLS:
            tool = json.loads(self.texts["tool.json"])
            tools = (Tool(tool["name"], tool["description"], json.dumps(tool["parameters"])),)
        return replace(sampling, stop=(*sampling.stop, *self._dialect.stop), tools=tools)

    def parse(self, reply: Reply) -> Action:
        """What the model wants; a native call counts before anything written, another format's form counts with a repair."""
        action = parse(reply.text, reply.finish_reason)
        if action.is_missing and not reply.tool_calls:
            action = _in_reasoning(reply) or action
        if not self.tool:
            wants_code = reply.tool_calls or action.code is not None
            return replace(action, code=None, problem=_CANNOT_RUN) if wants_code else action
        if reply.tool_calls:
            called = _native(reply, action, self.format)
            is_written = called.code is None and (action.code is not None or action.answer is not None)
            return replace(action, repairs=(*action.repairs, Repair.MISREAD_JSON)) if is_written else called
        if action.form is not None and action.form is not Form.FENCE and action.form not in self._dialect.forms:
            return replace(action, repairs=tuple(dict.fromkeys((*action.repairs, Repair.OTHER_FORMAT))))
        return action

    def context(self, reply: Reply, action: Action) -> str:
        """The reply as it stands in the conversation: up to the end of its action, its tag closed, forgeries escaped."""
        kept = reply.text[: action.end]
        if action.in_reasoning:  # what was said, and the action alone
            kept = f"{reply.text.rstrip()}\n{reply.reasoning[action.start : action.end]}".lstrip()
        if not kept.strip() and not reply.tool_calls:
            return _EMPTY_REPLY
        if action.missing_close and not action.problem:
            kept = f"{kept.rstrip()}\n{action.missing_close}" if "code" in action.missing_close else kept + action.missing_close
        return escape_reply(kept)

    def response(self, reply: Reply, action: Action, observation: Sequence[str | Picture] = (), note: str = "") -> list[Message]:
        """The reply and what answers it: an observation, a note of ours (`nudge`, `last_turn`), or both."""
        calls = tuple(_understood(call) for call in reply.tool_calls)
        words = self.context(reply, action)
        ids = reply.token_ids if words == reply.text and not calls else None  # those of other words would be a lie
        reasoning = reply.reasoning[: action.start].rstrip() if action.in_reasoning else reply.reasoning
        assistant = Message(Role.ASSISTANT, (words,), calls, token_ids=ids, reasoning=reasoning, extra=reply.extra)
        if not calls:
            tag = self._dialect.observation_tag
            wrapped = [f"<{tag}>\n", *observation, f"</{tag}>"] if observation else []
            return [assistant, Message(Role.USER, tuple(_merged([*wrapped, "\n\n" if wrapped and note else "", note])))]
        words = "".join(part for part in observation if isinstance(part, str))
        pictures = [part for part in observation if not isinstance(part, str)]
        answers = [
            Message(Role.TOOL, (f"{words}\n{note}".strip() if index == 0 else _WITH_FIRST,), (), call.id)
            for index, call in enumerate(calls)
        ]
        if pictures:  # the protocol allows only text in a tool's message
            answers.append(Message(Role.USER, (f"{self.texts['shown_by_tool.md'].strip()}\n", *pictures)))
        return [assistant, *answers]

    def nudge(self, problem: str, *, has_pictures: bool = True) -> str:
        """What to say to a reply that asks for nothing usable."""
        example = self._example("display" if has_pictures else "print")
        return self._fill(f"{self._own}.nudge.md", problem=escape(problem), example=example).strip()

    def last_turn(self) -> str:
        """What to say when only one reply is left."""
        return self.texts["last_turn.md"].strip()

    def _example(self, name: str) -> str:
        """A line of code to show; none where no code can be run."""
        return self.texts[f"example.{name}.md"].strip() if self.tool else ""

    def _introduction(self, turns: int, time_s: float, has_pictures: bool) -> str:
        """Our own system prompt."""
        if not self.tool:
            return self.texts[f"{_NO_TOOL}.system.md"]
        pictures = self._fill("environment.pictures.md", places=self.texts[self._places].strip()) if has_pictures else ""
        environment = self._fill("environment.md", time_s=f"{time_s:g}", pictures=pictures).strip()
        example = self._example("crop" if has_pictures else "print")
        called = {"type": "function", "function": json.loads(self.texts["tool.json"])}
        tool = json.dumps(called) if self.format is Format.TOOL_CALL else ""
        return self._fill(f"{self.format}.system.md", environment=environment, example=example, turns=str(turns), tool=tool)

    def _fill(self, name: str, **values: str) -> str:
        return Template(self.texts[name]).substitute(values)


def _in_reasoning(reply: Reply) -> Action | None:
    """An action that a server filed under the thoughts; a fence there is a draft where the text says something else."""
    action = parse(reply.reasoning, reply.finish_reason, in_thought=True)
    if (action.code is None and action.answer is None) or (action.form is Form.FENCE and reply.text.strip()):
        return None
    return replace(action, in_reasoning=True, repairs=(*action.repairs, Repair.IN_REASONING))


def _native(reply: Reply, written: Action, format: Format) -> Action:
    """Several calls in one reply are one cell, in order."""
    repairs: dict[Repair, None] = {repair: None for repair in written.repairs if repair is Repair.FORGED_OBSERVATION}
    blocks: list[str] = []
    problem = ""
    for call in reply.tool_calls:
        try:
            code, was_broken = code_of_arguments(call.arguments)
        except Misread as error:
            problem = problem or str(error)
            continue
        if was_broken:
            repairs[Repair.MISREAD_JSON] = None
        if code.strip():
            blocks.append(code)
    if len(blocks) > 1:
        repairs[Repair.SEVERAL_BLOCKS] = None
    if format is not Format.OPENAI_TOOLS:
        repairs[Repair.OTHER_FORMAT] = None
    thought = written.thought if written.answer is None and written.code is None else ""
    if blocks:
        return Action(thought=thought, code="\n".join(blocks), form=Form.CALL, end=written.end, repairs=tuple(repairs))
    is_cut = reply.finish_reason is FinishReason.LENGTH
    problem = "the code was cut off at the token limit" if is_cut else problem or "the code was empty"
    return Action(thought=thought, end=written.end, repairs=tuple(repairs), problem=problem, is_cut=is_cut)


def _announced(image: InputImage, index: int, num: int) -> list[str | Picture]:
    """A picture of the question with its name and sizes."""
    name = "input_image" if num == 1 else f"input_images[{index}]"
    view, full = image.view.size, image.original_size
    detail = f"; at full resolution {full.width}x{full.height}" if full != view else ""
    return [image.view, f"\n({name}: {view.width}x{view.height} pixels{detail})\n"]


def _question(question: str, pictures: Sequence[list[str | Picture]]) -> list[str | Picture]:
    """The pictures, each where a mark of the question stands for it if the marks fit them, else in front; then the words."""
    parts = split_at_marks(question.strip())
    marks = [part for part in parts if isinstance(part, ImageMark)]
    in_front = not any(part.strip() for part in parts[: 2 * len(marks) - 1] if isinstance(part, str))
    numbers = [mark.number for mark in marks]
    if all(number is None for number in numbers) and len(marks) == len(pictures):
        numbers = list(range(1, len(pictures) + 1))
    if in_front or not all(number is not None and number <= len(pictures) for number in numbers):
        words = escape_forgeries(without_image_marks(question))
        front = [part for picture in pictures for part in picture]
        return [*front, f"\n{words}" if pictures else words]
    placed: list[str | Picture] = [p for n, picture in enumerate(pictures, start=1) if n not in numbers for p in picture]
    left = dict(enumerate(pictures, start=1))
    for part in parts:
        if isinstance(part, ImageMark):
            number = numbers.pop(0) or 0
            placed += left.pop(number, [f"image {number}"])
        else:
            placed.append(escape_forgeries(part))
    return placed


def _understood(call: ToolCall) -> ToolCall:
    """A native call as it goes back: servers parse the arguments of earlier calls, and refuse a conversation with broken ones."""
    return replace(call, name=_NO_NAME.sub("_", call.name)[:_MOST_NAME] or TOOL_NAME, arguments=_as_json(call.arguments))


def _as_json(arguments: str) -> str:
    """Their own words where those are the JSON object that was asked for; else what was understood, as such an object."""
    given = _object(arguments)
    try:
        code = code_of_arguments(arguments)[0]
    except Misread:
        return escape_forgeries(json.dumps(given, ensure_ascii=False)) if given is not None else "{}"
    if given is not None and given.get("code") == code:
        return escape_forgeries(arguments)
    return json.dumps({"code": escape_forgeries(code)}, ensure_ascii=False)


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, by the strict grammar; None where it is something else."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _merged(parts: Sequence[str | Picture]) -> list[str | Picture]:
    """Neighbouring texts as one, empty ones gone."""
    merged: list[str | Picture] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return merged


@cache
def _text(name: str) -> str:
    return (resources.files("codedance.rollout") / "prompts" / name).read_text("utf-8")
