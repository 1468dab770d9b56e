r"""Small slips around code that say nothing about what it should do.

    mended("python\nprint(1)")          # 'print(1)': a label that lost its fence
    mended("a = 1\\nprint(a)")          # line breaks that were escaped twice

Only what concerns getting code out of a reply. Not covered: slips inside of the code (indentation, entities, quotes), which the
sandbox mends where it does not compile.
"""

from __future__ import annotations

import re

from codedance.rollout.codec.fences import compiles, flush_left

_FENCE = re.compile(r"(?:`{3,8}|~{3,8})[ \t]{0,8}(?:json|python3?|py|tool_code)?[ \t]{0,8}\r?\n?", re.IGNORECASE)
_LABEL = re.compile(r"\s{0,8}(?:i?python3?|py)[ \t]{0,8}:?[ \t]{0,8}\r?\n(?=\s{0,100}\S)", re.IGNORECASE)
_LABEL_IN_LINE = re.compile(r"\s{0,8}(?:python3?|py)[ \t]{1,8}(?=\S)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([nrt\"'\\])")
_MEANINGS = {"n": "\n", "r": "", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_STRING_OR_ESCAPED = re.compile(r"(?P<string>\"(?:\\.|[^\"\\])*+\"|'(?:\\.|[^'\\])*+')|\\(?P<escaped>[nrt\"'])")


def unfenced(text: str) -> str:
    """Without the fence that opens and closes the text."""
    inner = text.strip()
    fence = _FENCE.match(inner)
    return inner[fence.end() :].rstrip("`~").rstrip() if fence else text


def mended(code: str) -> str:
    """The code without a label left over, and with escapes undone that were written twice; as it is where it compiles."""
    label = _LABEL.match(code)
    if label is not None:
        code = code[label.end() :]
    if "\\" not in code and not _LABEL_IN_LINE.match(code):
        return code
    if compiles(flush_left(code)):
        return code
    return next((better for better in _candidates(code) if compiles(flush_left(better))), code)


def _candidates(code: str) -> list[str]:
    found = []
    if label := _LABEL_IN_LINE.match(code):
        found.append(code[label.end() :])
    if "\\" in code:
        found.append(_ESCAPED.sub(lambda escaped: _MEANINGS[escaped[1]], code))
        found.append(_STRING_OR_ESCAPED.sub(lambda piece: piece["string"] or _MEANINGS[piece["escaped"]], code))
    return found
