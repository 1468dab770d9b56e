"""`from_model` turns boxes as each family of models writes them into pixels, and `to_original` takes those on."""

from __future__ import annotations

import pytest
from PIL import Image

from codedance import Sandbox
from codedance.errors import ConfigError
from codedance.sandbox.guest.inputs import SYSTEMS
from codedance.types import Coordinates

VIEW, ORIGINAL = Image.new("RGB", (640, 480)), Image.new("RGB", (1280, 960))
BOX = (64, 120, 320, 360)
WRITTEN = {
    Coordinates.PIXELS: (64, 120, 320, 360),
    Coordinates.PER_THOUSAND: (100, 250, 500, 750),
    Coordinates.PER_THOUSAND_Y_FIRST: [250, 100, 750, 500],
    Coordinates.UNIT: (0.1, 0.25, 0.5, 0.75),
}
POINT = {
    Coordinates.PIXELS: (64, 120),
    Coordinates.PER_THOUSAND: (100, 250),
    Coordinates.PER_THOUSAND_Y_FIRST: (250, 100),
    Coordinates.UNIT: (0.1, 0.25),
}


async def printed(box: Sandbox, coordinates: Coordinates, *expressions: str) -> list[str]:
    async with box.session([VIEW, VIEW.resize((100, 200))], [ORIGINAL, VIEW], coordinates) as session:
        result = await session.run("\n".join(f"print({expression})" for expression in expressions))
    assert result.ok, result
    return result.stdout.splitlines()


def test_the_guest_knows_every_system() -> None:
    assert set(SYSTEMS) == set(Coordinates)


@pytest.mark.parametrize("coordinates", Coordinates)
async def test_boxes_and_points_become_pixels(box: Sandbox, coordinates: Coordinates) -> None:
    written, point = WRITTEN[coordinates], POINT[coordinates]
    assert await printed(
        box, coordinates, f"from_model({written})", f"to_original(from_model({written}))", f"from_model({point})"
    ) == [str(BOX), str(tuple(2 * v for v in BOX)), str(BOX[:2])]


async def test_the_second_picture_has_its_own_size(box: Sandbox) -> None:
    assert await printed(box, Coordinates.PER_THOUSAND, "from_model((0, 0, 500, 1000), index=1)") == ["(0, 0, 50, 200)"]


async def test_a_box_is_rounded_outwards_and_clipped(box: Sandbox) -> None:
    lines = await printed(
        box, Coordinates.PER_THOUSAND, "from_model((1, 1, 2, 3))", "from_model((-5, 900, 1010, 1001))", "from_model((1000, 1000))"
    )
    assert lines == ["(0, 0, 2, 2)", "(0, 432, 640, 480)", "(639, 479)"]


async def test_a_fork_and_a_rebuilt_session_keep_the_system(box: Sandbox) -> None:
    async with box.session([VIEW], [], Coordinates.UNIT) as session:
        await session.run("x = 1")
        await session.run("import os\nos._exit(1)")
        assert (await session.run("print(x, from_model((0, 0, 0.5, 1)))")).stdout == "1 (0, 0, 320, 480)\n"
        async with session.fork() as branch:
            assert (await branch.run("print(from_model((0, 0, 0.5, 1)))")).stdout == "(0, 0, 320, 480)\n"


@pytest.mark.parametrize(
    ("coordinates", "written", "reason"),
    [
        (Coordinates.PER_THOUSAND, "(64, 120, 1500, 360)", "numbers go from 0 to 1000 here; pixels need no from_model"),
        (Coordinates.UNIT, "(64, 120, 320, 360)", "numbers go from 0 to 1 here"),
        (Coordinates.PER_THOUSAND_Y_FIRST, "(500, 0, 100, 900)", "covers no pixel .* y_min, x_min, y_max, x_max"),
        (Coordinates.PIXELS, "(1, 2, 3)", "has 3 numbers; a box has 4, a point 2"),
    ],
)
async def test_numbers_that_cannot_be_meant_are_told(box: Sandbox, coordinates: Coordinates, written: str, reason: str) -> None:
    async with box.session([VIEW], [], coordinates) as session:
        result = await session.run(f"from_model({written})")
    assert result.error is not None and result.error.type == "ValueError"
    with pytest.raises(ValueError, match=reason):
        raise ValueError(result.error.message)


async def test_a_system_that_does_not_exist_is_refused(box: Sandbox) -> None:
    with pytest.raises(ConfigError, match="coordinates is 'percent'; it is one of pixels"):
        box.session([VIEW], [], "percent")  # type: ignore[arg-type]
