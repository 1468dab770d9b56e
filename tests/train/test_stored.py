"""What is learnt from a stored run is what the model read and wrote in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'train' is not installed")

from codedance.errors import DataError
from codedance.evaluate.scoring import score_run
from codedance.model.local import LocalModel
from codedance.model.script import ScriptedModel
from codedance.reward.judge import Judge
from codedance.reward.rules import Scoring
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Settings
from codedance.sandbox import Sandbox
from codedance.tasks.synthetic import Level, make_item, to_task
from codedance.train.batch import collate
from codedance.train.stored import Conversations, conversations
from codedance.train.tokens import of_messages
from codedance.types import AnswerKey, Coordinates, Rule, Sampling, Task

CODE = "<think>Look.</think>\n<code>\n```python\ndisplay(input_image.crop((0, 0, 60, 60)))\nprint(12)\n```\n</code>"


class Listening:
    """A scripted model that remembers the last conversation it was shown."""

    name = "listening"

    def __init__(self, replies: list[str]) -> None:
        self._script = ScriptedModel(replies)
        self.heard: Any = ()

    async def generate(self, messages: Any, sampling: Sampling) -> Any:
        self.heard = messages
        return await self._script.generate(messages, sampling)


async def test_a_conversation_is_told_again_to_the_letter_and_the_pixel(tmp_path: Path, box: Sandbox, tiny_qwen: Path) -> None:
    item = make_item("count", Level.EASY, 3)
    answer = f"<think>So.</think>\n<answer>{item.answer}</answer>"
    model = Listening(["no action at all", CODE, answer])
    await Runner(model, box, tmp_path, Settings(turns=5)).run([to_task(item, "1")])
    (told,) = conversations(tmp_path, only_right=True)
    assert [(m.role, m.text) for m in told[:-1]] == [(m.role, m.text) for m in model.heard]
    pixels = [[picture.pixels.tobytes() for m in some for picture in m.pictures] for some in (told, model.heard)]
    assert pixels[0] == pixels[1]
    assert told[-1].text == answer
    async with LocalModel(tiny_qwen) as local:
        sequence = of_messages(local._processor, told)
    assert sequence.turns.max() == 2


async def test_conversations_with_and_without_pictures_make_one_batch(tmp_path: Path, box: Sandbox, tiny_qwen: Path) -> None:
    tasks = [to_task(make_item("count", Level.EASY, 3), "seen"), Task(id="text", question="How many legs?", answer="4")]
    settings = Settings(coordinates=Coordinates.PER_THOUSAND)
    await Runner(ScriptedModel(["<answer>4</answer>"]), box, tmp_path, settings, concurrency=1).run(tasks)
    told = Conversations([tmp_path, tmp_path], only_right=False)
    assert [len(told[n][1].pictures) for n in range(len(told))] == [1, 0, 1, 0]
    assert "1000" in told[0][0].text, "the prompt of the run, whose model writes places in its own way"
    async with LocalModel(tiny_qwen) as local:
        sequences = [of_messages(local._processor, told[n]) for n in (0, 1)]
        batch = collate(local._processor, sequences, [{"mask": one.mask.astype(np.float32)} for one in sequences])
        logits = local._model(**batch.inputs).logits
    assert logits.shape[0] == 2 and bool(logits.isfinite().all())
    assert len(batch.inputs["image_grid_thw"]) == 1


async def test_wrong_answers_are_left_out_unless_wanted(tmp_path: Path, box: Sandbox) -> None:
    model = ScriptedModel(["<answer>no</answer>"])
    await Runner(model, box, tmp_path).run([to_task(make_item("count", Level.EASY, 3), "1")])
    assert len(list(conversations(tmp_path, only_right=False))) == 1
    with pytest.raises(DataError, match="none has the right answer"):
        list(conversations(tmp_path, only_right=True))


async def test_right_is_what_the_rule_says_or_a_judge_has_said(tmp_path: Path, box: Sandbox) -> None:
    chart, words = AnswerKey(rule=Rule.CHARTQA), AnswerKey(rule=Rule.JUDGED)
    tasks = [Task(id=name, question="?", answer=gold, key=key) for name, gold, key in (("a", "4", chart), ("b", "four", words))]
    await Runner(ScriptedModel(["<answer>4.1</answer>"]), box, tmp_path).run(tasks)
    assert [told[1].text for told in conversations(tmp_path, only_right=True)] == ["?"], "within five per cent"
    await score_run(tmp_path, Scoring.DEFAULT, Judge(ScriptedModel(['{"why": "", "same": "yes"}'])))
    assert len(list(conversations(tmp_path, only_right=True))) == 2


def test_a_run_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        list(conversations(tmp_path / "none", only_right=False))
