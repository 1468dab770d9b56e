"""HTTP answers, read whole but never more of them than fits: the HTTP library's client with bounds.

    client = BoundedClient(limits=limits, timeout=timeout)
    await client.send(request)          # a whole answer, or Refused (an error, a redirect), or AskAgain (of no use)

An answer is counted while it comes, as it is sent and as it is unpacked, so that neither an endless one nor a small one that
unpacks to gigabytes fills the memory. Only gzip and deflate are asked for and unpacked, once. Of large answers few are read at a
time. Nothing is followed anywhere: a redirect would hand the conversation to a server that nobody named. The caller sets the
deadline.

Not covered: what an answer says.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import openai

from codedance.model.retry import AskAgain

ENCODINGS = "gzip, deflate"
"""What the client asks for."""
_MOST_BYTES = 64 << 20
"""Of an answer: 128,000 tokens with their ids and logprobs are 30 MB."""
_MOST_ERROR_BYTES = 1 << 17
"""Of an error; the rest is not read."""
_LARGE_BYTES = 2 << 20
_LARGE_AT_ONCE = 4
_EITHER_HEADER = zlib.MAX_WBITS + 32  # of gzip or of zlib


class Refused(Exception):
    """An answer with another status than a success."""

    def __init__(self, status: int, content: bytes, headers: Any) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.content = content
        """The beginning of it."""
        self.headers = headers


class _Unpacked:
    """What of an answer has come so far."""

    def __init__(self, encoding: str, most: int) -> None:
        self.content = bytearray()
        self._most = most
        self._packer = None if encoding in ("", "identity") else zlib.decompressobj(_EITHER_HEADER)
        self._is_begun = False

    @property
    def is_full(self) -> bool:
        return len(self.content) > self._most

    def add(self, piece: bytes) -> None:
        """More as it was sent; of what it unpacks to, no more than one byte above the bound.

        Raises:
            zlib.error: it is packed in no way that is known.
        """
        room = self._most + 1 - len(self.content)
        if self._packer is None:
            self.content += piece[:room]
            return
        try:
            self.content += self._packer.decompress(piece, room)
        except zlib.error:
            if self._is_begun:
                raise
            self._packer = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers' deflate comes without a header
            self.content += self._packer.decompress(piece, room)
        self._is_begun = True

    @property
    def is_whole(self) -> bool:
        return self._packer is None or self._packer.eof


class BoundedClient(openai.DefaultAsyncHttpxClient):
    """The client of whichever HTTP library the `openai` package has."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, follow_redirects=False)
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def send(self, request: Any, **options: Any) -> Any:
        """A success, read.

        Raises:
            Refused: it is none.
            AskAgain: it is too large, or cannot be unpacked.
        """
        response = await super().send(request, **(options | {"stream": True, "follow_redirects": False}))
        try:
            if not 200 <= response.status_code < 300:
                content, _ = await self._read(response, _MOST_ERROR_BYTES)
                raise Refused(response.status_code, content, response.headers)
            content, is_all = await self._read(response, _MOST_BYTES)
        except zlib.error as error:
            raise AskAgain(f"the answer cannot be unpacked: {error}") from None
        finally:
            await response.aclose()
        if not is_all:
            raise AskAgain(f"the answer is larger than {_MOST_BYTES >> 20} MB, which no reply of a model is")
        response._content = content  # where `aread` leaves it, too; a second response would cost a twentieth of the whole request
        return response

    async def _read(self, response: Any, most: int) -> tuple[bytes, bool]:
        """The content, and whether it is all; no more than `most` bytes of it, as they are sent and as they are unpacked."""
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise AskAgain(f"HTTP {response.status_code}: the answer is packed by {encoding[:40]!r}, which was not asked for")
        unpacked = _Unpacked(encoding, most)
        num_sent = 0
        has_place = False
        try:
            async for piece in response.aiter_raw():
                num_sent += len(piece)
                unpacked.add(piece)
                if unpacked.is_full or num_sent > most:
                    return bytes(unpacked.content[:most]), False
                if len(unpacked.content) > _LARGE_BYTES and not has_place:
                    has_place = await self._large.acquire()
        finally:
            if has_place:
                self._large.release()
        if not unpacked.is_whole:
            raise zlib.error("its end is missing")
        return bytes(unpacked.content), True
