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

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from codedance.rollout.codec.calls import Misread, code_of_call, end_of_call
from codedance.rollout.codec.escape import OBSERVATION_TAGS
from codedance.rollout.codec.fences import BARE, compiles, fence_end, flush_left, in_fences, opens_between, protected_until
from codedance.rollout.codec.tags import Tag, Tags, without_tags
from codedance.types import FinishReason, Repair

_BLANK = 100  # characters that an empty tag may hold


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
        self._tags = Tags(text)
        self._was_cut = finish is FinishReason.LENGTH
        self._at = 0
        self._thoughts: list[str] = []
        self._plain: list[tuple[int, int]] = []  # spans outside of every tag
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
        while not self._is_decided and (tag := self._tags.next(self._at)) is not None:
            self._take(tag)
        if not self._blocks and not self._is_decided:
            self._take_words(len(self._text))
            self._read_bare_code()
        end = len(self._text) if self._end is None else self._end
        self._look_behind(end)
        if not self._blocks and self._answer is None and not self._problem:
            self._problem, self._is_cut = "it had neither code to run nor an answer", self._was_cut
        return Action(
            thought="\n\n".join(self._thoughts),
            code="\n".join(self._blocks) if self._blocks else None,
            answer=self._answer,
            form=self._form,
            end=end,
            missing_close=self._missing_close,
            repairs=tuple(self._repairs),
            problem=self._problem,
            is_cut=self._is_cut,
        )

    @property
    def _is_decided(self) -> bool:
        return self._answer is not None or bool(self._problem)

    def _take(self, tag: Tag) -> None:
        if self._blocks and (tag.name == "answer" or tag.name in OBSERVATION_TAGS):
            self._at = len(self._text)  # whatever stands from here on could not know what the code does
            return
        self._take_words(tag.start)
        self._at = tag.end
        if tag.name in OBSERVATION_TAGS:
            self._note(Repair.FORGED_OBSERVATION)
            if not tag.closes:
                close = self._tags.close_of(tag.name, tag.end)
                self._at = close.end if close else len(self._text)
        elif tag.closes:
            return  # a closing tag on its own means nothing
        elif tag.name == "think":
            self._read_thought()
        elif tag.name == "answer":
            self._read_answer(tag)
        else:
            self._read_code(tag)

    def _take_words(self, end: int) -> None:
        """What stands outside of tags, up to `end`."""
        words = self._text[self._at : end].strip()
        if words and not self._blocks:
            self._thoughts.append(words)
            self._plain.append((self._at, end))

    def _note(self, repair: Repair) -> None:
        self._repairs[repair] = None

    def _skip_prefilled_thought(self) -> None:
        """Some templates write the opening <think> themselves, so that a reply starts in the middle of the thought."""
        first = next((tag for tag in self._tags.all if tag.name == "think"), None)
        if first is None or not first.closes:
            return
        if self._tags.next_action(first.end) is None and BARE.search(self._text, first.end) is None:
            return  # a stray tag: what stands before it is all there is
        if words := self._text[: first.start].strip():
            self._thoughts.append(words)
        self._at = first.end

    def _read_thought(self) -> None:
        close = self._tags.close_of("think", self._at)
        if close is None:
            self._note(Repair.UNCLOSED_THINK)  # then it ends where the next action starts, or with the reply
            return
        if not self._blocks and (words := self._text[self._at : close.start].strip()):
            self._thoughts.append(words)
        self._at = close.end

    def _is_mention(self, tag: Tag, close: Tag | None) -> bool:
        """People write "in <answer> tags" too: a tag that holds nothing of its own before the next action is no action."""
        following = self._tags.next_action(tag.end)
        if following is None or (tag.name != "answer" and opens_between(self._text, tag.end, following)):
            return False
        if close is None or self._is_empty(tag, close):
            return True
        return tag.name == "code" and following < close.start

    def _is_empty(self, tag: Tag, close: Tag) -> bool:
        return close.start - tag.end <= _BLANK and not self._text[tag.end : close.start].strip()

    def _read_answer(self, tag: Tag) -> None:
        close = self._tags.close_of("answer", tag.end)
        if self._is_mention(tag, close):
            self._at = close.end if close and self._is_empty(tag, close) else tag.end
            return
        body = self._text[tag.end : close.start if close else len(self._text)]
        self._end = close.end if close else len(self._text)
        if close is None:
            self._missing_close = "</answer>"
        if close is None and self._was_cut:
            self._note(Repair.UNCLOSED_ANSWER)
        inner = without_tags(body).strip()  # tags inside of an answer are no tags
        if inner:
            self._answer = inner
        else:
            self._problem, self._is_cut = "the answer was empty", close is None and self._was_cut

    def _read_code(self, tag: Tag) -> None:
        close = self._tags.close_of(tag.name, tag.end)
        if self._is_mention(tag, close):
            self._at = close.end if close and self._is_empty(tag, close) else tag.end
            return
        protect = protected_until if tag.name == "code" else end_of_call
        if close is not None:
            close = self._tags.close_of(tag.name, protect(self._text, tag.end))
        body = self._text[tag.end : close.start if close else len(self._text)]
        self._at = close.end if close else len(self._text)
        was_cut = close is None and self._was_cut
        try:
            code, problem = self._code_in(body, tag.name), ""
        except Misread as error:
            code, problem = "", str(error)
        if was_cut and (problem or not compiles(code)):
            problem = "the code was cut off at the token limit"
        elif not problem and not code.strip():
            problem = "the code block was empty"
        if problem:
            if not self._blocks:  # else: the blocks before it are good enough
                self._problem, self._is_cut, self._end = problem, was_cut, self._at
            return
        if close is None:
            self._missing_close = f"</{tag.name}>"
        if was_cut:
            self._note(Repair.UNCLOSED_CODE)
        self._add_block(code, Form.TAG if tag.name == "code" else Form.CALL, self._at)

    def _add_block(self, code: str, form: Form, end: int) -> None:
        if self._blocks:
            self._note(Repair.SEVERAL_BLOCKS)
        self._form = self._form or form
        self._blocks.append(code)
        self._end = end

    def _code_in(self, body: str, name: str) -> str:
        if name == "tool_call":
            code, was_broken = code_of_call(body)
            if was_broken:
                self._note(Repair.MISREAD_JSON)
            return code
        code, num_fences = in_fences(body)
        if num_fences > 1:
            self._note(Repair.SEVERAL_BLOCKS)
        if num_fences:
            return code
        if body.strip():
            self._note(Repair.MISSING_FENCE)
        return flush_left(without_tags(body) if self._was_cut else body)

    def _read_bare_code(self) -> None:
        """Code without any tag: python fences, or the JSON of a call alone."""
        for start, end in self._plain:
            words = self._text[start:end]
            fence = BARE.search(self._text, start, end)
            if fence is not None:
                self._read_fences(fence.start(), end)
                first = fence.start()
            else:
                first = max(start, start + words.find("{"))
                if '"name"' in words or '"code"' in words:
                    with suppress(Misread):
                        self._add_block(code_of_call(words[first - start :])[0], Form.CALL, end)
                        self._note(Repair.MISREAD_JSON)
            if self._blocks:
                self._thoughts = [thought for thought in self._thoughts if thought != words.strip()]
                self._thoughts += [before] if (before := self._text[start:first].strip()) else []
                return

    def _read_fences(self, first: int, end: int) -> None:
        """All Python fences of a span, one block each."""
        fence = BARE.search(self._text, first, end)
        while fence is not None:
            close = fence_end(self._text, fence, end)
            code, _ = in_fences(self._text[fence.start() : close or end])
            if code.strip() and (close is not None or not self._was_cut or compiles(code)):
                self._add_block(code, Form.FENCE, close or end)
                self._note(Repair.BARE_FENCE)
            fence = BARE.search(self._text, close, end) if close else None

    def _look_behind(self, end: int) -> None:
        if self._text[end:].strip():
            self._note(Repair.TEXT_AFTER_ACTION)
        if any(tag.start >= end and tag.name in OBSERVATION_TAGS for tag in self._tags.all):
            self._note(Repair.FORGED_OBSERVATION)
