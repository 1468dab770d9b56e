"""Replies as OpenAI-compatible servers write them.

    reply = read_reply(read_object(answer), turn=len(messages))

Reading is tolerant where servers differ (reasoning, token ids, arguments as objects, what a proxy moves aside) and firm where a
guess would corrupt data. Characters that no UTF-8 text may hold become question marks.

Not covered: several choices, streaming, audio.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from codedance.model.adaptation import REASONING_FIELDS
from codedance.model.chat import Reply
from codedance.model.context_limit import read_context
from codedance.model.retry import AskAgain, shorten
from codedance.types import FinishReason, ToolCall, Usage

Json = dict[str, Any]
_ASIDE = "provider_specific_fields"
"""Where LiteLLM moves what it does not know."""
_OPAQUE = re.compile("signature|thinking|reasoning_details|encrypted|thought|extra_content")
_OF_MESSAGE = frozenset(
    ["role", "content", "tool_calls", "function_call", "refusal", "annotations", "audio", "parsed", "images", "name", "citations"]
    + ["token_ids", "prompt_token_ids", "logprobs", "stop_reason", "finish_reason", *REASONING_FIELDS]
)
"""Fields of a reply's message that are read, or that nobody wants back."""
_OF_CALL = frozenset({"id", "type", "function", "index"})
_FINISHES = {reason.value: reason for reason in FinishReason} | {
    **dict.fromkeys(("eos", "eos_token", "end_turn", "stop_sequence"), FinishReason.STOP),
    **dict.fromkeys(("max_tokens", "model_length", "model_context_window_exceeded"), FinishReason.LENGTH),
    **dict.fromkeys(("tool_use", "function_call"), FinishReason.TOOL_CALLS),
    **dict.fromkeys(
        ("refusal", "sensitive", "safety", "prohibited_content", "blocklist", "spii", "recitation", "guardrail_intervened")
        + ("image_safety", "image_prohibited_content", "image_recitation", "model_armor", "content_filtered"),
        FinishReason.CONTENT_FILTER,
    ),
}
_THOUGHT_PARTS = ("thinking", "reasoning")
_THOUGHT_FIELDS = ("thinking", "thinking_blocks", "thought", "reasoning_text", "reasoning_details")
"""Further names of thoughts (Anthropic by LiteLLM, Ollama, Gemini, Copilot, OpenRouter), which go back as they came."""
_ERROR_FIELDS = ("message", "detail", "msg", "status_msg")
_DEEPEST = 3
_NAMELESS = "function"
_BROKEN_OFF = ("error", "abort", "network_error", "insufficient_system_resource")
"""Reasons to end that are none of the model's (OpenRouter, vLLM and SGLang, Zhipu, DeepSeek)."""


def read_object(content: bytes) -> Json:
    """The JSON object in a body.

    Raises:
        AskAgain: it is something else.
    """
    try:
        body = json.loads(content.decode())
    except UnicodeDecodeError as error:
        raise AskAgain(f"the reply is no whole UTF-8 text: {error.reason} at byte {error.start} of {len(content)}") from None
    except (ValueError, RecursionError) as error:
        what = "a web page" if content.lstrip().startswith(b"<") else "no JSON"
        raise AskAgain(f"the reply is {what}: {error}") from None
    if not isinstance(body, dict):
        raise AskAgain(f"the reply is no JSON object but {type(body).__name__}")
    return body


def read_reply(body: Json, turn: int) -> Reply:
    """What the model said; `turn` tells the calls of one turn from those of another where the server gives them no id.

    Raises:
        AskAgain: there is no message in it, or its tokens cannot be told apart.
    """
    choices = body.get("choices")
    if not choices and (blocked := _read_block(body)):
        return Reply(text="", refusal=f"the prompt was blocked: {blocked}", finish_reason=FinishReason.CONTENT_FILTER)
    if not isinstance(choices, list) or not choices:
        raise AskAgain(f"the reply has no choices: {shorten(json.dumps(body))}")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    finish = _read_finish(_object(choice).get("finish_reason"))
    if not _object(message).get("content") and not _object(message).get("tool_calls"):  # a gateway may call a filter's end a stop
        native = _read_finish(_object(choice).get("native_finish_reason"))
        finish = native if native is FinishReason.CONTENT_FILTER else finish
    if message is None and finish is FinishReason.CONTENT_FILTER:
        message = {}
    if not isinstance(message, dict):
        raise AskAgain("the reply has no message")
    aside, of_choice = _object(message.get(_ASIDE)), _object(choice.get(_ASIDE))
    logprobs = _read_logprobs(choice.get("logprobs"))
    ids = _read_ids(_first(choice.get("token_ids"), of_choice.get("token_ids"), aside.get("token_ids")))
    if ids is None:
        ids = _ids_of_logprobs(choice.get("logprobs"))
    if ids is not None and logprobs is not None and len(ids) != len(logprobs):
        raise AskAgain(f"the reply has {len(ids)} token ids but {len(logprobs)} logprobs")
    prompt_ids = (body, choice, of_choice, _object(body.get(_ASIDE)))
    reasoning, field = _read_reasoning(message, aside)
    reasoning = reasoning or _read_text(_first(*(choice.get(name) for name in REASONING_FIELDS)))
    legacy = message.get("function_call")
    return Reply(
        text=_read_content(message.get("content")),
        tool_calls=_read_calls(message.get("tool_calls") or ([legacy] if isinstance(legacy, dict) else None), turn),
        usage=_read_usage(body.get("usage")),
        token_ids=ids,
        logprobs=logprobs,
        finish_reason=finish,
        reasoning=reasoning,
        prompt_ids=_read_ids(_first(*(place.get("prompt_token_ids") for place in prompt_ids))),
        extra=_read_extra(message, _OF_MESSAGE, {field: ""} if field else {}),
        refusal=_read_refusal(choice, message, finish),
    )


def error_in(body: Json) -> Json | str | None:
    """The error in an answer that calls itself a success: at its top, in its choice or message, or in place of choices."""
    choices = body.get("choices")
    choice: Json = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = body.get("error") or choice.get("error") or _object(choice.get("message")).get("error")
    if not error and not choice and "data" not in body:
        errors = body.get("errors")
        places = (errors[0] if isinstance(errors, list) and errors else None, body.get("base_resp"), body)
        told = [_object(place) for place in places if any(_object(place).get(key) for key in _ERROR_FIELDS)]
        error = told[0] if told else None
    if error:
        return error if isinstance(error, dict) else str(error)
    reason = choice.get("finish_reason")
    return f"the reply ended with finish_reason {reason!r}" if reason in _BROKEN_OFF else None


def read_models(body: Json) -> dict[str, int | None]:
    """The names in a list of models, and the context of each in tokens, where the list tells it.

    Raises:
        AskAgain: it is no such list.
    """
    entries = body.get("data")
    if not isinstance(entries, list):
        raise AskAgain("the list of models has no data")
    return {entry["id"]: read_context(entry) for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)}


def read_root(body: Json, name: str) -> str:
    """What a list of models says stands behind a name (vLLM's `root`); empty where it says nothing."""
    entries = body.get("data")
    named = [e for e in entries if isinstance(e, dict) and e.get("id") == name] if isinstance(entries, list) else []
    return _read_text(named[0].get("root")) if named else ""


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _read_text(value: object) -> str:
    return _clean(value) if isinstance(value, str) else ""


def _read_content(content: object) -> str:
    """Texts come as such or in parts; none is the same as an empty one."""
    if isinstance(content, list):
        parts = [part for part in content if _object(part).get("type") not in _THOUGHT_PARTS]
        return "".join(_read_text(part) or _read_text(_object(part).get("text")) for part in parts)
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return _read_text(content["text"])
    if content is None or isinstance(content, str):
        return _read_text(content)
    raise AskAgain(f"the content of the reply is no text but {type(content).__name__}")


def _read_calls(calls: object, turn: int) -> tuple[ToolCall, ...]:
    calls = [calls] if isinstance(calls, dict) else calls
    if not isinstance(calls, list):
        return ()
    found = []
    for index, call in enumerate(calls):
        function = _function(call)
        if not function:
            raise AskAgain(f"tool call {index + 1} of the reply names no function")
        arguments = _first(function.get("arguments"), function.get("input"))
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        name, text = _read_text(function.get("name")) or _NAMELESS, _read_text(arguments)
        own = {"function": {k: v for k, v in function.items() if k not in ("name", "arguments") and v}}
        extra = _read_extra(call, _OF_CALL, own if own["function"] else {}) if function is call.get("function") else ""
        found.append(ToolCall(_read_text(call.get("id")) or f"call_{turn}_{index}", name, text, extra))
    return tuple(found)


def _function(call: object) -> Json:
    """What is called: in the standard's place, or where other protocols have it; one without a name has arguments at least."""
    whole = _object(call)
    places = (_object(whole.get("function")), _object(whole.get("custom")), whole)
    return next((p for p in places if _read_text(p.get("name")) or p.get("arguments") or p.get("input")), {})


def _read_block(body: Json) -> str:
    """Why a provider reads no prompt at all (Gemini)."""
    feedback = _object(_first(body.get("prompt_feedback"), body.get("promptFeedback")))
    return _read_text(_first(feedback.get("block_reason"), feedback.get("blockReason")))


def _read_reasoning(message: Json, aside: Json) -> tuple[str, str]:
    """Thoughts, and the name of the field that they are to be sent back in."""
    for field in REASONING_FIELDS:
        if text := _read_text(message.get(field)):
            return text, field
    for field in REASONING_FIELDS:
        if text := _read_text(aside.get(field)):
            return text, REASONING_FIELDS[0]  # the name that LiteLLM itself takes
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    thoughts = [_read_thought(part) for part in parts if part.get("type") in _THOUGHT_PARTS]
    if not any(thoughts):
        places = [place.get(field) for field in (*REASONING_FIELDS, *_THOUGHT_FIELDS) for place in (message, aside)]
        thoughts = [next((thought for place in places if (thought := _read_thought(place))), "")]
    return "\n".join(thought for thought in thoughts if thought), ""


def _read_thought(value: object, depth: int = 0) -> str:
    """A thought in parts, as Mistral's, Anthropic's and OpenRouter's models write them."""
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "".join(_read_thought(piece, depth + 1) for piece in value)
    if isinstance(value, dict):
        named = [value.get(key) for key in ("thinking", "reasoning", "text", "content", "summary")]
        return _read_thought(_first(*named), depth + 1)
    return _read_text(value)


def _read_extra(holder: Json, known: frozenset[str], more: Json) -> str:
    """As JSON: fields of a message or call that no standard knows, such as signatures and details of the reasoning."""
    found = {key: value for key, value in holder.items() if key not in known and value not in (None, "", [], {})}
    if kept := {key: value for key, value in _object(found.pop(_ASIDE, None)).items() if _OPAQUE.search(key) and value}:
        found[_ASIDE] = kept
    found |= more
    return _clean(json.dumps(found, ensure_ascii=False)) if found else ""


def _read_refusal(choice: Json, message: Json, finish: FinishReason) -> str:
    """Why the model or a filter declined; empty where neither did."""
    content = message.get("content")
    parts = [_object(part).get("refusal") for part in content] if isinstance(content, list) else []
    if words := _read_text(message.get("refusal")) or "".join(_read_text(part) for part in parts):
        return words
    reason = choice.get("finish_reason")
    if finish is not FinishReason.CONTENT_FILTER and choice.get("stop_reason") != "refusal":
        return ""
    return _read_text(content) or f"the reply was withheld: {_read_text(reason) or 'refusal'}"


def _ids_of_logprobs(logprobs: object) -> tuple[int, ...] | None:
    """llama.cpp writes each token's id beside its logprob."""
    content = _object(logprobs).get("content")
    if not isinstance(content, list) or not content:
        return None
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in content]
    return tuple(number for number in ids if type(number) is int) if all(type(number) is int for number in ids) else None


def _first(*values: object) -> object | None:
    return next((value for value in values if value is not None), None)


def _read_usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), _count(cached))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _read_finish(value: object) -> FinishReason:
    text = str(value).lower().partition(":")[0]  # Gemini: "content_filter: PROHIBITED_CONTENT"
    return _FINISHES.get(text, FinishReason.UNKNOWN)


def _read_ids(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(token) is int for token in value):
        raise AskAgain("the token ids of the reply are no list of whole numbers")
    return tuple(value)


def _read_logprobs(value: object) -> tuple[float, ...] | None:
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list):
        return None
    found = [entry.get("logprob") if isinstance(entry, dict) else None for entry in content]
    numbers = tuple(float(number) for number in found if isinstance(number, (int, float)) and math.isfinite(number))
    if len(numbers) != len(content):
        raise AskAgain("the logprobs of the reply are no list of numbers")
    return numbers
