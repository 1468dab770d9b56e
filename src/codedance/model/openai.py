"""A model behind OpenAI-compatible endpoints: vLLM, SGLang, llama.cpp, `transformers serve`, OpenAI itself.

    async with OpenAIModel("qwen2.5-vl-7b", ["http://127.0.0.1:8000/v1"]) as model:
        reply = await model.generate([Message(Role.USER, ("What is this?", picture))], Sampling(temperature=0.0))

What may pass (a lost connection, an overloaded server, a garbled body) is asked again, at another endpoint where there is one. A
refusal that another form of the request cures is answered with that form, which is remembered (`adaptation`); any other is an
error at once. The key comes from the argument or from OPENAI_API_KEY and appears in no message.

Not covered: streaming, the Responses API.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from codedance.errors import ConfigError, ContextFull, RequestRefused
from codedance.model import replies, wire
from codedance.model.adaptation import Adaptation, Request, RequestForm, other_forms
from codedance.model.chat import Message, ModelInfo, Reply
from codedance.model.connection import EXAMPLE, Access, Address, Complained, Connection, check_headers, read_key, shown_headers
from codedance.model.context_limit import lower_limit
from codedance.model.endpoints import Endpoint, Endpoints
from codedance.model.families import info_by_name
from codedance.model.lengths import Lengths
from codedance.model.notices import tell
from codedance.model.patience import LEAST_S, Patience
from codedance.model.refusals import lacks_tools, next_step, takes_no_pictures
from codedance.model.retry import AskAgain, Backoff, Complaint, Trouble, shorten
from codedance.types import FinishReason, Sampling

_LIST_S = 10.0
_MOST_NAMES = 8
_MOST_FORMS = 24
_LEAST_ROOM = 256
_MARGIN_SHARE = 10  # per cent of the room, since lengths are estimated low
_OURS = ("model", "messages", "tools", "stream", "n")


class Detail(StrEnum):
    """How closely OpenAI's own models look at pictures."""

    AUTO = "auto"
    LOW = "low"
    HIGH = "high"


@dataclass(slots=True)
class _Question:
    """One call of `generate`, on its way from try to try."""

    messages: Sequence[Message]
    sampling: Sampling
    num_silent: int = 0
    """Tries that were given up without a reply."""


class OpenAIModel:
    """A ChatModel behind one or several endpoints. Use it from one event loop, best as an async context manager.

    Raises:
        ConfigError: a setting cannot be used.
    """

    def __init__(
        self,
        name: str,
        base_urls: Sequence[str],
        *,
        api_key: str | None = None,
        concurrency: int = 32,
        timeout_s: float = 600.0,
        tries: int = 6,
        detail: Detail | None = None,
        record_tokens: bool = False,
        require_tokens: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        backoff: Backoff | None = None,
        silence_s: float = LEAST_S,
    ) -> None:
        """`concurrency` and `tries` count for each endpoint, `timeout_s` for each try. `models()` needs no name.

        `require_tokens`: a reply without token ids, though `record_tokens` asks for them, is an error. `extra_body`: further
        fields of every request, or others in place of ours. `silence_s`: no request is given up earlier (see `patience`).
        """
        if isinstance(base_urls, str) or not base_urls:
            raise ConfigError(f"the base URLs are {'one text' if base_urls else 'missing'}; give a list such as [{EXAMPLE!r}]")
        if concurrency < 1 or tries < 1 or not timeout_s > 0:
            raise ConfigError(f"concurrency {concurrency}, tries {tries}, timeout {timeout_s} s: each must be above zero")
        addresses = [Address.parse(url) for url in base_urls]
        self._name = name
        self._info = info_by_name(name)
        self._tries = tries
        self._timeout_s = timeout_s
        self._detail = detail
        self._records_tokens = record_tokens
        self._requires_tokens = require_tokens
        self._extra = _checked(extra_body or {})
        self._headers = dict(headers or {})
        check_headers(self._headers)
        access = Access(read_key(api_key), self._headers, timeout_s)
        self._endpoints = Endpoints([address.shown for address in addresses], concurrency, backoff)
        self._adaptations = {endpoint: Adaptation(name) for endpoint in self._endpoints.all}
        self._lengths = Lengths()
        self._contexts: dict[Endpoint, int | None] = {}
        self._rooms: dict[Endpoint, int | None] = {}
        """Contexts that refusals of `max_tokens` have told."""
        self._patience = {endpoint: Patience(timeout_s, silence_s) for endpoint in self._endpoints.all}
        self._connections = {
            endpoint: Connection(address, access, concurrency)
            for endpoint, address in zip(self._endpoints.all, addresses, strict=True)
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. Closing twice is fine."""
        self._endpoints.close()
        for connection in self._connections.values():
            await connection.aclose()

    @property
    def name(self) -> str:
        """As the server knows it."""
        return self._name

    @property
    def info(self) -> ModelInfo:
        """What its name tells about it, and what `identify` has found."""
        return self._info

    @property
    def variant(self) -> str:
        """What shapes replies beside the name and the sampling; a cache keeps variants apart. It holds no secrets."""
        extra = f" extra_body={json.dumps(self._extra, sort_keys=True)}" if self._extra else ""
        headers = f" headers={json.dumps(shown_headers(self._headers))}" if self._headers else ""
        return f"detail={self._detail} record_tokens={self._records_tokens}{extra}{headers}"

    @property
    def origin(self) -> str:
        """Where its replies come from; a cache keeps origins apart. It holds no secrets."""
        return " ".join(sorted({endpoint.url for endpoint in self._endpoints.all}))

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The next message of the assistant.

        Raises:
            ContextFull: the conversation does not fit into the model's context.
            RequestRefused: the server refuses the request, in every form that might do.
            ModelError: every endpoint failed at every try.
            ConfigError: the model has no name, or a tool of the sampling is not valid.
        """
        if not self._name:
            raise ConfigError("the model has no name; give one of those that `models()` lists")
        question = _Question(messages, sampling)
        return await self._endpoints.ask(lambda endpoint: self._chat(endpoint, question), self._tries)

    async def models(self) -> tuple[str, ...]:
        """The names that the first answering endpoint serves.

        Raises:
            ModelError: none answers, or it refuses.
        """
        return await self._endpoints.ask(self._list, self._tries)

    async def _chat(self, endpoint: Endpoint, question: _Question) -> Reply:
        """A reply; after a refusal that another form of the request may cure, that one is tried at once."""
        adaptation = self._adaptations[endpoint]
        form = base = self._with_room(endpoint, question, adaptation.current())
        tried, refusal = {form}, ""
        while True:
            content, request = await asyncio.to_thread(self._write, question, form)
            try:
                reply = await self._exchange(endpoint, question, content)
            except Complained as caught:
                if limit := lower_limit(caught.complaint.words, request.most_tokens or 0):
                    self._rooms[endpoint] = limit.context or self._rooms.get(endpoint)
                if caught.complaint.is_declined:
                    return Reply(text="", refusal=str(caught.complaint), finish_reason=FinishReason.CONTENT_FILTER)
                words = re.sub(r"\d+", "", caught.complaint.words)
                base, refusal = (base if words == refusal else form), words
                others = (other for other in other_forms(base, caught.complaint, request) if other not in tried)
                other = next(others, None) if len(tried) < _MOST_FORMS else None
                if other is None:
                    if caught.complaint.status == 500:
                        adaptation.broke(request)
                    raise await self._failure(endpoint, caught, request) from None
                form = other
                tried.add(form)
                continue
            adaptation.worked(form, request, reply)
            self._lengths.learn(question.messages, reply.usage)
            return self._told(endpoint, question, form, reply)

    async def _exchange(self, endpoint: Endpoint, question: _Question, content: bytes) -> Reply:
        patience = self._patience[endpoint]
        bound_s = patience.bound_s(question.num_silent)
        start = time.monotonic()
        try:
            answer = await self._connections[endpoint].post(content, bound_s, is_fresh=question.num_silent > 0)
        except AskAgain as failure:
            question.num_silent += failure.kind is Trouble.SILENCE
            raise
        if served := answer.get("model"):
            _compare_names(endpoint.url, self._name, shorten(str(served)))
        reply = replies.read_reply(answer, turn=len(question.messages))
        patience.learn(time.monotonic() - start)
        return reply

    def _with_room(self, endpoint: Endpoint, question: _Question, form: RequestForm) -> RequestForm:
        """With as many tokens for the reply as a context that is known by an earlier refusal should leave behind this prompt."""
        context, asked = self._rooms.get(endpoint), question.sampling.max_tokens
        if context is None or asked is None:
            return form
        length = self._lengths.estimate(question.messages, self.info.image_limits.rule)
        room = context - length - _MARGIN_SHARE * (context - length) // 100
        return replace(form, room=room) if _LEAST_ROOM <= room < asked else form

    def _write(self, question: _Question, form: RequestForm) -> tuple[bytes, Request]:
        """The body; written in a thread, since pictures take long, and only for requests in flight."""
        sampling = question.sampling
        body = wire.write_request(self._name, question.messages, sampling, self._detail, self._records_tokens, form, self._extra)
        limit = body.get(form.limit_field)
        request = Request(
            messages=question.messages,
            fields=wire.fields_of(body),
            chosen=frozenset(self._extra),
            most_tokens=limit if isinstance(limit, int) else None,
            temperature=body.get("temperature"),
        )
        return wire.encode(body), request

    def _told(self, endpoint: Endpoint, question: _Question, form: RequestForm, reply: Reply) -> Reply:
        """The reply with notes of what was asked otherwise, which are said once; and whether tokens came that must."""
        notes = form.notes(question.sampling, record_tokens=self._records_tokens)
        for note in notes:
            tell(f"{endpoint.url}: model {self._name!r}: {note}")
        if self._records_tokens and reply.token_ids is None and (reply.text or reply.tool_calls or reply.reasoning):
            lack = (
                f"{endpoint.url}: model {self._name!r}: no token ids come though --record-tokens asks for them; "
                "serve the model with vLLM or llama.cpp, or leave --record-tokens out"
            )
            if self._requires_tokens:
                raise RequestRefused(lack, concerns_all=True)
            tell(lack)
        return replace(reply, notes=notes)

    async def identify(self) -> None:
        """Ask the first server for what its name does not tell: the model behind an alias. Whatever fails, nothing changes."""
        connection = self._connections[self._endpoints.all[0]]
        with suppress(Complained, AskAgain):
            root = replies.read_root(await connection.list_models(_LIST_S), self._name)
            self._info = replace(info_by_name(root), name=self._name) if root else self._info

    async def _list(self, endpoint: Endpoint) -> tuple[str, ...]:
        try:
            return tuple(replies.read_models(await self._connections[endpoint].list_models(self._timeout_s)))
        except Complained as caught:
            raise await self._failure(endpoint, caught, None) from None

    async def _failure(self, endpoint: Endpoint, caught: Complained, request: Request | None) -> Exception:
        """What an error of the server means for the caller, when no other form of the request is left to try."""
        complaint = caught.complaint
        where = f"{endpoint.url}: model {self._name!r}: {complaint}"
        is_hopeless = request is not None and (takes_no_pictures(complaint, request) or lacks_tools(complaint, request))
        if not is_hopeless:
            if complaint.is_full(request.most_tokens if request else None) or await self._is_longer(endpoint, complaint, request):
                return ContextFull(f"{where}; take fewer turns or smaller pictures, or serve the model with a longer context")
            if complaint.is_passing:
                return AskAgain(str(complaint), caught.asked_s, kind=caught.trouble)
            if complaint.is_unknown_model and not complaint.is_out_of_credit:
                return RequestRefused(f"{where}; {await self._choice(endpoint)}", concerns_all=True)
        advice = next_step(complaint, request)
        return RequestRefused(f"{where}; {advice.text}", concerns_all=advice.concerns_all)

    async def _is_longer(self, endpoint: Endpoint, complaint: Complaint, request: Request | None) -> bool:
        """Whether the conversation of a refused request is longer than the context that the server's list of models names."""
        if request is None or not complaint.may_be_length:
            return False
        if endpoint not in self._contexts:
            try:
                listed = replies.read_models(await self._connections[endpoint].list_models(_LIST_S))
            except (Complained, AskAgain):
                listed = {}
            self._contexts[endpoint] = listed.get(self._name)
        context = self._contexts[endpoint]
        return context is not None and self._lengths.estimate(request.messages, self.info.image_limits.rule) >= context

    async def _choice(self, endpoint: Endpoint) -> str:
        """What could be asked instead of a model that is not there."""
        try:
            names = tuple(replies.read_models(await self._connections[endpoint].list_models(_LIST_S)))
        except (Complained, AskAgain):
            return next_step(Complaint(404, ""), None).text
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"the server has {', '.join(map(shorten, names[:_MOST_NAMES])) or 'no models'}{more}; use one of its names"


def _checked(extra: Mapping[str, Any]) -> dict[str, Any]:
    if ours := sorted(set(extra) & set(_OURS)):
        raise ConfigError(f"--extra-body sets {', '.join(ours)}, which codedance writes itself; leave it out")
    return dict(extra)


def _compare_names(url: str, asked: str, served: str) -> None:
    """Say it where another model answers than was asked; dated versions, folders and vendors in front do not matter."""
    first, second = (re.sub(r"(?:-latest|:\w+|\.gguf)$", "", name.lower().rstrip("/")) for name in (asked, served))
    first, second = first.rpartition("/")[2], second.rpartition("/")[2]
    if first not in second and second not in first:
        tell(
            f"{url}: {served!r} answers where {asked!r} was asked; traces and results carry the name that was asked",
            about=f"names {url}",
        )
