"""Compare mathematical expressions by math-verify and sympy, in processes that are killed when they take too long.

    with Expressions(time_s=5.0) as expressions:
        expressions.are_equal("$\\frac{1}{2}$", "0.5")      # True
        expressions.values(("2^{2^{99}}",))                 # raises Unsettled after five seconds

math-verify's own time limits work by signals, in main threads only, and sympy can neither be interrupted nor trusted with memory:
so the work is done by processes with a memory limit of their own, which start when first needed. Not covered: proofs.
"""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as TooLate
from importlib import import_module
from math import isfinite
from multiprocessing import get_context
from threading import Lock
from types import TracebackType
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

_CONTEXT = get_context("spawn")
_MEMORY = 2 << 30
_CALLS = 2000
"""After so many a process is replaced; sympy's caches grow."""
_LONGEST = 2000


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
                self._pool = ProcessPool(self._processes, max_tasks=_CALLS, initializer=_limit, context=_CONTEXT)
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


def _values(texts: Sequence[str]) -> list[float | None]:
    from latex2sympy2_extended import latex2sympy  # type: ignore[import-untyped]

    def value(text: str) -> float | None:
        try:
            found = float(latex2sympy(text).evalf())
        except Exception:  # boundary: the parser raises whatever it likes at texts that are no expressions
            return None
        return found if isfinite(found) else None

    return [value(text) for text in texts]
