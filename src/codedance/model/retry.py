"""What is worth asking again, and how long to wait before.

A server that is restarting, overloaded or garbled may answer the next time; one that refuses the request never will.

    complaint = read_complaint(503, '{"error": {"message": "loading"}}')
    complaint.is_passing                                    # True: ask again
    Backoff().wait_s(num_failures=3, asked_s=None)          # somewhere between 0 and 2 seconds

Not covered: replies that are whole but useless; those are the caller's business.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

_PASSING = {408, 409, 425, 429}
_OVERLOADED = {429, 503}
_MAY_BE_LENGTH = {400, 413, 422, 500}  # 500: older llama.cpp
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|maximum model length|prompt\b.* is too long|max_new_tokens\W* must be"
    r"|exceeds? the maximum (allowed length|number of tokens)",
    re.IGNORECASE,
)
_MOST_CHARACTERS = 300
_MOST_DOUBLINGS = 30


class AskAgain(Exception):
    """A request that failed in a way that may pass."""

    def __init__(self, reason: str, retry_after_s: float | None = None, *, is_overload: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        """As the server asks."""
        self.is_overload = is_overload
        """Fewer requests at once may help."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to leave a failing endpoint alone: random times below a bound that doubles, or what the server asks for."""

    first_s: float = 0.5
    cap_s: float = 30.0
    most_asked_s: float = 120.0
    """The longest Retry-After that is obeyed."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[float, float], float] = random.uniform

    def wait_s(self, num_failures: int, asked_s: float | None) -> float:
        """Before the next try, after so many failures in a row."""
        if asked_s is not None:
            return min(asked_s, self.most_asked_s)
        return self.draw(0.0, min(self.cap_s, self.first_s * 2.0 ** min(num_failures - 1, _MOST_DOUBLINGS)))


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a server says is wrong."""

    status: int
    message: str
    """In one line, shortened."""
    code: str = ""
    param: str = ""
    """The field of the request that it is about."""

    @property
    def is_too_long(self) -> bool:
        """The conversation does not fit into the model's context."""
        if self.code in ("context_length_exceeded", "exceed_context_size_error"):
            return True
        return self.status in _MAY_BE_LENGTH and _TOO_LONG.search(self.message) is not None

    @property
    def is_unknown_model(self) -> bool:
        """The server has no such model, or no such path."""
        return self.status == 404 or self.code == "model_not_found"

    @property
    def is_out_of_credit(self) -> bool:
        """Paid requests are used up; waiting does not help."""
        return self.code == "insufficient_quota"

    @property
    def is_passing(self) -> bool:
        """The same request may succeed later."""
        if self.is_too_long or self.is_out_of_credit:
            return False
        return self.status in _PASSING or self.status >= 500

    @property
    def is_overload(self) -> bool:
        """The server asks for fewer requests."""
        return self.status in _OVERLOADED

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.message}" if self.message else f"HTTP {self.status}"


def read_complaint(status: int, text: str) -> Complaint:
    """The body of an error, in whichever of the usual shapes a server writes it."""
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Complaint(status, shorten(text))
    if isinstance(body, list) and body:
        body = body[0]
    inner = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(inner, dict):
        return Complaint(status, shorten(inner if isinstance(inner, str) else text))
    message = inner.get("message") or inner.get("detail") or inner.get("error") or text
    code = inner.get("code") if isinstance(inner.get("code"), str) else inner.get("type")
    param = inner.get("param")
    return Complaint(
        status,
        shorten(message if isinstance(message, str) else json.dumps(message)),
        code if isinstance(code, str) else "",
        param if isinstance(param, str) else "",
    )


def shorten(text: str) -> str:
    """In one line that fits into a message, in front of a semicolon."""
    line = " ".join(text[: 20 * _MOST_CHARACTERS].split()).rstrip(".")
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 3] + "..."


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The Retry-After of a response, given as seconds or as a date; None where it says nothing about the future."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
