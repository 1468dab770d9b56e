"""A run on disk: a folder that a person can open, that survives kill -9, and that goes on where it stopped.

    OUT/run.json            what was asked for: model, settings, limits, versions
    OUT/traces.jsonl        one trace a line, appended; the last line of a task and sample counts
    OUT/images/             every picture once, under the digest of its content
    OUT/prompts/            the prompt texts, under their digest

    with TraceStore(Path("runs/one"), manifest) as store:
        store.append(trace)
    for trace in read_traces(Path("runs/one")): ...

Pictures are on disk before the line that names them. A torn last line, as a kill leaves it, is cut off when the run goes on.
A folder may come from others: everything in it is read through `codedance.untrusted`, and nothing is written through a link.
Not covered: writing from two processes at once (the second one is refused); power loss may cost the last seconds.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from codedance.errors import ConfigError, DataError, StoreError
from codedance.images import ImageStore
from codedance.rollout.settings import Settings
from codedance.sandbox import Limits
from codedance.types import SCHEMA, UNFINISHED, Isolation, Trace
from codedance.untrusted import LINE_BYTES, MANIFEST_BYTES, Folder, NotThere, from_json, parsed, writing

if TYPE_CHECKING:
    from pydantic import TypeAdapter

TRACES, MANIFEST, IMAGES, PROMPTS = "traces.jsonl", "run.json", "images", "prompts"
_CHUNK = 1 << 20
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


class Key(NamedTuple):
    """Which rollout of a run."""

    task_id: str
    sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a run was asked to do, and on what."""

    schema: int = SCHEMA
    model: str
    variant: str = ""
    """What else shapes its replies: fields and headers of its requests, without secrets."""
    settings: Settings
    prompt: str
    """Digest of the prompt texts."""
    limits: Limits
    """Of the sandbox."""
    isolation: Isolation
    versions: dict[str, str]
    started: str
    """ISO 8601, UTC."""


_FREE = {"isolation", "versions", "started"}  # of the manifest: may differ when a run goes on


class TraceStore:
    """The writing end of a run's folder; entering repairs a torn last line and learns what is done.

    Raises:
        ConfigError: the folder holds a run with other settings, or another process writes to it.
        DataError: the folder cannot be written, or a line in the middle is damaged.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.images = ImageStore(folder / IMAGES)
        self._manifest = manifest
        self._done: dict[Key, int] = {}
        self._fd = -1

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.folder / TRACES, _APPEND, 0o644)
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                raise OSError(errno.EINVAL, f"{TRACES} is no file")
            for name in (IMAGES, PROMPTS):  # pictures would be written, and left-overs removed, behind it
                if (self.folder / name).is_symlink():
                    raise OSError(errno.ELOOP, f"{name} is a link")
        except OSError as error:
            self.close()
            raise DataError(f"{self.folder}: it cannot be written: {error.strerror}; name another folder with --out") from None
        try:
            self._lock()
            self._agree()
            self.images.sweep()
            _cut_torn_line(self._fd, self.folder / TRACES)
            lines = _index(self.folder)
            self._done = {key: line.question for key, line in lines.items() if not line.is_unfinished}
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __contains__(self, key: object) -> bool:
        """Whether a rollout was done before: finished, and neither by an outage nor by a picture that could not be used."""
        return key in self._done

    def check_question(self, key: Key, question: str) -> None:
        """That the rollout that was done before is of this question.

        Raises:
            DataError: it is of another one.
        """
        if self._done[key] != hash(question):
            raise DataError(
                f"task {key.task_id!r} was asked another question in {self.folder}; ids must stay with their questions, so keep "
                "the task file as it was (give its lines an id), or name another folder with --out"
            )

    def append(self, trace: Trace) -> None:
        """Add one line, whole.

        Raises:
            StoreError: it cannot be written.
        """
        line = memoryview(f"{to_json(trace)}\n".encode())
        whole = os.fstat(self._fd).st_size
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError as error:
            os.ftruncate(self._fd, whole)  # another rollout may end after this one, when there is room again
            raise StoreError(f"{self.folder / TRACES}: it cannot be written: {error.strerror}; make room and run again") from None

    def put_prompt(self, digest: str, texts: dict[str, str]) -> None:
        """Keep the texts that a trace's `prompt` names."""
        ImageStore(self.folder / PROMPTS).put(f"{digest}.json", json.dumps(texts, indent=1, ensure_ascii=False).encode())

    def close(self) -> None:
        """Let others write. Twice is fine."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"{self.folder}: another process is writing to this run; wait for it, or name another folder with --out"
            ) from None

    def _agree(self) -> None:
        """Refuse to mix two runs; write the manifest of a new one."""
        path = self.folder / MANIFEST
        if not Folder(self.folder).has(MANIFEST):
            try:
                with writing(path) as file:
                    file.write(_manifests().dump_json(self._manifest, indent=1) + b"\n")
            except OSError as error:
                raise DataError(f"{path}: it cannot be written: {error.strerror}; name another folder with --out") from None
            return
        differences = list(_differences(read_manifest(self.folder), self._manifest, ""))
        if differences:
            raise ConfigError(
                f"{self.folder} holds a run with other settings ({'; '.join(differences)}); "
                "repeat the command as it was, or name another folder with --out"
            )


def differences(first: Path, second: Path) -> list[str]:
    """What two runs were asked differently, or ran on; when they began is not told.

    Raises:
        DataError: one is no run.
    """
    old, new = read_manifest(first), read_manifest(second)
    found = list(_differences(old, new, ""))
    if old.isolation.level != new.isolation.level:
        found.append(f"isolation.level was {old.isolation.level}, is {new.isolation.level}")
    names = sorted({*old.versions, *new.versions})
    pairs = [(name, old.versions.get(name), new.versions.get(name)) for name in names]
    return [*found, *(f"version of {name} was {before}, is {after}" for name, before, after in pairs if before != after)]


def to_json(trace: Trace) -> str:
    """One line, as in traces.jsonl; also for readers that take other signs for line ends."""
    line = _traces().dump_json(trace).decode()
    return _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def read_manifest(folder: Path) -> Manifest:
    """What the run in `folder` was asked to do.

    Raises:
        DataError: there is no run, or its manifest is damaged.
    """
    try:
        text = Folder(folder).read(MANIFEST, MANIFEST_BYTES)
    except NotThere:
        raise DataError(f"{folder}: there is no run here ({MANIFEST} cannot be read: No such file or directory)") from None
    try:
        return parsed(text, _manifests())
    except DataError as error:
        raise DataError(f"{folder / MANIFEST}: it is no manifest of this version: {error}") from None


def read_traces(folder: Path) -> Iterator[Trace]:
    """The traces of a run in the order in which they were finished, one for each task and sample, the last one.

    A torn last line is passed over. Memory does not grow with the traces' size.

    Raises:
        DataError: there are none, or a line is damaged.
    """
    offsets = sorted(line.offset for line in _index(folder).values())
    with Folder(folder).open(TRACES) as file:
        for offset in offsets:
            file.seek(offset)
            try:
                yield parsed(file.readline(LINE_BYTES), _traces())
            except DataError as error:
                raise DataError(f"{folder / TRACES}: the line at byte {offset} is no trace of this version: {error}") from None


class _Line(NamedTuple):
    """The last line of a rollout."""

    offset: int
    is_unfinished: bool
    question: int
    """Hash of its text; this process compares it with that of the task."""


def _index(folder: Path) -> dict[Key, _Line]:
    found: dict[Key, _Line] = {}
    path = folder / TRACES
    try:
        for line in Folder(folder).lines(TRACES):
            if line.is_whole:
                try:
                    record = from_json(line.data)
                    key = Key(record["task_id"], record["sample"])
                    found[key] = _Line(line.offset, record["stop"] in UNFINISHED, hash(record["question"]))
                except KeyError as missing:
                    raise DataError(f"{path}: line {line.number} is no trace of this version: it has no {missing}") from None
                except (DataError, TypeError):
                    raise DataError(
                        f"{path}: line {line.number} is damaged; delete it, and its task is done again when the run goes on"
                    ) from None
    except NotThere:
        raise DataError(
            f"{folder}: there is no run here ({TRACES} is missing); name a folder that `codedance` wrote with --out"
        ) from None
    return found


def _cut_torn_line(fd: int, path: Path) -> None:
    """Cut off what stands behind the last newline.

    Raises:
        DataError: that is more than a line may have.
    """
    end = size = os.fstat(fd).st_size
    while end:
        if size - end > LINE_BYTES:
            raise DataError(f"{path}: its last {LINE_BYTES >> 20} MB are no line; the file is damaged")
        start = max(0, end - _CHUNK)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        name = f"{path}{field.name}"
        if name in _FREE or before == after:
            continue
        if hasattr(before, "__dataclass_fields__") and type(before) is type(after):
            yield from _differences(before, after, f"{name}.")
        else:
            yield f"{name} was {_shown(before)}, is {_shown(after)}"


def _shown(value: object) -> str:
    return str(value) if isinstance(value, str) else repr(value)


@cache
def _traces() -> TypeAdapter[Trace]:
    from pydantic import TypeAdapter

    return TypeAdapter(Trace)


@cache
def _manifests() -> TypeAdapter[Manifest]:
    from pydantic import TypeAdapter

    return TypeAdapter(Manifest)
