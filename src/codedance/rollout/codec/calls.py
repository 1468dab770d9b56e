r"""Get the code out of a tool call, as the JSON that models write or nearly write.

    code_of_call('{"name": "execute_python_code", "arguments": {"code": "print(1)"}}')      # ('print(1)', False)

Understood besides: `parameters` or `args`, arguments as JSON text, bare {"code": ...}, a fence around the JSON or inside the
code, raw line breaks and unescaped quotes in the string, Python literals. Not covered: several arguments; the one tool has one.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

TOOL_NAME = "execute_python_code"
_CALL = f'{{"name": "{TOOL_NAME}", "arguments": {{"code": "..."}}}}'
_FENCE = re.compile(
    r"^\s*(?:`{3,}|~{3,})[ \t]*(?:json|python3?|py)?[ \t]*\r?\n?(.*?)\s*(?:`{3,}|~{3,})?\s*$", re.DOTALL | re.IGNORECASE
)
_CODE_KEY = re.compile(r"""["'](?:code|python|source)["']\s*:\s*(\"\"\"|'''|"|')""")
_TAIL = re.compile(r"""(\"\"\"|'''|"|')\s*[}\]\s]*$""")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": ""}
_KEYS = ("code", "python", "source")


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
    try:
        return _code_of(json.loads(text)), False
    except ValueError:
        pass
    for read in (_lenient_json, ast.literal_eval, _first_object):
        try:
            return _code_of(read(text)), True
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
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
        try:
            ast.parse(arguments)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            pass
        else:
            if arguments.strip() and not arguments.lstrip().startswith(("{", "[", '"')):
                return arguments, True
        raise


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
        except ValueError:
            arguments = {"code": arguments}
    code = next((arguments[key] for key in _KEYS if key in arguments), None) if isinstance(arguments, dict) else None
    if not isinstance(code, str):
        name = call.get("name")
        about = f"the tool {name!r}" if isinstance(name, str) and name != TOOL_NAME else "the tool call"
        raise Misread(f'{about} had no argument "code"; there is one tool, {TOOL_NAME}, and it takes the code as text')
    return _unfenced(code)


def _lenient_json(text: str) -> Any:
    """JSON with raw line breaks in its strings."""
    return json.loads(text, strict=False)


def _first_object(text: str) -> Any:
    """JSON with words around it."""
    return json.JSONDecoder(strict=False).raw_decode(text[text.index("{") :])[0]


def _cut_out(text: str) -> str | None:
    """The code between the quotes, for strings whose inner quotes are not escaped."""
    start, end = _CODE_KEY.search(text), _TAIL.search(text)
    if start is None or end is None or end.start() < start.end():
        return None
    body = text[start.end() : end.start()]
    if "\n" in body:  # written as it is, so that a backslash belongs to the code
        return body
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), body, flags=re.DOTALL)


def _unfenced(text: str) -> str:
    found = _FENCE.match(text) if text.lstrip().startswith(("```", "~~~")) else None
    return found[1] if found else text
