"""Flags that several verbs share, and what they make: a model, a sandbox, the rollouts' settings.

Each group is a frozen record whose fields become flags (`Common.base_url` -> --base-url). The docstrings are the help texts.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from codedance.errors import ConfigError
from codedance.types import Rule

if TYPE_CHECKING:
    from codedance.evaluate.preflight import Census
    from codedance.model.chat import ChatModel, ModelInfo
    from codedance.reward.judge import Judge
    from codedance.rollout.settings import Settings
    from codedance.sandbox import Sandbox

_JUDGE_URLS = "LLM_AS_A_JUDGE_BASE"


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFlags:
    """Which of the tasks, and in which words."""

    limit: int | None = None
    """Take only the first tasks of each file."""
    options_seed: int = 0
    """Of the order of options, where a data set lists the right one first."""
    rule: Rule | None = None
    """How answers are scored where neither the layout nor the row says it, such as maths for an unknown data_source."""
    skip_bad: bool = False
    """Leave out rows that cannot be used, and list them; without it the first one is an error."""
    prompt: Literal["ours", "row"] = "ours"
    """The system prompt: ours, or the one that each row brings along, as it stands."""
    images_from: tuple[Path, ...] | None = None
    """Take pictures from the folders of the files with tasks and from this one only; may be given several times. By default from
    anywhere, but with --like, which repeats what somebody else asked for, from nowhere else."""

    def look_over(self, tasks: Sequence[str]) -> Census:
        """Read them all once, and count."""
        from codedance.evaluate.preflight import look_over
        from codedance.tasks.pictures import ANYWHERE
        from codedance.tasks.selection import Selection

        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit is {self.limit}; it must be at least 1")
        selection = Selection(
            sources=tuple(tasks),
            limit=self.limit,
            options_seed=self.options_seed,
            rule=self.rule,
            images_from=ANYWHERE if self.images_from is None else self.images_from,
        )
        return look_over(selection, skip_bad=self.skip_bad, with_prompt=self.prompt == "row")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeFlags:
    """Who decides where rules are undecided."""

    mode: Literal["default", "paper", "judge"] = "default"
    """Our rules, those of each benchmark's published scorer, or the judge for everything but equal texts."""
    judge_url: str = ""
    """OpenAI-compatible endpoint of a judge; several, separated by commas, share the load. Default: LLM_AS_A_JUDGE_BASE."""
    judge_model: str | None = None
    """Its name there (default: the first that the endpoint lists), hf:PATH or script:FILE."""
    judge_extra_body: str = ""
    """Further fields of every request to it, as JSON."""

    @asynccontextmanager
    async def open(self, cache: Path) -> AsyncIterator[Judge | None]:
        """The judge, which has shown that it works; None where there is no endpoint. Its replies are kept in `cache`."""
        from codedance.reward.judge import open_judge

        urls = [url.strip() for url in (self.judge_url or os.environ.get(_JUDGE_URLS, "")).split(",") if url.strip()]
        if not urls and self.judge_model is None:
            if self.mode == "judge":
                raise ConfigError(f"--mode judge needs a judge; name its endpoint with --judge-url or {_JUDGE_URLS}")
            yield None
            return
        extra = _json_object("--judge-extra-body", self.judge_extra_body)
        async with open_judge(self.judge_model, urls, cache, extra_body=extra) as judge:
            yield judge


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFlags:
    """Whom to ask."""

    model: str | None = None
    """tiny, openai:NAME (also plain NAME), hf:PATH or script:FILE; default: the endpoint's first model, or tiny without one."""
    base_url: str = ""
    """OpenAI-compatible endpoint; several, separated by commas, share the load. Default: OPENAI_BASE_URL; key: OPENAI_API_KEY."""
    detail: Literal["auto", "low", "high"] | None = None
    """How closely OpenAI's own models look at pictures."""
    record_tokens: bool = False
    """Ask the server for token ids and log-probabilities (vLLM, llama.cpp), for training."""
    extra_body: str = ""
    """Further fields of every request, as JSON: '{"top_k": 20}', '{"chat_template_kwargs": {"enable_thinking": false}}'."""
    header: tuple[str, ...] = ()
    """A header of every request, as NAME:VALUE; may be given several times."""
    timeout: float = 600.0
    """Seconds that one reply may take. Connections that stay silent much longer than usual are given up earlier."""

    def open(
        self, *, concurrency: int = 32, tries: int = 6, require_tokens: bool = False
    ) -> AbstractAsyncContextManager[ChatModel]:
        """The model, to be entered; `require_tokens`: where tokens are to be recorded and none come, that is an error."""
        from codedance.model.named import open_model

        urls = [url.strip() for url in self.base_url.split(",") if url.strip()]
        return open_model(
            self.model,
            urls,
            concurrency=concurrency,
            tries=tries,
            detail=self.detail,
            record_tokens=self.record_tokens,
            require_tokens=require_tokens,
            extra_body=_json_object("--extra-body", self.extra_body),
            headers=dict(map(_header, self.header)),
            timeout_s=self.timeout,
        )


def _json_object(flag: str, text: str) -> dict[str, Any]:
    """Of a flag; an empty one is an empty object.

    Raises:
        ConfigError: it is something else.
    """
    try:
        value = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise ConfigError(f"{flag} is no JSON: {error}; write an object in quotes, such as '{{\"top_k\": 20}}'") from None
    if not isinstance(value, dict):
        raise ConfigError(
            f"{flag} is no JSON object but {type(value).__name__}; write one in quotes, such as '{{\"top_k\": 20}}'"
        )
    return value


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ConfigError("a --header has no colon; write NAME:VALUE, such as X-Title:codedance")  # it may be a secret: not told
    return name.strip(), value.strip()


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFlags:
    """How to ask."""

    format: Literal["code_tags", "tool_call", "openai_tools"] = "code_tags"
    """How the model writes code: between tags, as JSON in a tag, or as native tool calls of the server."""
    turns: int = 10
    """Replies of the model, at most."""
    temperature: float | Literal["default"] = 0.0
    """0 takes the likeliest token; `default` leaves it to the server."""
    top_p: float | None = None
    """Draw from the likeliest tokens that have this probability together."""
    max_tokens: int = 4096
    """Of one reply."""
    seed: int | None = None
    """For servers that take one."""
    family: str | None = None
    """Model family that decides sizes and coordinates, see docs/models.md (default: by the model's name or files)."""
    coordinates: Literal["pixels", "per_thousand", "per_thousand_y_first", "unit"] | None = None
    """How the model writes places in pictures: pixels, 0 to 1000, the same with y first, or 0 to 1 (default: as its family)."""
    min_pixels: int | None = None
    """Smaller pictures are enlarged (default: the model's own)."""
    max_pixels: int | None = None
    """Larger pictures are scaled down for the model; the code still finds the original (default: the model's own)."""
    max_image_bytes: int | None = None
    """Of one picture as it is sent, in base64; larger ones become JPEG or smaller (default: the model's own, else 5 MB)."""
    pixel_step: int | None = None
    """Sides are multiples of this (default: the model's own)."""

    def settings(self, model: ChatModel | None = None) -> Settings:
        """The flags as the rollouts' settings; sizes and coordinates as the model wants them, where nothing else is said."""
        from codedance.images import QWEN25_VL
        from codedance.rollout.settings import Format, Settings
        from codedance.types import Coordinates, Sampling

        info = self._info(model)
        bounds: dict[str, Any] = {"step": self.pixel_step, "least": self.min_pixels, "most": self.max_pixels}
        given = {name: value for name, value in bounds.items() if value is not None}
        settings = Settings(
            format=Format(self.format),
            turns=self.turns,
            sampling=Sampling(
                temperature=None if self.temperature == "default" else self.temperature,
                top_p=self.top_p,
                max_tokens=self.max_tokens,
                seed=self.seed,
            ),
            max_image_bytes=self.max_image_bytes,
            rule=replace(info.image_limits.rule if info else QWEN25_VL, **given) if given else None,
            coordinates=Coordinates(self.coordinates) if self.coordinates else None,
        )
        return settings.for_model(info) if info else settings

    def _info(self, model: ChatModel | None) -> ModelInfo | None:
        """What is known of the model, or of the family that is named; None where neither is."""
        from codedance.model.chat import ModelInfo, info_of
        from codedance.model.families import family_named
        from codedance.model.notices import tell

        if self.family is not None:
            return family_named(self.family).describe(info_of(model) if model else ModelInfo(name=""))
        if model is None:
            return None
        info = info_of(model)
        if getattr(model, "info", None) is not None and not info.family and self.max_pixels is None:
            tell(
                f"{info.name}: nothing is known of this model's pictures, so sizes and coordinates are those of Qwen2.5-VL; "
                "name its family with --family (docs/models.md), or set --min-pixels, --max-pixels and --coordinates"
            )
        return info


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFlags:
    """Where the code runs."""

    time_s: float = 20.0
    """Seconds that one piece of code may run."""
    memory_mb: int = 1024
    """Memory of one session."""
    isolation: Annotated[int, Parameter(name="--isolation")] = 3
    """The least isolation level to accept, 0 to 4; see `codedance doctor`."""

    def open(self, *, slots: int = 256) -> Sandbox:
        """The sandbox, to be entered."""
        from codedance.sandbox import Limits, Sandbox

        return Sandbox(Limits(time_s=self.time_s, memory_mb=self.memory_mb), require=self.isolation, slots=slots)


@asynccontextmanager
async def side_by_side(
    model: AbstractAsyncContextManager[ChatModel], sandbox: Sandbox
) -> AsyncIterator[tuple[ChatModel, Sandbox]]:
    """Both, the sandbox starting while the model is loaded, and given up where that fails: somebody is waiting."""
    async with AsyncExitStack() as stack:
        starting = asyncio.ensure_future(stack.enter_async_context(sandbox))
        try:
            asked = await stack.enter_async_context(model)
            box = await starting
        except BaseException:  # raised again
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            raise
        yield asked, box
