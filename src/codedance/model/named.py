"""Models by the names that people type: tiny, openai:NAME, hf:PATH, script:FILE.

    async with open_model("openai:Qwen2.5-VL-7B-Instruct", ["http://127.0.0.1:8000/v1"]) as model: ...

A plain NAME means openai:NAME; no name means the first model that the endpoint lists, or `tiny`, the model that comes along,
where there is no endpoint. Not covered: caching and cost, which wrap the model that is opened here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from codedance.errors import ConfigError, ModelError
from codedance.model.chat import ChatModel

if TYPE_CHECKING:
    from codedance.model.local import LocalModel

_HOW = "name one with --model: tiny, openai:NAME with --base-url URL, hf:PATH for a local transformers model, script:FILE"

_IN_PROCESS = ("hf", "script")
_OPENAI = "https://api.openai.com/v1"
_SAME = " (a model that the server calls so is openai:NAME)"

TINY = Path(__file__).parents[1] / "tiny"
"""The folder of the model that comes along."""


@asynccontextmanager
async def open_model(
    name: str | None,
    base_urls: Sequence[str] = (),
    *,
    concurrency: int = 32,
    tries: int = 6,
    detail: Literal["auto", "low", "high"] | None = None,
    record_tokens: bool = False,
    require_tokens: bool = False,
    extra_body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 600.0,
) -> AsyncIterator[ChatModel]:
    """The model called `name`, closed afterwards. Endpoint settings are those of `OpenAIModel`.

    Raises:
        ConfigError: the name cannot be understood, or a local model cannot be loaded.
        ModelError: no model is named, and no endpoint lists any.
    """
    if base_urls and (name == "tiny" or (name or "").partition(":")[0] in _IN_PROCESS):
        raise ConfigError(
            f"--model {name} runs in this process, so that --base-url means nothing to it; leave one of them out{_SAME}"
        )
    urls = list(base_urls) or [url for url in (os.environ.get("OPENAI_BASE_URL", ""),) if url]
    if name == "tiny" or (name is None and not urls):
        name = f"hf:{TINY}"
    kind, _, rest = (name or "").partition(":")
    if kind == "script":
        from codedance.model.script import read_script

        yield read_script(Path(rest))
    elif kind == "hf":
        local = await _load(rest)
        try:
            yield local
        finally:
            await local.aclose()
    else:
        from codedance.model.openai import Detail, OpenAIModel

        if not urls and kind != "openai":
            raise ConfigError(f"{name!r} is no model here; {_HOW}")
        urls = urls or [_OPENAI]
        wanted = rest if kind == "openai" else name
        async with OpenAIModel(
            wanted or await _first_listed(urls, headers, timeout_s),
            urls,
            concurrency=concurrency,
            timeout_s=timeout_s,
            tries=tries,
            detail=Detail(detail) if detail else None,
            record_tokens=record_tokens,
            require_tokens=require_tokens,
            extra_body=extra_body,
            headers=headers,
        ) as model:
            if not model.info.family:
                await model.identify()
            yield model


async def _first_listed(urls: Sequence[str], headers: Mapping[str, str] | None, timeout_s: float) -> str:
    """The name of the first model that the endpoints list."""
    from codedance.model.openai import OpenAIModel

    async with OpenAIModel("?", urls, tries=1, headers=headers, timeout_s=timeout_s) as endpoint:
        listed = await endpoint.models()
    if not listed:
        raise ModelError(f"{', '.join(urls)}: the endpoint lists no model; name one with --model openai:NAME")
    return listed[0]


async def _load(folder: str) -> LocalModel:
    """A model in transformers' format; its imports and its reading take seconds."""
    if not Path(folder).is_dir():
        raise ConfigError(
            f"hf:{folder}: {folder or 'nothing'} is no folder; hf:PATH names one with a model in transformers' format"
        )

    def load() -> LocalModel:
        from codedance.model.local import LocalModel

        return LocalModel(folder)

    return await asyncio.to_thread(load)
