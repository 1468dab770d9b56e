r"""Actions without a tag of their own: a call that stands alone, and an answer in a box.

    bare_call('{"name": "execute_python_code", "arguments": {"code": "print(1)"}}', 0, 70)
    boxed_answer(r"So it is \boxed{7}.", [(0, 19)])          # ('7', 9, 18)

Servers leave special tokens out of the text, so that a call in DeepSeek's or Mistral's spelling arrives as a name and JSON.
Not covered: bare fences, which `fences` finds; answers in a plain sentence, which count nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from codedance.reply_marks import BOXES
from codedance.rollout.codec.calls import Misread, ReadCall, pythonic_call, read_call

_SAYS_CODE = re.compile(r"[\"'](?:name|code|tool_name|function)[\"']\s{0,4}:|<parameter\b|<arg_key>", re.IGNORECASE)
_BEGINS = re.compile(r"[{\[]|<parameter\b|<arg_key>", re.IGNORECASE)
_MARKUP = re.compile(r"(?:[\s$*_`.!\u3002]|\\\]|\\\)|</?\w{1,20}>|<\|\w{1,30}\|>)*")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\{([^{}]*)\}")
_LONGEST_REST = 80


def bare_call(text: str, start: int, end: int) -> tuple[int, ReadCall] | None:
    """Where a call without marks begins in a span, and what it holds."""
    first = pythonic_call(text, start, end)
    if first is None and _SAYS_CODE.search(text, start, end) is not None:
        begin = _BEGINS.search(text, start, end)
        first = begin.start() if begin else None
    if first is None:
        return None
    try:
        call = read_call(text[first:end])
    except Misread:
        return None
    return (first, call) if call.code.strip() else None


def boxed_answer(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, int, int] | None:
    """What stands in the last box, and where the box begins and ends, if the reply ends with the box's line."""
    begin, mark = max(((text.rfind(mark.open), mark) for mark in BOXES), key=lambda found: found[0])
    if begin < 0 or not any(start <= begin + len(mark.open) <= end for start, end in spans):  # outside of thoughts
        return None
    inner = begin + len(mark.open)
    close = text.find(mark.close, inner) if mark.close != "}" else _closing_brace(text, inner)
    if close < 0:
        return None
    end = close + len(mark.close)
    line, _, later = text[end:].partition("\n")
    if len(line) > _LONGEST_REST or _MARKUP.fullmatch(later) is None:
        return None
    answer = text[inner:close].strip()
    if whole := _TEXT.fullmatch(answer):
        answer = whole[1].strip()
    return (answer, begin, end) if answer else None


def _closing_brace(text: str, start: int) -> int:
    depth = 1
    for brace in re.finditer(r"(?<!\\)[{}]", text[start:]):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return start + brace.start()
    return -1
