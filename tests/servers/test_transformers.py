"""Our client against Hugging Face's own server with a real, if tiny, vision model behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from PIL import Image

from codedance.errors import ModelError
from codedance.images import Picture
from codedance.model.chat import Message, Role
from codedance.model.openai import OpenAIModel
from codedance.types import FinishReason, Sampling
from servers.processes import Served

SHORT = Sampling(temperature=0.0, max_tokens=6)
TOKENS_OF_A_PICTURE = 16


def picture(width: int, height: int, colour: str = "red") -> Picture:
    return Picture.of(Image.new("RGB", (width, height), colour))


def ask(*parts: str | Picture) -> list[Message]:
    return [Message(Role.SYSTEM, ("Look closely.",)), Message(Role.USER, parts)]


@pytest_asyncio.fixture(scope="module")
async def model(served: Served) -> AsyncIterator[OpenAIModel]:
    async with OpenAIModel(served.model, [served.base_url], tries=2) as model:
        yield model


async def test_a_question_about_a_picture_is_answered(model: OpenAIModel) -> None:
    reply = await model.generate(ask("What is this?", picture(64, 48)), SHORT)
    assert reply.text
    assert reply.usage.completion_tokens == 6


async def test_the_limit_of_the_reply_holds(model: OpenAIModel) -> None:
    reply = await model.generate(ask("Go on and on."), replace(SHORT, max_tokens=11))
    assert (reply.finish_reason, reply.usage.completion_tokens) == (FinishReason.LENGTH, 11)


async def test_every_picture_is_counted_in_the_prompt(model: OpenAIModel) -> None:
    none = await model.generate(ask("Compare", " and "), SHORT)
    one = await model.generate(ask("Compare", picture(500, 30), " and "), SHORT)
    two = await model.generate(ask("Compare", picture(500, 30), " and ", picture(31, 900)), SHORT)
    growth = [after.usage.prompt_tokens - before.usage.prompt_tokens for before, after in ((none, one), (one, two))]
    assert growth[0] == growth[1] >= TOKENS_OF_A_PICTURE


async def test_another_picture_gives_another_reply(model: OpenAIModel) -> None:
    replies = {(await model.generate(ask("Colour?", picture(56, 56, c)), SHORT)).text for c in ("red", "green", "blue")}
    assert len(replies) > 1


async def test_a_jpeg_is_as_good_as_a_png(model: OpenAIModel, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("pictures") / "photo.jpg"
    Image.new("RGB", (84, 56), "green").save(file)
    photo = Picture(picture(84, 56).size, None, file.read_bytes(), "image/jpeg")
    reply = await model.generate(ask("What is this?", photo), SHORT)
    assert reply.usage.completion_tokens == 6


async def test_a_conversation_with_earlier_turns_is_taken(model: OpenAIModel) -> None:
    turns = [
        *ask("Look", picture(64, 64)),
        Message(Role.ASSISTANT, ("<code>1</code>",)),
        Message(Role.USER, ("2", picture(28, 28))),
    ]
    assert (await model.generate(turns, SHORT)).text


async def test_the_likeliest_reply_is_always_the_same(model: OpenAIModel) -> None:
    replies = [await model.generate(ask("Again", picture(40, 40)), SHORT) for _ in range(2)]
    assert replies[0].text == replies[1].text


async def test_of_many_questions_at_once_each_gets_its_own_answer(model: OpenAIModel) -> None:
    questions = [ask("word " * i, picture(20 + i, 60)) for i in range(24)]
    alone = [await model.generate(question, SHORT) for question in questions[:4]]
    replies = await asyncio.gather(*(model.generate(question, SHORT) for question in questions))
    counts = [reply.usage.prompt_tokens for reply in replies]
    assert counts == sorted(set(counts))
    assert [reply.text for reply in replies[:4]] == [reply.text for reply in alone]


async def test_an_unknown_model_is_named_in_one_line(served: Served) -> None:
    async with OpenAIModel("no-such-model", [served.base_url]) as model:
        with pytest.raises(ModelError, match="no-such-model") as caught:
            await model.generate(ask("Hello"), SHORT)
    assert "\n" not in str(caught.value)


async def test_a_port_where_nobody_listens_is_named_in_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        async with OpenAIModel("tiny", [url], tries=1) as model:
            with pytest.raises(ModelError, match=url) as caught:
                await model.generate(ask("Hello"), SHORT)
    assert "\n" not in str(caught.value)


async def test_with_a_dead_endpoint_beside_it_nothing_is_lost(served: Served) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        questions = [ask("word " * i) for i in range(8)]
        async with (
            OpenAIModel(served.model, [dead, served.base_url]) as both,
            OpenAIModel(served.model, [served.base_url]) as one,
        ):
            replies = await asyncio.gather(*(both.generate(question, SHORT) for question in questions))
            assert [r.text for r in replies] == [(await one.generate(question, SHORT)).text for question in questions]
