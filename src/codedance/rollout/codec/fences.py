r"""Code between markdown fences, as models write them.

    in_fences("```python\na = 1\n```").code      # 'a = 1'

Understood besides: no label, other names for Python, tildes, code on the line of the fence, a close at the end of the last line
or none, words around fences, several fences, a string that holds a fence of its own, a fence that opens before the last one
closed. A fence behind code that is labelled as something else, or not at all where the code's was, is an output made up.
Not covered: other languages.
"""

from __future__ import annotations

import ast
import re
import textwrap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from codedance.reply_marks import OUTPUT_FENCES, OUTPUT_LABELS

_PYTHON = re.compile(r"i?python[\d.]{0,4}|py[\d.]{0,4}|tool_code", re.IGNORECASE)
_OPEN = re.compile(
    r"(?<!`)(?<!~)(?P<sign>`{3,8}|~{3,8})[ \t]{0,8}\{?(?P<label>[^\s`~{}()\[\]=\"']{0,30})\}?"
    r"(?:[ \t]{0,8}\r?\n|[ \t]{1,8}(?=\S)|\Z)"
)
_LABELLED = {sign: re.compile(rf"^[ \t]{{0,8}}{sign}{{3,8}}[ \t]{{0,8}}[a-z_]", re.MULTILINE | re.IGNORECASE) for sign in "`~"}
_CLOSE = {sign: re.compile(rf"^[ \t]{{0,8}}{sign}{{3,8}}[ \t]{{0,8}}(?=\r?$|<\s{{0,4}}/)", re.MULTILINE) for sign in "`~"}
_CLOSE_BEHIND_CODE = {sign: re.compile(rf"(?<=[^\s{sign}]){sign}{{3,8}}[ \t]{{0,8}}(?=\r?$)", re.MULTILINE) for sign in "`~"}
_OUTPUT_LABEL = re.compile(
    rf"^[ \t>*#_\[]{{0,8}}(?:{'|'.join(map(re.escape, OUTPUT_LABELS))})[ \t*_\]]{{0,8}}(?:[:\uff1a]|\r?$)",
    re.MULTILINE | re.IGNORECASE,
)

_MOST_FENCES = 500  # a reply with more of them repeats itself
_BRACKET = re.compile(r"[<\[\u25c1\uff1c]")
_Span = TypeVar("_Span", tuple[int, int], tuple[int, int, bool])


class Fence(NamedTuple):
    """One fence; `body` and `end` are positions in the text."""

    start: int
    body: int
    body_end: int
    end: int
    label: str
    is_closed: bool

    @property
    def is_python(self) -> bool:
        """It says that it holds Python."""
        return _is_python(self.label)

    @property
    def is_output(self) -> bool:
        """It says that it holds an output, or nothing."""
        return not self.label or self.label.lower() in OUTPUT_FENCES or self.label.lower().endswith("_output")


class Fenced(NamedTuple):
    """What the fences of a text hold."""

    code: str
    num: int
    """Of blocks of code; 0 where there is no fence."""
    end: int
    """Behind the last of them."""
    has_output: bool
    """A fence behind the code holds an output, and ended the reading."""


class Invented(NamedTuple):
    """Something behind code that only running it could tell."""

    at: int
    is_output: bool
    """It says so itself; else it is a fence in another language."""


class Fences:
    """The fences of one text, found in time proportional to its length."""

    def __init__(self, text: str) -> None:
        self._text = text
        opens = (found for found in _OPEN.finditer(text) if _is_python(found["label"]) or _begins_line(text, found.start()))
        self._opens = list(islice(opens, _MOST_FENCES))
        self._open_starts = [found.start() for found in self._opens]
        self._closes = {sign: [found.span() for found in _CLOSE[sign].finditer(text)] for sign in "`~"}
        self._early = {
            sign: sorted(
                [(*found.span(), False) for found in _CLOSE_BEHIND_CODE[sign].finditer(text)]
                + [(*found.span(), True) for found in _LABELLED[sign].finditer(text)]
            )
            for sign in "`~"
        }

    def within(self, start: int = 0, end: int | None = None) -> Iterator[Fence]:
        """Every fence between two positions, in order."""
        end = len(self._text) if end is None else end
        at: int | None = start
        while at is not None and (index := bisect_left(self._open_starts, at)) < len(self._opens):
            if self._opens[index].end() > end:
                return
            fence = self._fence(self._opens[index], end)
            yield fence
            at = max(fence.end, fence.body) if fence.is_closed else None

    def strings_of_code(self) -> tuple[tuple[int, int], ...]:
        """Spans of whole fences that hold whole Python: a tag in there is part of a string."""
        return tuple(
            (fence.body, fence.body_end)
            for fence in self.within()
            if fence.is_closed
            and (fence.is_python or not fence.label)
            and _BRACKET.search(self._text, fence.body, fence.body_end)
            and compiles(flush_left(self._text[fence.body : fence.body_end]))
        )

    def invented_output(self, start: int, end: int) -> Invented | None:
        """What stands behind code that ends at `start` and only running it could tell."""
        label = _OUTPUT_LABEL.search(self._text, start, end)
        fence = next(self.within(start, label.start() if label else end), None)
        if fence is not None and not fence.is_python:
            return Invented(fence.start, fence.is_output)
        return Invented(label.start(), True) if label else None

    def protected_until(self, start: int) -> int:
        """Where a search for a closing tag may begin: behind the fence that opens at `start`, if one does."""
        opening = _OPEN.match(self._text, _after_blanks(self._text, start))
        if opening is None:
            return start
        fence = self._fence(opening, len(self._text))
        return fence.end if fence.is_closed else start

    def opens_between(self, start: int, end: int) -> bool:
        """Whether a fence opens there."""
        return _OPEN.search(self._text, start, end) is not None

    def _fence(self, opening: re.Match[str], end: int) -> Fence:
        """The one that opens there. It also ends at a close or an opening that is out of place, if whole Python stands before."""
        sign, label, body = opening["sign"][0], opening["label"], opening.end()
        close = _first_from(self._closes[sign], body)
        is_closed = close is not None and close[1] <= end
        body_end, after = close if close and is_closed else (end, end)
        early = _first_from(self._early[sign], body)
        if early and early[0] < body_end:
            code = flush_left(self._text[body : early[0]])
            if (early[2] and not _is_python(label)) or (code and compiles(code)):
                return Fence(opening.start(), body, early[0], early[0] if early[2] else early[1], label, True)
        return Fence(opening.start(), body, body_end, after, label, is_closed)


def in_fences(text: str) -> Fenced:
    """The code of all fences together."""
    blocks: list[str] = []
    first: Fence | None = None
    end, has_output = 0, False
    for fence in Fences(text).within():
        if first is None and not fence.is_python and fence.label:
            continue
        if first is not None and not fence.is_python and (fence.label or first.label):
            has_output = True
            break
        first, end = first or fence, fence.end
        blocks.append(_inside(text[fence.body : fence.body_end], text[fence.start], fence.is_closed))
    code = "\n".join(block for block in blocks if block)
    if first is None or compiles(code):
        return Fenced(code, len(blocks), end, has_output)
    whole = flush_left(text[first.body : _last_close(text, first)])
    return Fenced(whole, 1, len(text), False) if compiles(whole) else Fenced(code, len(blocks), end, has_output)


def flush_left(code: str) -> str:
    """Without the indentation that all lines share, and without blank lines around."""
    return textwrap.dedent(code.replace("\r\n", "\n")).strip("\n").rstrip()


def compiles(code: str) -> bool:
    """Whether it is whole Python."""
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _is_python(label: str) -> bool:
    return _PYTHON.fullmatch(label) is not None


def _begins_line(text: str, at: int) -> bool:
    before = text[max(0, at - 9) : at].rstrip(" \t")
    return before.endswith("\n") or (not before and at < 9)


def _first_from(spans: Sequence[_Span], start: int) -> _Span | None:
    index = bisect_left(spans, start, key=lambda span: span[0])
    return spans[index] if index < len(spans) else None


def does_something(code: str) -> bool:
    """Whether it is whole Python that calls, assigns, imports or computes; `input_image.size` alone does not."""
    if not code.strip():
        return False
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    doing = (ast.Call, ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.BinOp, ast.Compare)
    return any(isinstance(node, doing) for node in ast.walk(tree))


def _last_close(text: str, fence: Fence) -> int:
    """Where the last line begins that could close a fence."""
    closes = list(_CLOSE[text[fence.start]].finditer(text, fence.body))
    return closes[-1].start() if closes else len(text)


def _inside(code: str, sign: str, is_closed: bool) -> str:
    code = flush_left(code)
    return code if is_closed else code.rstrip(sign).rstrip()


def _after_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start
