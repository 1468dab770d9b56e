"""What the teacher shows is what would have happened: word by word, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

pytest.importorskip("transformers", reason="the extra 'train' is not installed")

from codedance.images import PixelRule
from codedance.model.chat import Message, Reply, Role
from codedance.rollout.loop import solve
from codedance.rollout.settings import Settings
from codedance.sandbox import Sandbox
from codedance.tasks.synthetic import FAMILIES, Level, make_item, to_task
from codedance.train.teacher import Teacher
from codedance.types import Sampling

SETTINGS = Settings(rule=PixelRule(28, 8 * 784, 16 * 784), turns=4)


class Repeating:
    """A model that says what the teacher said, and remembers what it was told."""

    name = "repeating"

    def __init__(self, messages: Sequence[Message]) -> None:
        self._replies = [message.text for message in messages if message.role is Role.ASSISTANT]
        self.told: Sequence[Message] = ()

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self.told = messages
        return Reply(text=self._replies.pop(0))


def contents(messages: Sequence[Message]) -> list[tuple[Role, str, list[bytes]]]:
    return [(m.role, m.text, [picture.pixels.tobytes() for picture in m.pictures]) for m in messages]


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_shown_conversation_is_the_one_that_the_loop_and_the_sandbox_have(family: str, box: Sandbox) -> None:
    teacher, seen = Teacher(SETTINGS, box.limits.time_s), set()
    for seed in range(6):
        item = make_item(family, Level.HARD, seed)
        for plan in item.plans:
            if plan.template in seen:
                continue
            seen.add(plan.template)
            messages = teacher.show(item, plan)
            model = Repeating(messages)
            trace = await solve(to_task(item, "1"), model, box, SETTINGS)
            assert trace.answer == trace.gold
            assert contents(model.told) == contents(messages[:-1])
    assert len(seen) >= 2


def test_an_answer_at_a_glance_is_one_reply() -> None:
    item = make_item("count", Level.EASY, 1)
    *_, question, reply = Teacher(SETTINGS).show(item, None)
    assert question.role is Role.USER
    assert reply.text == f"<think>{item.look}</think>\n<answer>{item.answer}</answer>"
