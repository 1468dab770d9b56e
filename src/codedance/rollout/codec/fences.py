r"""Code between markdown fences, as models write them.

    in_fences("```python\na = 1\n```")      # ('a = 1', 1): the code, and how many fences it was in

Understood besides: no language, other names for Python, tildes, code on the line of the fence, a close at the end of the last
line or none, words around fences, several fences, a string that holds a fence of its own. Not covered: other languages.
"""

from __future__ import annotations

import ast
import re
import textwrap

_LANGUAGE = r"\{?(?:i?python3?|py|tool_code)\b\}?"
_OPEN = re.compile(
    rf"(?<!`)(?<!~)(`{{3,8}}|~{{3,8}})[ \t]{{0,8}}(?:{_LANGUAGE})?(?:[ \t]{{0,8}}\r?\n|[ \t]{{1,8}}(?=\S))", re.IGNORECASE
)
BARE = re.compile(rf"(?<!`)(?<!~)(`{{3,8}}|~{{3,8}})[ \t]{{0,8}}{_LANGUAGE}[ \t]{{0,8}}\r?\n", re.IGNORECASE)
"""A fence that says that it holds Python."""
_CLOSE = {sign: re.compile(rf"^[ \t]{{0,8}}{sign}{{3,8}}[ \t]{{0,8}}(?=\r?$|<\s{{0,4}}/)", re.MULTILINE) for sign in "`~"}


def in_fences(text: str) -> tuple[str, int]:
    """The code of all fences together, and their number; 0 where there is none."""
    blocks: list[str] = []
    first = fence = _OPEN.search(text)
    while fence is not None:
        close = _CLOSE[fence[1][0]].search(text, fence.end())
        blocks.append(_inside(text[fence.end() : close.start() if close else len(text)], fence[1][0], close is not None))
        fence = _OPEN.search(text, close.end()) if close else None
    code = "\n".join(block for block in blocks if block)
    if first is None or compiles(code):
        return code, len(blocks)
    whole = flush_left(text[first.end() : last_close(text, first)])
    return (whole, 1) if compiles(whole) else (code, len(blocks))


def protected_until(text: str, start: int) -> int:
    """Where a search for a closing tag may begin: behind the fence that opens at `start`, if one does."""
    fence = _OPEN.match(text, _after_blanks(text, start))
    if fence is None:
        return start
    close = _CLOSE[fence[1][0]].search(text, fence.end())
    return close.end() if close else start


def opens_between(text: str, start: int, end: int) -> bool:
    """Whether a fence opens there."""
    return _OPEN.search(text, start, end) is not None


def fence_end(text: str, fence: re.Match[str], end: int) -> int | None:
    """Where the line that closes a fence ends."""
    close = _CLOSE[fence[1][0]].search(text, fence.end(), end)
    return close.end() if close else None


def last_close(text: str, fence: re.Match[str]) -> int:
    """Where the last line begins that could close a fence."""
    closes = list(_CLOSE[fence[1][0]].finditer(text, fence.end()))
    return closes[-1].start() if closes else len(text)


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


def _inside(code: str, sign: str, is_closed: bool) -> str:
    code = flush_left(code)
    return code if is_closed else code.rstrip(sign).rstrip()


def _after_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start
