"""Real benchmark pictures in real sessions: every one arrives as the model sees it, and code finds the known answers in them."""

from __future__ import annotations

import asyncio
import io
import math
import re
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageOps

from codedance import Limits, Sandbox
from codedance.images import QWEN25_VL, Box, Size, digest_pixels, fit, load_input
from codedance.model.script import ScriptedModel
from codedance.rollout.loop import solve
from codedance.rollout.replay import Verdict, replay
from codedance.rollout.runner import open_store
from codedance.rollout.settings import Settings
from codedance.rollout.store import read_traces
from codedance.types import ImageSource, SeenImage, StopReason, Trace
from rollout.dev_items import dev_items, needs_data
from rollout.gold import GOLD, RULE, Gold, Kind

pytestmark = needs_data

AT_ONCE = 3
SETTINGS = Settings(rule=RULE)
LOOK = "import zlib\nprint(*input_image.size, zlib.crc32(input_image.tobytes()), *original_image.size)"


@pytest_asyncio.fixture(scope="module")
async def studio() -> AsyncIterator[Sandbox]:
    """A sandbox with room for photos."""
    async with Sandbox(Limits(time_s=20, memory_mb=1024), require=0) as box:
        yield box


@dataclass(frozen=True)
class Run:
    folder: Path
    traces: dict[str, Trace]


@pytest_asyncio.fixture(scope="module")
async def run(studio: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All gold solutions, each said by a script, in one folder."""
    folder = tmp_path_factory.mktemp("known") / "run"
    several = asyncio.Semaphore(AT_ONCE)

    async def solve_one(gold: Gold) -> None:
        async with several:
            task = dev_items()[gold.id]
            store.append(await solve(task, ScriptedModel(replies(gold)), studio, SETTINGS, images=store.images))

    with open_store(folder, ScriptedModel([]), studio, SETTINGS) as store:
        await asyncio.gather(*(solve_one(gold) for gold in GOLD))
    return Run(folder, {trace.task_id: trace for trace in read_traces(folder)})


def replies(gold: Gold) -> list[str]:
    cells = [f"<think>I look closer.</think>\n<code>\n```python\n{cell.code}\n```\n</code>" for cell in gold.cells]
    return [*cells, f"<think>That shows it.</think>\n<answer>{gold.answer}</answer>"]


def upright(data: ImageSource) -> Image.Image:
    """As the file has it, without our own code."""
    assert isinstance(data, bytes)
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data)))


async def test_every_picture_arrives_in_its_session_as_the_model_sees_it(studio: Sandbox) -> None:
    several = asyncio.Semaphore(AT_ONCE)

    async def problem(name: str, data: ImageSource) -> str | None:
        async with several:
            image = await asyncio.to_thread(load_input, data, QWEN25_VL, name)
            width, height = image.view.size
            assert width % 28 == height % 28 == 0 and QWEN25_VL.least <= width * height <= QWEN25_VL.most, name
            assert image.tokens == width * height // 28**2 + 2
            async with studio.session([image.view.encoded], [image.original]) as session:
                result = await session.run(LOOK)
            seen = [width, height, zlib.crc32(image.view.pixels.tobytes()), *upright(data).size]
            return None if result.stdout.split() == [str(number) for number in seen] else f"{name}: {result}, not {seen}"

    assert sum(len(task.images) for task in dev_items().values()) >= 200
    pictures = {data: task.id for task in dev_items().values() for data in task.images}  # some items share a picture
    problems = await asyncio.gather(*(problem(name, data) for data, name in pictures.items()))
    assert [said for said in problems if said] == []


def test_the_gold_table_covers_what_models_do() -> None:
    def count(kind: Kind) -> int:
        return sum(kind in gold.kind for gold in GOLD)

    assert len({gold.id for gold in GOLD}) == len(GOLD) >= 40
    assert (count(Kind.MEASURE) >= 20, count(Kind.COMPUTE) >= 10, count(Kind.CROP) >= 12, count(Kind.DRAW) >= 8) == (True,) * 4
    assert sum(any(isinstance(shown, Box) for cell in gold.cells for shown in cell.shows) for gold in GOLD) >= 6
    assert sum(len(gold.cells) > 1 for gold in GOLD) >= 5


@pytest.mark.parametrize("gold", GOLD, ids=lambda gold: gold.id)
async def test_a_gold_run_ends_with_the_known_answer_and_prints_what_it_measured(run: Run, gold: Gold) -> None:
    trace = run.traces[gold.id]
    assert (trace.stop, trace.answer) == (StopReason.ANSWERED, gold.answer), trace.error
    executions = [turn.execution for turn in trace.turns]
    assert len(executions) == len(gold.cells) + 1 and executions.pop() is None
    for execution, cell in zip(executions, gold.cells, strict=True):
        assert execution is not None and execution.ok and execution.error is None, execution
        assert (execution.stdout.strip(), execution.notes, execution.replayed) == (cell.prints, (), 0)
    if gold.kind & (Kind.MEASURE | Kind.COMPUTE):
        assert trace.gold is not None and gold.cells[-1].prints.splitlines()[-1] == trace.gold.strip()


@pytest.mark.parametrize("gold", [gold for gold in GOLD if any(cell.shows for cell in gold.cells)], ids=lambda gold: gold.id)
async def test_a_gold_run_shows_the_pictures_it_should(run: Run, gold: Gold) -> None:
    trace = run.traces[gold.id]
    original = upright(dev_items()[gold.id].images[0]).convert("RGB")
    for turn, cell in zip(trace.turns, gold.cells, strict=False):
        assert turn.execution is not None
        sizes = []
        for shown, digest in zip(cell.shows, turn.execution.images, strict=True):
            if isinstance(shown, Box):
                left, top, right, bottom = fit(Size(*original.size), RULE).to_original(shown)
                part = original.crop((math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)))
                assert digest == digest_pixels(part)
                sizes.append(part.size)
            else:
                sizes.append(shown)
        said = "".join(part for part in turn.observation if isinstance(part, str))
        assert re.findall(r"\[image \d: (\d+)x(\d+) pixels", said) == [(str(width), str(height)) for width, height in sizes]
        views = [part for part in turn.observation if isinstance(part, SeenImage)]
        assert [(view.width, view.height) for view in views] == [fit(Size(*size), RULE).size for size in sizes]
        for view in views:
            with Image.open(run.folder / "images" / f"{view.digest}.png") as stored:
                assert digest_pixels(stored.convert("RGB")) == view.digest


@pytest.mark.parametrize("gold", [gold for gold in GOLD if Kind.MEASURE in gold.kind], ids=lambda gold: gold.id)
async def test_the_same_code_finds_nothing_in_an_empty_picture(run: Run, studio: Sandbox, gold: Gold) -> None:
    view = run.traces[gold.id].images[0]
    empty = Image.new("RGB", (view.view_width, view.view_height), "white")
    async with studio.session([empty]) as session:
        for cell in gold.cells:
            result = await session.run(cell.code)
    assert gold.answer not in result.stdout.split()


async def test_every_gold_cell_run_again_gives_the_same_bits(run: Run, studio: Sandbox) -> None:
    audits = [audit async for audit in replay(run.folder, studio, concurrency=AT_ONCE)]
    assert [audit for audit in audits if audit.verdict is not Verdict.EQUAL] == []
    assert len(audits) == sum(len(gold.cells) for gold in GOLD)
