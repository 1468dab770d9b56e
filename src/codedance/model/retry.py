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
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from codedance.model.context_limit import is_context_full, lower_limit
from codedance.plain import in_one_line

_PASSING = {408, 409, 425, 429}
_RATE_LIMIT = 429
_OVERLOADED = {_RATE_LIMIT, 503}
_RESTARTING = {502, 503, 504}
_MAY_BE_LENGTH = {400, 413, 422, 500}  # 500: older llama.cpp
_CREDIT = re.compile(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|exceeded your current quota|credit balance is too low|billing hard limit"
    r"|arrearage|out of credits|payment required",
    re.IGNORECASE,
)
_COMES_BACK = re.compile(r"per ?(?:minute|second|hour|day)|retry ?(?:in|delay|after)|try again in", re.IGNORECASE)
_UNKNOWN_MODEL = re.compile(
    r"\b(?:invalid|unknown) model\b|\bmodel\b.{0,80}?\b(?:does not|doesn't|not) (?:exist|found)|not a valid model",
    re.IGNORECASE,
)
_NO_SUCH_ROUTE = re.compile(r"no endpoints (?:found|available) (?:that|which|matching)", re.IGNORECASE)
"""OpenRouter: the model is there, but nobody serves it as the request or the account wants it."""
_DECLINED_CODES = re.compile(
    r"content[_-]?(?:filter|policy)|ResponsibleAIPolicy|moderation|data_?inspection|SensitiveContent|invalid_prompt|safety",
    re.IGNORECASE,
)
_DECLINED_WORDS = re.compile(
    r"content (?:management|filtering|filter|policy|moderation|violates|exists risk)|inappropriate content|sensitive content"
    r"|ContentPolicyViolation|(?:response|prompt|completion|output) was filtered|considered high risk"
    r"|requires moderation|new_sensitive|(?:input|output)_sensitive|\u654f\u611f|\u4e0d\u5408\u89c4|\u8fdd\u89c4"
    r"|(?:prompt|input|content|request|messages?) (?:was|were|has been|is) (?:flagged|blocked)|flagged as potentially violating"
    r"|violat\w+ .{0,40}(?:usage|safety|content) (?:policy|policies|guidelines)|blocked by .{0,30}(?:safety|filter|guardrail)",
    re.IGNORECASE,
)
_LEGAL_REASONS = 451
_MAY_DECLINE = {400, 403, 422, _LEGAL_REASONS}
_MOST_WORDS = 6000
_MOST_BODY = 1 << 17
_MOST_CHARACTERS = 300
_MOST_DOUBLINGS = 30
_DEEPEST = 2  # levels of gateways whose quotations are read


class Trouble(StrEnum):
    """Why a request may succeed later, which decides how long to go on."""

    RATE_LIMIT = "rate_limit"
    """Too many requests in a minute: over with the minute."""
    OVERLOAD = "overload"
    """Fewer requests at once may help."""
    RESTARTING = "restarting"
    """Nobody listens, or a proxy says so: a server takes its time to come back."""
    SILENCE = "silence"
    """This connection brings nothing; others may."""
    OTHER = "other"


class AskAgain(Exception):
    """A request that failed in a way that may pass."""

    def __init__(self, reason: str, retry_after_s: float | None = None, *, kind: Trouble = Trouble.OTHER) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        """As the server asks."""
        self.kind = kind


_GRACE_CAPS = {Trouble.RATE_LIMIT: 10.0, Trouble.RESTARTING: 5.0}
"""In units of the longest pause: 5 minutes for limits by the minute; 2.5 for a restart, since vLLM takes 25 to 95 s."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to leave a failing endpoint alone: random times below a bound that doubles, or what the server asks for."""

    first_s: float = 0.5
    cap_s: float = 30.0
    most_asked_s: float = 120.0
    """The longest Retry-After that is obeyed."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.monotonic
    draw: Callable[[float, float], float] = random.uniform

    def grace_s(self, kind: Trouble) -> float:
        """How long a request's troubles of this kind count as waiting, not as failed tries."""
        return self.cap_s * _GRACE_CAPS.get(kind, 0.0)

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

    words: str = field(default="", repr=False, compare=False)
    """The whole message, for recognising."""
    text: str = field(default="", repr=False, compare=False)
    """The whole body."""
    places: tuple[str, ...] = ()
    """Fields of the request that a validator complains about, as paths such as body.messages.0.role."""

    @property
    def is_too_long(self) -> bool:
        """The conversation does not fit into the model's context."""
        return self.is_full(None)

    def is_full(self, asked: int | None) -> bool:
        """The same, knowing the `max_tokens` of the request, which might be what is too long."""
        if asked is not None and self.status in _MAY_BE_LENGTH and lower_limit(self.words, asked) is not None:
            return False
        if self.code in ("context_length_exceeded", "exceed_context_size_error"):
            return True
        return self.status in _MAY_BE_LENGTH and is_context_full(self.words, asked)

    @property
    def may_be_length(self) -> bool:
        """Servers refuse a conversation that is too long with this status, too."""
        return self.status in _MAY_BE_LENGTH

    @property
    def is_redirect(self) -> bool:
        """The server sends the request to another one."""
        return 300 <= self.status < 400

    @property
    def is_unknown_model(self) -> bool:
        """The server has no such model, or no such path."""
        if self.has_no_route:
            return False
        if self.status == 404 or self.code == "model_not_found":
            return True
        return self.status in (400, 403, 422) and _UNKNOWN_MODEL.search(self.words) is not None

    @property
    def has_no_route(self) -> bool:
        """A gateway knows the model, but no provider of it that does what is asked."""
        return self.status == 404 and _NO_SUCH_ROUTE.search(self.words) is not None

    @property
    def is_out_of_credit(self) -> bool:
        """Paid requests are used up; waiting does not help."""
        if self.status == 402 or self.code == "insufficient_quota":
            return True
        return self.status in (400, 403, 429) and bool(_CREDIT.search(self.text)) and not _COMES_BACK.search(self.text)

    @property
    def is_declined(self) -> bool:
        """A content filter or a policy stands against it, not a fault of the request."""
        if self.status not in _MAY_DECLINE:
            return False
        if self.status == _LEGAL_REASONS:
            return True
        return bool(_DECLINED_CODES.search(self.code) or _DECLINED_WORDS.search(self.words))

    @property
    def is_passing(self) -> bool:
        """The same request may succeed later."""
        if self.is_too_long or self.is_out_of_credit:
            return False
        return self.status in _PASSING or self.status >= 500

    @property
    def trouble(self) -> Trouble:
        """What passes, where it does."""
        if self.status == _RATE_LIMIT:
            return Trouble.RATE_LIMIT
        if self.status in _RESTARTING:
            return Trouble.OVERLOAD if self.status in _OVERLOADED else Trouble.RESTARTING
        return Trouble.OTHER

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.message}" if self.message else f"HTTP {self.status}"


def read_complaint(status: int, text: str) -> Complaint:
    """The body of an error, in whichever of the usual shapes a server writes it, and what a gateway quotes in it."""
    text = text[:_MOST_BODY]
    complaint = _read_level(status, text)
    outer, words = complaint, complaint.words
    for _ in range(_DEEPEST):
        if not (quoted := _quoted(outer.text)):
            break
        outer = _read_level(status, quoted)
        words = words if outer.words in words else f"{words}; {outer.words}"[:_MOST_WORDS]
        code, param, places = (outer.code or complaint.code, outer.param or complaint.param, outer.places or complaint.places)
        complaint = replace(complaint, message=shorten(words), words=words, code=code, param=param, places=places)
    return complaint


def _read_level(status: int, text: str) -> Complaint:
    inner = _complaint_in(text)
    if not isinstance(inner, dict):
        return Complaint(status, shorten(inner if isinstance(inner, str) else text), words=text[:_MOST_WORDS], text=text)
    named = [inner.get(key) for key in ("message", "detail", "error", "msg", "status_msg", "error_msg", "title")]
    message = next((words for words in named if words), text)
    codes = (inner.get("code"), _inner_code(inner), inner.get("type"), inner.get("status"))
    told = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    param = inner.get("param")
    return Complaint(
        status,
        shorten(told),
        next((code for code in codes if isinstance(code, str) and code and not code.isdecimal()), ""),
        param if isinstance(param, str) else "",
        words=told[:_MOST_WORDS],
        text=text,
        places=_places(message),
    )


def _complaint_in(text: str) -> object:
    """The object or text that says what is wrong."""
    try:
        body: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, list) and body:
        body = body[0]
    return body.get("error", body) if isinstance(body, dict) else body


def _quoted(text: str) -> str:
    """The error of a provider that a gateway quotes: OpenRouter in `metadata.raw`, others as JSON inside of the message."""
    inner = _complaint_in(text)
    if not isinstance(inner, dict):
        return ""
    metadata = inner.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if raw:
        return raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)
    message = inner.get("message")
    start = message.find("{") if isinstance(message, str) else -1
    if not isinstance(message, str) or start < 0:
        return ""
    try:
        found, _ = json.JSONDecoder().raw_decode(message, start)
    except (ValueError, RecursionError):
        return ""
    return json.dumps(found, ensure_ascii=False) if "error" in found or "message" in found else ""


def _inner_code(inner: Mapping[str, Any]) -> object:
    """Azure's second thoughts about its code, which say more."""
    further = inner.get("innererror")
    return further.get("code") if isinstance(further, dict) else None


def _places(message: object) -> tuple[str, ...]:
    """What a validator's list of complaints is about (FastAPI's `detail`, also inside of `message`)."""
    entries = message.get("detail") if isinstance(message, dict) else message
    if not isinstance(entries, list):
        return ()
    places = [entry.get("loc") for entry in entries if isinstance(entry, dict)]
    return tuple(".".join(str(part) for part in place) for place in places if isinstance(place, list))


def shorten(text: str) -> str:
    """In one line that fits into a message, in front of a semicolon, and that steers no terminal."""
    line = in_one_line(text[: 20 * _MOST_CHARACTERS]).rstrip(".")
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 3] + "..."
