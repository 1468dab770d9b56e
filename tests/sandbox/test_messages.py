"""Datagrams between our own processes: what is no record is refused by one error, and leaves nothing open."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from codedance.sandbox import wire
from codedance.sandbox.guest.messages import Cell, Ping, decode, encode


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"7",
        b"[]",
        b'"Ping"',
        b"{}",
        b'{"op": "Ping"}',
        b'{"op": ["Ping"]}',
        b'{"op": "Ping", "ref": 1, "about": 2, "more": 3}',
    ]
    + [b'{"op": "Lost"}', b'{"op": "Cell", "token": "t"}\n\xff', b"[" * 100_000, b"\xff"],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_record_is_refused_by_one_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data, (Ping, Cell))


def test_a_record_comes_back_as_it_was() -> None:
    for record in (Ping(1, 2), Cell("t", "print(1)\nprint('\u00e9')")):
        assert decode(encode(record), (Ping, Cell)) == record


@pytest.mark.parametrize("size", [0, wire.MOST_BYTES + 1])
async def test_a_message_that_is_empty_or_too_long_leaves_no_descriptor_open(size: int) -> None:
    ours, theirs = wire.pair()
    closed = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    channel = wire.Channel(ours, lambda data, fds: None, closed.set)
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(theirs, [bytes(size)], [theirs.fileno()] * 3)
    await asyncio.wait_for(closed.wait(), 5)
    channel.close()
    asyncio.get_running_loop().set_exception_handler(None)
    assert len(os.listdir("/proc/self/fd")) == before - 1  # our end
    theirs.close()
