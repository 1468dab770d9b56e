"""The client against servers that refuse fields, orders of messages and lengths, that decline, fall silent or restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from PIL import Image

from codedance.errors import ConfigError, ContextFull, ModelError, RequestRefused
from codedance.images import Picture
from codedance.model import notices
from codedance.model.chat import Message, Role
from codedance.model.openai import OpenAIModel
from codedance.model.patience import Patience
from codedance.model.retry import Backoff
from codedance.types import Sampling, Tool
from model.asking import asking, expected, model_at
from model.faulty_server import FAST, Fault, FaultyServer

Answer = str | dict[str, Any] | tuple[int, dict[str, Any]]
SAMPLING = Sampling(temperature=0.0, max_tokens=4096, stop=("</code>",))
SEEN = [Message(Role.USER, (Picture.of(Image.new("RGB", (28, 28))), "What is this?"))]


@pytest.fixture(autouse=True)
def _nothing_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_told", set())


def refusal(message: str, status: int = 400, **more: Any) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"message": message, "type": "invalid_request_error", **more}}


def said(content: str | None = None, finish: str = "stop", choice: Mapping[str, Any] | None = None, **message: Any) -> Answer:
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": finish, **(choice or {})}]}


def always(answer: Answer) -> Callable[[Mapping[str, Any]], Answer]:
    return lambda body: answer


def gpt_5(body: Mapping[str, Any]) -> Answer:
    for field in ("stop", "max_tokens"):
        if field in body:
            return refusal(f"Unsupported parameter: '{field}' is not supported with this model.", param=field)
    if body.get("temperature", 1) != 1:
        return refusal("Unsupported value: 'temperature' does not support 0.0 with this model.", param="temperature")
    return "<answer>7</answer>"


async def test_what_a_server_refuses_is_learnt_once_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async with FaultyServer(reply=gpt_5) as server, model_at(server.url, tries=1) as model:
        first = await model.generate(asking("7?"), SAMPLING)
        assert len(server.requests) == 4
        second = await model.generate(asking("8?"), SAMPLING)
        assert len(server.requests) == 5
    assert server.requests[-1].body.keys() == {"model", "messages", "max_completion_tokens"}
    assert first.text == "<answer>7</answer>"
    assert first.notes == second.notes == ("the server refuses the field temperature; it is left to the server",)
    assert [record.levelname for record in caplog.records if "temperature" in record.message] == ["WARNING"]


async def test_many_requests_at_once_all_get_through() -> None:
    async with FaultyServer(reply=gpt_5, delay_s=0.002) as server, model_at(server.url, tries=1) as model:
        replies = await asyncio.gather(*(model.generate(asking(str(n)), SAMPLING) for n in range(20)))
        assert {reply.text for reply in replies} == {"<answer>7</answer>"}


async def test_the_default_limit_works_where_the_context_is_shorter() -> None:
    def small(body: Mapping[str, Any]) -> Answer:
        if body["max_tokens"] > 2048:
            return refusal(f"max_tokens={body['max_tokens']} cannot be greater than max_model_len=2048.", param="max_tokens")
        return str(body["max_tokens"])

    async with FaultyServer(reply=small) as server, model_at(server.url, tries=1) as model:
        assert [(await model.generate(asking("7?"), SAMPLING)).text for _ in range(2)] == ["2048", "2048"]
        assert len(server.requests) == 3


async def test_what_only_this_prompt_leaves_no_room_for_is_not_remembered() -> None:
    def counting(body: Mapping[str, Any]) -> Answer:
        prompt = len(body["messages"][-1]["content"])
        if prompt + body["max_tokens"] > 5000:
            return refusal(f"input length and `max_tokens` exceed context limit: {prompt} + {body['max_tokens']} > 5000")
        return str(body["max_tokens"])

    async with FaultyServer(reply=counting) as server, model_at(server.url, tries=1) as model:
        texts = [(await model.generate(asking("a" * n), SAMPLING)).text for n in (2000, 10)]
        with pytest.raises(ContextFull):
            await model.generate(asking("a" * 6000), SAMPLING)
    assert texts == ["3000", "4096"]


async def test_a_context_that_a_refusal_told_costs_no_further_refusals_in_later_turns() -> None:
    def counting(body: Mapping[str, Any]) -> Answer:
        prompt = sum(len(message["content"]) for message in body["messages"]) // 4
        if prompt + body["max_tokens"] > 5000:
            return refusal(f"input length and `max_tokens` exceed context limit: {prompt} + {body['max_tokens']} > 5000")
        answer = said("a")
        assert isinstance(answer, dict)
        return answer | {"usage": {"prompt_tokens": prompt, "completion_tokens": 1}}

    async with FaultyServer(reply=counting) as server, model_at(server.url, tries=1) as model:
        messages = asking("a" * 8000)
        for _ in range(4):
            await model.generate(messages, SAMPLING)
            messages = [*messages, Message(Role.ASSISTANT, ("a",)), Message(Role.USER, ("output " * 100,))]
        assert len(server.requests) == 5  # one refusal


async def test_a_success_that_says_the_context_is_full_is_no_outage() -> None:
    words = "This model's maximum context length is 8192 tokens. However, your messages have 9000 tokens"
    for answer in ({"object": "error", "message": words, "code": 400}, {"error": words}):
        async with FaultyServer(reply=always(answer)) as server, model_at(server.url) as model:
            with pytest.raises(ContextFull):
                await model.generate(asking("7?"), SAMPLING)
            assert len(server.requests) == 1


@pytest.mark.parametrize("words", ["that support the requested parameters.", "matching your data policy."])
async def test_a_gateway_without_a_fitting_provider_is_no_unknown_model(words: str) -> None:
    answer = refusal(f"No endpoints found {words}", 404)
    async with FaultyServer(reply=always(answer)) as server, model_at(server.url) as model:
        with pytest.raises(RequestRefused, match="no provider of this model does all that is asked") as caught:
            await model.generate(asking("7?"), SAMPLING)
        assert caught.value.concerns_all


@pytest.mark.parametrize("of_models", [{"max_model_len": 2048}, {"meta": {"n_ctx": 2048}}])
async def test_a_refusal_without_a_reason_is_the_full_context_where_the_counts_say_so(of_models: dict[str, Any]) -> None:
    def mute(body: Mapping[str, Any]) -> Answer:
        if len(body["messages"]) > 2:
            return refusal("Bad request")
        answer = said("a")
        assert isinstance(answer, dict)
        return answer | {"usage": {"prompt_tokens": int(body["messages"][1]["content"]), "completion_tokens": 50}}

    async with FaultyServer(reply=mute, of_models=of_models) as server, model_at(server.url) as model:
        for tokens, error in (("1990", ContextFull), ("90", RequestRefused)):
            await model.generate(asking(tokens), SAMPLING)
            later = [*asking(tokens), Message(Role.ASSISTANT, ("a",)), Message(Role.USER, ("output " * 20,))]
            with pytest.raises(error):
                await model.generate(later, SAMPLING)


async def test_a_refusal_that_no_form_cures_is_told_and_leaves_no_trace() -> None:
    answers: list[Answer] = [refusal("Conversation roles must alternate")] * 3 + ["fine"]
    async with FaultyServer(reply=lambda body: answers.pop(0)) as server, model_at(server.url) as model:
        with pytest.raises(RequestRefused, match="roles must alternate") as caught:
            await model.generate(asking("7?"), SAMPLING)
        assert not caught.value.concerns_all and 1 < len(server.requests) <= 3
        del answers[:-1]
        assert (await model.generate(asking("7?"), SAMPLING)).text == "fine"
        assert server.requests[-1].body["messages"][0]["role"] == "system"


@pytest.mark.parametrize(
    ("answer", "messages", "flag"),
    [
        (
            refusal('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
            asking("7?"),
            "--format tool_call",
        ),
        (refusal("registry.ollama.ai/library/gemma3 does not support tools"), asking("7?"), "--format tool_call"),
        (refusal("temperature must be in [0, 2], got 3.0"), asking("7?"), "--temperature"),
        (refusal("image input is not supported - hint: provide the mmproj", 500), SEEN, "takes no pictures"),
        (refusal('can only concatenate str (not "list") to str', 500), SEEN, "takes no pictures"),
        (refusal("unknown variant `image_url`, expected `text`", 422), SEEN, "takes no pictures"),
        (refusal("At most 2 image(s) may be provided in one prompt."), SEEN, "--limit-mm-per-prompt"),
        (refusal("Invalid model name passed in model=tiny"), asking("7?"), "the server has tiny"),
        (refusal("Unknown parameter: 'top_k'", param="top_k"), asking("7?"), "--extra-body"),
        (refusal("insufficient_quota: You exceeded your current quota", 429, code="429"), asking("7?"), "add credit"),
        (refusal("no", 401), asking("7?"), "OPENAI_API_KEY"),
    ],
)
async def test_a_refusal_of_every_request_is_told_at_once_with_the_flag(answer: Answer, messages: Any, flag: str) -> None:
    sampling = Sampling(temperature=3.0, tools=(Tool("crop", "Cut out.", "{}"),))
    async with FaultyServer(reply=always(answer)) as server, model_at(server.url, extra_body={"top_k": 1}) as model:
        with pytest.raises(RequestRefused, match=flag) as caught:
            await model.generate(messages, sampling)
        assert caught.value.concerns_all
        assert len(server.requests) == 1


async def test_pictures_that_are_too_large_are_about_this_request_alone() -> None:
    answer = refusal("messages.0.content.1.image: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes")
    async with FaultyServer(reply=always(answer)) as server, model_at(server.url) as model:
        with pytest.raises(RequestRefused, match="--max-pixels") as caught:
            await model.generate(SEEN, SAMPLING)
        assert not caught.value.concerns_all


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said(None, refusal="I cannot help with that."), "I cannot help with that."),
        (said("", finish="content_filter"), "withheld"),
        ({"choices": [{"finish_reason": "content_filter: PROHIBITED_CONTENT", "index": 0}]}, "PROHIBITED_CONTENT"),
        (said("I will not.", choice={"stop_reason": "refusal"}), "I will not."),
        (refusal("The response was filtered due to the prompt triggering our content management policy.", code="content_filter"),
         "content management policy"),
        (refusal("no", innererror={"code": "ResponsibleAIPolicyViolation"}), "no"),
        (refusal("Input data may contain inappropriate content.", code="data_inspection_failed"), "inappropriate"),
        (refusal("Content violates usage guidelines. Failed check: X", 403), "usage guidelines"),
        ({"error": {"code": 403, "message": "Your input was flagged as potentially violating our policy"}}, "flagged"),
        ({"choices": None, "prompt_feedback": {"block_reason": "SAFETY"}}, "SAFETY"),
        (said(None, choice={"native_finish_reason": "PROHIBITED_CONTENT"}), "withheld"),
        (said(None, finish="IMAGE_SAFETY"), "IMAGE_SAFETY"),
        (said(None, finish="risk_control"), "risk_control"),
        (refusal("Content Exists Risk"), "Risk"),
        (refusal("Unavailable", 451), "451"),
        (refusal("Provider returned error", metadata={"raw": '{"error": {"code": "content_filter", "message": "no"}}'}), "no"),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "stop"}], "output_sensitive": True}, "output_sensitive"),
        ({"choices": None, "base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}, "new_sensitive"),
    ],
)  # fmt: skip
async def test_what_is_declined_is_a_reply_that_says_so_and_is_not_asked_again(answer: Answer, words: str) -> None:
    async with FaultyServer(reply=always(answer)) as server, model_at(server.url) as model:
        reply = await model.generate(asking("7?"), SAMPLING)
        assert words in reply.refusal
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "broken",
    [
        said("", finish="error", choice={"error": {"code": 502, "message": "Provider returned error"}}),
        said("half a rep", finish="abort"),
        *(said("", finish=finish) for finish in ("network_error", "ERROR", "cancelled", "timeout", "server_error", "failed")),
        said("", choice={"native_finish_reason": "error"}),
        {"base_resp": {"status_code": 1013, "status_msg": "busy"}, "choices": [{"message": {"content": ""}}]},
        said("half", choice={"error": "upstream died"}),
        {"error": {"message": "the provider failed"}, "choices": None},
        {"error": {"message": "the provider failed"}, "choices": []},
        {"detail": "Internal error"},
        {"object": "error", "message": "the engine is dead", "code": 500},
        {"success": False, "errors": [{"code": 3040, "message": "Capacity temporarily exceeded"}], "result": None},
        {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None},
        said("", error={"code": 502, "message": "upstream"}),
    ],
)
async def test_a_success_that_is_an_error_is_asked_again(broken: Answer) -> None:
    answers: list[Answer] = [broken, broken, "whole"]
    async with FaultyServer(reply=lambda body: answers.pop(0)) as server, model_at(server.url) as model:
        assert (await model.generate(asking("7?"), SAMPLING)).text == "whole"


async def test_a_limit_by_the_minute_is_waited_out_however_many_tries_it_takes(caplog: pytest.LogCaptureFixture) -> None:
    patient = Backoff(first_s=0.002, cap_s=2.0, most_asked_s=0.01)
    async with FaultyServer(faults=[Fault.BUSY] * 12) as server, model_at(server.url, tries=2, backoff=patient) as model:
        assert (await model.generate(asking("7?"), SAMPLING)).text == expected("7?")
    assert len([record for record in caplog.records if "a lower --concurrency" in record.message]) == 1
    async with FaultyServer(reply=always(refusal("slow down", 429))) as server, model_at(server.url, tries=2) as model:
        with pytest.raises(ModelError, match="lower --concurrency"):
            await model.generate(asking("7?"), SAMPLING)


async def test_a_server_that_has_answered_is_waited_for_while_it_restarts() -> None:
    server = FaultyServer()
    patient = Backoff(first_s=0.01, cap_s=0.2, draw=max)
    async with model_at("http://127.0.0.1:1/v1", tries=2, backoff=patient) as never:
        start = time.monotonic()
        with pytest.raises(ModelError, match="2 tries"):
            await never.generate(asking("7?"), SAMPLING)
        assert time.monotonic() - start < 0.7, "it may be the wrong URL"
    async with server:
        model = model_at(server.url, tries=2, backoff=patient)
        await model.generate(asking("first"), SAMPLING)
    asked = asyncio.ensure_future(model.generate(asking("7?"), SAMPLING))
    await asyncio.sleep(0.4)
    async with server, model:
        assert (await asked).text == expected("7?")


async def test_one_lost_request_in_a_hundred_costs_seconds_and_comes_over_a_fresh_connection() -> None:
    lost = [Fault.NONE] * 60 + [Fault.SILENT]
    async with FaultyServer(faults=lost) as server, model_at(server.url, silence_s=0.4, concurrency=4) as model:
        start = time.monotonic()
        texts = [f"question {n}" for n in range(100)]
        replies = await asyncio.gather(*(model.generate(asking(text), SAMPLING) for text in texts))
        assert [reply.text for reply in replies] == [expected(text) for text in texts]
        assert len(server.requests) == 101
        assert time.monotonic() - start < 60, "the time limit is 600 s"
        silent = next(request for request in server.requests if request.fault is Fault.SILENT)
        again = [request for request in server.requests if request.body == silent.body][1]
        assert [request.connection for request in server.requests].count(again.connection) == 1


def test_patience_follows_what_replies_take_and_grows_for_one_that_is_really_slow() -> None:
    patience = Patience(600.0)
    assert patience.bound_s(0) == 600
    for _ in range(20):
        patience.learn(4.0)
    assert [patience.bound_s(n) for n in range(4)] == [30, 120, 480, 600]
    for _ in range(20):
        patience.learn(20.0)
    assert patience.bound_s(0) == 100


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"provider_specific_fields": {"token_ids": [5, 6]}}, {"provider_specific_fields": {"reasoning": "hm"}}),
        ({"token_ids": None, "logprobs": {"content": [{"logprob": -1, "id": 5}, {"logprob": -2, "id": 6}]}}, {"reasoning": "hm"}),
    ],
)
async def test_what_a_proxy_moves_aside_is_found(choice: dict[str, Any], message: dict[str, Any]) -> None:
    answer = said("ab", choice=choice, **message)
    async with FaultyServer(reply=always(answer)) as server, model_at(server.url, record_tokens=True) as model:
        reply = await model.generate(asking("7?"), SAMPLING)
    assert (reply.token_ids, reply.reasoning) == ((5, 6), "hm")


async def test_tokens_that_do_not_come_are_missed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async with FaultyServer() as server:
        async with model_at(server.url, record_tokens=True) as model:
            for text in ("7?", "8?"):
                await model.generate(asking(text), SAMPLING)
        async with model_at(server.url, record_tokens=True, require_tokens=True) as model:
            with pytest.raises(RequestRefused, match="no token ids come") as caught:
                await model.generate(asking("7?"), SAMPLING)
    assert caught.value.concerns_all
    assert len([record for record in caplog.records if "--record-tokens" in record.message]) == 1


@pytest.mark.parametrize(
    ("asked", "served", "is_told"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", False),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2.5-vl-7b-instruct", False),
        ("tiny", "/models/tiny.gguf", False),
        ("mistral-small-latest", "mistral-small-2506", False),
        ("qwen2.5-vl-7b", "SmolLM2-135M-Instruct", True),
    ],
)
async def test_another_model_that_answers_is_told(
    asked: str, served: str, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answer = {"model": served, "choices": [{"message": {"content": "a"}}]}
    async with FaultyServer(reply=always(answer), models=(asked,)) as server, model_at(server.url, name=asked) as model:
        await model.generate(asking("7?"), SAMPLING)
    assert bool([record for record in caplog.records if served in record.message]) == is_told


async def test_what_a_reply_carried_goes_back_as_it_came() -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "crop", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "s1"}},
    }
    details = [{"type": "reasoning.encrypted", "data": "xyz"}]
    answer = said(
        None, "tool_calls", reasoning_content="hm", reasoning_details=details, tool_calls=[call], refusal=None, audio=None
    )
    async with FaultyServer(reply=always(answer)) as server, model_at(server.url) as model:
        first = await model.generate(asking("7?"), SAMPLING)
        assistant = Message(Role.ASSISTANT, ("",), first.tool_calls, reasoning=first.reasoning, extra=first.extra)
        await model.generate([*asking("7?"), assistant, Message(Role.TOOL, ("1",), (), "c1")], SAMPLING)
        sent = server.requests[1].body["messages"][2]
    assert sent == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "hm",
        "reasoning_details": details,
        "tool_calls": [call],
    }


async def test_thoughts_that_a_server_does_not_want_back_are_left_out_from_then_on() -> None:
    def old_reasoner(body: Mapping[str, Any]) -> Answer:
        if any("reasoning_content" in message for message in body["messages"]):
            return refusal("reasoning_content should not be included in the input messages")
        return said("a", reasoning_content="hm")

    async with FaultyServer(reply=old_reasoner) as server, model_at(server.url) as model:
        first = await model.generate(asking("7?"), SAMPLING)
        again = [*asking("7?"), Message(Role.ASSISTANT, ("a",), reasoning=first.reasoning, extra=first.extra), *asking("8?")]
        for _ in range(2):
            assert (await model.generate(again, SAMPLING)).text == "a"
        assert len(server.requests) == 4


async def test_fields_and_headers_of_the_users_own_are_sent_and_no_secret_is_shown() -> None:
    extra = {"top_k": 20, "chat_template_kwargs": {"enable_thinking": False}, "temperature": 0.6, "stop": None}
    headers = {"X-Title": "codedance", "X-Api-Key": "my-secret-key"}
    answers: list[Answer] = ["fine", refusal("the key my-secret-key is wrong", 401)]
    async with (
        FaultyServer(reply=lambda body: answers.pop(0)) as server,
        model_at(server.url, extra_body=extra, headers=headers) as model,
    ):
        await model.generate(asking("7?"), SAMPLING)
        with pytest.raises(RequestRefused) as caught:
            await model.generate(asking("7?"), SAMPLING)
        body, got = server.requests[0].body, server.requests[0].headers
        shown = model.variant + str(caught.value)
    assert {name: body.get(name) for name in extra} == extra
    assert (got["x-title"], got["x-api-key"]) == ("codedance", "my-secret-key")
    assert "my-secret-key" not in shown and "top_k" in shown and "codedance" in shown
    assert model.variant != model_at(server.url).variant


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"extra_body": {"messages": []}}, "messages"),
        ({"extra_body": {"stream": True}}, "stream"),
        ({"headers": {"a b": "c"}}, "'a b'"),
        ({"headers": {"Host": "c"}}, "Host"),
        ({"headers": {"X": "a\nb"}}, "--header X"),
    ],
)
def test_fields_and_headers_that_cannot_be_set_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        OpenAIModel("tiny", ["http://a/v1"], backoff=FAST, **settings)
