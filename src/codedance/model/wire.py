"""Requests as OpenAI-compatible servers read them.

    content = encode(write_request("qwen", messages, Sampling(seed=1), detail=None, record_tokens=False))

Nothing is sent that is not set. What an earlier reply carried beside its text (thoughts, signatures) goes back as it came, and
the arguments of its calls always as a JSON object, since servers parse them. Characters that no UTF-8 text may hold become
question marks.

Not covered: several choices, streaming, audio; reading what comes back (`replies`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json, to_json

from codedance.errors import ConfigError
from codedance.images import Picture
from codedance.model.adaptation import REASONING_FIELDS, RequestForm
from codedance.model.arrangement import Arrangement, arrange, with_unique_ids
from codedance.model.chat import Message, Role
from codedance.types import Sampling, Tool, ToolCall

Json = dict[str, Any]
_AS_IT_STANDS = RequestForm()
_ANY_ARGUMENT = "input"


def write_request(
    name: str,
    messages: Sequence[Message],
    sampling: Sampling,
    detail: str | None,
    record_tokens: bool,
    form: RequestForm = _AS_IT_STANDS,
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> Json:
    """The body of a chat request, in the form that the server takes; `extra` has the last word, and null leaves a field out.

    Raises:
        ConfigError: the parameters of a tool are no JSON object.
    """
    temperature, most = sampling.temperature, sampling.max_tokens
    options = {
        "temperature": temperature if temperature is None else max(temperature, form.least_temperature),
        "top_p": sampling.top_p,
        form.limit_field: min((n for n in (most, form.most_tokens, form.room) if n is not None), default=None) if most else most,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "tools": [_write_tool(tool) for tool in sampling.tools] or None,
        "logprobs": record_tokens or None,
        "return_token_ids": record_tokens or None,
        "include_stop_str_in_output": (record_tokens and bool(sampling.stop) and "stop" not in form.left_out) or None,
    }
    if Arrangement.TOOL_AS_USER in form.arrangements:
        del options["tools"]
    main_arguments = {tool.name: _main_argument(tool) for tool in sampling.tools}
    arranged = arrange(with_unique_ids(messages), form.arrangements)
    body: Json = {"model": name, "messages": [_write_message(message, detail, form, main_arguments) for message in arranged]}
    body |= {key: value for key, value in options.items() if value is not None and key not in form.left_out} | dict(extra)
    return {key: value for key, value in body.items() if value is not None}


def fields_of(body: Json) -> frozenset[str]:
    """The names of all that a request holds: its own, and those of its messages, calls and pictures."""
    found = set(body)
    for message in body["messages"]:
        found |= message.keys()
        for call in message.get("tool_calls", ()):
            found |= call.keys()
        if isinstance(message["content"], list):
            found |= {key for part in message["content"] for key in part.get("image_url", ())}
    return frozenset(found)


def encode(body: Json) -> bytes:
    """As bytes; five times as fast as the standard library on the long texts that pictures are."""
    return to_json(body)


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def _write_message(message: Message, detail: str | None, form: RequestForm, main_arguments: Mapping[str, str]) -> Json:
    detail = None if "detail" in form.left_out else detail
    as_parts = message.pictures or (Arrangement.TEXT_AS_PARTS in form.arrangements and message.text)
    # many servers take lists only where there are pictures
    content: object = [_write_part(part, detail) for part in message.content if part] if as_parts else _clean(message.text)
    if message.tool_calls and not content and Arrangement.EMPTY_TEXT not in form.arrangements:
        content = None
    written: Json = {"role": message.role.value, "content": content}
    if message.role is Role.ASSISTANT:
        written |= _returned_fields(message, form)
    if message.tool_calls:
        written["tool_calls"] = [
            _write_call(call, form, main_arguments.get(call.name, _ANY_ARGUMENT)) for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


def _returned_fields(message: Message, form: RequestForm) -> Json:
    """What the server sent beside the text of an earlier reply and wants to see again."""
    returned = {key: value for key, value in _object_in(message.extra).items() if key not in form.left_out}
    for field in REASONING_FIELDS:
        if field in returned:
            del returned[field]
            if message.reasoning:
                returned[field] = _clean(message.reasoning)
    if form.reasoning_field:
        returned.setdefault(form.reasoning_field, _clean(message.reasoning) or " ")
    return returned


def _write_call(call: ToolCall, form: RequestForm, main_argument: str) -> Json:
    written = {key: value for key, value in _object_in(call.extra).items() if key not in form.left_out}
    function = _object(written.get("function")) | {"name": call.name, "arguments": _as_object(call.arguments, main_argument)}
    return written | {"id": call.id, "type": "function", "function": function}


def _as_object(arguments: str, main_argument: str) -> str:
    """Arguments as the JSON object that servers read them as; anything else becomes the main argument of an object."""
    text = _clean(arguments)
    if not text.strip():
        return "{}"
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError:
        value = None
    return text if isinstance(value, dict) else json.dumps({main_argument: text}, ensure_ascii=False)


def _main_argument(tool: Tool) -> str:
    schema = _object_in(tool.parameters)
    required = schema.get("required")
    names = required if isinstance(required, list) and required else list(_object(schema.get("properties")))
    return str(names[0]) if names else _ANY_ARGUMENT


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


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _object_in(text: str) -> Json:
    try:
        return _object(json.loads(text)) if text else {}
    except (ValueError, RecursionError):
        return {}
