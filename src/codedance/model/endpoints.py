"""Several servers that can answer the same requests: share the load, leave a failing one alone, lose nothing.

A request goes to the server with the fewest requests in flight. A server that fails is left alone for a growing time while the
request goes to another at once; when all are cooling, it waits for the first to come back. One that says it has too many
requests gets half as many at once, and one more after as many successes.

    endpoints = Endpoints(["http://a:8000/v1", "http://b:8000/v1"], concurrency=32)
    reply = await endpoints.ask(call, tries=6)              # call(endpoint) answers, or raises AskAgain

Not covered: sending a conversation back to the server that has its beginning in memory; limits by tokens a minute.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from bisect import insort
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from codedance.errors import ModelError
from codedance.model.notices import tell
from codedance.model.retry import AskAgain, Backoff, Trouble

T = TypeVar("T")
_log = logging.getLogger(__name__)
_TELL_AFTER = 3  # failures in a row
_WAITED_OUT = {
    Trouble.RATE_LIMIT: "waiting until the limit is over; a lower --concurrency meets it less often",
    Trouble.RESTARTING: "waiting for the server",
}


@dataclass(eq=False, slots=True)
class Endpoint:
    """One server, as this process knows it."""

    url: str
    """Without credentials."""
    room: float
    """Requests at once that it may have now."""
    num_in_flight: int = 0
    last_turn: int = -1
    """When it was last asked, in the order of all requests."""
    num_failures: int = 0
    """In a row; those of one burst count once."""
    num_coolings: int = 0
    cooling: asyncio.Task[None] | None = None
    cooling_s: float = 0.0
    num_replies: int = 0
    """That it has ever given."""

    @property
    def is_open(self) -> bool:
        """It may have one more request now."""
        return self.cooling is None and self.num_in_flight + 1 <= self.room


@dataclass(eq=False, slots=True)
class _Request:
    """One request on its way from try to try; the older one goes first."""

    age: int
    tries: int
    reasons: dict[Endpoint, AskAgain] = field(default_factory=dict)
    """The last one of each endpoint."""
    failures: Counter[Endpoint] = field(default_factory=Counter)
    counted: Counter[Endpoint] = field(default_factory=Counter)
    """Of the failures, those that were not only waiting."""
    waiting_since: dict[tuple[Endpoint, Trouble], float] = field(default_factory=dict)
    turn: asyncio.Future[Endpoint] | None = None

    def may_try(self, endpoint: Endpoint) -> bool:
        return self.counted[endpoint] < self.tries

    def note(self, endpoint: Endpoint, failure: AskAgain, now: float, grace_s: float) -> None:
        """One more failure; it counts when troubles of its kind have lasted for longer than `grace_s`."""
        self.reasons[endpoint] = failure
        self.failures[endpoint] += 1
        self.counted[endpoint] += now - self.waiting_since.setdefault((endpoint, failure.kind), now) >= grace_s


class Endpoints:
    """Servers for the same requests. Use it from one event loop."""

    def __init__(self, urls: Sequence[str], concurrency: int, backoff: Backoff | None = None) -> None:
        self.all = tuple(Endpoint(url, concurrency) for url in urls)
        self._concurrency = concurrency
        self._backoff = backoff or Backoff()
        self._waiting: list[_Request] = []
        self._ages = itertools.count()
        self._turns = itertools.count()
        self._is_closed = False

    async def ask(self, call: Callable[[Endpoint], Awaitable[T]], tries: int) -> T:
        """What the first successful call returns.

        Each endpoint may fail `tries` times, so that a dead one among live ones costs no request anything but time. Limits by the
        minute, and the restart of a server that has answered before, are waited out for some minutes before they count.

        Raises:
            ModelError: every endpoint failed that often, with the last reason of each; or this was closed.
        """
        request = _Request(next(self._ages), tries)
        while any(request.may_try(endpoint) for endpoint in self.all):
            async with self._slot(request) as endpoint:
                try:
                    return await call(endpoint)
                except AskAgain as failure:
                    request.note(endpoint, failure, self._backoff.now(), self._grace_s(endpoint, failure.kind))
                    raise
        raise ModelError(_gave_up(request))

    def _grace_s(self, endpoint: Endpoint, trouble: Trouble) -> float:
        if trouble is Trouble.RESTARTING and not endpoint.num_replies:
            return 0.0  # nobody has ever answered there: the URL may be wrong
        return self._backoff.grace_s(trouble)

    def close(self) -> None:
        """Stop waiting for anything; requests that still wait for their turn get a ModelError."""
        self._is_closed = True
        for endpoint in self.all:
            if endpoint.cooling is not None:
                endpoint.cooling.cancel()
        for request in self._waiting:
            if request.turn is not None and not request.turn.done():
                request.turn.set_exception(_closed())

    @asynccontextmanager
    async def _slot(self, request: _Request) -> AsyncIterator[Endpoint]:
        """A place at an endpoint; swallows AskAgain after drawing the consequences."""
        endpoint = await self._take(request)
        cooling_before, replies_before = endpoint.num_coolings, endpoint.num_replies
        try:
            yield endpoint
            self._praise(endpoint, cooling_before)
        except AskAgain as failure:
            if failure.kind is not Trouble.SILENCE or endpoint.num_replies == replies_before:  # else the others got replies
                self._blame(endpoint, cooling_before, failure)
        finally:
            self._give(endpoint)

    async def _take(self, request: _Request) -> Endpoint:
        if self._is_closed:
            raise _closed()
        request.turn = asyncio.get_running_loop().create_future()
        insort(self._waiting, request, key=lambda other: other.age)
        self._dispatch()
        try:
            return await request.turn
        except asyncio.CancelledError:
            if request.turn.done() and not request.turn.cancelled() and request.turn.exception() is None:
                self._give(request.turn.result())
            raise
        finally:
            if request in self._waiting:
                self._waiting.remove(request)

    def _give(self, endpoint: Endpoint) -> None:
        endpoint.num_in_flight -= 1
        self._dispatch()

    def _dispatch(self) -> None:
        """Hand free places to those who wait, the oldest first."""
        for request in tuple(self._waiting):
            if not any(endpoint.is_open for endpoint in self.all):
                return
            endpoint = self._best(request)
            if endpoint is None or request.turn is None or request.turn.done():
                continue
            endpoint.num_in_flight += 1
            endpoint.last_turn = next(self._turns)
            self._waiting.remove(request)
            request.turn.set_result(endpoint)

    def _best(self, request: _Request) -> Endpoint | None:
        fit = [endpoint for endpoint in self.all if endpoint.is_open and request.may_try(endpoint)]
        return min(fit, key=lambda e: (request.failures[e], e.num_in_flight, e.last_turn), default=None)

    def _praise(self, endpoint: Endpoint, cooling_before: int) -> None:
        endpoint.num_replies += 1
        endpoint.room = min(self._concurrency, endpoint.room + 1 / endpoint.room)
        if cooling_before == endpoint.num_coolings:
            endpoint.num_failures = 0

    def _blame(self, endpoint: Endpoint, cooling_before: int, failure: AskAgain) -> None:
        """Leave the endpoint alone for a while. Failures of requests sent before the last cooling are old news."""
        is_news = cooling_before == endpoint.num_coolings
        if self._is_closed:
            return
        if is_news:
            endpoint.num_failures += 1
            endpoint.num_coolings += 1
            if failure.kind in (Trouble.RATE_LIMIT, Trouble.OVERLOAD):
                endpoint.room = max(1.0, endpoint.room / 2)
            if endpoint.num_failures == _TELL_AFTER and failure.kind in _WAITED_OUT:
                tell(f"{endpoint.url}: {failure}; {_WAITED_OUT[failure.kind]}", about=f"{failure.kind} {endpoint.url}")
        elif failure.retry_after_s is None:
            return
        wait_s = self._backoff.wait_s(endpoint.num_failures, failure.retry_after_s)
        if endpoint.cooling is not None:
            if wait_s <= endpoint.cooling_s:
                return
            endpoint.cooling.cancel()
        _log.info("%s: %s; left alone for %.1f s", endpoint.url, failure, wait_s)
        endpoint.cooling_s = wait_s
        endpoint.cooling = asyncio.get_running_loop().create_task(self._come_back(endpoint, wait_s))

    async def _come_back(self, endpoint: Endpoint, wait_s: float) -> None:
        await self._backoff.sleep(wait_s)
        endpoint.cooling = None
        self._dispatch()


def _closed() -> ModelError:
    return ModelError("the model was closed while it was asked; make another one")


def _gave_up(request: _Request) -> str:
    whole = [f"{endpoint.url}: {reason}" for endpoint, reason in request.reasons.items()]
    most = max(request.failures.values(), default=0)
    times = f"{most} tries" if most > 1 else "1 try"
    each = " at each endpoint" if len(whole) > 1 else ""
    is_limit = all(reason.kind is Trouble.RATE_LIMIT for reason in request.reasons.values())
    advice = "lower --concurrency" if is_limit else "check that the server runs and that the base URL is right"
    return f"no answer after {times}{each}: {'; '.join(whole)}; {advice}"
