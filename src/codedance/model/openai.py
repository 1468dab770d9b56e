"""A model behind OpenAI-compatible endpoints: vLLM, SGLang, llama.cpp, `transformers serve`, OpenAI itself.

    async with OpenAIModel("qwen2.5-vl-7b", ["http://127.0.0.1:8000/v1"]) as model:
        reply = await model.generate([Message(Role.USER, ("What is this?", picture))], Sampling(temperature=0.0))

What may pass (a lost connection, an overloaded server, a garbled body) is asked again, at another endpoint where there is one;
what the server refuses is a ModelError at once. The key comes from the argument or from OPENAI_API_KEY and appears in no message.

Not covered: streaming, the Responses API, clouds that want other headers.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult, unquote, urlsplit

from codedance.errors import ConfigError, ContextFull, ModelError
from codedance.model import wire
from codedance.model.chat import Message, Reply
from codedance.model.endpoints import Endpoint, Endpoints
from codedance.model.retry import AskAgain, Backoff, Complaint, read_complaint, retry_after_s, shorten
from codedance.types import Sampling

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_KEY = "OPENAI_API_KEY"
_NO_KEY = "none"  # local servers take any
_CONNECT_S = 10.0
_LIST_S = 10.0
_CERTAINLY = 3  # times that only the request without stop texts went well
_IDLE_S = 3.0  # servers close idle connections after 5 s; one that is closed while it is used again costs a try
_EXAMPLE = "http://127.0.0.1:8000/v1"
_MOST_NAMES = 8
_LEAST_SECRET = 4  # blotting out shorter ones would blot out half of the message
_CHECK_URL = f"check the base URL, which mostly ends in /v1 as in {_EXAMPLE}, and the name of the model"
_NEXT_STEP = {
    400: "change the request as the server says",
    401: f"set {_KEY} to a key that this server takes",
    403: "this key may not use the model; choose another model or key",
    413: "send fewer or smaller pictures",
    422: "change the request as the server says",
}


class Detail(StrEnum):
    """How closely OpenAI's own models look at pictures."""

    AUTO = "auto"
    LOW = "low"
    HIGH = "high"


class _InternalError(AskAgain):
    """The server broke on the request, maybe on one of its fields."""


class _OtherField(ModelError):
    """The server wants the token limit under its other name."""


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
        backoff: Backoff | None = None,
    ) -> None:
        """`concurrency` and `tries` count for each endpoint, `timeout_s` for each try. `models()` needs no name."""
        if isinstance(base_urls, str) or not base_urls:
            raise ConfigError(f"the base URLs are {'one text' if base_urls else 'missing'}; give a list such as [{_EXAMPLE!r}]")
        if concurrency < 1 or tries < 1 or not timeout_s > 0:
            raise ConfigError(f"concurrency {concurrency}, tries {tries}, timeout {timeout_s} s: each must be above zero")
        urls = [_split(url) for url in base_urls]
        self._name = name
        self._key = _read_key(api_key)
        self._timeout_s = timeout_s
        self._tries = tries
        self._detail = detail
        self._records_tokens = record_tokens
        self._limit_field = "max_tokens"
        self._takes_stop: set[Endpoint] = set()
        self._suspects: set[Endpoint] = set()
        self._broke_on_stop: Counter[Endpoint] = Counter()
        passwords = [url.password or "" for url in urls]
        self._secrets = [s for s in (self._key, *passwords, *map(unquote, passwords)) if len(s) >= _LEAST_SECRET and s != _NO_KEY]
        self._endpoints = Endpoints([_shown(url) for url in urls], concurrency, backoff)
        self._clients = {
            endpoint: _make_client(url, self._key, concurrency, timeout_s)
            for endpoint, url in zip(self._endpoints.all, urls, strict=True)
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. Closing twice is fine."""
        self._endpoints.close()
        for client in self._clients.values():
            await client.close()

    @property
    def name(self) -> str:
        """As the server knows it."""
        return self._name

    @property
    def variant(self) -> str:
        """What shapes replies beside the name and the sampling; a cache keeps variants apart."""
        return f"detail={self._detail} record_tokens={self._records_tokens}"

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The next message of the assistant.

        Raises:
            ContextFull: the conversation does not fit into the model's context.
            ModelError: the server refuses the request, or every endpoint failed at every try.
            ConfigError: the model has no name, or a tool of the sampling is not valid.
        """
        if not self._name:
            raise ConfigError("the model has no name; give one of those that `models()` lists")
        return await self._endpoints.ask(lambda endpoint: self._chat(endpoint, messages, sampling), self._tries)

    async def models(self) -> tuple[str, ...]:
        """The names that the first answering endpoint serves.

        Raises:
            ModelError: none answers, or it refuses.
        """
        return await self._endpoints.ask(self._list, self._tries)

    async def _chat(self, endpoint: Endpoint, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """A reply; without stop texts from an endpoint that breaks on them, as `transformers serve` does for vision models.

        They save tokens, the codec does without. An endpoint that once replied to a request with them is always asked with them.
        """
        if endpoint in self._suspects or self._broke_on_stop[endpoint] >= _CERTAINLY:
            sampling = replace(sampling, stop=())
        try:
            reply = await self._exchange(endpoint, messages, sampling)
        except _InternalError:
            if sampling.stop and endpoint not in self._takes_stop:
                self._suspects.add(endpoint)  # the next try goes without
            else:
                self._suspects.discard(endpoint)
            raise
        if sampling.stop:
            self._takes_stop.add(endpoint)
        elif endpoint in self._suspects:
            self._broke_on_stop[endpoint] += 1
        self._suspects.discard(endpoint)
        return reply

    async def _exchange(self, endpoint: Endpoint, messages: Sequence[Message], sampling: Sampling) -> Reply:
        client = self._clients[endpoint]

        async def send() -> bytes:
            # written here, so that only requests in flight hold their pictures as text; in a thread, since pictures take long
            content = await asyncio.to_thread(self._write, messages, sampling)
            if client.is_closed():
                raise AskAgain("it was closed meanwhile")
            return await client.post("/chat/completions", cast_to=bytes, content=content)

        try:
            answer = await self._answer(endpoint, send)
        except _OtherField:
            self._limit_field = "max_completion_tokens"
            answer = await self._answer(endpoint, send)
        return wire.read_reply(answer, turn=len(messages))

    def _write(self, messages: Sequence[Message], sampling: Sampling) -> bytes:
        body = wire.write_request(self._name, messages, sampling, self._detail, self._records_tokens)
        if "max_tokens" in body:
            body[self._limit_field] = body.pop("max_tokens")
        return wire.encode(body)

    async def _list(self, endpoint: Endpoint) -> tuple[str, ...]:
        client = self._clients[endpoint]
        return wire.read_models(await self._answer(endpoint, lambda: client.get("/models", cast_to=bytes)))

    async def _answer(self, endpoint: Endpoint, send: Callable[[], Awaitable[bytes]]) -> wire.Json:
        """The object that a request brings back, or the fitting error."""
        import openai

        try:
            async with asyncio.timeout(self._timeout_s):
                content = await send()
        except TimeoutError:
            raise AskAgain(f"no whole reply within {self._timeout_s:g} s") from None
        except openai.APIStatusError as error:
            complaint = read_complaint(error.response.status_code, self._scrub(error.response.text))
            raise await self._refusal(endpoint, complaint, retry_after_s(error.response.headers, time.time())) from None
        except openai.APIConnectionError as error:
            raise AskAgain(shorten(self._scrub(_deepest(error)))) from None
        answer = wire.read_object(content)
        if not answer.get("choices") and answer.get("error"):  # an error that calls itself a success
            code = answer["error"].get("code") if isinstance(answer["error"], dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise await self._refusal(endpoint, read_complaint(status, self._scrub(content.decode())), None)
        return answer

    async def _refusal(self, endpoint: Endpoint, complaint: Complaint, asked_s: float | None) -> Exception:
        """What an error of the server means for the caller."""
        if complaint.is_passing:
            kind = _InternalError if complaint.status == 500 else AskAgain
            return kind(str(complaint), asked_s, is_overload=complaint.is_overload)
        where = f"{endpoint.url}: model {self._name!r}: {complaint}"
        if complaint.is_too_long:
            return ContextFull(f"{where}; take fewer turns or smaller pictures, or serve the model with a longer context")
        if complaint.is_unknown_model:
            return ModelError(f"{where}; {await self._choice(endpoint)}")
        if complaint.is_out_of_credit:
            return ModelError(f"{where}; add credit to the account or use another key in {_KEY}")
        if complaint.code == "unsupported_parameter" and complaint.param == "max_tokens":
            return _OtherField(f"{where}; leave max_tokens out of the sampling")
        return ModelError(f"{where}; {_NEXT_STEP.get(complaint.status, _CHECK_URL)}")

    async def _choice(self, endpoint: Endpoint) -> str:
        """What could be asked instead of a model that is not there."""
        import openai

        try:
            async with asyncio.timeout(_LIST_S):
                names = wire.read_models(wire.read_object(await self._clients[endpoint].get("/models", cast_to=bytes)))
        except (openai.OpenAIError, AskAgain, TimeoutError):
            return _CHECK_URL
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"the server has {', '.join(names[:_MOST_NAMES]) or 'no models'}{more}; use one of its names"

    def _scrub(self, text: str) -> str:
        """Without the secrets that servers like to quote."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _split(url: str) -> SplitResult:
    """The parts of a base URL that can be used."""
    fault = ""
    try:
        parts = urlsplit(url.strip())
        if any(character.isspace() for character in url.strip()):
            fault = "it may have no spaces"
        elif parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            fault = "it needs http:// or https:// and a host"
        elif parts.query or parts.fragment:
            fault = "it may have no ? or #"
    except ValueError:  # whose own message may quote a password
        fault = "its host or port is malformed"
    if fault:
        raise ConfigError(f"base URL {url.rpartition('@')[2]!r}: {fault}; give one such as {_EXAMPLE}")
    return parts


def _shown(url: SplitResult) -> str:
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path.rstrip('/')}"


def _read_key(api_key: str | None) -> str:
    key = (api_key if api_key is not None else os.environ.get(_KEY, "")).strip() or _NO_KEY
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"the API key (argument or {_KEY}) has characters that no key has; copy it again")
    return key


def _make_client(url: SplitResult, key: str, concurrency: int, timeout_s: float) -> AsyncOpenAI:
    import openai

    headers = {}
    if url.username or url.password:  # sent as a header, since the HTTP library writes whole URLs into its log
        login = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(  # of whichever HTTP library this version has
        max_connections=concurrency + 1, max_keepalive_connections=concurrency, keepalive_expiry=_IDLE_S
    )
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # a balancer's would tie all requests to one of its servers
    timeout = openai.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))
    try:
        http = openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeout, cookies=no_cookies)
        return openai.AsyncOpenAI(
            api_key=key, base_url=_shown(url), max_retries=0, timeout=timeout, default_headers=headers, http_client=http
        )
    except Exception as error:  # boundary: the HTTP library has its own idea of a URL
        raise ConfigError(f"base URL {_shown(url)!r}: {error}; give one such as {_EXAMPLE}") from None


def _deepest(error: BaseException) -> str:
    """The cause of causes, which says more than "Connection error."."""
    reason = type(error.__cause__ or error).__name__
    while (cause := error.__cause__ or next(iter(error.args), None)) and isinstance(cause, BaseException):
        error = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
        reason = str(error) or reason
    return reason
