r"""Read what a model wants: code to run, an answer, or nothing usable.

    parse("<think>zoom</think><code>\n```python\nprint(1)\n```\n</code>", FinishReason.STOP).code     # 'print(1)'

One reader for every written format, since models mix them; the marks are rows of `marks`. It goes through the reply once, from
left to right:

- What stands in a thought, or in an observation that the model made up, is no action, whatever tags it holds. In a thought that
  nothing closes, code counts where it stands, an answer only where nothing follows it.
- The first action decides. What follows it could not know its outcome and is left out of the conversation. Code blocks that
  follow one another, with words between them at most, are one cell; an output that the model made up between them ends it.
- A tag beats a bare fence, and both beat a box: ```python counts only where no tag does, \boxed{} only where nothing else does.
- A tag that a sentence only names is no action.

Not covered: native tool calls, which arrive already cut out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from codedance.reply_marks import ANSWER, BOXES, CODE, TOOL_CALL, Kind
from codedance.rollout.codec.calls import Misread, ReadCall, read_call
from codedance.rollout.codec.extents import NO_WORD, Extents
from codedance.rollout.codec.fences import Fences, compiles, flush_left, in_fences
from codedance.rollout.codec.mentions import is_named
from codedance.rollout.codec.slips import mended
from codedance.rollout.codec.tags import Tag, Tags, without_tags
from codedance.rollout.codec.thoughts import thoughts
from codedance.rollout.codec.untagged import bare_call, boxed_answer
from codedance.types import FinishReason, Repair

_MOST_BLOCKS = 100  # a reply with more of them repeats itself
_OUR_MARKS = (CODE, TOOL_CALL, ANSWER)
_NOTHING = "it had neither code to run nor an answer"


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
    start: int = 0
    """Where in the reply the action begins."""
    end: int = 0
    """Where in the reply the action ends."""
    in_reasoning: bool = False
    """The positions are those of the reasoning that the server returned apart from the text."""
    missing_close: str = ""
    """The closing mark that a stop text or the token limit took away."""
    repairs: tuple[Repair, ...] = ()
    problem: str = ""
    """Why there is neither code nor an answer, in words for the model."""
    is_cut: bool = False
    """The token limit took away what would have been the action."""

    @property
    def is_missing(self) -> bool:
        """Nothing in the reply even tries to be an action."""
        return self.problem == _NOTHING


def parse(text: str, finish: FinishReason, *, in_thought: bool = False) -> Action:
    """The action of a reply; never raises.

    Args:
        text: the reply.
        finish: why it ended.
        in_thought: it begins inside a thought; nothing in the text says so.
    """
    return _Reader(text, finish, in_thought).read()


class _Reader:
    """Goes through one reply; `_at` is how far it has come."""

    def __init__(self, text: str, finish: FinishReason, in_thought: bool) -> None:
        self._text = text
        self._fences = Fences(text)
        self._tags = Tags(text, self._fences.strings_of_code())
        self._extents = Extents(text, self._tags, self._fences)
        self._was_cut = finish is FinishReason.LENGTH
        self._in_thought = in_thought
        pythons = [fence.start for fence in self._fences.within() if fence.is_python]
        self._last_untagged = max(*pythons, -1, *(text.rfind(mark.open) for mark in BOXES))
        self._spans = thoughts(text, self._tags, self._acts_behind)[::-1]
        self._at = 0
        self._thoughts: list[str] = []
        self._plain: list[tuple[int, int]] = []  # spans outside of every tag
        self._repairs: dict[Repair, None] = {}  # in the order in which they were needed
        self._blocks: list[str] = []
        self._form: Form | None = None
        self._answer: str | None = None
        self._start = 0
        self._end: int | None = None
        self._missing_close = ""
        self._problem = ""
        self._is_cut = False
        self._num_read = 0
        self._checked = 0  # how far the words behind code were searched for an output

    def read(self) -> Action:
        while not self._is_decided and (tag := self._tags.next(self._at)) is not None:
            if not self._pass_thought(tag.start):
                self._take(tag)
        if not self._blocks and not self._is_decided:
            self._pass_thought(len(self._text))
            self._take_words(len(self._text))
            self._read_untagged()
        end = len(self._text) if self._end is None else self._end
        self._look_behind(end)
        if not self._blocks and self._answer is None and not self._problem:
            self._problem, self._is_cut = _NOTHING, self._was_cut
        return Action(
            thought="\n\n".join(self._thoughts),
            code="\n".join(self._blocks) if self._blocks else None,
            answer=self._answer,
            form=self._form,
            start=self._start,
            end=end,
            missing_close=self._missing_close,
            repairs=tuple(self._repairs),
            problem=self._problem,
            is_cut=self._is_cut,
        )

    @property
    def _is_decided(self) -> bool:
        return self._answer is not None or bool(self._problem)

    def _acts_behind(self, at: int) -> bool:
        return self._tags.next_action(at) is not None or self._last_untagged >= at

    def _note(self, repair: Repair) -> None:
        self._repairs[repair] = None

    def _stop(self) -> None:
        """Whatever stands from here on could not know what the code does."""
        self._at = len(self._text)

    def _pass_thought(self, until: int) -> bool:
        """Go behind the thought that begins at `until` or before; whether there was one."""
        while self._spans and self._spans[-1][1] <= self._at:
            self._spans.pop()
        if not self._spans or max(self._spans[-1][0], self._at) > until:
            return False
        start, end = self._spans.pop()
        start = max(start, self._at)
        self._take_words(start)
        marks = [tag for tag in self._tags.between(start, end) if tag.kind is Kind.THOUGHT]
        inner = marks[0].end if marks[0].start == start and not marks[0].closes else start
        if not self._blocks and (words := self._text[inner : marks[-1].start].strip()):
            self._thoughts.append(words)
        self._at = end
        self._in_thought = False
        return True

    def _take(self, tag: Tag) -> None:
        if self._blocks and self._ends_the_cell(tag):
            return self._stop()
        self._take_words(tag.start)
        self._at = tag.end
        if tag.closes:
            if tag.kind is Kind.OBSERVATION and not tag.mark.is_common_word:
                self._note(Repair.FORGED_OBSERVATION)
            return None  # a closing tag on its own means nothing
        if tag.kind is Kind.BOX:
            return None
        close = self._extents.own_close(tag)
        if is_named(self._text, tag, close, self._tags.previous_end(tag.start)) or self._extents.holds_nothing(tag, close):
            self._at = close.end if close and tag.kind is not Kind.OBSERVATION else tag.end
        elif tag.kind is Kind.THOUGHT:
            self._note(Repair.UNCLOSED_THINK)  # it ends where the next action starts, or with the reply
            self._in_thought = True
        elif tag.kind is Kind.OBSERVATION:
            self._pass_observation(tag)
        elif tag.kind is Kind.ANSWER:
            self._read_answer(tag)
        else:
            self._read_code(tag)
        return None

    def _ends_the_cell(self, tag: Tag) -> bool:
        """Whether something comes that could not know what the code does."""
        if tag.kind in (Kind.ANSWER, Kind.OBSERVATION):
            return True
        start, self._checked = max(self._end or 0, self._checked), tag.start
        return self._fences.invented_output(start, tag.start) is not None

    def _take_words(self, end: int) -> None:
        """What stands outside of tags, up to `end`."""
        words = self._text[self._at : end].strip()
        if words and not self._blocks:
            self._thoughts.append(words)
            self._plain.append((self._at, end))

    def _pass_observation(self, tag: Tag) -> None:
        """What the model made up is no action, up to where it closes it."""
        close = self._tags.close_of(tag.mark, tag.end) or self._tags.close_of(tag.kind, tag.end)
        if tag.mark.is_common_word or not tag.mark.close:
            if close is None:
                return
            first = self._tags.next(tag.end)
            if first is not None and first.opens_action and not self._text[tag.end : first.start].strip():
                return  # somebody wrapped the action
        self._note(Repair.FORGED_OBSERVATION)
        self._at = close.end if close else len(self._text)

    def _read_answer(self, tag: Tag) -> None:
        close = self._tags.close_of(Kind.ANSWER, tag.end)
        other = self._extents.next_action(tag)
        end, after = (close.start, close.end) if close else (len(self._text), len(self._text))
        if close is None and (wrong := self._extents.wrong_close(tag)) is not None:
            end, after = wrong.start, wrong.end
        elif close is None and other is not None and other.mark is tag.mark:
            end, after = other.start, other.end
        inner = without_tags(self._text[tag.end : end]).strip()  # tags inside of an answer are no tags
        if self._in_thought and not self._is_final(close, after):
            self._at = after if close else tag.end
            return
        self._start, self._end = tag.start, close.end if close else end
        if close is None:
            self._missing_close = tag.mark.close
            if self._was_cut and end == len(self._text):
                self._note(Repair.UNCLOSED_ANSWER)
        if tag.mark not in _OUR_MARKS:
            self._note(Repair.OTHER_FORMAT)
        if inner:
            self._answer = inner
        else:
            self._problem, self._is_cut = "the answer was empty", close is None and self._was_cut

    def _is_final(self, close: Tag | None, after: int) -> bool:
        """Whether an answer inside a thought is more than tried: the reply ends with it."""
        return close is not None and not self._was_cut and NO_WORD.fullmatch(without_tags(self._text[after:])) is not None

    def _read_code(self, tag: Tag) -> None:
        self._num_read += 1
        if self._num_read > _MOST_BLOCKS:
            return self._stop()
        end, after, is_closed = self._extents.of_code(tag)
        self._at = after
        was_cut = not is_closed and self._was_cut and end == len(self._text)
        if not self._blocks and not self._is_decided:
            self._start = tag.start
        try:
            code, missing, last = self._code_in(tag, end, was_cut)
            problem = ""
        except Misread as error:
            code, missing, last, problem = "", "", end, str(error)
        if was_cut and (problem or not compiles(code)):
            problem = "the code was cut off at the token limit"
        elif not problem and not code.strip():
            problem = "the code block was empty"
        if problem:
            if not self._blocks:  # else: the blocks before it are good enough
                self._problem, self._is_cut, self._end = problem, was_cut, after
            return None
        if was_cut:
            self._note(Repair.UNCLOSED_CODE)
        if tag.mark not in _OUR_MARKS:
            self._note(Repair.OTHER_FORMAT)
        self._add_block(
            code, Form.TAG if tag.kind is Kind.CODE else Form.CALL, last if last < end else (after if is_closed else end)
        )
        marks = [mark for mark in (missing, "" if is_closed and last >= end else tag.mark.close) if mark]
        self._missing_close = "\n".join(marks)
        if last < end:
            self._note(Repair.FORGED_OBSERVATION)
            self._stop()
        return None

    def _add_block(self, code: str, form: Form, end: int) -> None:
        if self._blocks:
            self._note(Repair.SEVERAL_BLOCKS)
        self._form = self._form or form
        self._blocks.append(code)
        self._end = end

    def _code_in(self, tag: Tag, end: int, was_cut: bool) -> tuple[str, str, int]:
        """The code, closing marks that are missing inside, and where it ends.

        Raises:
            Misread: there is none.
        """
        body = self._text[tag.end : end]
        if tag.kind is Kind.CALL:
            call = read_call(body)
            self._note_call(call)
            return call.code, call.missing_close, end
        fenced = in_fences(body)
        if fenced.num > 1:
            self._note(Repair.SEVERAL_BLOCKS)
        if fenced.num:
            return mended(fenced.code), "", tag.end + fenced.end if fenced.has_output else end
        if body.strip():
            self._note(Repair.MISSING_FENCE)
        code = flush_left(without_tags(body) if was_cut else body)
        return self._slip_undone(code), "", end

    def _slip_undone(self, code: str) -> str:
        better = mended(code.removeprefix("`").removesuffix("`") if code.startswith("`") else code)
        if "\\" in code and better != code:
            self._note(Repair.MISREAD_JSON)
        return flush_left(better)

    def _note_call(self, call: ReadCall) -> None:
        if call.is_broken:
            self._note(Repair.MISREAD_JSON)
        if not call.is_json:
            self._note(Repair.OTHER_FORMAT)
        if call.num > 1 and not call.is_broken:
            self._note(Repair.SEVERAL_BLOCKS)

    def _read_untagged(self) -> None:
        """Code without any tag: python fences, or a call alone; else an answer in a box."""
        for start, end in self._plain[:_MOST_BLOCKS]:
            first = self._read_fences(start, end)
            if first is None and (found := bare_call(self._text, start, end)) is not None:
                first, call = found
                self._note_call(call)
                self._note(Repair.MISREAD_JSON if call.is_json else Repair.OTHER_FORMAT)
                self._add_block(call.code, Form.CALL, end)
            if first is not None:
                words = self._text[start:end].strip()
                self._thoughts = [thought for thought in self._thoughts if thought != words]
                self._thoughts += [before] if (before := self._text[start:first].strip()) else []
                self._start = first
                return
        if self._in_thought or self._was_cut:
            return
        if (box := boxed_answer(self._text, self._plain)) is not None:
            self._answer, self._start, self._end = box
            self._note(Repair.UNTAGGED_ANSWER)

    def _read_fences(self, start: int, end: int) -> int | None:
        """Python fences of a span, one block each, up to an output that the model made up; where the first one begins."""
        first = None
        for fence in self._fences.within(start, end):
            if first is not None and self._fences.invented_output(
                self._end or 0, fence.end if not fence.is_python else fence.start
            ):
                break
            if not fence.is_python:
                continue
            code = in_fences(self._text[fence.start : fence.end]).code
            if code.strip() and (fence.is_closed or not self._was_cut or compiles(code)):
                first = fence.start if first is None else first
                self._add_block(mended(code), Form.FENCE, fence.end)
                self._note(Repair.BARE_FENCE)
        return first

    def _look_behind(self, end: int) -> None:
        if self._text[end:].strip():
            self._note(Repair.TEXT_AFTER_ACTION)
        behind = self._tags.between(end, len(self._text) + 1)
        is_forged = any(tag.kind is Kind.OBSERVATION and (self._blocks or not tag.mark.is_common_word) for tag in behind)
        invented = self._fences.invented_output(end, len(self._text)) if self._blocks else None
        if is_forged or (invented is not None and invented.is_output):
            self._note(Repair.FORGED_OBSERVATION)
