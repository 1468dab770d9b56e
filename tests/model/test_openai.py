"""The client against real sockets: every fault that may pass, fail-over, time limits, pictures, tools."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from PIL import Image

from codedance.errors import ConfigError, ModelError
from codedance.images import QWEN25_VL, Picture, load_input
from codedance.model.chat import Message, Reply, Role
from codedance.model.openai import Detail, OpenAIModel
from codedance.model.retry import Backoff
from codedance.types import FinishReason, Sampling, Tool, ToolCall, Usage
from model.asking import asking, expected, model_at
from model.faulty_server import PASSING, Fault, FaultyServer, mix


async def ask_many(model: OpenAIModel, texts: Iterable[str]) -> list[str]:
    return [reply.text for reply in await asyncio.gather(*(model.generate(asking(text), Sampling()) for text in texts))]


@pytest.mark.parametrize("fault", PASSING)
async def test_what_may_pass_is_asked_again_until_it_does(fault: Fault) -> None:
    async with FaultyServer(faults=[fault, fault]) as server, model_at(server.url) as model:
        assert (await model.generate(asking("7?"), Sampling())).text == expected("7?")
        assert [request.fault for request in server.requests] == [fault, fault, Fault.NONE]


async def test_no_request_of_many_is_lost_or_mixed_up_under_a_mix_of_faults() -> None:
    texts = [f"question {n}" for n in range(200)]
    async with FaultyServer(faults=mix(seed=1, share=0.3), delay_s=0.001) as server, model_at(server.url) as model:
        assert await ask_many(model, texts) == [expected(text) for text in texts]
        assert {request.fault for request in server.requests} == {Fault.NONE, *PASSING}
        assert server.peak <= 32


async def test_with_one_of_two_endpoints_dead_the_results_equal_those_of_one_live_endpoint() -> None:
    texts = [f"question {n}" for n in range(100)]
    dead = FaultyServer()
    async with dead:
        pass
    async with FaultyServer(delay_s=0.001) as live, model_at(live.url) as one, model_at(dead.url, live.url, tries=1) as two:
        assert await ask_many(one, texts) == await ask_many(two, texts)


async def test_two_live_endpoints_share_the_load_within_their_limits() -> None:
    async with FaultyServer(delay_s=0.005) as a, FaultyServer(delay_s=0.005) as b, model_at(a.url, b.url, concurrency=4) as model:
        await ask_many(model, map(str, range(60)))
        assert (a.peak, b.peak) == (4, 4)
        assert abs(len(a.requests) - len(b.requests)) <= 10


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: \xff=\x80\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nLocation: http://a\x01b/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /v1/chat/completions\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_no_server_however_strange_breaks_the_client(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, model_at(url, tries=2) as model:
        for _ in range(2):
            with pytest.raises(ModelError, match=url):
                await model.generate(asking("7?"), Sampling())


async def test_a_server_that_takes_few_requests_at_once_loses_none() -> None:
    texts = [str(n) for n in range(100)]
    async with FaultyServer(most_at_once=2, delay_s=0.002) as server, model_at(server.url) as model:
        assert await ask_many(model, texts) == [expected(text) for text in texts]


async def test_a_server_that_comes_back_is_found_again() -> None:
    server = FaultyServer()
    async with server:
        pass
    async with model_at(server.url, backoff=Backoff(first_s=0.05, cap_s=0.1, draw=max)) as model:
        asked = asyncio.ensure_future(ask_many(model, ["a", "b"]))
        await asyncio.sleep(0.06)
        async with server:
            assert await asked == [expected("a"), expected("b")]


async def test_a_server_that_drips_bytes_is_cut_off_in_time() -> None:
    async with FaultyServer(faults=[Fault.SLOW]) as server, model_at(server.url, timeout_s=0.3) as model:
        started = time.monotonic()
        assert (await model.generate(asking("7?"), Sampling())).text == expected("7?")
        assert 0.3 < time.monotonic() - started < 3
    async with FaultyServer(faults=[Fault.SLOW]) as server, model_at(server.url, timeout_s=0.2, tries=1) as model:
        with pytest.raises(ModelError, match="no whole reply within 0.2 s"):
            await model.generate(asking("7?"), Sampling())


@pytest.mark.parametrize(("header", "slept"), [("7", 7.0), ("99999", 120.0)])
async def test_retry_after_is_obeyed_within_reason(header: str, slept: float) -> None:
    sleeps = []

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)

    backoff = Backoff(sleep=sleep)
    async with FaultyServer(faults=[Fault.BUSY], retry_after=header) as server, model_at(server.url, backoff=backoff) as model:
        assert (await model.generate(asking("7?"), Sampling())).text == expected("7?")
    assert sleeps == [slept]


async def test_the_names_of_the_models_come_from_the_first_endpoint_that_answers() -> None:
    async with FaultyServer() as server:
        dead = server.url
    async with FaultyServer(models=("a", "b")) as server, model_at(dead, server.url, name="") as model:
        assert await model.models() == ("a", "b")
        with pytest.raises(ConfigError, match="no name"):
            await model.generate(asking("7?"), Sampling())


async def test_a_cancelled_request_frees_its_place() -> None:
    async with FaultyServer(delay_s=60) as server, model_at(server.url, concurrency=1) as model:
        stuck, waiting = (asyncio.ensure_future(model.generate(asking("stuck"), Sampling())) for _ in range(2))
        while not server.requests:
            await asyncio.sleep(0.001)
        server.delay_s = 0
        waiting.cancel()
        stuck.cancel()
        assert (await asyncio.wait_for(model.generate(asking("7?"), Sampling()), 2)).text == expected("7?")
        assert [type(e) for e in await asyncio.gather(stuck, waiting, return_exceptions=True)] == [asyncio.CancelledError] * 2


@pytest.mark.parametrize("detail", [None, Detail.LOW])
async def test_pictures_arrive_bit_for_bit_in_their_places(detail: Detail | None, picture: Image.Image) -> None:
    file = io.BytesIO()
    picture.resize((56, 56)).save(file, "JPEG")
    jpeg, png = load_input(file.getvalue(), QWEN25_VL).view, Picture.of(picture)
    async with FaultyServer() as server, model_at(server.url, detail=detail) as model:
        await model.generate([Message(Role.USER, ("before", jpeg, "", "between", png, "after"))], Sampling())
        parts = server.requests[0].body["messages"][0]["content"]
    assert [part.get("text") for part in parts] == ["before", None, "between", None, "after"]
    images = [part["image_url"] for part in parts if part["type"] == "image_url"]
    assert [base64.b64decode(image["url"].partition("base64,")[2]) for image in images] == [jpeg.encoded, png.encoded]
    assert [image["url"].partition(";")[0] for image in images] == ["data:image/jpeg", "data:image/png"]
    assert [image.get("detail") for image in images] == [detail, detail]


async def test_tools_tokens_and_thoughts_make_the_round_trip() -> None:
    function = {"name": "crop", "arguments": {"box": [1, 2]}}
    body = {
        "choices": [
            {
                "message": {"content": None, "reasoning_content": "hm", "tool_calls": [{"id": "c1", "function": function}]},
                "finish_reason": "tool_calls",
                "token_ids": [5, 6],
                "logprobs": {"content": [{"logprob": -0.5}, {"logprob": -1.5}]},
            }
        ],
        "prompt_token_ids": [1, 2, 3],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
    }
    async with FaultyServer(reply=lambda _: body) as server, model_at(server.url, record_tokens=True) as model:
        reply = await model.generate(asking("7?"), Sampling(tools=(Tool("crop", "Cut out.", "{}"),)))
        assert server.requests[0].body["return_token_ids"] is True
    assert reply == Reply(
        text="",
        tool_calls=(ToolCall("c1", "crop", '{"box": [1, 2]}'),),
        usage=Usage(3, 2, 1),
        token_ids=(5, 6),
        logprobs=(-0.5, -1.5),
        finish_reason=FinishReason.TOOL_CALLS,
        reasoning="hm",
        prompt_ids=(1, 2, 3),
        extra='{"reasoning_content": ""}',
    )


async def test_a_reply_without_content_or_usage_is_an_empty_one() -> None:
    async with FaultyServer(faults=[Fault.NULL_CONTENT]) as server, model_at(server.url) as model:
        assert await model.generate(asking("7?"), Sampling()) == Reply(text="", finish_reason=FinishReason.UNKNOWN)


async def test_a_server_that_wants_the_token_limit_under_its_other_name_gets_it() -> None:
    def newer(body: Mapping[str, Any]) -> str | tuple[int, dict[str, Any]]:
        complaint = {"error": {"message": "no", "param": "max_tokens", "code": "unsupported_parameter"}}
        return (400, complaint) if "max_tokens" in body else str(body["max_completion_tokens"])

    async with FaultyServer(reply=newer, delay_s=0.01) as server, model_at(server.url, tries=1) as model:
        asked = (model.generate(asking("7?"), Sampling(max_tokens=n)) for n in (5, 6))
        assert [reply.text for reply in await asyncio.gather(*asked)] == ["5", "6"]
        assert (await model.generate(asking("7?"), Sampling(max_tokens=7))).text == "7"
        assert len(server.requests) == 5
