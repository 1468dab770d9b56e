"""What is sent, letter by letter, and what is understood of what comes back."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.errors import ConfigError
from codedance.model.chat import Message, Reply, Role
from codedance.model.objects import read_object
from codedance.model.replies import read_models, read_reply
from codedance.model.retry import AskAgain
from codedance.model.wire import encode, write_request
from codedance.types import FinishReason, Sampling, Tool, ToolCall, Usage

USER = Message(Role.USER, ("hi",))


def written(*messages: Message, sampling: Sampling | None = None, record_tokens: bool = False) -> dict[str, Any]:
    written = write_request("m", messages or (USER,), sampling or Sampling(), None, record_tokens)
    body: dict[str, Any] = json.loads(encode(written))
    return body


def read(message: dict[str, Any] | None = None, turn: int = 1, **choice: Any) -> Reply:
    return read_reply({"choices": [{"message": message or {"content": "a"}, **choice}]}, turn)


def test_nothing_is_sent_that_is_not_set() -> None:
    assert written() == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_everything_that_is_set_is_sent() -> None:
    tool = Tool("crop", "Cut out.", '{"type": "object"}')
    function = {"name": "crop", "description": "Cut out.", "parameters": {"type": "object"}}
    sampling = Sampling(temperature=0.0, top_p=0.0, max_tokens=1, seed=0, stop=("a", "b", "c", "d", "e"), tools=(tool,))
    body = written(sampling=sampling, record_tokens=True)
    del body["model"], body["messages"]
    assert body == {
        "temperature": 0.0,
        "top_p": 0.0,
        "max_tokens": 1,
        "seed": 0,
        "stop": ["a", "b", "c", "d", "e"],
        "tools": [{"type": "function", "function": function}],
        "logprobs": True,
        "return_token_ids": True,
        "include_stop_str_in_output": True,
    }


def test_calls_and_their_results_are_sent_and_a_call_without_text_has_null_for_it() -> None:
    call = ToolCall("c1", "crop", '{"box": [1,  2]}')
    body = written(Message(Role.ASSISTANT, (), tool_calls=(call,)), Message(Role.TOOL, ("done",), tool_call_id="c1"))
    function = {"name": "crop", "arguments": '{"box": [1,  2]}'}
    assert body["messages"] == [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "content": "done", "tool_call_id": "c1"},
    ]


@pytest.mark.parametrize("parameters", ["{", "[]", ""])
def test_a_tool_without_a_schema_is_named(parameters: str) -> None:
    with pytest.raises(ConfigError, match="tool 'crop'"):
        written(sampling=Sampling(tools=(Tool("crop", "", parameters),)))


def test_characters_that_no_text_may_hold_become_question_marks_on_both_ways() -> None:
    assert written(Message(Role.USER, ("a\ud83d",)))["messages"][0]["content"] == "a?"
    calls = [{"function": {"name": "f", "arguments": "\ud83d"}}]
    reply = read({"content": "\ud83d", "reasoning": "\udc00", "tool_calls": calls})
    assert (reply.text, reply.reasoning, reply.tool_calls[0].arguments) == ("?", "?", "?")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *((r.value, r) for r in FinishReason),
        ("eos", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("content_filter: PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER),
        *((value, FinishReason.STOP) for value in ("FinishReason.STOP", "COMPLETE", "stop_token", "end_turn")),
        *((value, FinishReason.LENGTH) for value in ("max_output_tokens", "token_limit", "context_length", "MAX_LENGTH")),
        *((value, FinishReason.TOOL_CALLS) for value in ("tool-calls", "toolCalls", "TOOL_CALL", "function_call")),
        *((value, FinishReason.CONTENT_FILTER) for value in ("contentFilter", "risk_control", "moderation", "SAFETY")),
        *((value, FinishReason.UNKNOWN) for value in ("tired", "", "stopped by nobody")),
    ],
)
def test_a_reason_to_end_is_read_or_unknown(value: str, reason: FinishReason) -> None:
    assert read(finish_reason=value).finish_reason is reason


@pytest.mark.parametrize("value", [None, 7, [], {}])
def test_a_strange_reason_to_end_is_unknown(value: object) -> None:
    assert read(finish_reason=value).finish_reason is FinishReason.UNKNOWN


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("a", "a"),
        ([], ""),
        (["a", {"text": "b"}], "ab"),
        ({"type": "text", "text": "a"}, "a"),
        ([{"type": "text", "text": {"value": "a"}}, {"type": "text", "content": "b"}, [{"text": "c"}]], "abc"),
        ([{"type": "reasoning_text", "text": "hm"}, {"type": "output_text", "text": "a"}], "a"),
        ([{"text": "hm", "thought": True}, {"text": "a"}], "a"),
        ([{"type": "text", "text": "a"}, {"type": "thinking"}, {"type": "text", "text": "b"}], "ab"),
    ],
)
def test_content_comes_in_several_shapes(content: object, text: str) -> None:
    assert read({"content": content}).text == text


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": None, "arguments": '{"code": "1"}'}},
        {"name": "f", "arguments": '{"code": "1"}'},
        {"type": "custom", "custom": {"name": "f", "input": '{"code": "1"}'}},
        {"type": "function", "function": {"name": "f", "parameters": {"code": "1"}}},
        {"type": "tool_call", "name": "f", "args": {"code": "1"}},
        {"type": "tool_use", "name": "f", "input": {"code": "1"}},
    ],
)
def test_a_call_is_read_wherever_servers_put_it(call: dict[str, Any]) -> None:
    places: list[dict[str, Any]] = [{"tool_calls": [call]}, {"tool_calls": call}, {"tool_calls": [None, call]}]
    places += [{"provider_specific_fields": {"tool_calls": [call]}}, {"tool_calls": json.dumps([call])}]
    for calls in places:
        assert [one.arguments for one in read({"content": None, **calls}).tool_calls] == ['{"code": "1"}']
    assert read({"content": None}, tool_calls=[call]).tool_calls[0].arguments == '{"code": "1"}'


def test_a_call_among_the_parts_of_the_content_is_a_call_and_no_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "x", "name": "f", "input": {"code": "1"}}]
    reply = read({"content": parts})
    assert (reply.text, reply.tool_calls) == ("a", (ToolCall("x", "f", '{"code": "1"}'),))


@pytest.mark.parametrize(
    "choice", [{"text": "a"}, {"delta": {"content": "a"}}, {"messages": [{"content": "a"}]}, {"message": None, "text": "a"}]
)
def test_a_message_is_found_where_older_and_streaming_servers_put_it(choice: dict[str, Any]) -> None:
    assert read_reply({"choices": [choice]}, 1).text == "a"


@pytest.mark.parametrize("name", ["data", "result", "output", "response"])
def test_an_answer_that_a_gateway_wraps_is_unwrapped(name: str) -> None:
    body = {"success": True, name: {"choices": [{"message": {"content": "a"}}]}, "usage": {"input_tokens": 5}}
    reply = read_reply(read_object(json.dumps(body).encode()), 1)
    assert (reply.text, reply.usage.prompt_tokens) == ("a", 5)


def test_calls_that_a_server_names_alike_have_an_id_each() -> None:
    def turn(*ids: str) -> list[Message]:
        calls = tuple(ToolCall(one, "f", "{}") for one in ids)
        return [Message(Role.ASSISTANT, ("",), calls), *(Message(Role.TOOL, (f"{n}",), (), one) for n, one in enumerate(ids))]

    sent = written(*turn("a", "a"), *turn("a"), *turn("b"))["messages"]
    called = [call["id"] for message in sent for call in message.get("tool_calls", ())]
    assert len(set(called)) == 4 and called[0] == "a" and called[3] == "b"
    assert called == [message["tool_call_id"] for message in sent if message["role"] == "tool"]


def test_the_old_form_of_a_call_is_a_call() -> None:
    assert read({"content": None, "function_call": {"name": "f", "arguments": "{}"}}).tool_calls[0].name == "f"


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_text": "hm"},
        {"thinking": "hm"},
        {"thought": "hm"},
        {"thinking_content": "hm"},
        {"reasoning_summary": [{"type": "summary_text", "text": "hm"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning": {"content": "hm"}},
        {"reasoning": [{"type": "summary_text", "text": "hm"}]},
    ],
)
def test_thoughts_have_many_names(fields: dict[str, Any]) -> None:
    assert read({"content": "a", **fields}).reasoning == "hm"


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
def test_thoughts_are_kept_apart_from_the_text(key: str) -> None:
    reply = read({"content": "a", key: "hm"})
    assert (reply.text, reply.reasoning) == ("a", "hm")


@pytest.mark.parametrize(("arguments", "text"), [('{"a":  1}', '{"a":  1}'), ({"a": "\u00e9"}, '{"a": "\u00e9"}'), (None, "")])
def test_arguments_are_text_however_they_come(arguments: object, text: str) -> None:
    reply = read({"content": None, "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": arguments}}]})
    assert reply.tool_calls == (ToolCall("x", "f", text),)


def test_calls_without_an_id_get_one_that_no_other_call_of_the_conversation_has() -> None:
    message = {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}] * 2}
    ids = [call.id for turn in (1, 3) for call in read(message, turn).tool_calls]
    assert len(set(ids)) == 4
    assert [call.id for turn in (1, 3) for call in read(message, turn).tool_calls] == ids


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}, Usage(9, 3, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": None}, Usage(9, 3, 0)),
        ({"prompt_tokens": None, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": None}}, Usage()),
        ({"prompt_tokens": "9", "completion_tokens": 3.0}, Usage(9, 3, 0)),
        ({"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 5}}, Usage(9, 3, 5)),
        ({"prompt_tokens": True, "completion_tokens": "9" * 99}, Usage()),
        (None, Usage()),
        ([], Usage()),
    ],
)
def test_tokens_are_counted_as_the_server_counts_them(usage: object, expected: Usage) -> None:
    assert read_reply({"choices": [{"message": {"content": ""}}], "usage": usage}, 1).usage == expected


def test_token_ids_and_logprobs_are_read_wherever_servers_put_them() -> None:
    choice = {"message": {"content": "ab"}, "token_ids": [5, 6], "logprobs": {"content": [{"logprob": -0.5}, {"logprob": 0}]}}
    vllm = read_reply({"choices": [choice], "prompt_token_ids": [1, 2, 3]}, 1)
    sglang = read_reply({"choices": [{**choice, "prompt_token_ids": [1, 2, 3]}]}, 1)
    assert vllm == sglang
    assert (vllm.token_ids, vllm.logprobs, vllm.prompt_ids) == ((5, 6), (-0.5, 0.0), (1, 2, 3))


def test_logprobs_stand_alone_where_there_are_no_ids() -> None:
    reply = read(logprobs={"content": [{"logprob": -1.0}]})
    assert (reply.token_ids, reply.logprobs) == (None, (-1.0,))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"token_ids": [1], "logprobs": {"content": [{"logprob": -1.0}] * 2}}, "1 token ids but 2 logprobs"),
        ({"token_ids": [1, None]}, "token ids"),
        ({"token_ids": "12"}, "token ids"),
        ({"logprobs": {"content": [{}]}}, "logprobs"),
        ({"logprobs": {"content": [{"logprob": float("nan")}]}}, "logprobs"),
        ({"message": None}, "no message"),
        ({"message": {"content": 7}}, "no text but int"),
        ({"message": {"tool_calls": [{"function": {}}]}}, "tool call 1"),
    ],
)
def test_what_would_corrupt_data_is_not_guessed(choice: dict[str, Any], words: str) -> None:
    with pytest.raises(AskAgain, match=words):
        read_reply({"choices": [{"message": {"content": "a"}, **choice}]}, 1)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "tool_calls", "function", "name", "arguments", "id", "usage", "prompt_tokens"]
                + ["prompt_tokens_details", "cached_tokens", "logprobs", "logprob", "token_ids", "finish_reason", "text", "data"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(anything, anything, anything)
def test_no_json_breaks_the_reading(message: object, choice: object, rest: object) -> None:
    whole = {**(choice if isinstance(choice, dict) else {}), "message": message}
    calling = {**whole, "message": {"content": "a", "tool_calls": rest}}
    for body in (rest, {"choices": [whole]}, {"choices": [calling], "usage": rest}):
        if isinstance(body, dict):
            for reader in (partial(read_reply, turn=1), read_models):
                with suppress(AskAgain):
                    reader(body)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"null", "NoneType"),
        (b"<html>", "web page"),
        (b'{"a": "\xf0\x9f\x98"}', "no whole UTF-8"),
    ],
)
def test_a_body_that_is_no_object_says_what_it_is(content: bytes, words: str) -> None:
    with pytest.raises(AskAgain, match=words):
        read_object(content)
