"""One endpoint's address, key and HTTP client; nothing of it is ever shown with its secrets.

    address = Address.parse("http://me:secret@127.0.0.1:8000/v1")
    address.shown                                              # http://127.0.0.1:8000/v1
    connection = Connection(address, Access(read_key(None), headers={}, timeout_s=600.0), concurrency=32)
    answer = await connection.post(content, bound_s=600.0, is_fresh=False)

Not covered: proxies and certificates, which the HTTP library takes from the environment.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from codedance.errors import ConfigError
from codedance.model.blotting import Blotter
from codedance.model.endings import Json, error_in
from codedance.model.objects import read_object
from codedance.model.retry import AskAgain, Complaint, Trouble, read_complaint, shorten
from codedance.model.waits import retry_after_s, retry_in_s

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from codedance.model.bodies import Refused

KEY = "OPENAI_API_KEY"
EXAMPLE = "http://127.0.0.1:8000/v1"
_NO_KEY = "none"  # local servers take any
_CONNECT_S = 10.0
_MOST_WORDS = 1 << 17  # of an error; cutting comes first, since blotting takes its time
_NO_STATUS = 500  # of an error that calls itself a success and brings no status of its own
_IDLE_S = 3.0  # servers close idle connections after 5 s; one that is closed while it is used again costs a try
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|password|credential|signature", re.IGNORECASE)
_UNREACHED = ("ConnectError", "ConnectTimeout")
_RESERVED_HEADERS = {"host", "content-length", "content-type", "transfer-encoding", "connection"}


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL that can be used."""

    url: SplitResult

    @classmethod
    def parse(cls, text: str) -> Address:
        """Its parts.

        Raises:
            ConfigError: it cannot be used.
        """
        fault = ""
        try:
            parts = urlsplit(text.strip())
            if any(character.isspace() for character in text.strip()):
                fault = "it may have no spaces"
            elif parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
                fault = "it needs http:// or https:// and a host"
            elif parts.query or parts.fragment:
                fault = "it may have no ? or #"
        except ValueError:  # whose own message may quote a password
            fault = "its host or port is malformed"
        if fault:
            raise ConfigError(f"base URL {text.rpartition('@')[2]!r}: {fault}; give one such as {EXAMPLE}")
        return cls(parts)

    @property
    def shown(self) -> str:
        """Without credentials."""
        return f"{self.url.scheme}://{self.url.netloc.rpartition('@')[2]}{self.url.path.rstrip('/')}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its password, as it may be quoted."""
        return (self.url.password or "", unquote(self.url.password or ""))


def read_key(api_key: str | None) -> str:
    """The key: as given, else from the environment.

    Raises:
        ConfigError: it cannot be one.
    """
    key = (api_key if api_key is not None else os.environ.get(KEY, "")).strip() or _NO_KEY
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"the API key (argument or {KEY}) has characters that no key has; copy it again")
    return key


def check_headers(headers: Mapping[str, str]) -> None:
    """That these can be sent.

    Raises:
        ConfigError: one cannot; its value is not told.
    """
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _RESERVED_HEADERS:
            raise ConfigError(
                f"--header {name!r} is no name of a header that may be set; write NAME:VALUE, such as X-Title:codedance"
            )
        if not value.isascii() or not value.isprintable():
            raise ConfigError(f"the value of --header {name} has characters that no header may have")


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """As they may be stored and shown: what may be a secret is a star."""
    return {name.lower(): "***" if _SECRET_HEADER.search(name) else value for name, value in sorted(headers.items())}


class Complained(Exception):
    """The server answered with an error."""

    def __init__(self, complaint: Complaint, asked_s: float | None, trouble: Trouble) -> None:
        super().__init__(str(complaint))
        self.complaint = complaint
        self.asked_s = asked_s
        """How long it asks to wait."""
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Access:
    """What all connections of a model share."""

    key: str
    headers: Mapping[str, str]
    timeout_s: float


class Connection:
    """The HTTP side of one endpoint: requests in, objects out.

    Raises:
        ConfigError: the HTTP library cannot use the URL.
    """

    def __init__(self, address: Address, access: Access, concurrency: int) -> None:
        hidden = [value.removeprefix("Bearer ").strip() for name, value in access.headers.items() if _SECRET_HEADER.search(name)]
        key = () if access.key == _NO_KEY else (access.key,)
        self._blotter = Blotter((*key, *address.secrets, *hidden))
        self._shown = address.shown
        self._make = partial(_make_client, address, access, concurrency)
        self._kept = self._make(keeps_alive=True)
        self._fresh: AsyncOpenAI | None = None

    async def aclose(self) -> None:
        """Twice is fine."""
        await self._kept.close()
        if self._fresh is not None:
            await self._fresh.close()

    async def post(self, content: bytes, bound_s: float, *, is_fresh: bool) -> Json:
        """The answer to a chat request, over a connection of its own where it is to be `is_fresh`.

        Raises:
            AskAgain: none came, or none that can be read.
            Complained: the server answered with an error.
        """
        client = self._kept
        if is_fresh and not client.is_closed():
            client = self._fresh = self._fresh or self._make(keeps_alive=False)
        return await self._answer(client, lambda: client.post("/chat/completions", cast_to=bytes, content=content), bound_s)

    async def list_models(self, bound_s: float) -> Json:
        """The answer to the question for models; raises as `post`."""
        return await self._answer(self._kept, lambda: self._kept.get("/models", cast_to=bytes), bound_s)

    async def _answer(self, client: AsyncOpenAI, send: Callable[[], Awaitable[bytes]], bound_s: float) -> Json:
        import openai

        from codedance.model.bodies import Refused

        if client.is_closed():
            raise AskAgain("it was closed meanwhile")
        try:
            async with asyncio.timeout(bound_s):
                content = await send()
        except TimeoutError:
            raise AskAgain(f"no whole reply within {bound_s:g} s", kind=Trouble.SILENCE) from None
        except Refused as refusal:
            raise self._complained(refusal) from None
        except openai.APIConnectionError as error:
            is_away = type(error.__cause__).__name__ in _UNREACHED
            kind = Trouble.RESTARTING if is_away else Trouble.OTHER
            raise AskAgain(shorten(self._blotter.text(_deepest(error))), kind=kind) from None
        answer = read_object(self._blotter.body(content))
        if (failure := error_in(answer)) is not None:  # an error that calls itself a success
            raise self._failed(failure)
        return answer

    def _complained(self, refusal: Refused) -> Complained:
        """By the status of an answer."""
        if 300 <= refusal.status < 400:
            place = _place(self._shown, self._blotter.text(refusal.headers.get("location", "")))
            return Complained(
                Complaint(refusal.status, f"it sends requests on to {place}, which is not followed"), None, Trouble.OTHER
            )
        text = self._blotter.text(refusal.content.decode(errors="replace"))
        complaint = read_complaint(refusal.status, text)
        asked_s = retry_after_s(refusal.headers, time.time())
        return Complained(complaint, asked_s or retry_in_s(complaint.text), complaint.trouble)

    def _failed(self, failure: Json | str) -> Complained:
        """By the error inside of an answer."""
        named = (failure.get("code"), failure.get("status")) if isinstance(failure, dict) else ()
        code = next((str(name) for name in named if str(name).isdecimal()), "")
        status = int(code) if code.isdecimal() and len(code) == 3 and code[0] in "45" else _NO_STATUS
        told = self._blotter.text(json.dumps({"error": failure})[:_MOST_WORDS])
        complaint = read_complaint(status, told)
        if status == _NO_STATUS and ((refused := read_complaint(400, told)).is_declined or refused.is_too_long):
            complaint = refused
        is_limit = complaint.trouble is Trouble.RATE_LIMIT
        return Complained(complaint, retry_in_s(complaint.text), Trouble.RATE_LIMIT if is_limit else Trouble.OTHER)


def _make_client(address: Address, access: Access, concurrency: int, *, keeps_alive: bool) -> AsyncOpenAI:
    import openai

    from codedance.model.bodies import ENCODINGS, BoundedClient

    url = address.url
    own = {"Accept-Encoding": ENCODINGS}
    if url.username or url.password:  # sent as a header, since the HTTP library writes whole URLs into its log
        login = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
        own["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(  # of whichever HTTP library this version has
        max_connections=concurrency + 1,
        max_keepalive_connections=concurrency if keeps_alive else 0,
        keepalive_expiry=_IDLE_S,
    )
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # a balancer's would tie all requests to one of its servers
    timeout = openai.Timeout(access.timeout_s, connect=min(_CONNECT_S, access.timeout_s))
    try:
        http = BoundedClient(limits=limits, timeout=timeout, cookies=no_cookies)
        return openai.AsyncOpenAI(
            api_key=access.key,
            base_url=address.shown,
            max_retries=0,
            timeout=timeout,
            default_headers=own | dict(access.headers),
            http_client=http,
        )
    except Exception as error:  # boundary: the HTTP library has its own idea of a URL
        raise ConfigError(f"base URL {address.shown!r}: {error}; give one such as {EXAMPLE}") from None


def _place(asked: str, location: str) -> str:
    """Where a redirect leads, without what may be a secret."""
    try:
        parts = urlsplit(urljoin(asked, location.strip()))
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an address that cannot be read"
    return shorten(f"{parts.scheme}://{host}{parts.path}") if location else "no address"


def _deepest(error: BaseException) -> str:
    """The cause of causes, which says more than "Connection error."."""
    reason = type(error.__cause__ or error).__name__
    while (cause := error.__cause__ or next(iter(error.args), None)) and isinstance(cause, BaseException):
        error = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
        reason = str(error) or reason
    return reason
