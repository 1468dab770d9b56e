"""How long a server asks to wait, in headers and in words.

    retry_after_s({"retry-after-ms": "1500"}, now=time.time())        # 1.5
    retry_in_s("Please retry after 26 seconds.")                       # 26.0

Headers of OpenAI, Azure, Anthropic, LiteLLM and the drafts of RateLimit; words as their errors hold them. Not covered: limits
that name no time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime

_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_UNIT = r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)"
_AMOUNT = re.compile(rf"({_NUMBER})\s?({_UNIT})", re.IGNORECASE)
_AMOUNTS = rf"(?:{_NUMBER}\s?{_UNIT}(?![a-z])\s?){{1,4}}"
_WAIT = re.compile(
    r"(?:(?:try again|retry|retrying|available|resets?|wait)(?: (?:again|in|after|for|about|at least)){0,2} ?|retryDelay\W{1,6})"
    rf"({_AMOUNTS})",
    re.IGNORECASE,
)
_FIELD = re.compile(r"retry[-_]after(?:_s(?:ec(?:ond)?s?)?)?\W{1,5}(\d{1,9}(?:\.\d{1,9})?)(?![\w.])", re.IGNORECASE)
_CHINESE = re.compile(r"(\d{1,9}) ?(\u79d2|\u5206\u949f).{0,3}\u540e")
_RETRY_HEADERS = ("retry-after", "llm_provider-retry-after", "x-retry-after")
_MILLISECOND_HEADERS = ("retry-after-ms", "x-ms-retry-after-ms", "llm_provider-retry-after-ms")
_RESET_HEADERS = (
    *(
        "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens",
        "x-ratelimit-reset",
        "ratelimit-reset",
        "x-ratelimit-reset-after",
    ),
    *("llm_provider-x-ratelimit-reset-requests", "llm_provider-x-ratelimit-reset-tokens"),
    *("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-input-tokens-reset"),
)
_EPOCH_S = 1e9  # larger numbers of seconds are dates
_EPOCH_MS = 1e12
_SCALES = {"s": 1.0, "m": 60.0, "h": 3600.0}


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """How long a response asks to wait: Retry-After in seconds or as a date, also by LiteLLM's name; else when a limit is over.

    None where it says nothing about the future.
    """
    for name in _MILLISECOND_HEADERS:
        if (thousandths := _seconds(headers.get(name, ""), now)) is not None:
            return thousandths / 1000
    for name in _RETRY_HEADERS:
        if (seconds := _span(headers.get(name, ""), now)) is not None:
            return seconds
    spent = [name for name in _RESET_HEADERS if headers.get(name.replace("reset", "remaining"), "").strip() == "0"]
    waits = [_span(headers.get(name, ""), now) for name in spent or _RESET_HEADERS]
    return min((wait for wait in waits if wait is not None), default=None)


def retry_in_s(words: str) -> float | None:
    """How long the words of an error ask to wait ("Please try again in 20s")."""
    if (found := _WAIT.search(words)) is not None:
        return _total(found[1])
    if (number := _FIELD.search(words)) is not None:
        return float(number[1]) or None
    chinese = _CHINESE.search(words)
    return None if chinese is None else float(chinese[1]) * _SCALES["s" if chinese[2] == "\u79d2" else "m"]


def _total(span: str) -> float | None:
    """Of "1h2m3s", "6m0s", "20 seconds", "548ms"; None for nothing."""
    return sum(float(number) * _scale(unit.lower()) for number, unit in _AMOUNT.findall(span)) or None


def _scale(unit: str) -> float:
    return 1e-3 if unit.startswith(("ms", "milli")) else _SCALES[unit[0]]


def _span(text: str, now: float) -> float | None:
    """Of "20ms", "6m0s", "12", or a date, also one in seconds or milliseconds."""
    text = text.strip()
    if re.fullmatch(_AMOUNTS, text, re.IGNORECASE):
        return _total(text)
    number = _seconds(text, now)
    if number is not None and number > _EPOCH_S and text[:1].isdigit():
        number = number / (1000 if number > _EPOCH_MS else 1) - now
    return number if number is not None and number > 0 else None


def _seconds(text: str, now: float) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        date = _date(text.strip())
        seconds = math.nan if date is None else date.timestamp() - now
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _date(text: str) -> datetime | None:
    """As HTTP writes it, or by ISO 8601 with its zone."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):
            date = read(text)
            return date if date.tzinfo is not None or read is parsedate_to_datetime else None
    return None
