"""What the client says when it cannot help: refusals, wrong settings, and never a credential."""

from __future__ import annotations

import asyncio
import base64
import logging
import subprocess
import sys
from typing import Any

import pytest

from codedance.errors import ConfigError, ContextFull, ModelError
from codedance.model.openai import OpenAIModel
from codedance.types import Sampling
from model.asking import asking, model_at
from model.faulty_server import Fault, FaultyServer


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.ERROR, "HTTP 500: something broke"),
        (Fault.DROPPED, "onnection reset|disconnected"),
        (Fault.CUT, "onnection reset|closed|complete"),
        (Fault.BAD_JSON, "the reply is no JSON"),
        (Fault.CUT_UTF8, "no whole UTF-8"),
        (Fault.NO_CHOICES, "no choices"),
        (Fault.NO_OBJECT, "no JSON object"),
        (Fault.WEB_PAGE, "a web page"),
    ],
)
async def test_what_does_not_pass_is_told_with_its_reason_and_the_endpoint(fault: Fault, words: str) -> None:
    async with FaultyServer(faults=[fault] * 9) as server, model_at(server.url, tries=3) as model:
        with pytest.raises(ModelError, match=words) as caught:
            await model.generate(asking("7?"), Sampling())
        assert server.url in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(server.requests) == 3


async def test_an_unreachable_server_is_named_with_the_reason() -> None:
    async with FaultyServer() as server:
        url = server.url
    async with model_at(url) as model:
        with pytest.raises(ModelError, match=rf"6 tries: {url}: .*Connect call failed.*check that the server runs"):
            await model.generate(asking("?"), Sampling())
        with pytest.raises(ModelError, match=url):
            await model.models()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.NO_KEY, "HTTP 401: Incorrect API key provided; set OPENAI_API_KEY"),
        (Fault.NO_CREDIT, "HTTP 429: You exceeded your current quota; add credit"),
        (Fault.UNKNOWN_MODEL, "HTTP 404: The model does not exist; the server has tiny, small; use one of its names"),
    ],
)
async def test_a_refusal_is_told_at_once_with_the_next_step(fault: Fault, words: str) -> None:
    async with FaultyServer(faults=[fault], models=("tiny", "small")) as server, model_at(server.url) as model:
        with pytest.raises(ModelError) as caught:
            await model.generate(asking("7?"), Sampling())
        assert str(caught.value).startswith(f"{server.url}: model 'tiny': {words}")
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "next_step"), [(403, "model or key"), (405, "base URL"), (413, "pictures"), (422, "request")])
async def test_every_refusal_has_a_next_step(status: int, next_step: str) -> None:
    async with FaultyServer(reply=lambda body: (status, {"detail": "no"})) as server, model_at(server.url) as model:
        with pytest.raises(ModelError, match=f"HTTP {status}: no; .*{next_step}"):
            await model.generate(asking("7?"), Sampling())


async def test_a_conversation_that_is_too_long_is_told_apart() -> None:
    async with FaultyServer(faults=[Fault.TOO_LONG]) as server, model_at(server.url) as model:
        with pytest.raises(ContextFull, match="64 tokens"):
            await model.generate(asking("7?"), Sampling())
        assert len(server.requests) == 1


async def test_an_error_that_calls_itself_a_success_is_an_error() -> None:
    answers: list[Any] = [
        {"error": {"code": 502, "message": "the provider failed"}},
        {"error": {"code": 400, "message": "context size"}},
    ]
    async with FaultyServer(reply=lambda body: answers.pop(0)) as server, model_at(server.url) as model:
        with pytest.raises(ContextFull):
            await model.generate(asking("7?"), Sampling())
        assert len(server.requests) == 2


async def test_a_base_url_without_its_path_is_pointed_out() -> None:
    async with FaultyServer() as server, model_at(server.url.removesuffix("/v1")) as model:
        with pytest.raises(ModelError, match="404.*/v1"):
            await model.generate(asking("7?"), Sampling())
        with pytest.raises(ModelError, match="404.*/v1"):
            await model.models()


async def test_neither_errors_nor_logs_hold_credentials(caplog: pytest.LogCaptureFixture) -> None:
    complaints = {Fault.NO_KEY: (401, "wrong key: sk-secret" + "!" * 500, ""), Fault.ERROR: (500, "pass word or sk-secret", "")}
    async with FaultyServer(faults=[Fault.ERROR, Fault.NO_KEY], complaints=complaints) as server:
        url = server.url.replace("//", "//me:pass%20word@")
        with caplog.at_level(logging.DEBUG):
            async with model_at(url, api_key="sk-secret\n") as model:
                with pytest.raises(ModelError) as caught:
                    await model.generate(asking("7?"), Sampling())
        login = base64.b64encode(b"me:pass word").decode()
        assert [request.headers["authorization"] for request in server.requests] == [f"Basic {login}"] * 2
    told = str(caught.value) + caplog.text
    assert "left alone" in told
    assert "wrong key: ***!!!" in told
    assert [secret for secret in ("sk-secret", "pass word", "pass%20word", login, "me:") if secret in told] == []


@pytest.mark.parametrize(
    ("given", "variable", "sent"), [("a", "b", "a"), (None, "b", "b"), (None, "", "none"), ("", "b", "none")]
)
async def test_the_key_comes_from_the_argument_or_the_environment(
    given: str | None, variable: str, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", variable)
    async with FaultyServer() as server, model_at(server.url, api_key=given) as model:
        await model.generate(asking("7?"), Sampling())
        assert server.requests[0].headers["authorization"] == f"Bearer {sent}"


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        ([], "missing; give a list"),
        ("http://me:secret@a/v1", "one text; give a list"),
        ([""], "base URL ''"),
        (["localhost:8000"], "'localhost:8000'"),
        (["ftp://a/v1"], "'ftp://a/v1'"),
        (["http://"], "'http://'"),
        (["http://a:b/v1"], "'http://a:b/v1'"),
        (["http://a:99999/v1"], "'http://a:99999/v1'"),
        (["http://[a/v1"], r"'http://\[a/v1'"),
        (["http://a/v1?key=1"], r"may have no \? or #"),
        (["http://a b/v1"], "'http://a b/v1'"),
        (["http://\u00e4..b/v1"], "base URL 'http://\u00e4..b/v1'"),
        (["http://me:secret/@a/v1"], "base URL 'a/v1'"),
        (["http://me:secret#@a/v1"], "base URL 'a/v1'"),
    ],
)
def test_a_base_url_that_cannot_work_is_named(urls: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        OpenAIModel("tiny", urls)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"concurrency": 0}, "concurrency 0"),
        ({"tries": 0}, "tries 0"),
        ({"timeout_s": 0.0}, "timeout 0.0"),
        ({"api_key": "\u00e9"}, "copy it"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        OpenAIModel("tiny", ["http://a/v1"], **settings)


async def test_a_closed_model_says_so() -> None:
    async with FaultyServer() as server:
        model = model_at(server.url)
        await model.aclose()
        await model.aclose()
        with pytest.raises(ModelError, match="closed"):
            await model.generate(asking("7?"), Sampling())


def test_importing_the_client_does_not_import_the_openai_package() -> None:
    code = "import sys, codedance.model.openai; print('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


async def test_closing_ends_the_requests_in_flight_those_on_their_way_and_those_that_wait() -> None:
    async with FaultyServer(delay_s=60) as server:
        model = model_at(server.url, concurrency=3)
        asked = [asyncio.ensure_future(model.generate(asking("7?"), Sampling())) for _ in range(2)]
        while len(server.requests) < 2:
            await asyncio.sleep(0.001)
        asked += [asyncio.ensure_future(model.generate(asking("7?"), Sampling())) for _ in range(2)]
        await asyncio.sleep(0)
        await model.aclose()
        done = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)
        assert [str(error) for error in done] == ["the model was closed while it was asked; make another one"] * 4
