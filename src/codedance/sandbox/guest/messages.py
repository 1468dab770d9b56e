"""The records that cross process borders, one datagram each (caller, supervisor, zygote, session).

    data = encode(Fork(session=7, work="/tmp/x"))         # b'{"op": "Fork", "session": 7, ...}'
    message = decode(data, (Fork,))

Replies of sessions are not among them: those come from untrusted code and are read by `supervisor/reply.py`.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, field, fields
from typing import Any

CHANNEL_FD, OUTBOX_FD = 3, 4
"""In a session: where it talks to the supervisor (the only descriptor on which recvmsg is allowed), and where pictures go."""
SOFT_INTERRUPT = signal.SIGXCPU
"""Ends a cell, not the session."""
BROKEN = 99
"""Exit status of a session whose own machinery was damaged."""
UNWALLED = 98
"""Exit status of a session that could not put up a wall; which one, and why, is the first line of its stderr."""
Described = dict[str, Any]
"""An input picture inside the memory file: name, offset, length and, for raw RGB pixels, width and height."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Supervisor to zygote, with the descriptors channel, stdout, stderr, outbox: make a session."""

    session: int
    work: str
    trial: bool = False
    """A session that only measures what its walls let through, and ends."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Supervisor to zygote: send this signal to a session, where there are no pidfds."""

    session: int
    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Zygote to supervisor: walls tried, libraries loaded."""

    absent: dict[str, str | None]
    landlock_abi: int
    versions: dict[str, str]
    unreadable: str
    """A directory that keeps the sessions' own users from importing further libraries, if there is one."""
    spared: list[str]
    """Second walls that were refused: namespaces that seccomp makes up for, the host name."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Zygote to supervisor: it cannot start."""

    reason: str
    jailed: bool = False
    """It had entered namespaces of its own; outside of them it may start."""


@dataclass(frozen=True, slots=True)
class Born:
    """Zygote to supervisor, with a pidfd where there are such: the session's process exists."""

    session: int


@dataclass(frozen=True, slots=True)
class Unborn:
    """Zygote to supervisor: the session's process could not be made."""

    session: int
    reason: str


@dataclass(frozen=True, slots=True)
class Died:
    """Zygote to supervisor: the session's process has ended with this wait status."""

    session: int
    status: int


@dataclass(frozen=True, slots=True)
class Load:
    """Supervisor to session, with a memory file: take these pictures."""

    token: str
    images: list[Described]
    originals: list[Described]
    coordinates: str = "pixels"
    """Of the boxes that the model writes, see `inputs.SYSTEMS`."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Supervisor to session: run this. The reply must carry the token, which changes with every request."""

    token: str
    code: str


@dataclass(frozen=True, slots=True)
class Open:
    """Caller to supervisor, with a memory file if there are pictures: give me a session."""

    ref: int
    images: list[Described]
    originals: list[Described]
    coordinates: str = "pixels"


@dataclass(frozen=True, slots=True)
class Opened:
    """Supervisor to caller, with the outbox: here it is; or `bad`, the name and fault of a picture; or `failed`."""

    ref: int
    session: int
    sizes: list[list[int]]
    bad: list[str] | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Caller to supervisor: run this cell, interrupt it after `time_s` seconds, kill it `grace_s` later."""

    ref: int
    session: int
    time_s: float
    grace_s: float
    code: str


@dataclass(frozen=True, slots=True)
class Ran:
    """Supervisor to caller: how it went. Text and pixels are in the outbox."""

    ref: int
    status: str
    error: list[Any] | None
    """Type, message and line."""
    seconds: float
    stdout_bytes: int
    stderr_bytes: int
    truncated: bool
    images: list[list[int]]
    """Offset in the outbox, width and height of each."""
    notes: list[str]
    state_kept: bool
    started: bool = True
    """False if the session was gone before the cell could start."""


@dataclass(frozen=True, slots=True)
class Close:
    """Caller to supervisor: end the session, answered by `Closed` when its process is gone."""

    ref: int
    session: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Supervisor to caller: the session is gone."""

    ref: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Supervisor to caller: this session died between two cells."""

    session: int
    why: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Caller to supervisor: are you there, and are you at work on request `about`?"""

    ref: int
    about: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Supervisor to caller: yes, and this is what I have."""

    ref: int
    knows: bool
    live: int
    pooled: int
    pids: list[int]
    """Supervisor and zygote."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Supervisor to caller, once the first zygote is ready: what is in force; or `fatal`, why nothing works."""

    absent: dict[str, str | None]
    landlock_abi: int
    versions: dict[str, str]
    unreadable: str = ""
    spared: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)
    """The fields of `measure.Measured`: what a session could do."""
    fatal: str | None = None


def session_name(supervisor: int) -> str:
    """The name of a session's process, by which its supervisor can be told."""
    return f"cell-{supervisor}"


def encode(message: Any) -> bytes:
    """A record as a datagram: one line of JSON, then the code of a cell, if it has one, as it is."""
    body = {"op": type(message).__name__, **{f.name: getattr(message, f.name) for f in fields(message)}}
    code = body.pop("code", None)
    head = json.dumps(body).encode()
    return head if code is None else head + b"\n" + code.encode()


def decode(data: bytes | bytearray | memoryview, types: tuple[type[Any], ...]) -> Any:
    """The record in a datagram, an instance of one of `types`.

    Raises:
        ValueError: it is none of them.
    """
    head, has_code, code = bytes(data).partition(b"\n")
    try:
        body = json.loads(head)
    except RecursionError:
        raise ValueError("unexpected message: its JSON is too deep") from None
    name = body.pop("op", None) if isinstance(body, dict) else None
    kind = next((kind for kind in types if kind.__name__ == name), None)
    if kind is None:
        raise ValueError(f"unexpected message {name!r}; expected one of {[t.__name__ for t in types]}")
    if has_code:
        body["code"] = code.decode()
    try:
        return kind(**body)
    except TypeError as error:
        raise ValueError(f"message {name!r} has other fields: {error}") from None
