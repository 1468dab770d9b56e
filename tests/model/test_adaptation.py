"""What is learnt from a refusal, in the words of real servers: without a server, so that many wordings cost nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from PIL import Image

from codedance.images import Picture
from codedance.model.adaptation import Adaptation, Request, RequestForm, other_forms
from codedance.model.arrangement import Arrangement, arrange
from codedance.model.chat import Message, Reply, Role
from codedance.model.context_limit import is_context_full, lower_limit
from codedance.model.retry import read_complaint
from codedance.types import Sampling, ToolCall

PICTURE = Picture.of(Image.new("RGB", (28, 28)))
CALL = ToolCall("call_1", "execute_python_code", '{"code": "1"}')
SYSTEM = Message(Role.SYSTEM, ("Be brief.",))
QUESTION = Message(Role.USER, (PICTURE, "How many?"))
CALLED = Message(Role.ASSISTANT, ("",), (CALL,), reasoning="hm", extra='{"reasoning_content": ""}')
RESULT = Message(Role.TOOL, ("7",), (), "call_1")
SHOWN = Message(Role.USER, ("These were shown:", PICTURE))
LONG = [SYSTEM, QUESTION, CALLED, RESULT, SHOWN]
FIELDS = {"model", "messages", "temperature", "top_p", "max_tokens", "seed", "stop", "logprobs", "return_token_ids", "tools"}
FIELDS |= {"include_stop_str_in_output", "detail", "role", "content", "reasoning_content"}


def request(messages: list[Message] | None = None, *, chosen: set[str] | None = None, **changes: Any) -> Request:
    fields = frozenset(FIELDS | (chosen or set()))
    whole = {"messages": messages or [SYSTEM, QUESTION], "fields": fields, "chosen": frozenset(chosen or ())}
    return Request(**(whole | {"most_tokens": 4096, "temperature": 0.0} | changes))


def forms(error: Any, status: int = 400, asked: Request | None = None, **more: Any) -> list[RequestForm]:
    body = error if isinstance(error, dict) else {"error": {"message": error, **more}}
    return list(other_forms(RequestForm(), read_complaint(status, json.dumps(body)), asked or request()))


@pytest.mark.parametrize(
    ("field", "error", "status"),
    [
        ("stop", "Unsupported parameter: 'stop' is not supported with this model.", 400),
        ("stop", "Model grok-4 does not support parameter stop.", 400),
        ("stop", "Argument not supported on this model: stop", 400),
        ("stop", "litellm.UnsupportedParamsError: openai does not support parameters: ['stop'], for model=o3-mini.", 400),
        ("stop", "The model doesn't support the stopSequences field. Remove stopSequences and try again.", 400),
        ("stop", "Completions.create() got an unexpected keyword argument 'stop'", 500),
        ("temperature", "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) value", 400),
        ("temperature", "invalid temperature: only 1 is allowed for this model", 400),
        ("temperature", "`temperature` is deprecated for this model.", 400),
        ("temperature", "`temperature` may only be set to 1 when thinking is enabled.", 400),
        ("top_p", "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", 400),
        ("seed", "Unrecognized request argument supplied: seed", 400),
        ("seed", 'Invalid JSON payload received. Unknown name "seed": Cannot find field.', 400),
        ("seed", "Malformed input request: extraneous key [seed] is not permitted, please reformat your input", 400),
        ("seed", "property 'seed' is unsupported", 400),
        ("seed", "Seed is not supported by this model", 400),
        ("seed", "Extra inputs are not permitted: seed", 422),
        ("seed", "The request was refused; Seed is not supported", 400),
        ("temperature", "Temperature is not configurable for this model", 400),
        (
            "stop",
            {
                "error": {
                    "message": "Provider returned error",
                    "code": 400,
                    "metadata": {
                        "raw": '{"error": {"message": "Unsupported parameter", "param": "stop", "code": "unsupported_parameter"}}'
                    },
                }
            },
            400,
        ),
        ("seed", "TPU does not support per-request seed.", 400),
        (
            "seed",
            "Failed to deserialize the JSON body into the target type: seed: invalid type: integer `0`, expected a string",
            422,
        ),
        ("stop", "Stop tokens are not supported for this model", 400),
        ("stop", "The parameter is invalid. Please check again. stop: too many", 400),
        ("stop", "[{'loc': ('stop',), 'msg': 'str type expected'}]", 400),
        ("stop", "API \u8c03\u7528\u53c2\u6570\u6709\u8bef\u3002 stop \u53c2\u6570\u975e\u6cd5", 400),
        ("return_token_ids", "unknown field `return_token_ids`, expected one of `model`, `stop`, `seed`, `temperature`", 422),
        ("logprobs", "This model does not support logprobs", 400),
        ("logprobs", "You are not allowed to request logprobs from this model", 403),
        ("logprobs", "deepseek-reasoner does not support the parameter `logprobs`", 400),
        ("return_token_ids", "Unknown parameter: 'return_token_ids'.", 400),
        ("return_token_ids", {"detail": "Unexpected keys in the request: {'return_token_ids'}"}, 422),
        ("return_token_ids", "Extra inputs are not permitted, field: 'return_token_ids', value: True", 400),
        (
            "return_token_ids",
            {
                "detail": [
                    {"type": "extra_forbidden", "loc": ["body", "return_token_ids"], "msg": "Extra inputs are not permitted"}
                ]
            },
            422,
        ),
        (
            "seed",
            {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra"}]}},
            422,
        ),
        ("detail", "Extra inputs are not permitted: messages.1.content.0.image_url.detail", 400),
        ("reasoning_content", "property 'reasoning_content' is unsupported", 400),
        ("reasoning_content", "The reasoning_content is an intermediate result and should not be included in the input", 400),
        ("include_stop_str_in_output", "unknown field `include_stop_str_in_output`, expected one of `model`, `messages`", 422),
    ],
)
def test_a_field_that_a_server_refuses_by_name_is_left_out_and_no_other(field: str, error: Any, status: int) -> None:
    assert forms(error, status, request(LONG))[0] == RequestForm(left_out=frozenset({field}))


def test_a_field_is_named_by_param_alone() -> None:
    assert forms("No.", param="stop", code="unsupported_parameter")[0].left_out == {"stop"}
    assert forms("not supported", param="messages[1].content[0].image_url.detail")[0].left_out == {"detail"}


def test_several_fields_that_are_named_at_once_go_at_once() -> None:
    assert forms("openai does not support parameters: ['stop', 'seed']")[0].left_out == {"stop", "seed"}


@pytest.mark.parametrize(
    "error",
    [
        "temperature must be in [0, 2], got 3.0",
        "top_p must be in (0, 1], got 0.0.",
        "seed must be greater than 0",
        "Something stopped; unsupported",
        "The model `m` does not exist",
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "messages is not supported",
        "Unsupported parameter: 'tools' is not supported with this model.",
    ],
)
def test_what_is_the_users_to_change_is_not_left_out(error: str) -> None:
    assert forms(error) == []


def test_fields_of_the_users_own_are_never_left_out() -> None:
    assert forms("Unknown parameter: 'top_k'", asked=request(chosen={"top_k"})) == []


def test_nothing_is_changed_for_trouble_that_passes_or_for_other_statuses() -> None:
    for status in (401, 429, 503):
        assert forms("Unsupported parameter: 'stop'", status) == []


@pytest.mark.parametrize(
    "words",
    [
        "`temperature` must be strictly positive",
        "temperature must be in (0, 1]",
        "temperature\u53c2\u6570\u975e\u6cd5\u3002\u53d6\u503c\u8303\u56f4\u662f(0.0,1.0)",
    ],
)
def test_where_zero_is_no_temperature_nearly_zero_is_sent(words: str) -> None:
    assert [form.least_temperature for form in forms(words)] == [0.01]
    assert forms(words, asked=request(temperature=-1.0)) == [RequestForm(least_temperature=0.01)]
    assert forms(words, asked=request(temperature=3.0)) == []


def test_the_token_limit_has_two_names() -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    renamed = forms(words, param="max_tokens", code="unsupported_parameter")[0]
    assert renamed == RequestForm(limit_field="max_completion_tokens")
    asked = request(fields=frozenset({"max_completion_tokens"}))
    complaint = read_complaint(400, '{"error": {"message": "Unrecognized request argument supplied: max_completion_tokens"}}')
    assert next(other_forms(renamed, complaint, asked)).left_out == {"max_tokens", "max_completion_tokens"}


@pytest.mark.parametrize(
    ("words", "asked", "tokens", "is_lasting"),
    [
        ("max_tokens=4096 cannot be greater than max_model_len=2048. Please request fewer.", 4096, 2048, True),
        ("max_tokens is too large: 50000. This model supports at most 16384 completion tokens, whereas you", 50000, 16384, True),
        ("max_tokens: 40960 > 8192, which is the maximum allowed number for claude-3-5-sonnet-20241022", 40960, 8192, True),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 20000, 8192, True),
        ("`max_tokens` must be less than or equal to `8192`", 20000, 8192, True),
        ("The maximum tokens you requested exceeds the model limit of 4,096.", 5000, 4096, True),
        ("maximum context length is 8192 tokens. However, you requested 9000 (5000 in the messages, 4000 in", 4000, 3192, False),
        ("You requested a total of 4396 tokens: 300 tokens from the input messages and 4096 tokens for the completion, "
         "the maximum context length is 2048", 4096, 1748, False),
        ("input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000", 4096, 1000, False),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 300 `inputs` tokens and 4096 `max", 4096, 3796, False),
    ],
)  # fmt: skip
def test_how_many_tokens_a_reply_may_have_is_read_from_the_refusal(words: str, asked: int, tokens: int, is_lasting: bool) -> None:
    limit = lower_limit(words, asked)
    assert limit is not None and (limit.tokens, limit.is_lasting) == (tokens, is_lasting)
    assert not is_context_full(words, asked)
    form = forms(words, asked=request(most_tokens=asked))[0]
    assert (form.most_tokens if is_lasting else form.room) == tokens


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens must be at least 1, got 0",
        "max_tokens must be at least 1, got -12.",
        "Prompt contains 33000 tokens, too large for model with 32768 maximum context length",
        "This model's maximum context length is 2048 tokens. However, your prompt contains at least 2049 input tokens",
        "Prompt tokens 9000 > 8192",
        "The sequence length 9000 exceeds the model's max_seq_len 8192",
        "input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.",
        "the prompt does not fit into the context: 3000 > 2048",
        "Current length is 8200 while limit is 8192",
        "the input token count is 33000 but model only supports up to 32768. Reduce the input token count",
        "Total tokens of image and text exceed max message tokens. Request id: 021",
        "total tokens 9000 > n_ctx 8192",
        "\u8f93\u5165\u5185\u5bb9\u8fc7\u957f\uff0c\u8d85\u8fc7\u6a21\u578b\u6700\u5927\u4e0a\u4e0b\u6587\u957f\u5ea6",
    ],
)
def test_a_conversation_that_fills_the_context_is_no_matter_of_form(words: str) -> None:
    assert is_context_full(words, 4096)
    assert forms(words) == []


@pytest.mark.parametrize(
    "words",
    [
        "image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
        "At most 2 image(s) may be provided in one prompt.",
        "string too long. Expected maximum length 64 for messages[2].tool_calls[0].id, got 80",
        "Rate limit reached: 30000 tokens per minute, requested 31000",
        "Invalid input: too many stop sequences",
        "max_tokens must be at least 1",
    ],
)
def test_other_limits_are_not_the_context(words: str) -> None:
    assert not is_context_full(words, 4096)


@pytest.mark.parametrize(
    ("words", "messages", "first"),
    [
        ("System role not supported", LONG[:2], Arrangement.SYSTEM_INTO_USER),
        ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", LONG, Arrangement.SYSTEM_INTO_USER),
        ("Conversation roles must alternate user/assistant/user/assistant/...", LONG[:2], Arrangement.SYSTEM_INTO_USER),
        ("Unexpected role 'user' after role 'tool'", LONG, Arrangement.BRIDGE_AFTER_TOOL),
        ("Only user and assistant roles are supported!", LONG[1:], Arrangement.TOOL_AS_USER),
        ("Unexpected role 'tool'", LONG, Arrangement.TOOL_AS_USER),
        ("Jinja Exception: roles must alternate", [QUESTION, QUESTION], Arrangement.MERGED),
        ("Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", LONG, Arrangement.SHORT_IDS),
        ("content should be a valid string, got null", LONG, Arrangement.EMPTY_TEXT),
        ("Invalid type for 'messages[2].content': expected a string, got null", LONG, Arrangement.EMPTY_TEXT),
        ("messages[2]: missing field `content`", LONG, Arrangement.EMPTY_TEXT),
        ("Input should be a valid string", LONG, Arrangement.EMPTY_TEXT),
        ("invalid message content type: <nil>", LONG, Arrangement.EMPTY_TEXT),
        ("invalid type: null, expected a string", LONG, Arrangement.EMPTY_TEXT),
        ('can only concatenate str (not "NoneType") to str', LONG, Arrangement.EMPTY_TEXT),
        ("messages \u53c2\u6570\u975e\u6cd5\u3002content \u4e0d\u80fd\u4e3a\u7a7a", LONG, Arrangement.EMPTY_TEXT),
        ("Function call id was call_1 but must be a-z, A-Z, 0-9", LONG, Arrangement.SHORT_IDS),
        ("Input should be 'user' or 'assistant'", LONG[:2], Arrangement.SYSTEM_INTO_USER),
        ("Invalid value: 'system'. Supported values are: 'user', 'assistant'.", LONG[:2], Arrangement.SYSTEM_INTO_USER),
        ("unknown variant `tool`, expected one of `system`, `user`, `assistant`", LONG[1:], Arrangement.TOOL_AS_USER),
        ("The first message must be from the user", LONG[:2], Arrangement.SYSTEM_INTO_USER),
        ("A conversation must start with a user message", LONG[:2], Arrangement.SYSTEM_INTO_USER),
        ("\u7cfb\u7edf\u89d2\u8272\u4e0d\u652f\u6301", LONG[:2], Arrangement.SYSTEM_INTO_USER),
        ("'str' object has no attribute 'type' in chat template", LONG[:2], Arrangement.TEXT_AS_PARTS),
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_the_first_guess_at_what_a_template_refuses(words: str, messages: list[Message], first: Arrangement, status: int) -> None:
    assert forms(words, status, request(messages))[0].arrangements == {first}


def test_a_template_that_wants_it_all_gets_it_at_last() -> None:
    every = forms("roles must alternate", asked=request(LONG))[-1].arrangements
    roles = [message.role for message in arrange(LONG, every)]
    assert len(every) > 1 and all(first is not second for first, second in zip(roles, roles[1:], strict=False))
    assert set(roles) == {Role.USER, Role.ASSISTANT}


@pytest.mark.parametrize("arrangement", [one for one in Arrangement if one.name not in ("TEXT_AS_PARTS", "EMPTY_TEXT")])
def test_no_arrangement_loses_a_picture_or_a_word(arrangement: Arrangement) -> None:
    arranged = arrange([*LONG, SHOWN], {arrangement})
    assert sum(len(message.pictures) for message in arranged) == 3
    text = " ".join(message.text for message in arranged)
    assert all(words in text for words in ("Be brief.", "How many?", "7", "These were shown:"))


def test_thoughts_that_a_server_misses_are_sent_with_every_message() -> None:
    words = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"
    assert forms(words, asked=request(LONG)) == [RequestForm(reasoning_field="reasoning_content")]


def test_a_form_is_remembered_once_it_has_worked_and_what_fits_one_prompt_is_not() -> None:
    adaptation = Adaptation("m")
    tried = RequestForm(left_out=frozenset({"seed"}), most_tokens=2048, room=17, arrangements=frozenset({Arrangement.MERGED}))
    assert adaptation.current() == RequestForm()
    adaptation.worked(tried, request(), Reply(text="a"))
    assert adaptation.current() == RequestForm(
        left_out=frozenset({"seed"}), most_tokens=2048, arrangements=frozenset({Arrangement.MERGED})
    )


def test_no_stop_text_goes_to_a_model_that_thinks_by_itself() -> None:
    for name in ("Qwen3-VL-8B-Thinking", "deepseek-r1", "GLM-4.5V", "o3", "gpt-5-mini", "kimi-k2.5", "Qwen/Qwen3.5-9B"):
        assert "stop" in Adaptation(name).current().left_out, name
    for name in ("Qwen2.5-VL-7B-Instruct", "tiny", "gpt-4o", "Qwen3-VL-8B-Instruct", "foo3", "gemma-3-27b"):
        assert "stop" not in Adaptation(name).current().left_out, name
    seen = Adaptation("m")
    seen.worked(seen.current(), request(), Reply(text="a", reasoning="hm"))
    assert "stop" in seen.current().left_out


def test_what_was_changed_is_noted_where_it_was_asked_for() -> None:
    form = RequestForm(left_out=frozenset({"temperature", "seed", "stop"}), most_tokens=2048)
    notes = form.notes(Sampling(temperature=0.0, max_tokens=4096, stop=("x",)), record_tokens=False)
    assert [note for note in notes if "temperature" in note] and [note for note in notes if "2048" in note]
    assert not [note for note in notes if "seed" in note or "stop" in note]


@pytest.mark.parametrize("piece", ["prompt ", "1 ", "max_tokens ", "role ", "'stop' ", "not ", "(", "tokens exceed "])
def test_long_words_are_read_in_no_time(piece: str) -> None:
    start = time.process_time()
    forms(piece * (100_000 // len(piece)), asked=request(LONG))
    assert time.process_time() - start < 1.0
