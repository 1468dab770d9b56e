"""Compare mathematical expressions by math-verify and sympy, in processes that are killed when they take too long.

    with Expressions(time_s=5.0) as expressions:
        expressions.are_equal("$\\frac{1}{2}$", "0.5")      # True
        expressions.values(("2^{2^{99}}",))                 # raises Unsettled after five seconds

math-verify's own time limits work by signals, in main threads only, and sympy can neither be interrupted nor trusted with memory:
so the work is done by processes with a memory limit of their own, which start when first needed. They do not import the program
that asks, so that a script needs no `if __name__ == "__main__"`. Not covered: proofs.
"""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as TooLate
from contextlib import contextmanager
from importlib import import_module
from math import isfinite
from multiprocessing.context import SpawnContext, SpawnProcess
from threading import Lock
from types import TracebackType
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

_MEMORY = 2 << 30
_CALLS = 2000
"""After so many a process is replaced; sympy's caches grow."""
_LONGEST = 2000
_LEAST = 1e-6
_ROUNDED = 5e-3
"""Values that are nearer than this may be roundings of each other."""
_POINTS = (0.37, 1.83, 3.19)
"""Where expressions with variables are compared."""


class _Process(SpawnProcess):
    """A fresh process that does not run the script of this one again, as spawned ones do to find its functions."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _without_script():
            return SpawnProcess._Popen(process_obj)


class _Context(SpawnContext):
    Process = _Process


@contextmanager
def _without_script() -> Iterator[None]:
    main = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(hidden)


class Unsettled(Exception):
    """An expression that could not be compared: it took too long, or too much memory, or is no expression."""


class Expressions:
    """A few processes that compare expressions."""

    def __init__(self, time_s: float = 5.0, processes: int = 2) -> None:
        self._time_s = time_s
        self._processes = processes
        self._pool: ProcessPool | None = None
        self._starting = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None

    def are_equal(self, gold: str, answer: str) -> bool:
        """As math-verify 0.9 compares them.

        Raises:
            Unsettled: in time and memory there was no result.
        """
        return bool(self._run(_are_equal, (gold, answer)))

    def compare(self, gold: str, answer: str) -> bool | None:
        """Whether two pieces of LaTeX mean the same; None where one cannot be read, or where only their form may differ.

        Different are numbers and collections of numbers with other values, and expressions in the same variables with another
        value at some point.

        Raises:
            Unsettled: in time and memory there was no result.
        """
        found: bool | None = self._run(_compare, (gold, answer))
        return found

    def values(self, texts: Sequence[str]) -> list[float | None]:
        """The value of each LaTeX text; None for one that has none.

        Raises:
            Unsettled: in time and memory there was no result.
        """
        found: list[float | None] = self._run(_values, texts)
        return found

    def _run(self, work: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> Any:
        if any(len(text) > _LONGEST for text in texts):
            raise Unsettled(f"an expression of more than {_LONGEST} characters")
        with self._starting:  # several threads may ask first
            if self._pool is None:
                self._pool = ProcessPool(self._processes, max_tasks=_CALLS, initializer=_limit, context=_Context())
        try:
            return self._pool.schedule(work, args=(tuple(texts),), timeout=self._time_s).result()
        except TooLate:
            raise Unsettled(f"no result within {self._time_s:g} s") from None
        except (ProcessExpired, MemoryError):
            raise Unsettled("no result within the memory limit") from None


def _limit() -> None:
    """Of a fresh process."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.WARNING)
    import_module("math_verify")  # takes seconds, which are not the first expression's


def _are_equal(texts: Sequence[str]) -> bool:
    from math_verify import parse, verify  # type: ignore[import-untyped]

    parsed = [parse(text, parsing_timeout=None) for text in texts]
    return bool(verify(*parsed, timeout_seconds=None))


def _compare(texts: Sequence[str]) -> bool | None:
    from math_verify import parse, verify

    gold, answer = ([one for one in parse(f"${text}$", parsing_timeout=None) if not isinstance(one, str)] for text in texts)
    if not gold or not answer:
        return None
    if verify(gold, answer, timeout_seconds=None):
        return True
    try:
        return False if _differ(gold[0], answer[0]) else None
    except Exception:  # boundary: sympy raises whatever it likes at what it cannot evaluate
        return None


def _differ(gold: Any, answer: Any) -> bool:
    """Whether two parsed texts have other values for sure."""
    from sympy import Expr, Float

    if isinstance(gold, Expr) and isinstance(answer, Expr):
        close = _ROUNDED if gold.has(Float) or answer.has(Float) else _LEAST
        symbols = sorted(gold.free_symbols, key=str)
        if gold.free_symbols != answer.free_symbols:
            return False
        points = [dict(zip(symbols, (start + step for step in range(len(symbols))), strict=True)) for start in _POINTS]
        pairs = [(_number(gold.subs(point)), _number(answer.subs(point))) for point in points[: None if symbols else 1]]
        return any(
            one is not None and other is not None and abs(one - other) > close * max(abs(one), _LEAST) for one, other in pairs
        )
    one, other = _items(gold), _items(answer)
    if one is None or other is None:
        return False
    return len(one) != len(other) or any(abs(x - y) > _ROUNDED * max(abs(x), _LEAST) for x, y in zip(one, other, strict=True))


def _number(value: Any) -> complex | None:
    number = complex(value.evalf())
    return number if isfinite(number.real) and isfinite(number.imag) else None


def _items(value: Any) -> list[complex] | None:
    """The numbers of a collection, in order of size; None for what is none."""
    from sympy import FiniteSet, Interval, MatrixBase, Tuple

    if isinstance(value, Interval):
        parts = [value.start, value.end]
    elif isinstance(value, FiniteSet | Tuple | MatrixBase):
        parts = list(value)
    else:
        return None
    numbers = [_number(part) for part in parts]
    found = [number for number in numbers if number is not None]
    return sorted(found, key=lambda number: (number.real, number.imag)) if len(found) == len(numbers) else None


def _values(texts: Sequence[str]) -> list[float | None]:
    from latex2sympy2_extended import latex2sympy  # type: ignore[import-untyped]

    def value(text: str) -> float | None:
        try:
            found = float(latex2sympy(text).evalf())
        except Exception:  # boundary: the parser raises whatever it likes at texts that are no expressions
            return None
        return found if isfinite(found) else None

    return [value(text) for text in texts]
