"""What is fed with mutated data: one class for each reader, which makes a case from a draw and says which errors it may raise.

    target = TARGETS["report"](seeds)
    run = target.prepare(random.Random("report 1 17"), Path("case"))     # writes what is read
    run()                                                                # an error of `target.allowed`, or none

Not covered: what a case may take and open (`watching`), and starting again after one that hangs or dies (`campaign`).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import gzip
import io
import json
import os
import random
import shutil
import socket
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from codedance import Sandbox
from codedance.cli.compare import compare
from codedance.cli.evaluation import Request, again, has_evaluation, read_evaluation
from codedance.cli.score import score_folder, tell
from codedance.errors import CodeDanceError
from codedance.images import QWEN25_VL, load_input
from codedance.model import endings, replies
from codedance.model.cache import CachedModel
from codedance.model.chat import Message, Reply, Role
from codedance.model.objects import read_object
from codedance.model.openai import OpenAIModel
from codedance.model.retry import AskAgain, Backoff, read_complaint
from codedance.model.script import ScriptedModel
from codedance.plain import visible
from codedance.report import write_report
from codedance.reward.judge import Judge
from codedance.reward.rules import Scoring
from codedance.rollout.replay import replay
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Settings
from codedance.rollout.store import TraceStore, differences, read_manifest, read_traces
from codedance.sandbox import wire
from codedance.sandbox.guest import messages
from codedance.sandbox.guest.settings import Caps
from codedance.sandbox.limits import Limits
from codedance.sandbox.supervisor.reply import Forged, Room, parse_done, parse_loaded, parse_word
from codedance.tasks import read_tasks
from codedance.types import Sampling
from fuzz.mutations import mutate_folder, mutated, mutated_bytes, mutated_json, mutated_lines, mutated_picture
from fuzz.seeds import BODIES, QUICK, STREAM, Seeds

Case = Callable[[], object]
_NEVER_ENDING = Backoff(first_s=0.0005, cap_s=0.001, most_asked_s=0.001)
_ASKED = [Message(Role.USER, ("How many?",))]
_MOST_SHARED = 1 << 31


class Target:
    """One reader."""

    name: ClassVar[str]
    share: ClassVar[int]
    """Of 1000 cases: few of what takes long."""
    allowed: ClassVar[tuple[type[BaseException], ...]] = (CodeDanceError,)
    may_start: ClassVar[bool] = False
    """Processes: the rules' own for mathematics, or the sandbox."""

    def __init__(self, seeds: Seeds) -> None:
        self.seeds = seeds

    def prepare(self, draw: random.Random, place: Path) -> Case:
        """Write a case into an empty folder; what reads it."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is kept between cases."""


class Frames(Target):
    """What sessions and processes of the sandbox send each other."""

    name, share, allowed = "frames", 550, (Forged,)
    _room = Room(first=1000, end=1_000_000, caps=Caps(**{name: getattr(Limits(), name) for name in Caps.__dataclass_fields__}))
    _done: ClassVar[dict[str, Any]] = {
        "token": "t",
        "error": {"type": "E", "message": "m", "line": 1, "out_of_memory": False},
        "images": [[1000, 10, 10], [1300, 4, 4]],
        "notes": ["a"],
    }
    _loaded: ClassVar[tuple[dict[str, Any], ...]] = (
        {"token": "t", "sizes": [[4, 5]]},
        {"token": "t", "bad": ["a.png", "no picture"]},
    )
    _records = (
        messages.Fork(7, "/tmp/x"),
        messages.Ran(1, "ok", ["E", "m", 1], 0.5, 3, 4, False, [[0, 1, 2]], ["n"], True),
        messages.Cell("t", "print(1)\nprint(2)"),
        messages.Hello({"landlock": None}, 4, {"python": "3.11"}),
        messages.Opened(1, 2, [[3, 4]]),
        messages.Load("t", [{"name": "a", "offset": 0, "length": 3}], []),
        messages.Lost(1, "why"),
    )

    def __init__(self, seeds: Seeds) -> None:
        super().__init__(seeds)
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._loop.close()

    def prepare(self, draw: random.Random, place: Path) -> Case:
        way = draw.randrange(5)
        if way < 2:
            data = mutated_json(self._done, draw, self.seeds.traps)
            return lambda: parse_done(data, "t", self._room)
        if way == 2:
            data = mutated_json(draw.choice(self._loaded), draw, self.seeds.traps)
            return lambda: (parse_loaded(data, "t"), parse_word(data, "t"))
        record = draw.choice(self._records)
        head, has_code, code = messages.encode(record).partition(b"\n")
        data = (
            mutated_json(json.loads(head), draw, self.seeds.traps) + has_code + (mutated_bytes(code, draw) if has_code else b"")
        )
        return (lambda: read_frame(data)) if way == 3 else (lambda: self._through_channel(data, draw))

    def _through_channel(self, data: bytes, draw: random.Random) -> None:
        """A peer that sends anything, with descriptors: it is told to the caller once, and nothing stays open."""
        self._loop.run_until_complete(_send_through(data[: wire.MOST_BYTES // 2] * draw.choice((1, 1, 1, 9)), draw.randrange(12)))


def read_frame(data: bytes) -> object:
    """A datagram between our own processes: a record, or the one error that says it is none."""
    try:
        return messages.decode(data, tuple(type(record) for record in Frames._records))
    except ValueError:
        return None


async def _send_through(data: bytes, num_fds: int) -> None:
    before = set(os.listdir("/proc/self/fd"))
    ours, theirs = wire.pair()
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append("raised"))

    def on_datagram(seen: memoryview, fds: list[int]) -> None:
        try:
            read_frame(bytes(seen))
        finally:
            for fd in fds:
                os.close(fd)
        heard.append("message")

    channel = wire.Channel(ours, on_datagram, lambda: heard.append("closed"))
    null = os.open("/dev/null", os.O_RDONLY)
    with contextlib.suppress(OSError):
        theirs.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, null.to_bytes(4, "little") * num_fds)] if num_fds else [])
    os.close(null)
    theirs.close()
    for _ in range(3):
        await asyncio.sleep(0)
    channel.close()
    if left := set(os.listdir("/proc/self/fd")) - before:
        raise AssertionError(f"{len(left)} descriptors stay open")
    if heard.count("closed") != 1:
        raise AssertionError(f"the caller heard {heard}")


class Replies(Target):
    """The parsers of endpoints' bodies."""

    name, share, allowed = "replies", 338, (AskAgain,)

    def prepare(self, draw: random.Random, place: Path) -> Case:
        data = body(draw, self.seeds)
        return lambda: read_body(data, draw.choice((200, 400, 404, 429, 500, 503)))


def body(draw: random.Random, seeds: Seeds) -> bytes:
    """What a server may send in place of a reply."""
    way = draw.random()
    if way < 0.06:
        return mutated_bytes(STREAM, draw)
    if way < 0.1:
        return mutated_bytes(b"<html><title>502 Bad Gateway</title></html>", draw)
    return mutated_json(draw.choice(BODIES), draw, seeds.traps)


def read_body(data: bytes, status: int) -> None:
    """By every reader; a reply that is read can be stored."""
    read_complaint(status, data.decode(errors="replace"))
    found = read_object(data)
    endings.error_in(found)
    for read in (
        lambda: replies.read_models(found),
        lambda: replies.read_root(found, "tiny"),
        lambda: storable(replies.read_reply(found, 1)),
    ):
        with contextlib.suppress(AskAgain):
            read()


def storable(reply: Reply) -> None:
    """That a reply can be written as JSON in UTF-8, and read again."""
    from codedance.model.cache import _plain, _reply_type

    json.dumps(reply, default=_plain, ensure_ascii=False).encode()
    _reply_type().validate_python(json.loads(json.dumps(reply, default=_plain)))


class Endpoint(Target):
    """The whole way through the client, from a server on this machine that sends mutated heads and bodies."""

    name, share = "endpoint", 6

    def __init__(self, seeds: Seeds) -> None:
        super().__init__(seeds)
        ssl.create_default_context = functools.cache(ssl.create_default_context)  # a tenth of a second for each client
        self._loop = asyncio.new_event_loop()
        self._answer = b""
        self._asked = 0
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        self._answer = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        with contextlib.suppress(CodeDanceError):  # the first request asks the system what it is
            self._loop.run_until_complete(self._ask(is_list=True))

    def prepare(self, draw: random.Random, place: Path) -> Case:
        self._answer = self._mutated_answer(draw)
        is_list = draw.random() < 0.1
        return lambda: self._loop.run_until_complete(asyncio.wait_for(self._ask(is_list), 30))

    def close(self) -> None:
        self._server.close()
        self._loop.run_until_complete(self._server.wait_closed())
        self._loop.close()

    def _mutated_answer(self, draw: random.Random) -> bytes:
        status = draw.choice(
            (
                b"200 OK",
                b"200 OK",
                b"200 OK",
                b"400 Bad Request",
                b"429 Slow",
                b"500 Oops",
                b"503 Busy",
                b"404 No",
                b"204 Nothing",
            )
        )
        status = draw.choice((b"302 There", b"307 There", b"100 Go on", b"999 Odd")) if draw.random() < 0.1 else status
        data, heads = body(draw, self.seeds), [b"Content-Type: application/json", b"Connection: close"]
        if draw.random() < 0.1:
            packed = gzip.compress(data if draw.random() < 0.8 else bytes(1 << 28), 1)
            data, heads = packed, [*heads, b"Content-Encoding: gzip"]
        heads.append(
            b"Location: " + draw.choice((self._url.encode() + b"/models", b"http://127.0.0.1:1/", b"file:///etc/passwd"))
        )
        heads.append(
            b"Retry-After: "
            + draw.choice((b"1", b"-1", b"1e9", b"nan", b"9" * 400, b"Fri, 31 Dec 9999 23:59:59 GMT", b"\xff", b""))
        )
        if draw.random() < 0.3:
            size = max(1, draw.randrange(1, len(data) + 2))
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (data[:size], data[size:]) if piece)
            data, heads = chunks + b"0\r\n\r\n", [*heads, b"Transfer-Encoding: chunked"]
        else:
            length = len(data) if draw.random() < 0.9 else draw.choice((0, 1, 10**12, -1, len(data) + 1))
            heads.append(b"Content-Length: %d" % length)
        head = b"HTTP/1.1 " + status + b"\r\n" + b"\r\n".join(heads) + b"\r\n\r\n"
        return (mutated_bytes(head, draw, 1) if draw.random() < 0.1 else head) + data

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            await reader.readexactly(length)
            writer.write(self._answer)
            await writer.drain()
        writer.close()

    async def _ask(self, is_list: bool) -> None:
        async with OpenAIModel(
            "tiny", [self._url], api_key="sk-very-secret", tries=2, timeout_s=1.0, backoff=_NEVER_ENDING, silence_s=1.0
        ) as model:
            if is_list:
                await model.models()
            else:
                await model.identify()
                storable(await model.generate(_ASKED, Sampling(max_tokens=100, temperature=0.0)))


class Tasks(Target):
    """Files and folders of tasks, of every layout and kind."""

    name, share = "tasks", 60

    def prepare(self, draw: random.Random, place: Path) -> Case:
        source = task_file(draw, self.seeds, place)
        return lambda: _read_all(source, draw)


def _read_all(source: str, draw: random.Random) -> None:
    bad: list[CodeDanceError] = []
    for task in read_tasks(source, on_bad=bad.append):
        json.dumps([task.id, task.question, task.answer, dataclasses.asdict(task.key)], ensure_ascii=False).encode()
        for picture in task.images[:3]:
            if isinstance(picture, bytes):
                with contextlib.suppress(CodeDanceError):
                    load_input(picture, QWEN25_VL)
    for error in bad:
        visible(str(error)).encode()


def task_file(draw: random.Random, seeds: Seeds, place: Path) -> str:
    """A mutated file of tasks with a few pictures beside it, and how it is named."""
    path = draw.choice(sorted(path for path in seeds.tasks.iterdir() if path.is_file() and path.suffix != ".jpg"))
    (place / "images").mkdir()
    shutil.copy(seeds.tasks / "images" / "hats.png", place / "images")
    shutil.copy(seeds.tasks / "hats.jpg", place)
    made, data, way = place / path.name, path.read_bytes(), draw.random()
    if way < 0.06:
        shutil.copy(path, made)
        mutate_folder(place, draw, seeds.traps, links=False)  # a file that the user names may be one
        return str(place if draw.random() < 0.5 else made)
    if path.suffix == ".gz":
        text = mutated_lines(gzip.decompress(data), draw, seeds.traps)
        made.write_bytes(gzip.compress(text, 1) if draw.random() < 0.8 else mutated_bytes(data, draw))
    elif path.suffix == ".jsonl":
        made.write_bytes(mutated_lines(data, draw, seeds.traps))
    elif path.suffix == ".json":
        made.write_bytes(mutated_json(json.loads(data), draw, seeds.traps))
    elif path.suffix == ".parquet" and way < 0.7:
        _write_parquet(made, path, draw, seeds)
    elif path.suffix in (".tsv", ".csv") and way < 0.7:
        made.write_bytes(_mutated_cells(data, draw, seeds))
    else:
        made.write_bytes(mutated_bytes(data, draw))
    if way > 0.97:
        return draw.choice(
            (f"plain:{made}", f"{place}:test", f"hrbench:{made}", f"{made}:a", f"{made}:", f"rl:{place}", f"{place}/no\0thing")
        )
    return str(made)


def _write_parquet(made: Path, path: Path, draw: random.Random, seeds: Seeds) -> None:
    """The rows of a file, mutated where a table can hold the result; else its bytes."""
    raws: list[str] = []
    rows = json.loads(path.with_suffix(".jsonl").read_bytes().splitlines()[0])
    row = mutated(rows, draw, seeds.traps, raws)
    if isinstance(row, dict) and isinstance(row.get("image"), str) and draw.random() < 0.5:
        row["image"] = {"bytes": mutated_picture(_picture(seeds), draw), "path": draw.choice((None, seeds.traps.path(draw)))}
    try:
        pq.write_table(pa.Table.from_pylist([row] * draw.choice((1, 2, 40))), made)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError):
        made.write_bytes(mutated_bytes(path.read_bytes(), draw))


def _picture(seeds: Seeds) -> bytes:
    return (seeds.tasks / "images" / "hats.png").read_bytes()


def _mutated_cells(data: bytes, draw: random.Random, seeds: Seeds) -> bytes:
    lines = [line.split(b"\t") for line in data.split(b"\n")]
    cells = draw.choice([line for line in lines if line])
    text = draw.choice(
        (
            seeds.traps.path(draw),
            json.dumps([seeds.traps.path(draw)] * 3),
            "[" * 500,
            "1" * 5000,
            "\x00",
            '"',
            "nan",
            "-1",
            "data:,x",
        )
    )
    cells[draw.randrange(len(cells))] = draw.choice((text.encode(), mutated_bytes(cells[0], draw)))
    if draw.random() < 0.2:
        cells.append(b"more")
    return b"\n".join(b"\t".join(line) for line in lines)


class Traces(Target):
    """Run folders, read and gone on with."""

    name, share = "traces", 15

    def prepare(self, draw: random.Random, place: Path) -> Case:
        folder = copied(self.seeds.run, place / "run")
        mutate_folder(folder, draw, self.seeds.traps)
        return lambda: self._read(folder)

    def _read(self, folder: Path) -> None:
        for read in (
            lambda: list(read_traces(folder)),
            lambda: differences(folder, self.seeds.other),
            lambda: self._go_on(folder),
            lambda: _again(folder),
        ):
            with contextlib.suppress(CodeDanceError):
                read()

    def _go_on(self, folder: Path) -> None:
        with TraceStore(folder, read_manifest(self.seeds.other)) as store:
            store.append(next(read_traces(self.seeds.other)))


def _again(folder: Path) -> None:
    """As `eval --like` does, up to asking."""
    if has_evaluation(folder):
        again(Request(), read_evaluation(folder), folder)


def copied(seed: Path, folder: Path) -> Path:
    """A run that may be changed."""
    shutil.copytree(seed, folder, symlinks=True)
    return folder


class Report(Target):
    """`codedance report`."""

    name, share, may_start = "report", 5, True

    def prepare(self, draw: random.Random, place: Path) -> Case:
        folder = copied(self.seeds.run, place / "run")
        mutate_folder(folder, draw, self.seeds.traps)
        return lambda: write_report(
            folder, place / "report.html", megabytes=0.5, scoring=draw.choice((Scoring.DEFAULT, Scoring.PAPER))
        )


class Score(Target):
    """`codedance score`, with and without a judge and its replies."""

    name, share, may_start = "score", 6, True

    def prepare(self, draw: random.Random, place: Path) -> Case:
        folder = copied(self.seeds.run, place / "run")
        mutate_folder(folder, draw, self.seeds.traps)
        cache = copied(self.seeds.judgements, place / "cache")
        if draw.random() < 0.05:
            _spoil_cache(cache, draw, self.seeds)
        has_judge, mode, fresh = draw.random() < 0.3, draw.choice(("default", "default", "paper", "judge")), draw.random() < 0.2
        return lambda: asyncio.run(self._score(folder, cache if has_judge else None, mode, fresh))

    async def _score(self, folder: Path, cache: Path | None, mode: str, fresh: bool) -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            if cache is None:
                tell(await score_folder(folder, mode, None, None, fresh=fresh), folder, as_json=mode == "paper")
                return
            judge = ScriptedModel(['{"why": "so", "same": "yes"}'], "judge")
            async with CachedModel(judge, cache) as model:
                tell(await score_folder(folder, mode, Judge(model), None, fresh=fresh), folder, as_json=False)


def _spoil_cache(folder: Path, draw: random.Random, seeds: Seeds) -> None:
    """Rows of a judge's replies that are none, or a table of another kind: the user's own file, damaged."""
    with contextlib.suppress(OSError, sqlite3.Error):
        path = next(folder.glob("*.sqlite"), folder / "replies.sqlite")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            if draw.random() < 0.5:
                reply = mutated_json(
                    {"text": '{"why": "", "same": "yes"}', "usage": {"prompt_tokens": 1}, "finish_reason": "stop"},
                    draw,
                    seeds.traps,
                )
                connection.execute("UPDATE replies SET reply = ?", (reply.decode(errors="replace"),))
            else:
                connection.execute("DROP TABLE replies")
                connection.execute(
                    draw.choice(("CREATE TABLE replies (a)", "CREATE VIEW replies AS SELECT 1 AS key, 2 AS reply"))
                )
            connection.commit()


class Compare(Target):
    """`codedance compare`."""

    name, share = "compare", 15

    def prepare(self, draw: random.Random, place: Path) -> Case:
        folders = [copied(seed, place / name) for seed, name in ((self.seeds.run, "run"), (self.seeds.other, "other"))]
        for folder in folders[: draw.choice((1, 2))]:
            scores = folder / "scores.jsonl"
            if draw.random() < 0.8:
                scores.write_bytes(mutated_lines(scores.read_bytes(), draw, self.seeds.traps))
            else:
                mutate_folder(folder, draw, self.seeds.traps)
        return lambda: self._compare(*folders)

    def _compare(self, first: Path, second: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            compare(first, second)


class _Boxed(Target):
    """Needs a sandbox, which stays open between the cases."""

    may_start = True

    def __init__(self, seeds: Seeds) -> None:
        super().__init__(seeds)
        self._loop = asyncio.new_event_loop()
        self._box = Sandbox(QUICK, require=0)
        self._loop.run_until_complete(self._box.__aenter__())

    def close(self) -> None:
        self._loop.run_until_complete(self._box.__aexit__(None, None, None))
        self._loop.close()


class Replay(_Boxed):
    """`codedance replay`, in a real sandbox."""

    name, share = "replay", 2

    def prepare(self, draw: random.Random, place: Path) -> Case:
        folder = copied(self.seeds.replayed, place / "run")
        mutate_folder(folder, draw, self.seeds.traps)
        return lambda: self._loop.run_until_complete(self._replay(folder))

    async def _replay(self, folder: Path) -> None:
        audits: AsyncIterator[Any] = replay(folder, self._box)
        async for audit in audits:
            str(audit)


class Run(_Boxed):
    """`codedance run`: a script of replies is asked about mutated tasks, and its code runs."""

    name, share = "run", 3

    def prepare(self, draw: random.Random, place: Path) -> Case:
        (place / "tasks").mkdir()
        source = task_file(draw, self.seeds, place / "tasks")
        said = [f"<code>\n```python\nprint({draw.randrange(9)})\n```\n</code>", "<answer>7</answer>"][draw.random() < 0.8 :]

        def reply(asked: Sequence[Message], sampling: Sampling) -> Reply:
            return Reply(text=said[min(len(asked) // 2 - 1, len(said) - 1)])

        runner = Runner(ScriptedModel(reply, "script"), self._box, place / "out", Settings(turns=2), concurrency=2)
        return lambda: self._loop.run_until_complete(runner.run(read_tasks(source, on_bad=lambda error: None)))


class Mixed(Target):
    """One reader after another, without those that need a sandbox: a slice for tests."""

    name, share, may_start = "mixed", 0, True

    def __init__(self, seeds: Seeds) -> None:
        super().__init__(seeds)
        self._targets = [kind(seeds) for kind in (Frames, Replies, Tasks, Compare, Traces, Report, Score, Endpoint)]

    def prepare(self, draw: random.Random, place: Path) -> Case:
        (target,) = draw.choices(self._targets, (24, 24, 24, 8, 8, 4, 4, 4))
        run = target.prepare(draw, place)

        def allowed() -> None:
            with contextlib.suppress(*target.allowed):
                run()

        return allowed

    def close(self) -> None:
        for target in self._targets:
            target.close()


TARGETS: dict[str, type[Target]] = {
    target.name: target for target in (Frames, Replies, Endpoint, Tasks, Traces, Report, Score, Compare, Replay, Run, Mixed)
}
