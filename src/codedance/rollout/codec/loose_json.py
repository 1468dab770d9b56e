r"""JSON that is nearly JSON, as models write it.

    next(loose_objects("{'code': 'print(1)'}"))                             # {'code': 'print(1)'}
    quoted_code('{"code": "print("a")"}', ("code",))                        # 'print("a")'

Understood: raw line breaks in strings, Python literals, words around objects, several objects in a row, inner quotes that are not
escaped, braces or a quote that are missing at the end. Not covered: what the values mean.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from codedance.rollout.codec.fences import compiles

UNREADABLE = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)  # all that literal_eval raises: its documentation
_QUOTES = ('"""', "'''", '"', "'", "\u201d")
_MOST_BRACKETS = 8
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": ""}


def loose_objects(text: str) -> Iterator[Any]:
    """What the text may mean, most likely first: an object, or a list of those that stand in a row."""
    with suppress(*UNREADABLE):
        yield json.loads(text, strict=False)
    with suppress(*UNREADABLE):
        yield ast.literal_eval(text)
    with suppress(*UNREADABLE):
        if objects := list(_objects(text)):
            yield objects if len(objects) > 1 else objects[0]


def quoted_code(text: str, keys: tuple[str, ...], separator: str = ":") -> str | None:
    """The text between the quotes behind one of `keys`, up to the last quote of all: inner ones need not be escaped.

    Where no quote closes it, the text up to the brackets at the end that are not part of it, if that is whole Python.
    """
    start = _key_pattern(keys, separator).search(text)
    if start is None:
        return None
    rest = text.rstrip("}])> \t\r\n`")
    quote = next((quote for quote in _QUOTES if rest.endswith(quote)), None)
    if start[1] == "`":
        rest, quote = text.rstrip("}])> \t\r\n"), "`"
    if quote is None or rest.endswith(f"\\{quote}") or len(rest) - len(quote) < start.end():
        return _unclosed(text[start.end() :])
    return _unescaped(rest[start.end() : len(rest) - len(quote)])


def _unescaped(body: str) -> str:
    if "\n" in body:  # written as it is, so that a backslash belongs to the code
        return body
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), body, flags=re.DOTALL)


def _unclosed(body: str) -> str | None:
    for _ in range(_MOST_BRACKETS):
        body = body.rstrip()
        code = _unescaped(body)
        if code.strip() and compiles(code):
            return code
        if not body.endswith(("}", "]", ")")):
            return None
        body = body[:-1]
    return None


def _objects(text: str) -> Iterator[Any]:
    """Every JSON object, with or without words around it."""
    decoder = json.JSONDecoder(strict=False)
    at = text.find("{")
    while at >= 0:
        value, end = decoder.raw_decode(text, at)
        yield value
        at = text.find("{", end)


@cache
def _key_pattern(keys: tuple[str, ...], separator: str) -> re.Pattern[str]:
    quote = "[\"'\u201c\u201d]?" if separator == ":" else ""
    return re.compile(
        rf"""(?<![\w.]){quote}\b(?:{"|".join(keys)}){quote}\s{{0,20}}{separator}\s{{0,20}}(\"\"\"|'''|"|'|`|\u201c)"""
    )
