"""A stored run can be audited: the same bits, other bits, or no bits at all are told apart by cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from codedance import DataError, Sandbox
from codedance.model.script import ScriptedModel
from codedance.rollout.replay import Audit, Verdict, replay
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Settings
from codedance.rollout.store import TRACES, read_traces
from codedance.types import Task


def code(text: str) -> str:
    return f"<code>\n```python\n{text}\n```\n</code>"


STEADY = [
    "x = 1\nprint(x)",
    "display(input_image.crop((0, 0, 60, 60)))\nx += 1",
    "print(x)\n1 / 0",
    "import numpy as np\nnp.random.rand(2)",
]


async def audits(folder: Path, box: Sandbox) -> list[Audit]:
    return sorted([audit async for audit in replay(folder, box)], key=lambda audit: (audit.task_id, audit.turn))


async def make_run(folder: Path, box: Sandbox, cells: list[str], number: int = 1, size: tuple[int, int] = (300, 200)) -> None:
    model = ScriptedModel([*map(code, cells), "<answer>1</answer>"])
    picture = Image.effect_noise(size, 50).convert("RGB")
    await Runner(model, box, folder).run(Task(id=f"t{index}", question="?", images=(picture,)) for index in range(number))


async def test_code_that_only_looks_at_its_input_replays_bit_equal(box: Sandbox, tmp_path: Path) -> None:
    await make_run(tmp_path, box, STEADY, number=12)
    found = await audits(tmp_path, box)
    assert len(found) == 48 and {audit.verdict for audit in found} == {Verdict.EQUAL}


async def test_code_that_reads_the_clock_is_told(box: Sandbox, tmp_path: Path) -> None:
    cells = [
        "import time\nprint(time.time_ns())",
        "print(1)",
        "display(input_image.point(lambda v: (v + time.time_ns() // 1000) % 256))",
    ]
    await make_run(tmp_path, box, cells)
    first, second, third = await audits(tmp_path, box)
    assert (first.verdict, first.detail, second.verdict) == (Verdict.DIFFERENT, "stdout", Verdict.EQUAL)
    assert (third.verdict, third.detail) == (Verdict.DIFFERENT, "picture 1")


async def test_tampered_evidence_is_found(box: Sandbox, tmp_path: Path) -> None:
    await make_run(tmp_path, box, ["print(20 + 4)"])
    path = tmp_path / TRACES
    path.write_text(path.read_text().replace('"stdout":"24\\n"', '"stdout":"25\\n"'))
    assert [audit.verdict for audit in await audits(tmp_path, box)] == [Verdict.DIFFERENT]


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ('"observation":["24', '"observation":["25', "what the model saw"),
        ("python\\nprint(20 + 4)", "python\\nprint(19 + 5)", "the code, which is not what the reply says"),
        ('"truncated":false', '"truncated":true', "truncated"),
        ('"state_kept":true', '"state_kept":false', "state_kept"),
    ],
)
async def test_a_changed_trace_is_found(box: Sandbox, tmp_path: Path, old: str, new: str, detail: str) -> None:
    await make_run(tmp_path, box, ["print(20 + 4)"])
    path = tmp_path / TRACES
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    (found,) = await audits(tmp_path, box)
    assert (found.verdict, found.detail) == (Verdict.DIFFERENT, detail)


async def test_an_execution_taken_out_is_found(box: Sandbox, tmp_path: Path) -> None:
    await make_run(tmp_path, box, ["print(20 + 4)"])
    path = tmp_path / TRACES
    row = json.loads(path.read_text())
    row["turns"][0]["execution"] = None
    path.write_text(json.dumps(row) + "\n")
    assert [audit.detail for audit in await audits(tmp_path, box)] == ["no execution is stored"]


async def test_changed_picture_files_are_found(box: Sandbox, tmp_path: Path) -> None:
    await make_run(tmp_path, box, ["display(input_image.crop((0, 0, 112, 112)))"])
    for image in (tmp_path / "images").iterdir():
        kept = image.read_bytes()
        with Image.open(image) as stored:
            size = stored.size
        Image.new("RGB", size, "blue").save(image)
        (found,) = await audits(tmp_path, box)
        assert found.verdict is not Verdict.EQUAL and image.stem in found.detail
        image.write_bytes(kept)


async def test_a_name_that_leads_out_of_the_run_is_refused(box: Sandbox, tmp_path: Path) -> None:
    await make_run(tmp_path, box, ["print(1)"])
    path = tmp_path / TRACES
    row = json.loads(path.read_text())
    row["images"][0]["view_file"] = "../../elsewhere.png"
    path.write_text(json.dumps(row) + "\n")
    (found,) = await audits(tmp_path, box)
    assert found.verdict is Verdict.FAILED and "no name of a stored picture" in found.detail


async def test_a_missing_picture_is_a_failure_with_its_name(box: Sandbox, tmp_path: Path) -> None:
    await make_run(tmp_path, box, ["print(1)", "print(2)"])
    for image in (tmp_path / "images").iterdir():
        image.unlink()
    found = await audits(tmp_path, box)
    assert [audit.verdict for audit in found] == [Verdict.FAILED] * 2 and "cannot be read" in found[0].detail


async def test_the_original_is_there_again_too(box: Sandbox, tmp_path: Path) -> None:
    await make_run(
        tmp_path,
        box,
        ["print(original_image.size, to_original((0, 0, 10, 10)), original_image.getpixel((5, 5)))"],
        size=(301, 203),
    )
    assert [audit.verdict for audit in await audits(tmp_path, box)] == [Verdict.EQUAL]


async def test_no_run_is_told(box: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run here"):
        await audits(tmp_path, box)


async def test_a_shown_picture_that_was_sent_as_jpeg_replays_bit_equal(box: Sandbox, tmp_path: Path) -> None:
    model = ScriptedModel([code("display(input_image)"), "<answer>1</answer>"])
    noise = Image.effect_noise((600, 400), 90).convert("RGB")
    settings = Settings(max_image_bytes=60_000)
    await Runner(model, box, tmp_path, settings).run([Task(id="1", question="?", images=(noise,))])
    assert [file.suffix for file in (tmp_path / "images").iterdir()].count(".jpg") == 2
    assert [audit.verdict for audit in await audits(tmp_path, box)] == [Verdict.EQUAL]
    (shown,) = (part for part in next(read_traces(tmp_path)).turns[0].observation if not isinstance(part, str))
    assert shown.media_type == "image/jpeg"
    (tmp_path / "images" / shown.file).write_bytes(b"changed")
    assert [audit.verdict for audit in await audits(tmp_path, box)] == [Verdict.DIFFERENT]
