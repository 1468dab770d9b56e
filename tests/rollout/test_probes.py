"""What a model is told and shown can be changed on purpose: no tool, other pictures, the data set's own words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from codedance import ConfigError, DataError, Sandbox
from codedance.images import digest_pixels
from codedance.model import Message, Reply
from codedance.model.script import ScriptedModel
from codedance.rollout.codec import Codec
from codedance.rollout.loop import solve
from codedance.rollout.replay import Verdict, replay
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Format, Returned, Settings, SystemPrompt
from codedance.rollout.store import PROMPTS, read_traces
from codedance.types import Sampling, SeenImage, StopReason, Task, Trace

SHOWS = "<code>\n```python\ndisplay(input_image.crop((0, 0, 40, 30)))\n```\n</code>"
ANSWER = "<answer>7</answer>"


def task(name: str, picture: Image.Image, **more: str) -> Task:
    return Task(id=name, question="How many?", images=(picture,), answer="7", **more)


def seen(trace: Trace) -> list[SeenImage]:
    return [part for turn in trace.turns for part in turn.observation if isinstance(part, SeenImage)]


class Listening(ScriptedModel):
    """Keeps what it was asked last."""

    asked: Sequence[Message] = ()

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self.asked = list(messages)
        return await super().generate(messages, sampling)


async def test_blank_pictures_have_the_size_of_those_that_the_code_showed(box: Sandbox, picture: Image.Image) -> None:
    own, blank = (Settings(returned=returned) for returned in (Returned.OWN, Returned.BLANK))
    real = await solve(task("1", picture), ScriptedModel([SHOWS, ANSWER]), box, own)
    model = Listening([SHOWS, ANSWER])
    probed = await solve(task("1", picture), model, box, blank)
    (before,), (after,) = seen(real), seen(probed)
    assert before.digest != after.digest and (before.width, before.height) == (after.width, after.height)
    assert model.asked[-1].pictures[0].pixels.getextrema() == ((128, 128),) * 3
    assert probed.turns[0].execution.images == real.turns[0].execution.images, "what the code did stays as it was"


async def test_swapped_pictures_are_those_of_the_task_before(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    red = Image.new("RGB", (64, 48), (255, 0, 0))
    runner = Runner(ScriptedModel([SHOWS, ANSWER]), box, tmp_path, Settings(returned=Returned.SWAPPED), concurrency=1)
    await runner.run([task("1", red), task("2", picture)])
    first, second = sorted(read_traces(tmp_path), key=lambda trace: trace.task_id)
    (shown,) = seen(second)
    assert shown.digest == digest_pixels(Image.new("RGB", (shown.width, shown.height), (255, 0, 0)))
    (alone,) = seen(first)
    assert alone.digest == digest_pixels(Image.new("RGB", (alone.width, alone.height), (128, 128, 128)))
    audits = [audit async for audit in replay(tmp_path, box)]
    assert {audit.verdict for audit in audits} == {Verdict.EQUAL}, "a run that was probed can be replayed"


async def test_several_tasks_about_one_picture_get_that_of_another(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    red, folder = Image.new("RGB", (64, 48), (255, 0, 0)), tmp_path / "run"
    runner = Runner(ScriptedModel([SHOWS, ANSWER]), box, folder, Settings(returned=Returned.SWAPPED), concurrency=1)
    await runner.run([task("1", red), *(task(name, picture.copy()) for name in "234")])
    digests = [seen(trace)[0].digest for trace in sorted(read_traces(folder), key=lambda trace: trace.task_id)]
    assert len(set(digests[1:])) == 1 and digests[0] != digests[1], "all three see the red one"


async def test_without_the_tool_code_is_not_run_and_the_prompt_does_not_speak_of_it(box: Sandbox, picture: Image.Image) -> None:
    trace = await solve(task("1", picture), ScriptedModel([SHOWS, ANSWER]), box, Settings(tool=False))
    assert trace.answer == "7" and all(turn.execution is None for turn in trace.turns)
    assert "cannot be run here" in trace.turns[0].note
    assert "code" not in Codec(Format.CODE_TAGS, tool=False).texts["no_tool.system.md"]
    stubborn = await solve(task("1", picture), ScriptedModel([SHOWS, SHOWS]), box, Settings(tool=False))
    assert stubborn.stop is StopReason.NO_ACTION


async def test_the_prompt_of_a_row_stands_as_it_is_and_is_kept_under_its_digest(
    box: Sandbox, picture: Image.Image, tmp_path: Path
) -> None:
    words = "You are $tool. <code> runs.\n"
    model = Listening([ANSWER])
    await Runner(model, box, tmp_path, Settings(system=SystemPrompt.ROW)).run([task("1", picture, system=words)])
    (trace,) = read_traces(tmp_path)
    assert model.asked[0].text == words.strip()
    assert words in (tmp_path / PROMPTS / f"{trace.prompt}.json").read_text().replace("\\n", "\n")
    assert trace.prompt != Codec(Format.CODE_TAGS).digest


async def test_a_row_without_a_prompt_is_told(box: Sandbox, picture: Image.Image, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no system prompt"):
        await Runner(ScriptedModel([ANSWER]), box, tmp_path, Settings(system=SystemPrompt.ROW)).run([task("1", picture)])


@pytest.mark.parametrize("wrong", [{"system": "theirs"}, {"returned": "upside down"}])
def test_wrong_choices_are_told_with_the_right_ones(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="it is one of"):
        Settings(**wrong)  # type: ignore[arg-type]
