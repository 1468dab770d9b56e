"""An OpenAI-compatible server that fails on demand: real sockets on 127.0.0.1, standard library only.

    async with FaultyServer(faults=[Fault.BUSY, Fault.DROPPED]) as server:      # then all goes well
        model = OpenAIModel("tiny", [server.url], backoff=FAST)
        reply = await model.generate(...)                                       # server.requests: what arrived

Each chat request takes the next fault. `mix(seed, share)` deals them out by chance, but every run alike: what a request meets
depends on what it says and on how often it came, not on its place among the others. What a good reply says is up to `reply`, by
default an echo that tells requests apart. A model that is not in `models` is refused as such.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from codedance.model.retry import Backoff

FAST = Backoff(first_s=0.002, cap_s=0.02, most_asked_s=0.02)
"""For models under test."""
Json = dict[str, Any]


class Fault(StrEnum):
    """What goes wrong with one request."""

    NONE = "none"
    BUSY = "429 with Retry-After"
    ERROR = "500"
    UNAVAILABLE = "503"
    DROPPED = "dropped before the reply"
    CUT = "dropped in the middle of the body"
    SLOW = "slow bytes"
    SILENT = "no answer at all"
    BAD_JSON = "bad JSON"
    CUT_UTF8 = "truncated UTF-8"
    NO_CHOICES = "empty choices"
    NO_OBJECT = "a body that is no object"
    WEB_PAGE = "a web page"
    NULL_CONTENT = "null content"
    UNKNOWN_MODEL = "404 unknown model"
    TOO_LONG = "400 context too long"
    NO_KEY = "401"
    NO_CREDIT = "429 without credit"


PASSING = [
    *(Fault.BUSY, Fault.ERROR, Fault.UNAVAILABLE, Fault.DROPPED, Fault.CUT, Fault.BAD_JSON),
    *(Fault.CUT_UTF8, Fault.NO_CHOICES, Fault.NO_OBJECT, Fault.WEB_PAGE),
]
"""Asking again helps, without waiting for a timeout."""

_COMPLAINTS = {
    Fault.BUSY: (429, "slow down", "rate_limit_exceeded"),
    Fault.ERROR: (500, "something broke", "server_error"),
    Fault.UNAVAILABLE: (503, "loading the model", "unavailable"),
    Fault.TOO_LONG: (400, "This model's maximum context length is 64 tokens.", "context_length_exceeded"),
    Fault.NO_KEY: (401, "Incorrect API key provided.", "invalid_api_key"),
    Fault.NO_CREDIT: (429, "You exceeded your current quota.", "insufficient_quota"),
    Fault.UNKNOWN_MODEL: (404, "The model does not exist.", "model_not_found"),
}


def mix(seed: int, share: float, faults: Sequence[Fault] = PASSING) -> Callable[[Mapping[str, Any], int], Fault]:
    """One of the faults for this share of the requests, by chance."""

    def fate(body: Mapping[str, Any], num_before: int) -> Fault:
        chance = random.Random(f"{seed} {num_before} {_digest(body)}")
        return chance.choice(faults) if chance.random() < share else Fault.NONE

    return fate


def echo(body: Mapping[str, Any]) -> str:
    """A text that no other conversation gets."""
    return f"echo {_digest(body['messages'])}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Request:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: Json
    connection: int
    """Which one it came over."""
    started: float
    """By time.monotonic()."""
    fault: Fault = Fault.NONE


@dataclass
class FaultyServer:
    """Serves until the end of its `async with`."""

    faults: Sequence[Fault] | Callable[[Mapping[str, Any], int], Fault] = ()
    """In order, then none; or what meets a request's body that came so often before."""
    reply: Callable[[Mapping[str, Any]], str | Json | tuple[int, Json]] = echo
    """Of the request's body: the text of the reply, or the whole answer, with a status where that is not 200."""
    models: tuple[str, ...] = ("tiny",)
    of_models: Mapping[str, Any] = field(default_factory=dict)
    """What the list says of each, beside its name."""
    delay_s: float = 0.0
    """Before each answer."""
    retry_after: str = "1"
    most_at_once: int | None = None
    """Further requests get a 429."""
    complaints: dict[Fault, tuple[int, str, str]] = field(default_factory=lambda: dict(_COMPLAINTS))
    """Status, message and code of the faults that are errors."""
    requests: list[Request] = field(default_factory=list)
    """All chat requests."""
    peak: int = 0
    """The most requests at once."""
    _now: int = 0
    _num_before: Counter[str] = field(default_factory=Counter)
    _port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The base URL, as a model takes it."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open from request to request."""
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(await _read(reader, id(writer)), writer):
                    pass
        finally:
            writer.transport.abort()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may be used again."""
        if request.path == "/v1/models":
            return await _send(
                writer, 200, _as_json({"object": "list", "data": [{"id": name, **self.of_models} for name in self.models]})
            )
        if request.path != "/v1/chat/completions":
            return await _send(writer, 404, b'{"detail":"Not Found"}')
        fault = self._next_fault(request.body)
        self.requests.append(replace(request, fault=fault))
        self._now += 1
        self.peak = max(self.peak, self._now)
        try:
            await asyncio.sleep(self.delay_s)
            return await self._misbehave(fault, request.body, writer)
        finally:
            self._now -= 1

    def _next_fault(self, body: Json) -> Fault:
        if self.most_at_once is not None and self._now >= self.most_at_once:
            return Fault.BUSY
        if callable(self.faults):
            said = _digest(body)
            fault = self.faults(body, self._num_before[said])
            self._num_before[said] += 1
        else:
            fault = self.faults[len(self.requests)] if len(self.requests) < len(self.faults) else Fault.NONE
        return Fault.UNKNOWN_MODEL if fault is Fault.NONE and body["model"] not in self.models else fault

    async def _misbehave(self, fault: Fault, body: Json, writer: asyncio.StreamWriter) -> bool:
        if fault in self.complaints:
            status, message, code = self.complaints[fault]
            error = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
            headers = {"Retry-After": self.retry_after} if fault is Fault.BUSY else {}
            return await _send(writer, status, _as_json(error), headers)
        if fault is Fault.DROPPED:
            return False
        if fault is Fault.SILENT:
            await asyncio.Event().wait()
        status, good = self._good(body)
        if fault is Fault.CUT:
            await _send(writer, 200, good[: len(good) // 2], {"Content-Length": str(len(good))})
            return False
        if fault is Fault.SLOW:
            await _send(writer, 200, good[:1], {"Content-Length": str(len(good))})
            for byte in good[1:]:
                await asyncio.sleep(0.02)
                writer.write(bytes([byte]))
                await writer.drain()
            return True
        strange = {
            Fault.BAD_JSON: good[:-1] + b",",
            Fault.CUT_UTF8: good.replace(b"echo", "\N{GRINNING FACE}".encode()[:3]),
            Fault.NO_CHOICES: b'{"choices": []}',
            Fault.NO_OBJECT: b"[1]",
            Fault.WEB_PAGE: b"<!DOCTYPE html><title>It works</title>",
            Fault.NULL_CONTENT: b'{"choices": [{"message": {"role": "assistant", "content": null}}]}',
        }
        return await _send(writer, status, strange.get(fault, good))

    def _good(self, body: Json) -> tuple[int, bytes]:
        reply = self.reply(body)
        if isinstance(reply, tuple):
            return reply[0], _as_json(reply[1])
        if isinstance(reply, dict):
            return 200, _as_json(reply)
        words = len(json.dumps(body["messages"]).split())
        return 200, _as_json(
            {
                "object": "chat.completion",
                "model": body["model"],
                "choices": [{"index": 0, "message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": words, "completion_tokens": len(reply.split()), "total_tokens": 0},
            }
        )


async def _read(reader: asyncio.StreamReader, connection: int) -> Request:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    started = time.monotonic()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(lines[0].split()[1], headers, json.loads(body) if body else {}, connection, started)


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bool:
    every = {"Content-Type": "application/json", "Content-Length": str(len(body))} | dict(headers or {})
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in every.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    await writer.drain()
    return True


def _as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
