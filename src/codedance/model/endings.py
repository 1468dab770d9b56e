"""How a reply came to its end: by the model, by a limit, by a filter, or because something broke.

    read_finish("FinishReason.MAX_TOKENS")                                  # FinishReason.LENGTH
    error_in({"choices": [{"finish_reason": "error", "message": {}}]})      # an error that calls itself a success

Spellings: OpenAI, Azure, Anthropic, Gemini, Bedrock, Mistral, Cohere, DeepSeek, Zhipu, MiniMax, OpenRouter, Cloudflare, vLLM,
SGLang, TGI. Not covered: errors with a status of their own, which `retry` reads.
"""

from __future__ import annotations

import re
from typing import Any

from codedance.types import FinishReason

Json = dict[str, Any]
_ENDINGS = {
    FinishReason.TOOL_CALLS: r"(?:tool|function)_(?:calls?|use)",
    FinishReason.CONTENT_FILTER: r".*(?:filter|safety|sensitive|prohibited|recitation|guardrail|moderation|flagged|refus|risk"
    r"|blocklist|blocked|spii|model_armor|policy).*",
    FinishReason.LENGTH: r"length|limit|cut_?off|truncated|(?:max|token|model_length|model_context|context|output)(?:_\w+)?",
    FinishReason.STOP: r"eos(?:_token)?|stop(?:_sequence|_token|_string|_word)?|end(?:_turn|_of_text|_of_turn)?|complete[d]?"
    r"|finish(?:ed)?|done",
}
_BROKEN_OFF = re.compile(
    r".*(?:error|abort|cancel|time_?d?_?out|fail|overload|unavailable|interrupt|insufficient_system_resource).*", re.DOTALL
)
"""Reasons to end that are none of the model's (OpenRouter, vLLM and SGLang, Zhipu, DeepSeek)."""
_ERROR_FIELDS = ("message", "detail", "msg", "status_msg", "error_msg")
_ENVELOPES = ("data", "result", "output", "response")
_MOST_CHARACTERS = 60


def clean(text: str) -> str:
    """Characters that no UTF-8 text may hold become question marks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def object_of(value: object) -> Json:
    """The object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def read_text(value: object) -> str:
    """The text, or an empty one in place of anything else."""
    return clean(value) if isinstance(value, str) else ""


def opened(body: Json) -> Json:
    """An answer that a gateway has put into another object, with the fields of both."""
    if body.get("choices"):
        return body
    inner = next((object_of(body.get(name)) for name in _ENVELOPES if object_of(body.get(name)).get("choices")), None)
    return body if inner is None else body | inner


def read_finish(value: object) -> FinishReason:
    """Why a reply ended, by a server's word for it."""
    name = _plain(value)
    exact = next((reason for reason in FinishReason if reason.value == name), None)
    found = (reason for reason, pattern in _ENDINGS.items() if re.fullmatch(pattern, name))
    return exact or next(found, FinishReason.UNKNOWN)


def _plain(value: object) -> str:
    """ "FinishReason.MAX_TOKENS", "contentFilter" and "content_filter: PROHIBITED_CONTENT" in small letters and underscores."""
    text = value.partition(":")[0].strip().rpartition(".")[2] if isinstance(value, str) else ""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]", "_", text[:_MOST_CHARACTERS]).lower()


def error_in(body: Json) -> Json | str | None:
    """The error in an answer that calls itself a success: at its top, in its choice or message, or in place of choices."""
    choices = body.get("choices")
    choice: Json = object_of(choices[0]) if isinstance(choices, list) and choices else {}
    message = object_of(choice.get("message"))
    error = body.get("error") or choice.get("error") or message.get("error")
    if not error and not _says_something(message) and "data" not in body:
        errors, status = body.get("errors"), object_of(body.get("base_resp"))
        own = body if not choice else None
        places = (errors[0] if isinstance(errors, list) and errors else None, status if status.get("status_code") else None, own)
        told = [object_of(place) for place in places if any(object_of(place).get(key) for key in _ERROR_FIELDS)]
        error = told[0] if told else None
    if error:
        return error if isinstance(error, dict) else str(error)
    reasons = [choice.get("finish_reason"), None if _says_something(message) else choice.get("native_finish_reason")]
    broken = next((reason for reason in reasons if _BROKEN_OFF.fullmatch(_plain(reason))), None)
    return None if broken is None else f"the reply ended with finish_reason {str(broken)[:_MOST_CHARACTERS]!r}"


def _says_something(message: Json) -> bool:
    return bool(message.get("content") or message.get("tool_calls"))


def read_block(body: Json) -> str:
    """Why a provider reads no prompt at all (Gemini)."""
    feedback = object_of(body.get("prompt_feedback") or body.get("promptFeedback"))
    return read_text(feedback.get("block_reason") or feedback.get("blockReason"))


def read_refusal(body: Json, choice: Json, message: Json, text: str, finish: FinishReason) -> str:
    """Why the model or a filter declined; empty where neither did."""
    content = message.get("content")
    parts = [object_of(part).get("refusal") for part in content] if isinstance(content, list) else []
    if words := read_text(message.get("refusal")) or "".join(read_text(part) for part in parts):
        return words
    if not text and body.get("output_sensitive") is True:
        return "the reply was withheld: output_sensitive"
    if finish is not FinishReason.CONTENT_FILTER and choice.get("stop_reason") != "refusal":
        return ""
    return text or f"the reply was withheld: {read_text(choice.get('finish_reason'))[:_MOST_CHARACTERS] or 'refusal'}"
