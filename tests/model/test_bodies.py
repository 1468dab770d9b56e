"""Whatever a server sends, little of it is kept, nothing is followed, and what is wrong is said."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from codedance.errors import ModelError, RequestRefused
from codedance.model import bodies
from codedance.model.openai import OpenAIModel
from codedance.types import Sampling
from model.asking import asking, model_at

GOOD = json.dumps({"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}).encode()
MB = 1 << 20
Answer = Callable[[asyncio.StreamWriter], AsyncIterator[bytes]]


@asynccontextmanager
async def answering(answer: bytes | Callable[[], AsyncIterator[bytes]]) -> AsyncIterator[str]:
    """A server that answers every request with these bytes, headers included."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                async for piece in answer():
                    writer.write(piece)
                    await writer.drain()
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort() if not isinstance(answer, bytes) else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


def http(body: bytes, status: int = 200, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


async def endless(head: bytes) -> AsyncIterator[bytes]:
    yield head
    while True:
        yield b"100000\r\n" + b" " * MB + b"\r\n"


async def said(answer: bytes | Callable[[], AsyncIterator[bytes]], **settings: float) -> str:
    """What the model replies, or why it does not."""
    async with answering(answer) as url, model_at(url, tries=1, **settings) as model:
        try:
            return (await model.generate(asking("?"), Sampling())).text
        except ModelError as error:
            return str(error)


async def listed(answer: bytes | Callable[[], AsyncIterator[bytes]]) -> str:
    async with answering(answer) as url, model_at(url, tries=1) as model:
        with pytest.raises(ModelError) as caught:
            await model.models()
        return str(caught.value)


@pytest.fixture
def memory() -> Callable[[], int]:
    """By how many MB the peak has grown since the test began."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return lambda: (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10


def chunked(status: int, **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n{more}\r\n".encode()


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_an_endless_body_is_given_up(kind: str, memory: Callable[[], int]) -> None:
    assert "the answer is larger than 64 MB" in await said(lambda: endless(chunked(200, Content_Type=kind)))
    assert memory() < 400


async def test_an_endless_list_of_models_is_given_up() -> None:
    assert "the answer is larger than 64 MB" in await listed(lambda: endless(chunked(200)))


async def test_of_an_endless_error_the_beginning_is_told(memory: Callable[[], int]) -> None:
    async def error() -> AsyncIterator[bytes]:
        yield chunked(500)
        yield b"5\r\nno!  \r\n"
        async for piece in endless(b""):
            yield piece

    assert "HTTP 500: no!" in await said(error)
    assert memory() < 100


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_small_body_that_unpacks_to_gigabytes_is_given_up(encoding: str, status: int, memory: Callable[[], int]) -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    packed = b"".join(packer.compress(b" " * MB) for _ in range(80)) + packer.flush()
    start = time.process_time()
    told = await said(http(packed, status, Content_Encoding=encoding))
    assert ("larger than 64 MB" if status == 200 else "HTTP 400") in told
    assert memory() < 400 and time.process_time() - start < 5


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (GOOD, "identity"),
        (gzip.compress(GOOD), "gzip"),
        (gzip.compress(GOOD), "X-Gzip"),
        (zlib.compress(GOOD), "deflate"),
        (zlib.compress(GOOD)[2:-4], "deflate"),
    ],
    ids=["plain", "gzip", "x-gzip", "deflate", "deflate without a header"],
)
async def test_packed_replies_are_read(body: bytes, encoding: str) -> None:
    assert await said(http(body, Content_Encoding=encoding)) == "whole"


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (gzip.compress(gzip.compress(GOOD)), "gzip, gzip", "packed by 'gzip, gzip', which was not asked for"),
        (GOOD, "br", "packed by 'br'"),
        (GOOD, "gzip", "cannot be unpacked"),
        (gzip.compress(GOOD)[:-9], "gzip", "its end is missing"),
    ],
    ids=["twice", "another", "not at all", "cut"],
)
async def test_other_packing_and_broken_packing_are_told(body: bytes, encoding: str, words: str) -> None:
    assert words in await said(http(body, Content_Encoding=encoding))


async def test_a_body_that_drips_ends_with_the_deadline() -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield chunked(200)
        while True:
            yield b"1\r\n \r\n"
            await asyncio.sleep(0.01)

    start = time.monotonic()
    assert "no whole reply within 0.3 s" in await said(drip, timeout_s=0.3)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("status", [300, 302, 308])
@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("http://me:pass@other.example:81/v1?key=1#x", "http://other.example:81/v1,"),
        ("//other.example/v1", "http://other.example/v1,"),
        ("/login", "/login,"),
        ("file:///etc/passwd", "file:///etc/passwd,"),
        ("http://[a", "an address that cannot be read"),
        ("http://a/\x1b2Jx", "http://a/\\x1b2Jx,"),
        ("", "no address"),
    ],
)
async def test_redirects_are_told_and_not_followed(status: int, location: str, place: str) -> None:
    headers = {"Location": location} if location else {}
    async with answering(http(b"", status, **headers)) as url, OpenAIModel("m", [url], api_key="sk-0123456789") as model:
        for ask in (lambda: model.generate(asking("?"), Sampling()), model.models):
            try:
                await ask()
            except RequestRefused as error:
                assert f"HTTP {status}: it sends requests on to " in str(error) and "--base-url" in str(error)
                assert place in str(error) and "pass" not in str(error).replace("passwd", "") and error.concerns_all
            else:
                raise AssertionError("it was followed")


async def test_nobody_is_asked_where_a_redirect_leads() -> None:
    asked: list[str] = []

    async def elsewhere() -> AsyncIterator[bytes]:
        asked.append("!")
        yield http(GOOD)

    async with answering(elsewhere) as other:
        for status in (302, 307):
            assert "which is not followed" in await said(http(b"", status, Location=f"{other}/chat/completions"))
    assert asked == []


async def test_of_large_answers_few_are_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_LARGE_BYTES", 100)
    under_way, peak = 0, 0

    async def slow() -> AsyncIterator[bytes]:
        nonlocal under_way, peak
        yield f"HTTP/1.1 200 X\r\nContent-Length: {len(GOOD) + 2000}\r\n\r\n".encode() + b" " * 1000
        await asyncio.sleep(0.05)
        yield b" " * 1000 + GOOD

    class Counted(asyncio.Semaphore):
        async def acquire(self) -> bool:
            nonlocal under_way, peak
            found = await super().acquire()
            under_way += 1
            peak = max(peak, under_way)
            return found

        def release(self) -> None:
            nonlocal under_way
            under_way -= 1
            super().release()

    monkeypatch.setattr(asyncio, "Semaphore", Counted)
    async with answering(slow) as url, model_at(url) as model:
        found = await asyncio.gather(*(model.generate(asking(str(i)), Sampling()) for i in range(12)))
    assert {reply.text for reply in found} == {"whole"} and peak == bodies._LARGE_AT_ONCE and under_way == 0
