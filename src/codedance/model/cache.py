"""Never pay twice for the same request: the replies of any ChatModel, kept in one file.

    async with CachedModel(CostMeter(model), Path("cache")) as cached:      # in this order, so that cached replies cost nothing
        reply = await cached.generate(messages, sampling)                   # asked once; later runs find it in the file

The same request means: who answers (the endpoints, or the kind of model), model, variant (see `OpenAIModel.variant`), messages
with their pictures, and sampling. So what a stub has said is never taken for the real model's words, and several samples of one
conversation need different seeds; without seeds they would all be the first one.

The file may have been put there by somebody else: it must have the form of ours, no reading takes longer than `_MOST_S`, and no
reply more than `_MOST_BYTES`. What stands in it is believed. Not covered: shrinking the file; network file systems without locks;
asking once where two processes ask at the same moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakValueDictionary

from codedance.errors import ConfigError, DataError, ModelError
from codedance.images import Picture
from codedance.model.chat import ChatModel, Message, ModelInfo, Reply, info_of, origin_of
from codedance.plain import in_one_line
from codedance.types import Sampling

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
_FILE = "replies.sqlite"
_SCHEMA = 2
"""Part of every key; to be raised when stored replies can no longer be read."""
_TABLE = "CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)"
_FORMS: tuple[set[tuple[str, str, str | None]], ...] = (
    set(),
    {("table", "replies", _TABLE), ("index", "sqlite_autoindex_replies_1", None)},
)
"""What a file may hold: nothing yet, or the table."""
_MOST_BYTES = 64 << 20
_MOST_S = 10.0
_STEPS = 10_000  # of SQLite's machine between two looks at the clock
_BUSY_S = 60.0
_PAUSE_S = 0.005
_DIGEST_BYTES = 32
_SETTLE_S = 2.0


class CachedModel:
    """A ChatModel that remembers what another one said. The other one stays the caller's to close.

    Args:
        model: the other one.
        folder: where the file lies, or will lie.
        keeps: which replies are worth keeping; all if not given.

    Raises:
        ConfigError: the folder cannot be made.
        DataError: the file in it is no cache, or cannot be used.
    """

    def __init__(self, model: ChatModel, folder: Path, keeps: Callable[[Reply], bool] = lambda reply: True) -> None:
        self._model = model
        self._keeps = keeps
        self._variant = str(getattr(model, "variant", ""))
        self._origin = origin_of(model)
        self._deadline = 0.0
        self._file = folder / _FILE
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._is_closed = False
        self.hits = 0
        self.misses = 0
        """Requests that the other model answered."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cache folder {folder}: it cannot be made: {error.strerror}; name another one") from None
        self._thread = ThreadPoolExecutor(1, "reply-cache")  # disks may be slow, and a connection wants one thread
        try:
            self._connection = self._thread.submit(self._open).result()
        except DataError:
            self._thread.shutdown()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the file. Closing twice is fine."""
        if not self._is_closed:
            await self._run(self._connection.close)
            self._is_closed = True
            self._thread.shutdown()

    @property
    def name(self) -> str:
        """The other model's."""
        return self._model.name

    @property
    def variant(self) -> str:
        """The other model's."""
        return self._variant

    @property
    def origin(self) -> str:
        """The other model's."""
        return self._origin

    @property
    def info(self) -> ModelInfo:
        """The other model's."""
        return info_of(self._model)

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """As the other model's, or what it said before. Only whole replies are kept.

        Raises:
            DataError: the file is damaged.
        """
        key = await self._run(lambda: _key(self._origin, self.name, self._variant, messages, sampling))
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:  # whoever asks the same meanwhile waits, and finds it
            known = await self._run(lambda: self._find(key))
            if known is not None:
                self.hits += 1
                return known
            reply = await self._model.generate(messages, sampling)
            self.misses += 1
            if self._keeps(reply):
                await self._run(lambda: self._keep(key, reply))
            return reply

    async def _run(self, work: Callable[[], T]) -> T:
        if self._is_closed:
            raise ModelError("the reply cache was closed; make another one")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> sqlite3.Connection:
        with self._named_errors():
            _check_kind(self._file)
            connection = sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None)
            try:
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
                connection.set_progress_handler(lambda: time.monotonic() > self._deadline, _STEPS)
                connection.execute("PRAGMA trusted_schema=OFF")
                self._check_form(connection)
                _write_ahead(connection)
                connection.execute("PRAGMA synchronous=NORMAL")  # a lost power supply may lose the last replies, never the file
                connection.execute(_TABLE.replace("TABLE", "TABLE IF NOT EXISTS"))
                self._check_form(connection)
            except (sqlite3.Error, DataError):
                connection.close()
                raise
            return connection

    def _check_form(self, connection: sqlite3.Connection) -> None:
        """That there is nothing but our table: a view of its name could compute for ever, a trigger could write what it likes."""
        found = connection.execute("SELECT type, name, sql FROM sqlite_master LIMIT 9").fetchall()
        if set(found) not in _FORMS:
            names = ", ".join(sorted(in_one_line(f"{kind} {name}")[:60] for kind, name, _ in found))
            raise DataError(f"reply cache {self._file}: it is no cache of ours, it holds {names}; name another folder")

    def _find(self, key: str) -> Reply | None:
        with self._named_errors():
            row = self._connection.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            return None if row is None else _reply_type().validate_python(json.loads(row[0]))

    def _keep(self, key: str, reply: Reply) -> None:
        with self._named_errors():
            self._connection.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, json.dumps(reply, default=_plain)))

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        self._deadline = time.monotonic() + _BUSY_S + _MOST_S
        try:
            yield
        except DataError:
            raise
        except sqlite3.OperationalError as error:
            raise DataError(
                f"reply cache {self._file}: {error}; check its permissions, free space and who else uses it"
            ) from None
        except (
            sqlite3.DatabaseError,
            ValueError,
            TypeError,
            RecursionError,
        ) as error:  # the last ones: what stands in it is no reply
            reason = in_one_line(str(error).partition("\n")[0])[:200]
            raise DataError(f"reply cache {self._file}: it is damaged: {reason}; delete it to start afresh") from None


def _check_kind(file: Path) -> None:
    """That SQLite may open it: it would wait for a pipe's other end, and undo what a journal beside it says.

    Raises:
        DataError: it may not.
    """
    if file.exists() and not file.is_file():
        raise DataError(f"reply cache {file}: it is no regular file; name another folder")
    journal = file.with_name(f"{file.name}-journal")  # not of ours, but for the moment when one is made
    deadline = time.monotonic() + _SETTLE_S
    while os.path.lexists(journal):
        if time.monotonic() > deadline:
            raise DataError(
                f"reply cache {file}: {journal.name} lies beside it, which no cache of ours leaves; name another folder"
            )
        time.sleep(_PAUSE_S)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side. SQLite does not wait by itself while another process sets the same."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)


def _key(origin: str, name: str, variant: str, messages: Sequence[Message], sampling: Sampling) -> str:
    text = json.dumps((_SCHEMA, origin, name, variant, list(messages), sampling), default=_plain)
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _plain(value: Any) -> dict[str, Any]:
    """What JSON can hold of the records that requests and replies are made of."""
    if isinstance(value, Picture):
        return {"picture": value.digest}
    return {field.name: getattr(value, field.name) for field in fields(value)}


@cache
def _reply_type() -> TypeAdapter[Reply]:
    from pydantic import TypeAdapter

    return TypeAdapter(Reply)
