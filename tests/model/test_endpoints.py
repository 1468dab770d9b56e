"""Sharing the load, leaving failing servers alone, losing nothing: with calls that need no network."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from codedance.errors import ModelError
from codedance.model.endpoints import Endpoint, Endpoints
from codedance.model.retry import AskAgain, Backoff, Trouble

URLS = ["http://a", "http://b"]


class Clock:
    """Sleeps that are noted, and that end when told."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self._ends: list[asyncio.Event] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self._ends.append(asyncio.Event())
        await self._ends[-1].wait()

    async def ring(self) -> None:
        """All sleeps so far are over."""
        await settle()
        for end in self._ends:
            end.set()
        await settle()

    def backoff(self) -> Backoff:
        return Backoff(sleep=self.sleep, draw=lambda low, high: high)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def alive_only(*alive: str) -> Callable[[Endpoint], Awaitable[str]]:
    """A call that fails at all other endpoints."""

    async def call(endpoint: Endpoint) -> str:
        await asyncio.sleep(0)
        if endpoint.url not in alive:
            raise AskAgain("it is dead")
        return endpoint.url

    return call


async def test_requests_one_after_another_are_shared_evenly() -> None:
    endpoints = Endpoints(URLS, concurrency=4)
    assert Counter([await endpoints.ask(alive_only(*URLS), tries=1) for _ in range(10)]) == {"http://a": 5, "http://b": 5}


async def test_a_request_goes_where_the_fewest_are_in_flight() -> None:
    endpoints, gate, seen = Endpoints(URLS, concurrency=9), asyncio.Event(), Counter[str]()

    async def call(endpoint: Endpoint) -> None:
        seen[endpoint.url] += 1
        if endpoint.url == "http://a":
            await gate.wait()

    others = [asyncio.ensure_future(endpoints.ask(call, tries=1)) for _ in range(3)]
    await settle()
    before = seen["http://b"]
    for _ in range(5):
        await endpoints.ask(call, tries=1)
    assert seen["http://b"] == before + 5
    gate.set()
    await asyncio.gather(*others)


async def test_no_endpoint_ever_has_more_requests_than_allowed() -> None:
    endpoints, now, peak = Endpoints(URLS, concurrency=3), Counter[str](), Counter[str]()

    async def call(endpoint: Endpoint) -> None:
        now[endpoint.url] += 1
        peak[endpoint.url] = max(peak[endpoint.url], now[endpoint.url])
        await asyncio.sleep(0.001)
        now[endpoint.url] -= 1

    await asyncio.gather(*(endpoints.ask(call, tries=1) for _ in range(50)))
    assert peak == {"http://a": 3, "http://b": 3}


async def test_those_who_wait_get_their_turn_in_order() -> None:
    endpoints, order = Endpoints(["http://a"], concurrency=1), []

    async def ask(number: int) -> None:
        async def call(endpoint: Endpoint) -> None:
            order.append(number)
            await asyncio.sleep(0)

        await endpoints.ask(call, tries=1)

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert order == list(range(20))


@pytest.mark.parametrize("tries", [1, 6])
async def test_a_dead_endpoint_beside_a_live_one_costs_no_request_and_no_waiting(tries: int) -> None:
    clock = Clock()
    endpoints = Endpoints(URLS, 4, clock.backoff())
    for _ in range(5):
        assert await endpoints.ask(alive_only("http://b"), tries) == "http://b"
    assert clock.sleeps == [0.5]
    endpoints.close()


async def test_a_failing_endpoint_is_left_alone_longer_and_longer_and_forgiven_at_once() -> None:
    clock, alive = Clock(), {"http://b"}
    endpoints = Endpoints(URLS, 4, clock.backoff())
    for _ in range(4):
        await endpoints.ask(alive_only(*alive), tries=6)
        await endpoints.ask(alive_only(*alive), tries=6)
        await clock.ring()
    assert clock.sleeps == [0.5, 1, 2, 4]
    assert {await endpoints.ask(alive_only(*URLS), tries=1) for _ in range(2)} == set(URLS)
    for _ in range(2):
        await endpoints.ask(alive_only("http://b"), tries=6)
    assert clock.sleeps == [0.5, 1, 2, 4, 0.5]
    endpoints.close()


async def test_when_all_are_cooling_the_first_to_come_back_is_asked() -> None:
    clock, alive = Clock(), set[str]()
    endpoints = Endpoints(URLS, 4, clock.backoff())

    async def call(endpoint: Endpoint) -> str:
        return await alive_only(*alive)(endpoint)

    asked = asyncio.ensure_future(endpoints.ask(call, tries=6))
    await settle()
    assert (len(clock.sleeps), asked.done()) == (2, False)
    alive.add("http://a")
    await clock.ring()
    assert await asked == "http://a"
    endpoints.close()


async def test_a_burst_of_failures_counts_once() -> None:
    clock = Clock()
    endpoints = Endpoints(["http://a"], 32, clock.backoff())
    asked = [asyncio.ensure_future(endpoints.ask(alive_only(), tries=2)) for _ in range(32)]
    await settle()
    assert clock.sleeps == [0.5]
    await clock.ring()
    assert all(isinstance(one, ModelError) for one in await asyncio.gather(*asked, return_exceptions=True))
    assert clock.sleeps == [0.5, 1]
    endpoints.close()


async def test_the_late_failure_of_a_request_sent_before_the_last_cooling_is_old_news() -> None:
    clock, slow = Clock(), asyncio.Event()
    endpoints = Endpoints(["http://a"], 2, clock.backoff())
    failures = iter([None, "at once"])

    async def call(endpoint: Endpoint) -> str:
        reason = next(failures, "fine")
        if reason is None:
            await slow.wait()
        if reason == "fine":
            return reason
        raise AskAgain("broken")

    asked = asyncio.gather(*(endpoints.ask(call, tries=2) for _ in range(2)))
    await clock.ring()
    slow.set()
    assert await asked == ["fine", "fine"]
    assert clock.sleeps == [0.5]
    endpoints.close()


async def test_a_request_prefers_an_endpoint_where_it_has_not_failed_even_a_busy_one() -> None:
    clock, start, end = Clock(), asyncio.Event(), asyncio.Event()
    endpoints = Endpoints(URLS, 9, clock.backoff())

    async def occupy(endpoint: Endpoint) -> None:
        await (start if endpoint.url == "http://a" else end).wait()

    async def call(seen: list[str], fails: asyncio.Event, endpoint: Endpoint) -> None:
        seen.append(endpoint.url)
        await (fails if endpoint.url == "http://a" else end).wait()
        if endpoint.url == "http://a":
            raise AskAgain("it is dead")

    busy = [asyncio.ensure_future(endpoints.ask(occupy, tries=1)) for _ in range(4)]
    await settle()
    start.set()
    await settle()
    requests: list[tuple[list[str], asyncio.Event]] = [([], asyncio.Event()) for _ in range(2)]
    asked = [asyncio.ensure_future(endpoints.ask(partial(call, *request), tries=6)) for request in requests]
    await settle()
    assert [seen for seen, _ in requests] == [["http://a"], ["http://a"]]
    for _, fails in requests:
        fails.set()
        await clock.ring()  # the endpoint is back, and has fewer requests than the other one
    assert [seen for seen, _ in requests] == [URLS, URLS]
    end.set()
    await asyncio.gather(*busy, *asked)
    endpoints.close()


async def test_a_server_that_has_too_many_requests_gets_fewer_at_once_until_it_copes() -> None:
    clock, now, most, peaks = Clock(), 0, 2, []
    endpoints = Endpoints(["http://a"], 16, clock.backoff())

    async def call(endpoint: Endpoint) -> None:
        nonlocal now
        now += 1
        try:
            await asyncio.sleep(0)
            if now > most:
                raise AskAgain("too many", 1.0, kind=Trouble.RATE_LIMIT)
            peaks.append(now)
        finally:
            now -= 1

    asked = asyncio.gather(*(endpoints.ask(call, tries=6) for _ in range(64)))
    while not asked.done():
        await clock.ring()
    await asked
    assert len(peaks) == 64
    most = 99
    await asyncio.gather(*(endpoints.ask(call, tries=1) for _ in range(500)))
    assert max(peaks) == 16
    endpoints.close()


async def test_a_longer_retry_after_of_a_later_reply_counts_too() -> None:
    clock, waits = Clock(), iter([3.0, 9.0, 5.0])
    endpoints = Endpoints(["http://a"], 3, clock.backoff())

    async def call(endpoint: Endpoint) -> None:
        asked_s = next(waits, None)
        await asyncio.sleep(0)
        if asked_s is not None:
            raise AskAgain("wait", asked_s)

    asked = asyncio.gather(*(endpoints.ask(call, tries=2) for _ in range(3)))
    await clock.ring()
    await asked
    assert clock.sleeps == [9.0]


async def test_giving_up_names_every_endpoint_with_its_last_reason() -> None:
    async def no_sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    reasons = iter(range(100))

    async def call(endpoint: Endpoint) -> None:
        raise AskAgain(f"reason {next(reasons)}")

    with pytest.raises(ModelError) as caught:
        await Endpoints(URLS, 1, Backoff(sleep=no_sleep)).ask(call, tries=3)
    assert "3 tries at each endpoint" in str(caught.value)
    assert "http://a: reason 4" in str(caught.value) or "http://a: reason 5" in str(caught.value)
    assert "http://b: reason 5" in str(caught.value) or "http://b: reason 4" in str(caught.value)


async def test_what_is_no_passing_failure_ends_the_request_at_once_and_frees_its_place() -> None:
    endpoints = Endpoints(URLS, concurrency=1)

    async def refuse(endpoint: Endpoint) -> None:
        raise ModelError("no")

    for _ in range(3):
        with pytest.raises(ModelError, match="^no$"):
            await endpoints.ask(refuse, tries=6)
    assert all(endpoint.is_open for endpoint in endpoints.all)


@pytest.mark.parametrize("yields", range(4))
async def test_a_request_cancelled_at_any_moment_frees_its_place(yields: int) -> None:
    endpoints, gate = Endpoints(["http://a"], concurrency=1), asyncio.Event()

    async def call(endpoint: Endpoint) -> str:
        await gate.wait()
        return "done"

    first, second, third = (asyncio.ensure_future(endpoints.ask(call, tries=1)) for _ in range(3))
    await settle()
    second.cancel()  # it waits for a place
    first.cancel()  # it is in flight; its place goes to the third
    for _ in range(yields):
        await asyncio.sleep(0)
    fourth = asyncio.ensure_future(endpoints.ask(call, tries=1))
    third.cancel()  # it may just have been given the place
    gate.set()
    assert await asyncio.wait_for(fourth, 1) == "done"
    assert endpoints.all[0].num_in_flight == 0


async def test_closing_wakes_those_who_wait() -> None:
    endpoints = Endpoints(["http://a"], 1, Clock().backoff())
    asked = [asyncio.ensure_future(endpoints.ask(alive_only(), tries=2)) for _ in range(3)]
    await settle()
    endpoints.close()
    for one in asked:
        with pytest.raises(ModelError, match="closed"):
            await one
    with pytest.raises(ModelError, match="closed"):
        await endpoints.ask(alive_only(), tries=2)


async def test_a_failure_after_closing_leaves_nothing_behind() -> None:
    clock, gate = Clock(), asyncio.Event()
    endpoints = Endpoints(["http://a"], 1, clock.backoff())

    async def call(endpoint: Endpoint) -> None:
        await gate.wait()
        raise AskAgain("it was closed")

    asked = asyncio.ensure_future(endpoints.ask(call, tries=2))
    await settle()
    endpoints.close()
    gate.set()
    with pytest.raises(ModelError, match="closed while"):
        await asked
    await settle()
    assert clock.sleeps == []
