"""Scripts: the list, the function, the files; and the names by which models are opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from codedance import ConfigError, Message, ModelError, Reply, Sampling, ScriptedModel
from codedance.model import Role
from codedance.model.named import open_model
from codedance.model.script import read_script
from model.faulty_server import FaultyServer

ASKED = [Message(Role.USER, ("?",))]
ANSWERED = [*ASKED, Message(Role.ASSISTANT, ("a",)), Message(Role.USER, ("and?",))]


async def test_a_list_gives_the_reply_that_the_conversation_is_at() -> None:
    model = ScriptedModel(["first", Reply(text="second", reasoning="hm")])
    assert (await model.generate(ASKED, Sampling())).text == "first"
    assert (await model.generate(ANSWERED, Sampling())) == Reply(text="second", reasoning="hm")
    with pytest.raises(ModelError, match="reply 3 was asked for, the script has 2"):
        await model.generate([*ANSWERED, Message(Role.ASSISTANT, ("b",))], Sampling())


async def test_a_function_sees_messages_and_sampling_and_may_be_async() -> None:
    async def later(messages: Sequence[Message], sampling: Sampling) -> str:
        return f"{messages[-1].text} {sampling.seed}"

    assert (await ScriptedModel(later).generate(ASKED, Sampling(seed=3))).text == "? 3"
    assert (await ScriptedModel(lambda messages, sampling: Reply(text="x")).generate(ASKED, Sampling())).text == "x"


async def test_scripts_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(["one"]))
    (tmp_path / "s.py").write_text("def reply(messages, sampling):\n    return messages[0].text * 2\n")
    for file, said in (("s.json", "one"), ("s.py", "??")):
        async with open_model(f"script:{tmp_path / file}") as model:
            assert (await model.generate(ASKED, Sampling())).text == said
            assert model.name == f"script:{tmp_path / file}"


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("s.json", "{", "is no JSON"),
        ("s.json", '{"a": 1}', "a JSON list of texts"),
        ("s.json", "[1]", "a JSON list of texts"),
        ("s.py", "x = 1", "needs a function reply"),
        ("s.py", "def reply(:", "s.py"),
        ("s.py", "1 / 0", "ZeroDivisionError"),
        ("none.json", None, "cannot be read"),
        ("none.py", None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_script_is_told(tmp_path: Path, file: str, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_script(tmp_path / file)
    assert words in str(caught.value) and file in str(caught.value)


async def test_a_plain_name_and_no_name_go_to_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultyServer(models=("big", "small")) as server:
        for name, expected in (("small", "small"), ("openai:small", "small"), (None, "big"), ("openai:", "big")):
            async with open_model(name, [server.url]) as model:
                assert model.name == expected and (await model.generate(ASKED, Sampling())).text
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        async with open_model(None) as model:
            assert model.name == "big"
    async with FaultyServer(models=()) as server:
        with pytest.raises(ModelError, match="lists no model"):
            async with open_model(None, [server.url]):
                pass


@pytest.mark.parametrize("name", [None, "gpt"])
async def test_a_time_limit_that_is_none_is_told_before_anything_is_asked(name: str | None) -> None:
    async with FaultyServer() as server:
        with pytest.raises(ConfigError, match=r"timeout -3 s: each must be above zero"):
            async with open_model(name, [server.url], timeout_s=-3):
                pass
        assert not server.requests


@pytest.mark.parametrize(("name", "words"), [("gpt", "'gpt' is no model here"), ("hf:/no/such", "no folder")])
async def test_names_that_lead_nowhere_say_what_can_be_named(
    name: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match=words):
        async with open_model(name):
            pass


@pytest.mark.parametrize("name", ["tiny", "hf:/models/tiny", "script:replies.json"])
async def test_an_endpoint_beside_a_model_of_this_process_is_a_contradiction(name: str) -> None:
    with pytest.raises(ConfigError, match=f"--model {name} runs in this process.*openai:NAME"):
        async with open_model(name, ["http://127.0.0.1:9/v1"]):
            pass
