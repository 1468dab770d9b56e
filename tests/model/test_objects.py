"""Bodies that are small as bytes and huge, deep or absurd as objects; fields that no honest server writes."""

from __future__ import annotations

import json
import resource
import time
from typing import Any

import pytest

from codedance.model.chat import Message, Role
from codedance.model.endings import error_in
from codedance.model.objects import read_object
from codedance.model.replies import read_models, read_reply, read_root
from codedance.model.retry import AskAgain, read_complaint
from codedance.model.wire import encode, write_request
from codedance.types import Sampling

LARGE = 60_000_000


def whole(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "", **message}, "finish_reason": "stop"}]}


def reply_of(body: object) -> Any:
    return read_reply(read_object(json.dumps(body).encode()), 1)


@pytest.mark.parametrize("unit", ["[],", "{},", '"a",', '{"a":1},', "1,", "0.5,"])
def test_a_body_of_millions_of_values_is_not_made_into_objects(unit: str) -> None:
    content = b'{"choices":[' + unit.encode() * (LARGE // len(unit)) + b"1]}"
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(AskAgain, match="more than 4,000,000 values"):
        read_object(content)
    assert time.process_time() - start < 5
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 100


@pytest.mark.parametrize("depth", [101, 400, 900, 100_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_told(depth: int, opens: str, closes: str) -> None:
    content = b'{"x": ' + opens.encode() * depth + b"1" + closes.encode() * depth + b"}"
    with pytest.raises(AskAgain, match="more than 100 levels deep"):
        read_object(content)


def test_what_is_nested_as_deep_as_is_read_can_be_sent_back() -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    reply = reply_of(whole(content="x", thought_signature=deep))
    message = Message(Role.ASSISTANT, (reply.text,), extra=reply.extra)
    assert encode(write_request("m", [message], Sampling(), detail=None, record_tokens=False))


def test_brackets_inside_of_texts_are_texts() -> None:
    assert reply_of(whole(content="[" * 500 + "{" * 500)).text.startswith("[[")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"content": "x" * 2_000_001}, "2,000,001 characters"),
        ({"content": "<think>" * 400_000}, "characters"),
        ({"content": "x", "reasoning_content": "y" * 2_000_000}, "characters"),
        ({"content": "x", "signature": "y" * 2_000_000}, "characters"),
        ({"tool_calls": [{"function": {"name": "f", "arguments": "x" * 2_000_000}}]}, "characters"),
        ({"tool_calls": [{"function": {"name": "f"}}] * 10_001}, "10,001 tool calls"),
        ({"content": [{"type": "tool_use", "name": "f"}] * 10_001}, "10,001 tool calls"),
    ],
)
def test_more_than_any_model_says_is_told(message: dict[str, Any], words: str) -> None:
    with pytest.raises(AskAgain, match=words):
        reply_of(whole(**message))


def test_ten_thousand_calls_are_read_at_once() -> None:
    start = time.process_time()
    assert len(reply_of(whole(tool_calls=[{"function": {"name": "f", "arguments": "{}"}}] * 10_000)).tool_calls) == 10_000
    assert time.process_time() - start < 2


@pytest.mark.parametrize("number", [10**400, -(10**400), 1e308, -1, 10**13, True, "9" * 5000, None, [1]], ids=range(9))
def test_absurd_numbers_of_tokens_count_as_none(number: Any) -> None:
    usage = reply_of({**whole(content="x"), "usage": {"prompt_tokens": number, "completion_tokens": number}}).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (0, 0)


@pytest.mark.parametrize("logprob", [10**400, -(10**400), "x", None], ids=["huge", "tiny", "text", "none"])
def test_absurd_logprobs_are_told(logprob: Any) -> None:
    body = whole(content="x")
    body["choices"][0]["logprobs"] = {"content": [{"token": "x", "logprob": logprob}]}
    with pytest.raises(AskAgain, match="logprobs"):
        reply_of(body)


@pytest.mark.parametrize("token", [-1, 2**31, 10**400, True], ids=["negative", "large", "huge", "bool"])
def test_absurd_token_ids_are_told(token: Any) -> None:
    with pytest.raises(AskAgain, match="token ids"):
        reply_of({"choices": [{"message": {"content": "x"}, "token_ids": [token]}]})


def test_of_models_only_those_with_a_name_and_a_context_that_can_be() -> None:
    entries = [{"id": "a", "max_model_len": 10**400}, {"id": "b" * 501}, {"id": ""}, {"id": 3}, {"id": "c\ud800"}, 7, None]
    assert read_models({"data": entries}) == {"a": None, "c?": None}
    assert read_root({"data": [{"id": "a", "root": ["x"]}]}, "a") == ""


def test_numbers_of_thousands_of_digits_in_an_error_are_no_trouble() -> None:
    words = f"maximum context length is {'9' * 5000} tokens, prompt of {'8' * 5000} tokens"
    for status in (400, 413, 422, 500):
        complaint = read_complaint(status, json.dumps({"error": {"message": words}}))
        assert complaint.is_full(4096) in (True, False) and complaint.is_passing in (True, False)


@pytest.mark.parametrize(
    "unit",
    ["9", "9,", " ", "image ", "prompt ", "max_tokens ", "{", '{"error":', "tokens > ", "try again in 1s", "\\u0041", "<", "."],
)
@pytest.mark.parametrize("status", [400, 429, 500])
def test_no_error_text_takes_long_to_understand(unit: str, status: int) -> None:
    text = json.dumps({"error": {"message": (unit * 140_000)[:140_000]}})
    start = time.process_time()
    complaint = read_complaint(status, text)
    assert complaint.is_full(64) in (True, False) and complaint.is_declined in (True, False)
    assert complaint.is_out_of_credit in (True, False) and complaint.is_unknown_model in (True, False)
    assert time.process_time() - start < 3


def test_what_errors_quote_is_short_and_steers_no_terminal() -> None:
    assert str(read_complaint(500, json.dumps({"error": {"message": "a\x1b[2J\u202e\nb" + "x" * 9000}}))).startswith(
        "HTTP 500: a\\x1b[2J\\u202e b"
    )
    told = str(error_in({"choices": [{"finish_reason": "error " + "x" * 10_000, "message": {}}]}))
    assert len(told) < 200
