"""Run one cell as a notebook would: the last expression is shown, exceptions are reported by their line in the cell.

    outcome = run_cell("x = 3\nx * 2", namespace, 1, restore, finish=print, note=print, interruptible=flag)

`await` may stand outside of functions. Code that does not compile is mended where that is mechanical (`repair.py`), with a note.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import linecache
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from . import names
from .repair import mend, without_label

_OWN_FILES = os.path.dirname(__file__) + os.sep
_MOST_MESSAGE = 2000
_cells = linecache.cache
"""Sources of the cells, for tracebacks."""


class TimeIsUp(BaseException):
    """Raised inside a cell by the supervisor's soft interrupt; not an Exception, so that `except Exception` lets it pass."""


class Interruptible:
    """Whether the soft interrupt may raise: only while the guest's own code runs."""

    def __init__(self) -> None:
        self.now = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """The signal handler: raise once."""
        if self.now:
            self.now = False
            raise TimeIsUp("the time limit was reached")


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a cell, as text that is safe to send."""

    type: str
    message: str
    line: int | None
    trace: str
    out_of_memory: bool


def run_cell(
    source: str,
    namespace: dict[str, Any],
    number: int,
    restore: Callable[[], None],
    finish: Callable[[Any], None],
    note: Callable[[str], None],
    interruptible: Interruptible,
) -> Failure | None:
    """Execute `source` in `namespace`; what happened beside it goes to `note`.

    `restore` undoes what the code did to builtins, before anything else happens. `finish` gets the value of a trailing
    expression (else None) and shows what is left. Returns the failure, if any.
    """
    name = f"<cell {number}>"
    linecache.cache = _cells
    try:
        interruptible.now = True
        body, value = _prepare(source, name, namespace, note)
        try:
            result = None
            if body is not None:
                _execute(body, namespace)
            if value is not None:
                result = _execute(value, namespace)
        finally:
            restore()
        finish(result)
        interruptible.now = False
    except SystemExit as stop:
        interruptible.now = False
        if stop.code is not None and not (type(stop.code) in (int, bool) and stop.code == 0):
            return describe(stop, name)
        note("exit() ended the cell; the session goes on")
    except BaseException as error:  # boundary: whatever guest code raises is data
        interruptible.now = False
        return describe(error, name)
    return None


_Compiled = tuple[CodeType | None, CodeType | None]


def _prepare(source: str, name: str, namespace: dict[str, Any], note: Callable[[str], None]) -> _Compiled:
    """Compile a cell, mended if need be, and bind the names that it counts on."""
    rest = without_label(source)
    if rest is not None and source.split(maxsplit=1)[0] not in namespace:
        source = rest
        note("the first line, which was only a label, was left out")
    _remember(source, name)
    try:
        compiled = _compile(source, name)
    except SyntaxError:
        mended = mend(source, _compiles)
        if mended is None:
            raise
        for text in mended.notes:
            note(text)
        _remember(mended.source, name)
        compiled = _compile(mended.source, name)
    for code in compiled:
        if code is not None:
            names.bind_late(code, namespace)
    return compiled


def _remember(source: str, name: str) -> None:
    """Keep what was run for tracebacks."""
    _cells[name] = (len(source), None, source.splitlines(keepends=True), name)


def _compiles(source: str) -> bool:
    try:
        _compile(source, "<mended>")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _compile(source: str, name: str) -> _Compiled:
    tree = ast.parse(source, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or source.rstrip().endswith(";"):
        return _code(tree, name, "exec"), None
    body = ast.Module(tree.body[:-1], tree.type_ignores)
    value = _code(ast.Expression(last.value), name, "eval")
    return (_code(body, name, "exec") if body.body else None), value


def _code(tree: ast.Module | ast.Expression, name: str, mode: str) -> CodeType:
    code: CodeType = compile(tree, name, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


def _execute(code: CodeType, namespace: dict[str, Any]) -> Any:
    result = eval(code, namespace)
    return asyncio.run(result) if code.co_flags & inspect.CO_COROUTINE else result


def describe(error: BaseException, name: str) -> Failure:
    """What to tell about an exception; survives exceptions whose own methods raise or lie."""
    kind = _name_of(type(error))
    try:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
        line = frames[-1].lineno if frames else None
        if isinstance(error, SyntaxError) and error.filename == name:
            line = error.lineno
        message = str.__str__(error.msg if isinstance(error, SyntaxError) and isinstance(error.msg, str) else str(error))
        trace = str.__str__(_trace(error, name))
        return Failure(
            kind, message[:_MOST_MESSAGE], line if type(line) is int else None, trace, _is_out_of_memory(error, message)
        )
    except BaseException as second:  # boundary: __str__ of a guest's exception is guest code
        return Failure(kind, f"(its message cannot be read: {_name_of(type(second))})", None, "", False)


def _name_of(kind: type) -> str:
    """The name of a class, past any metaclass that has its own idea of it."""
    return str.__str__(type.__dict__["__name__"].__get__(kind))[:200]


def _trace(error: BaseException, name: str) -> str:
    start = error.__traceback__
    while start is not None and start.tb_frame.f_code.co_filename != name:
        start = start.tb_next
    if isinstance(error, TimeIsUp):  # without the frame of the signal handler, which is not the guest's
        frames = [frame for frame in traceback.extract_tb(start) if frame.filename != __file__]
        listed = "".join(traceback.format_list(frames))
        return f"Traceback (most recent call last):\n{listed}TimeIsUp: {error}\n"
    report = traceback.TracebackException(type(error), error, start)
    part: traceback.TracebackException | None = report
    while part is not None:  # without the frames of our own stand-ins for library functions
        part.stack = traceback.StackSummary.from_list([f for f in part.stack if not f.filename.startswith(_OWN_FILES)])
        part = part.__cause__ or part.__context__
    return "".join(report.format())


def _is_out_of_memory(error: BaseException, message: str) -> bool:
    if isinstance(error, MemoryError):
        return True
    return type(error).__module__ == "cv2" and "Insufficient memory" in message
