"""A model is told how its numbers become pixels, sees pictures by its own limits, and its code finds the pixels that it saw."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codedance import Sampling, Sandbox, Settings, Task, solve
from codedance.images import ImageLimits, PixelRule
from codedance.model.chat import Message, ModelInfo, Reply
from codedance.model.families import FAMILIES, family_named
from codedance.rollout.codec import Codec
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Format
from codedance.rollout.store import read_manifest
from codedance.types import Coordinates

PHOTO = Image.fromarray(np.random.default_rng(5).integers(0, 256, (600, 800, 3), dtype=np.uint8))


class Told:
    """A model of a family that crops by its own numbers and then answers."""

    def __init__(self, info: ModelInfo, code: str = "display(input_image)") -> None:
        self.name, self.info = "told", info
        self.code = code
        self.asked: list[Sequence[Message]] = []

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self.asked.append(list(messages))
        return Reply(text=f"<code>\n{self.code}\n</code>" if len(self.asked) == 1 else "<answer>1</answer>")


def of_family(name: str) -> ModelInfo:
    return family_named(name).describe(ModelInfo(name="told"))


@pytest.mark.parametrize("format", Format)
def test_the_prompt_speaks_of_pixels_to_models_that_write_them(format: Format) -> None:
    words = Codec(format).opening("?", [], 4, 20)[0].text
    assert (
        "- `input_image` (PIL, RGB): the picture exactly as you see it, so that your pixel coordinates fit. `input_images`"
        in words
    )
    assert "from_model" not in words


SYSTEMS = {
    Coordinates.PER_THOUSAND: "[x_min, y_min, x_max, y_max] from 0 to 1000",
    Coordinates.PER_THOUSAND_Y_FIRST: "[y_min, x_min, y_max, x_max] from 0 to 1000",
    Coordinates.UNIT: "[x_min, y_min, x_max, y_max] from 0 to 1,",
}


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("coordinates", SYSTEMS)
@pytest.mark.parametrize("is_exact", [True, False])
def test_the_prompt_says_how_other_numbers_become_pixels(format: Format, coordinates: Coordinates, is_exact: bool) -> None:
    words = Codec(format, coordinates=coordinates, is_exact=is_exact).opening("?", [], 4, 20)[0].text
    assert SYSTEMS[coordinates] in words and "`to_original(from_model(box))`" in words
    assert "your pixel coordinates fit" not in words


def test_the_prompt_promises_no_pixels_where_the_server_resizes_again() -> None:
    words = Codec(Format.CODE_TAGS, is_exact=False).opening("?", [], 4, 20)[0].text
    assert "exactly as you see it" not in words and "you may see it at another size" in words


def test_each_prompt_has_its_own_digest() -> None:
    codecs = [Codec(Format.CODE_TAGS, coordinates=one) for one in Coordinates] + [Codec(Format.CODE_TAGS, is_exact=False)]
    assert len({codec.digest for codec in codecs}) == len(codecs)


@pytest.mark.parametrize("name", ["qwen3-vl", "pixtral", "claude", "gemma-4", "internvl", "gemini"])
async def test_solve_sends_pictures_by_the_models_own_limits(box: Sandbox, name: str) -> None:
    model = Told(of_family(name), code="import zlib\nprint(input_image.size, zlib.crc32(input_image.tobytes()))")
    trace = await solve(Task(id="1", question="?", images=(PHOTO,)), model, box)
    (sent,) = model.asked[0][1].pictures
    assert sent.size == (trace.images[0].view_width, trace.images[0].view_height)
    seen = Image.open(io.BytesIO(sent.encoded)).convert("RGB")
    execution = trace.turns[0].execution
    assert execution is not None and execution.stdout == f"{tuple(sent.size)} {zlib.crc32(seen.tobytes())}\n"
    rule = family_named(name).rule
    assert sent.size.width % rule.step == 0 and max(sent.size) <= (rule.max_side or 9_999)
    assert ("exactly as you see it" in model.asked[0][0].text) is (name in ("pixtral", "claude"))


async def test_gemini_boxes_cut_the_right_place(box: Sandbox) -> None:
    picture = Image.new("RGB", (800, 600), "white")
    picture.paste("red", (200, 60, 400, 300))
    code = "crop = original_image.crop(to_original(from_model([100, 250, 500, 500])))\nprint(crop.size, crop.getcolors())"
    trace = await solve(Task(id="1", question="?", images=(picture,)), Told(of_family("gemini"), code), box)
    execution = trace.turns[0].execution
    assert execution is not None and execution.stdout == "(200, 240) [(48000, (255, 0, 0))]\n", execution


async def test_settings_go_before_the_models_own(box: Sandbox) -> None:
    rule = PixelRule(28, 784, 50_000)
    model = Told(of_family("gemini"), code="print(from_model((1, 2, 3, 4)))")
    settings = Settings(rule=rule, coordinates=Coordinates.PIXELS)
    trace = await solve(Task(id="1", question="?", images=(PHOTO,)), model, box, settings)
    execution = trace.turns[0].execution
    assert execution is not None and execution.stdout == "(1, 2, 3, 4)\n"
    assert trace.images[0].view_width * trace.images[0].view_height <= 50_000


async def test_a_run_keeps_the_limits_and_coordinates_that_it_was_made_with(box: Sandbox, tmp_path: Path) -> None:
    info = of_family("kimi-k2.5")
    limits = ImageLimits(info.image_limits.rule, 200_000)
    model = Told(ModelInfo(name="told", image_limits=limits, coordinates=info.coordinates))
    await Runner(model, box, tmp_path).run([Task(id="1", question="?", images=(PHOTO,))])
    kept = read_manifest(tmp_path).settings
    assert (kept.rule, kept.max_image_bytes, kept.coordinates) == (limits.rule, 200_000, Coordinates.UNIT)


def test_every_family_can_be_asked() -> None:
    for family in FAMILIES:
        settings = Settings().for_model(family.describe(ModelInfo(name="m")))
        assert settings.image_limits.rule == family.rule and settings.coordinates is family.coordinates
