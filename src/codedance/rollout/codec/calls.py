r"""Get the code out of a tool call, in whichever spelling models write it, whole or nearly.

    read_call('{"name": "execute_python_code", "arguments": {"code": "print(1)"}}').code      # 'print(1)'
    read_call("<function=execute_python_code><parameter=code>\nprint(1)\n</parameter></function>").code

Spellings of parameters are rows of `marks.PARAMETERS`. Understood besides: JSON behind a name, JSON that is nearly JSON,
Python's spelling of a call, plain code. There is one tool, so that its name does not matter.
Not covered: several arguments; the one tool has one.
"""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from codedance.reply_marks import PARAMETERS, Kind, Mark
from codedance.rollout.codec.fences import compiles, does_something, flush_left, in_fences
from codedance.rollout.codec.loose_json import UNREADABLE, loose_objects, quoted_code
from codedance.rollout.codec.slips import mended, unfenced
from codedance.rollout.codec.tags import Tags

TOOL_NAME = "execute_python_code"
_CALL = f'{{"name": "{TOOL_NAME}", "arguments": {{"code": "..."}}}}'
CODE_KEYS = ("code", "python", "source", "python_code", "source_code", "script", "program")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "tool_args", "params", "kwargs", "input")
_NAME_BEFORE = re.compile(r"[\s\w.:\-\[\]<>|/`\uff5c\u2581]{0,200}")
_CODE_ARGUMENT = re.compile(
    rf"[A-Za-z_][\w.]{{0,60}}\(\s{{0,8}}(?:{'|'.join(CODE_KEYS)})\s{{0,4}}=\s{{0,4}}[rRbBuU]{{0,2}}(\"\"\"|'''|\"|')"
)
_END_MARKS = re.compile(r"(?:\s{0,4}(?:<\|[a-z_]{2,20}\|>|</s>))+\s{0,4}$")
_MOST_NAME = 60
_MOST_NESTED = 4
_MOST_PARAMETERS = 100
_MOST_CLOSES = 4  # that are tried until what stands before is whole Python


class Misread(Exception):
    """A call that holds no code; the message is for the model."""


class ReadCall(NamedTuple):
    """What was found in a call."""

    code: str
    num: int
    """Of calls; their code is joined."""
    is_broken: bool
    """It was not what its spelling asks for."""
    is_json: bool
    """It was JSON with a name and arguments, as our prompt shows it."""
    missing_close: str = ""
    """Closing marks inside of the call that are not there."""


def read_call(text: str) -> ReadCall:
    """The code of everything between the marks of one call, or of several calls in a row.

    Raises:
        Misread: no code can be found.
    """
    body = text[:-400] + _END_MARKS.sub("", text[-400:])
    if not body.strip():
        raise Misread("the tool call was empty")
    readers = [_in_parameters, _in_json, _in_python]
    if body.lstrip().startswith(("{", "[", '"')):
        readers = [_in_json, _in_parameters, _in_python]
    elif does_something(unfenced(body).strip()):
        readers = [_in_parameters, _in_python]
    for read in readers:
        if (found := read(body)) is not None:
            return found
    raise Misread(f"the tool call was no JSON of the form {_CALL}")


def code_of_arguments(arguments: str) -> tuple[str, bool]:
    """The code in the arguments of a native call, which are sometimes just the code; and whether they were broken.

    Raises:
        Misread: no code can be found.
    """
    try:
        found = read_call(arguments)
    except Misread:
        if arguments.strip() and not arguments.lstrip().startswith(("{", "[", '"')) and compiles(arguments):
            return arguments, True
        raise
    return found.code, found.is_broken or not found.is_json


def end_of_call(text: str, start: int) -> int:
    """Behind the JSON that stands at `start`, where it is whole, so that a tag inside of a string ends nothing; else `start`."""
    brace = text.find("{", start, start + 200)
    if brace < 0 or not _NAME_BEFORE.fullmatch(text, start, brace):
        return start
    with suppress(*UNREADABLE):
        return json.JSONDecoder(strict=False).raw_decode(text, brace)[1]
    return start


def pythonic_call(text: str, start: int, end: int) -> int | None:
    """Where, at the start of a line, a call in Python's spelling begins that hands over code; None where none does."""
    for found in _CODE_ARGUMENT.finditer(text, start, end):
        line = text.rfind("\n", start, found.start()) + 1
        before = text[max(line, start) : found.start()].strip()
        if before == "[" or (not before and found[0].startswith(TOOL_NAME)):
            return max(line, start)
    return None


def _in_json(body: str) -> ReadCall | None:
    """JSON as it should be, behind a name, or nearly."""
    text = unfenced(body).strip()
    with suppress(*UNREADABLE):
        return _joined(_codes_of(json.loads(text)), is_broken=False, is_json=True)
    brace = text.find("{")
    if brace > 0 and _NAME_BEFORE.fullmatch(text, 0, brace):
        with suppress(*UNREADABLE):
            value, end = json.JSONDecoder().raw_decode(text, brace)
            if not text[end:].strip("`]> \t\r\n"):
                return _joined(_codes_of(value), is_broken=False, is_json=False)
    for value in loose_objects(text):
        with suppress(*UNREADABLE):
            return _joined(_codes_of(value), is_broken=True, is_json=True)
    code = quoted_code(text, CODE_KEYS)
    return None if code is None else _joined([unfenced(code)], is_broken=True, is_json=True)


def _in_parameters(body: str) -> ReadCall | None:
    """Code as the value of a parameter between marks."""
    tags = Tags(body)
    for mark, pattern, closing in _PARAMETERS:
        codes: list[str] = []
        missing = ""
        closes = [found.span() for found in closing.finditer(body)] if pattern.search(body) else []
        at = 0
        for _ in range(_MOST_PARAMETERS):
            if (opening := pattern.search(body, at)) is None:
                break
            end, at = _end_of_value(body, opening.end(), closes, tags)
            value = body[opening.end() : end]
            if opening["name"].lower() in CODE_KEYS or does_something(flush_left(value)):
                codes.append(unfenced(value.strip("\r\n").rstrip()))
                missing = "" if at > end else mark.close
        if codes:
            marks = [mark for mark in (missing, *_open_calls(tags)) if mark]
            return _joined(codes, is_broken=False, is_json=False, missing_close="\n".join(marks))
    return None


def _end_of_value(body: str, start: int, closes: list[tuple[int, int]], tags: Tags) -> tuple[int, int]:
    """Where a value ends and where its closing mark does: the first one behind whole Python, for one may stand in a string."""
    first = bisect_left(closes, start, key=lambda span: span[0])
    for close in closes[first : first + _MOST_CLOSES]:
        if compiles(flush_left(body[start : close[0]])):
            return close
    if first < len(closes):
        return closes[first]
    outer = tags.close_of(Kind.CALL, start)
    end = outer.start if outer else len(body)
    return end, end


def _open_calls(tags: Tags) -> list[str]:
    """The closing marks of calls inside of the call that are not there, innermost first."""
    opened: list[Mark] = []
    for tag in tags.all:
        if tag.kind is Kind.CALL and tag.mark.close:
            if not tag.closes:
                opened.append(tag.mark)
            elif opened and opened[-1] is tag.mark:
                opened.pop()
    return [mark.close for mark in reversed(opened[-_MOST_NESTED:])]


def _in_python(body: str) -> ReadCall | None:
    """A call in Python's spelling, or the code itself."""
    text = unfenced(body).strip()
    with suppress(*UNREADABLE):
        if codes := list(_codes_of_calls(ast.parse(text, mode="eval").body)):
            return _joined(codes, is_broken=False, is_json=False)
    opening = _CODE_ARGUMENT.search(text)
    if opening is not None:
        code = quoted_code(text[: text.rfind(")")] if ")" in text else text, CODE_KEYS, separator="=")
        return None if code is None else _joined([code], is_broken=True, is_json=False)
    fenced = in_fences(body)
    code = fenced.code if fenced.num else text
    return _joined([code], is_broken=True, is_json=False) if does_something(code) else None


def _codes_of_calls(node: ast.expr) -> Iterator[str]:
    """What is handed over as code, in a call or a list of calls."""
    for call in node.elts if isinstance(node, ast.List | ast.Tuple) else [node]:
        if not isinstance(call, ast.Call):
            return
        values = [word.value for word in call.keywords if word.arg in CODE_KEYS] or (
            call.args if len(call.args) == 1 and _name_of(call.func) == TOOL_NAME else []
        )
        if values and isinstance(values[0], ast.Constant) and isinstance(values[0].value, str):
            yield unfenced(values[0].value)


def _name_of(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ""


def _joined(codes: Iterable[str], *, is_broken: bool, is_json: bool, missing_close: str = "") -> ReadCall:
    given = list(codes)
    better = [mended(code) for code in given]
    code = "\n".join(code for code in better if code.strip())
    return ReadCall(code, len(better), is_broken or better != given, is_json, missing_close)


def _codes_of(call: Any) -> list[str]:
    """The code of each call in a JSON value."""
    if isinstance(call, str):
        try:
            call = json.loads(call, strict=False)
        except UNREADABLE:
            call = {"code": call} if does_something(unfenced(call)) else call
    if isinstance(call, list) and call and all(isinstance(line, str) for line in call) and compiles("\n".join(call)):
        call = {"code": call}
    if isinstance(call, dict) and isinstance(call.get("tool_calls"), list):
        call = call["tool_calls"]
    if isinstance(call, list) and any(call) and all(isinstance(one, dict) for one in call):
        return [code for one in call if one for code in _codes_of(one)]
    if not isinstance(call, dict):
        raise Misread(f"a tool call is one JSON object: {_CALL}")
    inner = [call[key] for key in ("function", "function_call", "tool_call") if isinstance(call.get(key), dict)]
    return [unfenced(_code_of(inner[0] if inner else call))]


def _code_of(call: dict[str, Any]) -> str:
    arguments: Any = next((call[key] for key in _ARGUMENT_KEYS if key in call), call)
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments, strict=False)
        except UNREADABLE:
            arguments = {"code": arguments}
    if isinstance(arguments, dict) and arguments is call and len(call) == 1 and isinstance(next(iter(call.values())), dict):
        arguments = next(iter(call.values()))  # {"execute_python_code": {"code": ...}}
    code = _code_among(arguments) if isinstance(arguments, dict) else None
    if code is None:
        name = call.get("name")
        about = f"the tool {name[:_MOST_NAME]!r}" if isinstance(name, str) and name != TOOL_NAME else "the tool call"
        raise Misread(f'{about} had no argument "code"; there is one tool, {TOOL_NAME}, and it takes the code as text')
    return code


def _code_among(arguments: dict[str, Any]) -> str | None:
    """The argument that is the code: by its name, or the only text that is Python and does something."""
    for key in CODE_KEYS:
        value = arguments.get(key)
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            return "\n".join(value)
        if isinstance(value, str):
            return value
    texts = [value for value in arguments.values() if isinstance(value, str) and does_something(unfenced(value))]
    return texts[0] if len(texts) == 1 else None


def _pattern(mark: str) -> re.Pattern[str]:
    """A mark of a parameter, with blanks and further attributes where they make no difference."""
    name = r"(?P<name>[\w.\-]{1,60})"
    pattern = re.escape(mark.replace("\uff5c", "|"))
    pattern = pattern.replace(r"\|DSML\|", r"\|{1,2}\s?DSML\|{1,2}\s?").replace(r"\|", "[|\uff5c]")
    pattern = pattern.replace(r'\ name="NAME">', rf"""\s{{1,4}}name\s?=\s?["']?{name}["']?[^<>]{{0,80}}>""")
    pattern = pattern.replace("<parameter\\s", r"<(?:\w{1,20}:)?parameter\s").replace("</parameter", r"</(?:\w{1,20}:)?parameter")
    pattern = pattern.replace("=NAME>", rf"""\s?=\s?["']?{name}["']?\s?>""")
    pattern = pattern.replace(">NAME</", rf">\s{{0,8}}{name}\s{{0,8}}</").replace("NAME:", f"{name}:")
    return re.compile(pattern.replace("><", r">\s{0,8}<"), re.IGNORECASE)


_PARAMETERS = tuple((mark, _pattern(mark.open), _pattern(mark.close)) for mark in PARAMETERS)
