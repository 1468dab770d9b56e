"""Run one cell as a notebook would: the last expression is shown, exceptions are reported by their line in the cell.

    outcome = run_cell("x = 3\nx * 2", namespace, 1, repair, finish=print, interruptible=flag)

Not covered: magics (%...), shell lines (!...), top-level await.
"""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

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
    repair: Callable[[], None],
    finish: Callable[[Any], None],
    interruptible: Interruptible,
) -> tuple[Failure | None, str | None]:
    """Execute `source` in `namespace`.

    `repair` undoes what the code did to builtins, before anything else happens. `finish` gets the value of a trailing
    expression (else None) and shows what is left. Returns the failure, if any, and a note, if an exit() ended the cell.
    """
    name = f"<cell {number}>"
    linecache.cache = _cells
    _cells[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        body, value = _compile(source, name)
        try:
            interruptible.now = True
            if body is not None:
                exec(body, namespace)
            result = eval(value, namespace) if value is not None else None
        finally:
            repair()
        finish(result)
        interruptible.now = False
    except SystemExit as stop:
        interruptible.now = False
        return _exited(stop, name)
    except BaseException as error:  # boundary: whatever guest code raises is data
        interruptible.now = False
        return describe(error, name), None
    return None, None


def _compile(source: str, name: str) -> tuple[CodeType | None, CodeType | None]:
    tree = ast.parse(source, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or source.rstrip().endswith(";"):
        return compile(tree, name, "exec", dont_inherit=True), None
    body = ast.Module(tree.body[:-1], tree.type_ignores)
    value = compile(ast.Expression(last.value), name, "eval", dont_inherit=True)
    return (compile(body, name, "exec", dont_inherit=True) if body.body else None), value


def _exited(stop: SystemExit, name: str) -> tuple[Failure | None, str | None]:
    if stop.code is None or (type(stop.code) in (int, bool) and stop.code == 0):
        return None, "exit() ended the cell; the session goes on"
    return describe(stop, name), None


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
    return "".join(traceback.format_exception(type(error), error, start))


def _is_out_of_memory(error: BaseException, message: str) -> bool:
    if isinstance(error, MemoryError):
        return True
    return type(error).__module__ == "cv2" and "Insufficient memory" in message
