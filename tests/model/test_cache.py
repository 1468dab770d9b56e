"""Asked once, remembered, never confused; and a file that several processes share."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from codedance.errors import ConfigError, DataError, ModelError
from codedance.images import Picture
from codedance.model import cache
from codedance.model.cache import CachedModel
from codedance.model.chat import Message, Reply, Role, origin_of
from codedance.model.cost import CostMeter
from codedance.model.openai import OpenAIModel
from codedance.model.script import ScriptedModel, read_script
from codedance.types import FinishReason, Sampling, Tool, ToolCall, Usage
from model.asking import model_at
from model.faulty_server import FaultyServer

QUESTION = Message(Role.USER, ("7?",))
FULL = Reply(
    text="a\ud800\n",
    tool_calls=(ToolCall("c1", "crop", "{}"),),
    usage=Usage(3, 2, 1),
    token_ids=(5, 6),
    logprobs=(-0.5, float("-inf")),
    finish_reason=FinishReason.TOOL_CALLS,
    reasoning="hm",
    prompt_ids=(1, 2, 3),
)


@dataclass
class Counting:
    """Numbers its replies."""

    name: str = "counting"
    variant: str = ""
    num_asked: int = 0
    num_failures: int = 0
    reply: Reply | None = None

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self.num_asked += 1
        number = self.num_asked
        await asyncio.sleep(0.005)
        if number <= self.num_failures:
            raise ModelError("not now")
        return self.reply or Reply(text=f"reply {number}")


async def test_the_same_request_is_asked_once_also_by_a_later_run(tmp_path: Path) -> None:
    model = Counting(reply=FULL)
    for _ in range(2):
        async with CachedModel(model, tmp_path / "new") as cached:
            assert await cached.generate([QUESTION], Sampling()) == FULL
            assert await cached.generate([QUESTION], Sampling()) == FULL
            assert (cached.hits, cached.misses) in ((1, 1), (2, 0))
    assert model.num_asked == 1


PIXELS = Image.new("RGB", (2, 2))
RED = Image.new("RGB", (2, 2), "red")
CALL = ToolCall("c1", "crop", "{}")
TALK = (
    Message(Role.USER, ("a", Picture.of(PIXELS), "b")),
    Message(Role.ASSISTANT, ("c",), (CALL,)),
    Message(Role.TOOL, ("d",), (), "c1"),
)


@pytest.mark.parametrize(
    "other",
    [
        (replace(TALK[0], content=("a", Picture.of(RED), "b")), *TALK[1:]),
        (replace(TALK[0], content=(Picture.of(PIXELS), "a", "b")), *TALK[1:]),
        (replace(TALK[0], content=("a", "b", Picture.of(PIXELS))), *TALK[1:]),
        (replace(TALK[0], content=("a", "b")), *TALK[1:]),
        (replace(TALK[0], role=Role.SYSTEM), *TALK[1:]),
        (TALK[0], replace(TALK[1], tool_calls=(replace(CALL, arguments="[]"),)), TALK[2]),
        (TALK[0], replace(TALK[1], tool_calls=()), TALK[2]),
        (*TALK[:2], replace(TALK[2], tool_call_id="c2")),
        TALK[:2],
    ],
)
async def test_another_conversation_is_another_request(other: tuple[Message, ...], tmp_path: Path) -> None:
    async with CachedModel(Counting(), tmp_path) as cached:
        replies = {(await cached.generate(talk, Sampling())).text for talk in (TALK, other, TALK, other)}
    assert (replies, cached.hits) == ({"reply 1", "reply 2"}, 2)


@pytest.mark.parametrize(
    "other",
    [
        Sampling(seed=2),
        Sampling(seed=1, temperature=0.0),
        Sampling(seed=1, top_p=0.0),
        Sampling(seed=1, max_tokens=1),
        Sampling(seed=1, stop=("a",)),
        Sampling(seed=1, tools=(Tool("crop", "", "{}"),)),
    ],
)
async def test_another_way_of_sampling_is_another_request(other: Sampling, tmp_path: Path) -> None:
    async with CachedModel(Counting(), tmp_path) as cached:
        replies = {(await cached.generate([QUESTION], how)).text for how in (Sampling(seed=1), other, Sampling(seed=1), other)}
    assert (replies, cached.hits) == ({"reply 1", "reply 2"}, 2)


@pytest.mark.parametrize("other", [Counting(name="other"), Counting(variant="detail=low")])
async def test_another_model_or_variant_is_another_request(other: Counting, tmp_path: Path) -> None:
    async with CachedModel(Counting(), tmp_path) as one, CachedModel(other, tmp_path) as two:
        await one.generate([QUESTION], Sampling())
        await two.generate([QUESTION], Sampling())
    assert (one.misses, two.misses) == (1, 1)


async def test_many_who_ask_the_same_at_once_cost_one_request(tmp_path: Path) -> None:
    model = Counting()
    async with CachedModel(model, tmp_path) as cached:
        replies = await asyncio.gather(*(cached.generate([QUESTION], Sampling()) for _ in range(20)))
    assert {reply.text for reply in replies} == {"reply 1"}
    assert (model.num_asked, cached.hits, cached.misses) == (1, 19, 1)


async def test_when_the_one_who_asks_is_cancelled_the_next_in_line_asks(tmp_path: Path) -> None:
    model = Counting()
    async with CachedModel(model, tmp_path) as cached:
        first, second = (asyncio.ensure_future(cached.generate([QUESTION], Sampling())) for _ in range(2))
        while not model.num_asked:
            await asyncio.sleep(0)
        first.cancel()
        assert (await second).text == "reply 2"


async def test_errors_are_not_kept(tmp_path: Path) -> None:
    async with CachedModel(Counting(num_failures=1), tmp_path) as cached:
        with pytest.raises(ModelError, match="not now"):
            await cached.generate([QUESTION], Sampling())
        assert (await cached.generate([QUESTION], Sampling())).text == "reply 2"
        assert (cached.hits, cached.misses) == (0, 1)


async def test_several_processes_share_a_file_from_the_start(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from codedance.model.cache import CachedModel\n"
        "from codedance.model.chat import Message, Role\n"
        "from codedance.model.script import ScriptedModel\n"
        "from codedance.types import Sampling\n"
        "async def main():\n"
        "    async with CachedModel(ScriptedModel(lambda m, s: m[-1].text), Path(sys.argv[1])) as cached:\n"
        "        sys.stdin.readline()\n"
        "        for n in range(100):\n"
        "            assert (await cached.generate([Message(Role.USER, (str(n),))], Sampling())).text == str(n)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate(b"\n")[1] for process in started] == [b""] * 3
    async with CachedModel(ScriptedModel(lambda messages, sampling: "new"), tmp_path) as cached:
        for n in range(100):
            assert (await cached.generate([Message(Role.USER, (str(n),))], Sampling())).text == str(n)
        assert (cached.hits, cached.misses) == (100, 0)


async def test_opening_waits_for_another_process_that_is_making_the_same_file(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "replies.sqlite", isolation_level=None)
    other.execute("CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)")
    other.execute("BEGIN IMMEDIATE")
    opening = asyncio.ensure_future(asyncio.to_thread(CachedModel, Counting(), tmp_path))
    await asyncio.sleep(0.1)
    assert not opening.done()
    other.close()
    await (await opening).aclose()


async def test_a_reply_is_found_while_another_process_writes(tmp_path: Path) -> None:
    async with CachedModel(Counting(), tmp_path) as cached:
        await cached.generate([QUESTION], Sampling())
        other = sqlite3.connect(tmp_path / "replies.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        assert (await asyncio.wait_for(cached.generate([QUESTION], Sampling()), 2)).text == "reply 1"
        other.close()


async def test_a_file_that_is_no_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "replies.sqlite").write_bytes(b"hello " * 1000)
    with pytest.raises(DataError, match=r"replies.sqlite: it is damaged: .*; delete it"):
        CachedModel(Counting(), tmp_path)


@pytest.mark.parametrize("stored", ["{", "[]", '{"text": 7}', "{}"])
async def test_a_stored_reply_that_cannot_be_read_is_told(stored: str, tmp_path: Path) -> None:
    async with CachedModel(Counting(), tmp_path) as cached:
        await cached.generate([QUESTION], Sampling())
    with sqlite3.connect(tmp_path / "replies.sqlite") as connection:
        connection.execute("UPDATE replies SET reply = ?", (stored,))
    connection.close()
    async with CachedModel(Counting(), tmp_path) as cached:
        with pytest.raises(DataError, match="replies.sqlite: it is damaged"):
            await cached.generate([QUESTION], Sampling())


async def test_a_file_damaged_in_the_middle_is_told(tmp_path: Path) -> None:
    async with CachedModel(Counting(reply=Reply(text="x" * 50_000)), tmp_path) as cached:
        for n in range(20):
            await cached.generate([QUESTION], Sampling(seed=n))
    file = tmp_path / "replies.sqlite"
    data = file.read_bytes()
    file.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(DataError, match=r"replies.sqlite: it is damaged"):
        async with CachedModel(Counting(), tmp_path) as cached:
            await cached.generate([QUESTION], Sampling(seed=1))


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cache folder .*file/cache"):
        CachedModel(Counting(), tmp_path / "file" / "cache")


async def test_a_closed_cache_says_so(tmp_path: Path) -> None:
    cached = CachedModel(Counting(), tmp_path)
    await cached.aclose()
    await cached.aclose()
    with pytest.raises(ModelError, match="closed"):
        await cached.generate([QUESTION], Sampling())


async def test_a_stub_and_the_real_model_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    async with (
        FaultyServer(reply=lambda body: "the stub's") as stub,
        FaultyServer(reply=lambda body: "the real one's") as real,
        model_at(stub.url.replace("//", "//me:password@")) as first,
        model_at(real.url) as second,
        CachedModel(CostMeter(first), tmp_path) as stubbed,
        CachedModel(CostMeter(second), tmp_path) as cached,
    ):
        assert (await stubbed.generate([QUESTION], Sampling())).text == "the stub's"
        for _ in range(2):
            assert (await cached.generate([QUESTION], Sampling())).text == "the real one's"
        assert (cached.hits, cached.misses) == (1, 1)
        assert "password" not in cached.origin + stubbed.origin and stub.url in stubbed.origin


def test_scripts_and_kinds_of_models_are_told_apart(tmp_path: Path) -> None:
    one, two = ScriptedModel(["a"]), ScriptedModel(["b"])
    assert one.variant != two.variant and origin_of(one) == origin_of(two) != origin_of(Counting())
    script = tmp_path / "m.py"
    variants = set()
    for answer in "ab":
        script.write_text(f"def reply(messages, sampling):\n    return {answer!r}\n")
        variants.add(read_script(script).variant)
    assert len(variants) == 2


def test_several_endpoints_are_one_origin_in_whichever_order() -> None:
    one, two = (OpenAIModel("m", urls) for urls in (["http://a/v1", "http://b/v1"], ["http://b/v1/", "http://a/v1"]))
    assert one.origin == two.origin == "http://a/v1 http://b/v1"


FOREIGN = {
    "a view that never ends": "CREATE VIEW replies AS WITH RECURSIVE n(key, reply) AS"
    " (VALUES ('', '{}') UNION ALL SELECT * FROM n) SELECT * FROM n",
    "a trigger": "CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL);"
    "CREATE TRIGGER t AFTER INSERT ON replies BEGIN DELETE FROM replies; END",
    "another table as well": "CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL); CREATE TABLE more (a)",
    "other columns": "CREATE TABLE replies (key TEXT, reply TEXT)",
    "a generated column": "CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL AS (key))",
    "someone's notes": "CREATE TABLE notes (a)",
}


@pytest.mark.parametrize("schema", FOREIGN)
def test_a_file_of_another_form_is_refused_at_once(schema: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "replies.sqlite")) as foreign:
        foreign.executescript(FOREIGN[schema])
    before = (tmp_path / "replies.sqlite").read_bytes()
    start = time.monotonic()
    with pytest.raises(DataError, match="no cache of ours, it holds .*name another folder"):
        CachedModel(Counting(), tmp_path)
    assert time.monotonic() - start < 5 and (tmp_path / "replies.sqlite").read_bytes() == before


def test_what_is_no_file_or_has_a_journal_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_SETTLE_S", 0.02)
    os.mkfifo(tmp_path / "replies.sqlite")
    with pytest.raises(DataError, match="no regular file"):
        CachedModel(Counting(), tmp_path)
    (tmp_path / "replies.sqlite").unlink()
    (tmp_path / "replies.sqlite-journal").write_bytes(b"")
    with pytest.raises(DataError, match="replies.sqlite-journal lies beside it"):
        CachedModel(Counting(), tmp_path)


@pytest.mark.parametrize("stored", [1, 1.5, b"{}", "[" * 100_000, '{"text": 1e999}', '{"text": ["' + "x" * 100 + '"]}'])
async def test_a_stored_value_that_is_no_reply_is_told(stored: object, tmp_path: Path) -> None:
    async with CachedModel(Counting(), tmp_path) as cached:
        await cached.generate([QUESTION], Sampling())
        with closing(sqlite3.connect(tmp_path / "replies.sqlite")) as other:
            other.execute("UPDATE replies SET reply = ?", (stored,))
            other.commit()
        with pytest.raises(DataError, match="it is damaged.*delete it"):
            await cached.generate([QUESTION], Sampling())


async def test_a_reading_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async with CachedModel(Counting(), tmp_path) as cached:
        cached._deadline = 0.0
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            await cached._run(lambda: cached._connection.execute(ENDLESS).fetchone())


ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
