r"""Read what a model wants: code to run, an answer, or nothing usable.

    parse("<think>zoom</think><code>\n```python\nprint(1)\n```\n</code>", FinishReason.STOP).code     # 'print(1)'

One reader for every written format, since models mix them. It goes through the reply once, from left to right:

- What stands in `<think>` or in an observation that the model made up is no action, whatever tags it holds.
- The first action decides. What follows it could not know its outcome and is left out of the conversation. Code blocks that
  follow one another, with words between them at most, are one cell.
- A tag beats a bare fence: ```python counts only where no tag does.

Not covered: native tool calls, which arrive already cut out.
"""

from __future__ import annotations

import ast
import re
import textwrap
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from codedance.rollout.codec.calls import Misread, code_of_call
from codedance.rollout.codec.escape import OBSERVATION_TAGS
from codedance.types import FinishReason, Repair

_ACTIONS = ("code", "tool_call", "answer")
_TAG = re.compile(rf"<\s*(/?)\s*(think|{'|'.join(_ACTIONS + OBSERVATION_TAGS)})\s*>", re.IGNORECASE)
_FENCE = re.compile(r"\s*(`{3,}|~{3,})[ \t]*(?:(?:python3?|py)\b)?(?:[ \t]*\r?\n|[ \t]+)", re.IGNORECASE)
_BARE_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*(?:python3?|py)\b[ \t]*\r?\n", re.IGNORECASE)


class Form(StrEnum):
    """How a piece of code was written."""

    TAG = "tag"
    CALL = "call"
    FENCE = "fence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What one reply asks for: code, an answer, or neither and why."""

    thought: str = ""
    """What the reply says before its action."""
    code: str | None = None
    answer: str | None = None
    form: Form | None = None
    """Of the code."""
    end: int = 0
    """Where in the reply the action ends."""
    missing_close: str = ""
    """The closing tag that a stop string or the token limit took away."""
    repairs: tuple[Repair, ...] = ()
    problem: str = ""
    """Why there is neither code nor an answer, in words for the model."""
    is_cut: bool = False
    """The token limit took away what would have been the action."""


def parse(text: str, finish: FinishReason) -> Action:
    """The action of a reply; never raises."""
    return _Reader(text, finish).read()


class _Reader:
    """Goes through one reply; `_at` is how far it has come."""

    def __init__(self, text: str, finish: FinishReason) -> None:
        self._text = text
        self._finish = finish
        self._at = 0
        self._thoughts: list[str] = []
        self._plain: list[tuple[int, int]] = []  # spans outside of every tag, one for each of the last thoughts
        self._repairs: dict[Repair, None] = {}  # in the order in which they were needed
        self._blocks: list[str] = []
        self._form: Form | None = None
        self._answer: str | None = None
        self._end: int | None = None
        self._missing_close = ""
        self._problem = ""
        self._is_cut = False

    def read(self) -> Action:
        self._skip_prefilled_thought()
        while not self._is_decided and (tag := _TAG.search(self._text, self._at)) is not None:
            self._take(tag)
        if not self._blocks and not self._is_decided:
            self._take_words(len(self._text))
            self._read_bare_code()
        if self._end is None:
            self._end = len(self._text)
        self._look_behind(self._text[self._end :])
        if not self._blocks and self._answer is None and not self._problem:
            self._problem = "it had neither code to run nor an answer"
            self._is_cut = self._finish is FinishReason.LENGTH
        return Action(
            thought="\n\n".join(self._thoughts),
            code="\n".join(self._blocks) if self._blocks else None,
            answer=self._answer,
            form=self._form,
            end=self._end,
            missing_close=self._missing_close,
            repairs=tuple(self._repairs),
            problem=self._problem,
            is_cut=self._is_cut,
        )

    @property
    def _is_decided(self) -> bool:
        return self._answer is not None or bool(self._problem)

    def _take(self, tag: re.Match[str]) -> None:
        closes, name = bool(tag[1]), tag[2].lower()
        if self._blocks and (name == "answer" or name in OBSERVATION_TAGS):
            self._at = len(self._text)  # whatever stands from here on could not know what the code does
            return
        self._take_words(tag.start())
        self._at = tag.end()
        if name in OBSERVATION_TAGS:
            self._note(Repair.FORGED_OBSERVATION)
            self._at = self._close_of(name)[1] if not closes else self._at
        elif closes:
            return  # a closing tag on its own means nothing
        elif name == "think":
            self._read_thought()
        elif name == "answer":
            self._read_answer()
        else:
            self._read_code(name)

    def _take_words(self, end: int) -> None:
        """What stands outside of tags, up to `end`."""
        words = self._text[self._at : end].strip()
        if words and not self._blocks:
            self._thoughts.append(words)
            self._plain.append((self._at, end))

    def _note(self, repair: Repair) -> None:
        self._repairs[repair] = None

    def _close_of(self, name: str, start: int | None = None) -> tuple[int, int, bool]:
        """Where the closing tag begins and ends, and whether there is one."""
        close = re.compile(rf"<\s*/\s*{name}\s*>", re.IGNORECASE).search(self._text, self._at if start is None else start)
        return (close.start(), close.end(), True) if close else (len(self._text), len(self._text), False)

    def _skip_prefilled_thought(self) -> None:
        """Some templates write the opening <think> themselves, so that a reply starts in the middle of the thought."""
        first = re.search(r"<\s*(/?)\s*think\s*>", self._text, re.IGNORECASE)
        if first is None or not first[1] or not self._text[first.end() :].strip():
            return
        if words := self._text[: first.start()].strip():
            self._thoughts.append(words)
        self._at = first.end()

    def _read_thought(self) -> None:
        start, end, is_closed = self._close_of("think")
        if not is_closed:
            self._note(Repair.UNCLOSED_THINK)  # then it ends where the next action starts, or with the reply
            return
        if not self._blocks and (words := self._text[self._at : start].strip()):
            self._thoughts.append(words)
        self._at = end

    def _read_answer(self) -> None:
        start, self._end, is_closed = self._close_of("answer")
        inner = _TAG.sub("", self._text[self._at : start]).strip()  # tags inside of an answer are no tags
        was_cut = not is_closed and self._finish is FinishReason.LENGTH
        if not is_closed:
            self._missing_close = "</answer>"
        if was_cut:
            self._note(Repair.UNCLOSED_ANSWER)
        if inner:
            self._answer = inner
        else:
            self._problem, self._is_cut = "the answer was empty", was_cut

    def _read_code(self, name: str) -> None:
        body, end, is_closed = self._body(name)
        self._at = end
        was_cut = not is_closed and self._finish is FinishReason.LENGTH
        try:
            code, problem = self._code_in(body, name), ""
        except Misread as error:
            code, problem = "", str(error)
        if was_cut and (problem or not _compiles(code)):
            problem = "the code was cut off at the token limit"
        elif not problem and not code.strip():
            problem = "the code block was empty"
        if problem:
            if not self._blocks:  # else: the blocks before it are good enough
                self._problem, self._is_cut, self._end = problem, was_cut, end
            return
        if not is_closed:
            self._missing_close = f"</{name}>"
        if was_cut:
            self._note(Repair.UNCLOSED_CODE)
        self._add_block(code, Form.TAG if name == "code" else Form.CALL, end)

    def _add_block(self, code: str, form: Form, end: int) -> None:
        if self._blocks:
            self._note(Repair.SEVERAL_BLOCKS)
        self._form = self._form or form
        self._blocks.append(code)
        self._end = end

    def _body(self, name: str) -> tuple[str, int, bool]:
        """The inside of a code tag. A fence protects closing tags inside of it, as in print('</code>')."""
        search_from = self._at
        if name == "code" and (fence := _FENCE.match(self._text, self._at)) is not None:
            search_from = _fence_end(self._text, fence) or self._at
        start, end, is_closed = self._close_of(name, search_from)
        return self._text[self._at : start], end, is_closed

    def _code_in(self, body: str, name: str) -> str:
        if name == "tool_call":
            code, was_broken = code_of_call(body)
            if was_broken:
                self._note(Repair.MISREAD_JSON)
            return code
        fence = _FENCE.match(body)
        if fence is None:
            if body.strip():
                self._note(Repair.MISSING_FENCE)
            return _flush_left(body)
        return _in_fence(body, fence)

    def _read_bare_code(self) -> None:
        """Code without any tag: python fences, or the JSON of a call alone."""
        for start, end in self._plain:
            words = self._text[start:end].strip()
            first = _BARE_FENCE.search(self._text, start, end)
            if first is not None:
                self._read_fences(first, end)
            elif words.startswith("{") and words.endswith("}"):
                with suppress(Misread):
                    self._add_block(code_of_call(words)[0], Form.CALL, end)
                    self._note(Repair.MISREAD_JSON)
                first = re.compile(r"\s*").match(self._text, start)
            if self._blocks and first is not None:
                self._thoughts = [t for t in self._thoughts if t != words]
                self._thoughts += [before] if (before := self._text[start : first.start()].strip()) else []
                return

    def _read_fences(self, fence: re.Match[str] | None, end: int) -> None:
        while fence is not None:
            close = _fence_end(self._text, fence)
            code = _in_fence(self._text[fence.start() : close or end], fence)
            if code.strip() and (close is not None or self._finish is not FinishReason.LENGTH or _compiles(code)):
                self._add_block(code, Form.FENCE, close or end)
                self._note(Repair.BARE_FENCE)
            fence = _BARE_FENCE.search(self._text, close or end, end)

    def _look_behind(self, rest: str) -> None:
        if rest.strip():
            self._note(Repair.TEXT_AFTER_ACTION)
        if any(tag[2].lower() in OBSERVATION_TAGS for tag in _TAG.finditer(rest)):
            self._note(Repair.FORGED_OBSERVATION)


def _fence_end(text: str, fence: re.Match[str]) -> int | None:
    """Where the line that closes a fence ends."""
    close = _closing_fence(fence).search(text, fence.end())
    return close.end() if close else None


def _closing_fence(fence: re.Match[str]) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*{fence[1][0]}{{3,}}[ \t]*(?=\r?$|<\s*/)", re.MULTILINE)


def _in_fence(text: str, fence: re.Match[str]) -> str:
    """The lines inside of a fence that `text` starts with; its close may stand at the end of the last line, or be missing."""
    inner = text[len(fence[0]) :]
    close = _closing_fence(fence).search(inner)
    inner = inner[: close.start()] if close else re.sub(rf"{fence[1][0]}{{3,}}\s*$", "", inner)
    return _flush_left(inner)


def _flush_left(code: str) -> str:
    return textwrap.dedent(code.replace("\r\n", "\n")).strip("\n").rstrip()


def _compiles(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True
