"""Replies as OpenAI-compatible servers write them.

    reply = read_reply(answer, turn=len(messages))

Reading is tolerant where servers differ (reasoning, token ids, arguments as objects, what a proxy moves aside) and firm where a
guess would corrupt data. Characters that no UTF-8 text may hold become question marks.

Not covered: several choices, streaming, audio.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress

from codedance.model.adaptation import REASONING_FIELDS
from codedance.model.chat import Reply
from codedance.model.context_limit import read_context
from codedance.model.endings import Json, clean, object_of, read_block, read_finish, read_refusal, read_text
from codedance.model.retry import AskAgain, shorten
from codedance.types import FinishReason, ToolCall, Usage

_ASIDE = "provider_specific_fields"
"""Where LiteLLM moves what it does not know."""
_OPAQUE = re.compile("signature|thinking|reasoning_details|encrypted|thought|extra_content")
_OF_MESSAGE = frozenset(
    ["role", "content", "tool_calls", "function_call", "refusal", "annotations", "audio", "parsed", "images", "name", "citations"]
    + ["token_ids", "prompt_token_ids", "logprobs", "stop_reason", "finish_reason", *REASONING_FIELDS]
)
"""Fields of a reply's message that are read, or that nobody wants back."""
_OF_CALL = frozenset({"id", "type", "function", "index"})
_THOUGHT_PART = re.compile("think|reason|thought")
"""Types of parts that hold thoughts."""
_CALL_PARTS = ("tool_use", "tool_call", "function_call")
_ARGUMENTS = ("arguments", "input", "parameters", "args")
_THOUGHT_FIELDS = (
    *("thinking", "thinking_blocks", "thinking_content", "thought", "thoughts", "chain_of_thought"),
    *("reasoning_text", "reasoning_details", "reasoning_summary"),
)
"""Further names of thoughts (Anthropic by LiteLLM, Ollama, Gemini, Copilot, OpenRouter), which go back as they came."""
_DEEPEST = 3
_MOST_TOKENS = 10**12
_LARGEST = 1e300
_MOST_IDS = 2**31
_MOST_CALLS = 10_000
_MOST_CHARACTERS = 2_000_000
"""Of all that is kept of a reply and sent back with the next request: four times what 128,000 tokens make."""
_MOST_NAME = 500
_NAMELESS = "function"


def read_reply(body: Json, turn: int) -> Reply:
    """What the model said; `turn` tells the calls of one turn from those of another where the server gives them no id.

    Raises:
        AskAgain: there is no message in it, or its tokens cannot be told apart.
    """
    choices = body.get("choices")
    if not choices and (blocked := read_block(body)):
        return Reply(text="", refusal=f"the prompt was blocked: {blocked}", finish_reason=FinishReason.CONTENT_FILTER)
    if not isinstance(choices, list) or not choices:
        raise AskAgain(f"the reply has no choices: {shorten(json.dumps(body))}")
    choice = object_of(choices[0])
    finish = read_finish(choice.get("finish_reason"))
    message = _message_of(choice)
    if message is None and finish is FinishReason.CONTENT_FILTER:
        message = {}
    if message is None:
        raise AskAgain("the reply has no message")
    if not message.get("content") and not message.get("tool_calls"):  # a gateway may call a filter's end a stop
        native = read_finish(choice.get("native_finish_reason"))
        finish = native if native is FinishReason.CONTENT_FILTER else finish
    aside, of_choice = object_of(message.get(_ASIDE)), object_of(choice.get(_ASIDE))
    logprobs = _read_logprobs(choice.get("logprobs"))
    ids = _read_ids(_first(choice.get("token_ids"), of_choice.get("token_ids"), aside.get("token_ids")))
    if ids is None:
        ids = _ids_of_logprobs(choice.get("logprobs"))
    if ids is not None and logprobs is not None and len(ids) != len(logprobs):
        raise AskAgain(f"the reply has {len(ids)} token ids but {len(logprobs)} logprobs")
    prompt_ids = (body, choice, of_choice, object_of(body.get(_ASIDE)))
    reasoning, field = _read_reasoning(message, aside)
    reasoning = reasoning or read_text(_first(*(choice.get(name) for name in REASONING_FIELDS)))
    text = _read_content(message.get("content"))
    calls = _calls_in(message, aside, choice)
    if len(calls) > _MOST_CALLS:
        raise AskAgain(f"the reply has {len(calls):,} tool calls; no model writes more than {_MOST_CALLS:,}")
    reply = Reply(
        text=text,
        tool_calls=_read_calls(calls, turn),
        usage=_read_usage(body.get("usage")),
        token_ids=ids,
        logprobs=logprobs,
        finish_reason=finish,
        reasoning=reasoning,
        prompt_ids=_read_ids(_first(*(place.get("prompt_token_ids") for place in prompt_ids))),
        extra=_read_extra(message, _OF_MESSAGE, {field: ""} if field else {}),
        refusal=read_refusal(body, choice, message, text, finish),
    )
    _check_size(reply)
    return reply


def _check_size(reply: Reply) -> None:
    kept = (reply.text, reply.reasoning, reply.extra, reply.refusal)
    of_calls = (part for call in reply.tool_calls for part in (call.id, call.name, call.arguments, call.extra))
    if (length := sum(map(len, (*kept, *of_calls)))) > _MOST_CHARACTERS:
        raise AskAgain(f"the reply has {length:,} characters; no model writes more than {_MOST_CHARACTERS:,}")


def read_models(body: Json) -> dict[str, int | None]:
    """The names in a list of models, and the context of each in tokens, where the list tells it.

    Raises:
        AskAgain: it is no such list.
    """
    entries = body.get("data")
    if not isinstance(entries, list):
        raise AskAgain("the list of models has no data")
    named = [entry for entry in entries if isinstance(entry, dict) and 0 < len(read_text(entry.get("id"))) <= _MOST_NAME]
    return {read_text(entry["id"]): read_context(entry) for entry in named}


def read_root(body: Json, name: str) -> str:
    """What a list of models says stands behind a name (vLLM's `root`); empty where it says nothing."""
    entries = body.get("data")
    named = [e for e in entries if isinstance(e, dict) and e.get("id") == name] if isinstance(entries, list) else []
    return read_text(named[0].get("root")) if named else ""


def _message_of(choice: Json) -> Json | None:
    """The message of a choice; of old or streaming servers, its text or delta."""
    messages = choice.get("messages")
    places = (choice.get("message"), choice.get("delta"), messages[-1] if isinstance(messages, list) and messages else None)
    found = next((place for place in places if isinstance(place, dict)), None)
    return {"content": choice["text"]} if found is None and isinstance(choice.get("text"), str) else found


def _read_content(content: object) -> str:
    """Texts come as such or in parts; none is the same as an empty one."""
    if content is not None and not isinstance(content, str | list) and not _read_part(content):
        raise AskAgain(f"the content of the reply is no text but {type(content).__name__}")
    return _read_part(content)


def _read_part(part: object, depth: int = 0) -> str:
    if isinstance(part, list) and depth <= _DEEPEST:
        return "".join(_read_part(piece, depth + 1) for piece in part)
    if not isinstance(part, dict):
        return read_text(part)
    if _is_thought(part) or part.get("type") in _CALL_PARTS or depth > _DEEPEST:
        return ""
    return _read_part(_first(part.get("text"), part.get("content"), part.get("value")), depth + 1)


def _is_thought(part: Json) -> bool:
    return part.get("thought") is True or _THOUGHT_PART.search(read_text(part.get("type"))) is not None


def _calls_in(message: Json, aside: Json, choice: Json) -> list[object]:
    """The calls of a reply, wherever servers put them."""
    content = message.get("content")
    parts = [p for p in content if object_of(p).get("type") in _CALL_PARTS] if isinstance(content, list) else []
    places = (message.get("tool_calls"), aside.get("tool_calls"), choice.get("tool_calls"), message.get("function_call"), parts)
    calls = next((place for place in places if place), [])
    if isinstance(calls, str):
        with suppress(ValueError, RecursionError):
            calls = json.loads(calls)
    calls = [calls] if isinstance(calls, dict) else calls
    return [call for call in calls if call is not None] if isinstance(calls, list) else []


def _read_calls(calls: list[object], turn: int) -> tuple[ToolCall, ...]:
    found = []
    for index, call in enumerate(calls):
        function = _function(call)
        if not function:
            raise AskAgain(f"tool call {index + 1} of the reply names no function")
        arguments = _first(*(function.get(name) for name in _ARGUMENTS))
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        name, text = read_text(function.get("name")) or _NAMELESS, read_text(arguments)
        own = {"function": {k: v for k, v in function.items() if k not in ("name", *_ARGUMENTS) and v}}
        whole = object_of(call)
        extra = _read_extra(whole, _OF_CALL, own if own["function"] else {}) if function is whole.get("function") else ""
        found.append(ToolCall(read_text(whole.get("id")) or f"call_{turn}_{index}", name, text, extra))
    return tuple(found)


def _function(call: object) -> Json:
    """What is called: in the standard's place, or where other protocols have it; one without a name has arguments at least."""
    whole = object_of(call)
    places = (object_of(whole.get("function")), object_of(whole.get("custom")), whole)
    return next((p for p in places if read_text(p.get("name")) or any(p.get(name) for name in _ARGUMENTS)), {})


def _read_reasoning(message: Json, aside: Json) -> tuple[str, str]:
    """Thoughts, and the name of the field that they are to be sent back in."""
    for field in REASONING_FIELDS:
        if text := read_text(message.get(field)):
            return text, field
    for field in REASONING_FIELDS:
        if text := read_text(aside.get(field)):
            return text, REASONING_FIELDS[0]  # the name that LiteLLM itself takes
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    thoughts = [_read_thought(part) for part in parts if _is_thought(part)]
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
    return read_text(value)


def _read_extra(holder: Json, known: frozenset[str], more: Json) -> str:
    """As JSON: fields of a message or call that no standard knows, such as signatures and details of the reasoning."""
    found = {key: value for key, value in holder.items() if key not in known and value not in (None, "", [], {})}
    if kept := {key: value for key, value in object_of(found.pop(_ASIDE, None)).items() if _OPAQUE.search(key) and value}:
        found[_ASIDE] = kept
    found |= more
    return clean(json.dumps(found, ensure_ascii=False)) if found else ""


def _ids_of_logprobs(logprobs: object) -> tuple[int, ...] | None:
    """llama.cpp writes each token's id beside its logprob."""
    content = object_of(logprobs).get("content")
    if not isinstance(content, list) or not content:
        return None
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in content]
    return tuple(number for number in ids if type(number) is int) if all(type(number) is int for number in ids) else None


def _first(*values: object) -> object | None:
    return next((value for value in values if value is not None), None)


def _read_usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = object_of(_first(usage.get("prompt_tokens_details"), usage.get("input_tokens_details")))
    prompt = _count(_first(usage.get("prompt_tokens"), usage.get("input_tokens")))
    reply = _count(_first(usage.get("completion_tokens"), usage.get("output_tokens")))
    return Usage(prompt, reply, _count(details.get("cached_tokens")))


def _count(value: object) -> int:
    """Of tokens; some gateways write 12.0 or "12"."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(_MOST_TOKENS)):
        value = int(value)
    is_whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole and isinstance(value, int | float) and 0 < value < _MOST_TOKENS else 0


def _read_ids(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(token) is int and 0 <= token < _MOST_IDS for token in value):
        raise AskAgain("the token ids of the reply are no list of whole numbers that tokens may have")
    return tuple(value)


def _read_logprobs(value: object) -> tuple[float, ...] | None:
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list):
        return None
    found = [entry.get("logprob") if isinstance(entry, dict) else None for entry in content]
    numbers = tuple(float(number) for number in found if isinstance(number, (int, float)) and abs(number) < _LARGEST)
    if len(numbers) != len(content):
        raise AskAgain("the logprobs of the reply are no list of numbers")
    return numbers
