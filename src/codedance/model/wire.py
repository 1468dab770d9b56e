"""Requests and replies as OpenAI-compatible servers write them.

    content = encode(write_request("qwen", messages, Sampling(seed=1), detail=None, record_tokens=False))
    reply = read_reply(read_object(answer), turn=len(messages))

Reading is tolerant where servers differ (reasoning, token ids, arguments as objects) and firm where a guess would corrupt data.
Nothing is sent that is not set. Characters that no UTF-8 text may hold become question marks, on both ways.

Not covered: several choices, streaming, audio.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from codedance.errors import ConfigError
from codedance.images import Picture
from codedance.model.chat import Message, Reply
from codedance.model.retry import AskAgain
from codedance.types import FinishReason, Sampling, Tool, ToolCall, Usage

Json = dict[str, Any]


def write_request(name: str, messages: Sequence[Message], sampling: Sampling, detail: str | None, record_tokens: bool) -> Json:
    """The body of a chat request.

    Raises:
        ConfigError: the parameters of a tool are no JSON object.
    """
    options = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "tools": [_write_tool(tool) for tool in sampling.tools] or None,
        "logprobs": record_tokens or None,
        "return_token_ids": record_tokens or None,
    }
    body: Json = {"model": name, "messages": [_write_message(message, detail) for message in messages]}
    return body | {key: value for key, value in options.items() if value is not None}


def encode(body: Json) -> bytes:
    """As bytes; five times as fast as the standard library on the long texts that pictures are."""
    return to_json(body)


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
    if not isinstance(choices, list) or not choices:
        raise AskAgain("the reply has no choices")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise AskAgain("the reply has no message")
    token_ids = _read_ids(choice.get("token_ids"))
    logprobs = _read_logprobs(choice.get("logprobs"))
    if token_ids is not None and logprobs is not None and len(token_ids) != len(logprobs):
        raise AskAgain(f"the reply has {len(token_ids)} token ids but {len(logprobs)} logprobs")
    return Reply(
        text=_read_content(message.get("content")),
        tool_calls=_read_calls(message.get("tool_calls"), turn),
        usage=_read_usage(body.get("usage")),
        token_ids=token_ids,
        logprobs=logprobs,
        finish_reason=_read_finish(choice.get("finish_reason")),
        reasoning=_read_text(message.get("reasoning_content")) or _read_text(message.get("reasoning")),
        prompt_ids=_read_ids(body.get("prompt_token_ids") or choice.get("prompt_token_ids")),
    )


def read_models(body: Json) -> tuple[str, ...]:
    """The names in a list of models.

    Raises:
        AskAgain: it is no such list.
    """
    entries = body.get("data")
    if not isinstance(entries, list):
        raise AskAgain("the list of models has no data")
    return tuple(entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str))


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def _write_message(message: Message, detail: str | None) -> Json:
    parts = [_write_part(part, detail) for part in message.content if part]
    # many servers take lists only where there are pictures
    written: Json = {"role": message.role.value, "content": parts if message.pictures else _clean(message.text)}
    if message.tool_calls:
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _clean(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


def _write_part(part: str | Picture, detail: str | None) -> Json:
    if isinstance(part, str):
        return {"type": "text", "text": _clean(part)}
    url = f"data:{part.media_type};base64,{base64.b64encode(part.encoded).decode()}"
    return {"type": "image_url", "image_url": {"url": url} | ({} if detail is None else {"detail": detail})}


def _write_tool(tool: Tool) -> Json:
    try:
        parameters = json.loads(tool.parameters)
    except ValueError as error:
        raise ConfigError(f"tool {tool.name!r}: its parameters are no JSON: {error}; give a JSON schema as text") from None
    if not isinstance(parameters, dict):
        raise ConfigError(f"tool {tool.name!r}: its parameters are no JSON object; give a JSON schema as text")
    return {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": parameters}}


def _read_text(value: object) -> str:
    return _clean(value) if isinstance(value, str) else ""


def _read_content(content: object) -> str:
    """Texts come as such or in parts; none is the same as an empty one."""
    if isinstance(content, list):
        return "".join(_read_text(part.get("text")) for part in content if isinstance(part, dict))
    if content is None or isinstance(content, str):
        return _read_text(content)
    raise AskAgain(f"the content of the reply is no text but {type(content).__name__}")


def _read_calls(calls: object, turn: int) -> tuple[ToolCall, ...]:
    if not isinstance(calls, list):
        return ()
    found = []
    for index, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not _read_text(function.get("name")):
            raise AskAgain(f"tool call {index + 1} of the reply names no function")
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        name, text = _read_text(function["name"]), _read_text(arguments)
        found.append(ToolCall(_read_text(call.get("id")) or f"call_{turn}_{index}", name, text))
    return tuple(found)


def _read_usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), _count(cached))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _read_finish(value: object) -> FinishReason:
    try:
        return FinishReason(str(value))
    except ValueError:
        return FinishReason.UNKNOWN


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
