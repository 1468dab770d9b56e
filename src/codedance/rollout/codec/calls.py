r"""Get the code out of a tool call, as the JSON that models write or nearly write.

    code_of_call('{"name": "execute_python_code", "arguments": {"code": "print(1)"}}')      # ('print(1)', False)

Understood besides: `parameters` or `args`, arguments as JSON text, bare {"code": ...}, a fence around the JSON or inside the
code, raw line breaks and unescaped quotes in the string, Python literals. Not covered: several arguments; the one tool has one.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from codedance.rollout.codec.fences import compiles

TOOL_NAME = "execute_python_code"
_CALL = f'{{"name": "{TOOL_NAME}", "arguments": {{"code": "..."}}}}'
_FENCE = re.compile(r"(?:`{3,8}|~{3,8})[ \t]{0,8}(?:json|python3?|py|tool_code)?[ \t]{0,8}\r?\n?", re.IGNORECASE)
_CODE_KEY = re.compile(r"""["'](?:code|python|source)["']\s{0,20}:\s{0,20}(\"\"\"|'''|"|')""")
_QUOTES = ('"""', "'''", '"', "'")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": ""}
_KEYS = ("code", "python", "source")
_MOST_NAME = 60
_UNREADABLE = (ValueError, SyntaxError, MemoryError, RecursionError)  # the last one from thousands of brackets


class Misread(Exception):
    """A call that holds no code; the message is for the model."""


def code_of_call(text: str) -> tuple[str, bool]:
    """The code, and whether the JSON was broken.

    Raises:
        Misread: no code can be found.
    """
    text = _unfenced(text).strip()
    if not text:
        raise Misread("the tool call was empty")
    with suppress(*_UNREADABLE):
        return _code_of(json.loads(text)), False
    for read in (_lenient_json, ast.literal_eval):
        with suppress(*_UNREADABLE):
            return _code_of(read(text)), True
    with suppress(*_UNREADABLE):
        return "\n".join(_code_of(call) for call in _objects(text)), True
    code = _cut_out(text)
    if code is None:
        raise Misread(f"the tool call was no JSON of the form {_CALL}")
    return _unfenced(code), True


def code_of_arguments(arguments: str) -> tuple[str, bool]:
    """The same for the arguments of a native call, which is sometimes just the code.

    Raises:
        Misread: no code can be found.
    """
    try:
        return code_of_call(arguments)
    except Misread:
        if arguments.strip() and not arguments.lstrip().startswith(("{", "[", '"')) and compiles(arguments):
            return arguments, True
        raise


def end_of_call(text: str, start: int) -> int:
    """Behind the JSON that stands at `start`, where it is whole, so that a tag inside of a string ends nothing; else `start`."""
    brace = text.find("{", start)
    if brace < 0 or text[start:brace].strip(" \t\r\n[`json"):
        return start
    with suppress(*_UNREADABLE):
        return json.JSONDecoder(strict=False).raw_decode(text, brace)[1]
    return start


def _code_of(call: Any) -> str:
    if isinstance(call, list) and len(call) == 1:
        call = call[0]
    if isinstance(call, str):
        call = json.loads(call, strict=False)
    if not isinstance(call, dict):
        raise Misread(f"a tool call is one JSON object: {_CALL}")
    if isinstance(call.get("function"), dict):
        call = call["function"]
    arguments: Any = call
    for key in ("arguments", "parameters", "args"):
        if key in call:
            arguments = call[key]
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments, strict=False)
        except _UNREADABLE:
            arguments = {"code": arguments}
    code = next((arguments[key] for key in _KEYS if key in arguments), None) if isinstance(arguments, dict) else None
    if isinstance(code, list) and all(isinstance(line, str) for line in code):
        code = "\n".join(code)
    if not isinstance(code, str):
        name = call.get("name")
        about = f"the tool {name[:_MOST_NAME]!r}" if isinstance(name, str) and name != TOOL_NAME else "the tool call"
        raise Misread(f'{about} had no argument "code"; there is one tool, {TOOL_NAME}, and it takes the code as text')
    return _unfenced(code)


def _lenient_json(text: str) -> Any:
    """JSON with raw line breaks in its strings."""
    return json.loads(text, strict=False)


def _objects(text: str) -> Iterator[Any]:
    """Every JSON object, with or without words around it; at least one."""
    decoder = json.JSONDecoder(strict=False)
    at = text.index("{")
    while at >= 0:
        value, end = decoder.raw_decode(text, at)
        yield value
        at = text.find("{", end)


def _cut_out(text: str) -> str | None:
    """The code between the quotes, for strings whose inner quotes are not escaped."""
    start = _CODE_KEY.search(text)
    rest = text.rstrip("}] \t\r\n")
    quote = next((quote for quote in _QUOTES if rest.endswith(quote)), None)
    if start is None or quote is None or len(rest) - len(quote) < start.end():
        return None
    body = rest[start.end() : len(rest) - len(quote)]
    if "\n" in body:  # written as it is, so that a backslash belongs to the code
        return body
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), body, flags=re.DOTALL)


def _unfenced(text: str) -> str:
    inner = text.strip()
    fence = _FENCE.match(inner)
    return inner[fence.end() :].rstrip("`~").rstrip() if fence else text
