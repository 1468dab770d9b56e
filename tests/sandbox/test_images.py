"""Pictures in and out: every kind of input gives a working session or a clear error, everything shown comes back in order."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codedance import DataError, Limits, Sandbox
from codedance.sandbox.guest.inputs import Inputs
from codedance.sandbox.inbox import pack

GRADIENT = Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def rotated_by_exif(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    return encoded(image, "JPEG", exif=exif, quality=95)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("via", ["object", "bytes", "file"])
@pytest.mark.parametrize(
    ("name", "image", "form"),
    [
        ("RGB", Image.new("RGB", (60, 40), "red"), "PNG"),
        ("RGBA", Image.new("RGBA", (60, 40), (255, 0, 0, 255)), "PNG"),
        ("palette", Image.new("RGB", (60, 40), "red").convert("P"), "GIF"),
        ("CMYK", Image.new("RGB", (60, 40), "red").convert("CMYK"), "JPEG"),
        ("bilevel", Image.new("1", (60, 40)), "TIFF"),
        ("grey with alpha", Image.new("LA", (60, 40), (0, 255)), "PNG"),
        ("16-bit", GRADIENT.crop((0, 0, 60, 40)), "PNG"),
        ("32-bit", Image.new("I", (60, 40), 70_000), "TIFF"),
        ("float", Image.new("F", (60, 40), 0.5), "TIFF"),
        ("WebP", Image.new("RGB", (60, 40), "red"), "WEBP"),
        ("one pixel", Image.new("RGB", (1, 1)), "PNG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_every_mode_is_seen_as_upright_rgb(
    box: Sandbox, tmp_path: Path, name: str, image: Image.Image, form: str, via: str
) -> None:
    source: object = image
    if via != "object":
        source = encoded(image, form)
    if via == "file":
        path = tmp_path / f"picture.{form.lower()}"
        path.write_bytes(source)
        source = path
    async with box.session([source]) as session:
        result = await session.run(
            "import cv2, numpy as np\nfrom PIL import Image\nfile = np.asarray(Image.open('input_image.jpg').convert('RGB'))\n"
            "other = cv2.imread('input_image.jpg')[:, :, ::-1].astype(int)\n"
            "print(input_image.mode, input_image.size, abs(other - file).max() < 4)"
        )
        assert result.stdout == f"RGB {image.size} True\n", result.stderr
        assert session.image_sizes == (image.size,)


async def test_exif_rotation_is_applied_to_variable_and_file(box: Sandbox) -> None:
    source = Image.new("RGB", (60, 40), "white")
    source.paste("black", (0, 0, 30, 40))
    for data in (rotated_by_exif(source), Image.open(io.BytesIO(rotated_by_exif(source)))):
        async with box.session([data]) as session:
            result = await session.run(
                "from PIL import Image\nf = Image.open('input_image.jpg')\n"
                "print(input_image.size, f.size, input_image.getpixel((20, 5))[0] < 50, f.getpixel((20, 55))[0] > 200)"
            )
            assert result.stdout == "(40, 60) (40, 60) True True\n"


async def test_a_multi_picture_file_gives_its_first_frame(box: Sandbox) -> None:
    first, second = Image.new("RGB", (60, 40), "red"), Image.new("RGB", (30, 20), "blue")
    async with box.session([encoded(first, "MPO", save_all=True, append_images=[second])]) as session:
        assert (await session.run("print(input_image.size, input_image.getpixel((1, 1))[0] > 200)")).stdout == "(60, 40) True\n"


async def test_transparency_becomes_white(box: Sandbox) -> None:
    async with box.session([Image.new("RGBA", (20, 20), (255, 0, 0, 0))]) as session:
        assert (await session.run("print(input_image.getpixel((0, 0)))")).stdout == "(255, 255, 255)\n"


async def test_sixteen_bits_keep_their_range(box: Sandbox) -> None:
    async with box.session([encoded(GRADIENT, "PNG")]) as session:
        result = await session.run(
            "import numpy as np\na = np.asarray(input_image)\nprint(a.min(), a.max() > 240, len(np.unique(a)) > 200)"
        )
        assert result.stdout == "0 True True\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"this is no picture at all", "not in an image format"),
        (encoded(Image.effect_noise((400, 400), 90).convert("RGB"), "JPEG")[:4000], "truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, ""),
        (png_header(30_000, 30_000), "decompression bomb|memory"),
        (png_header(13_000, 13_000), "memory|truncated"),
        (png_header(0, 5), ""),
    ],
    ids=["empty", "text", "truncated", "broken", "bomb", "too-large", "no-width"],
)
async def test_a_bad_picture_is_refused_by_name_and_reason_and_hurts_nobody(
    box: Sandbox, tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    async with box.session() as canary:
        await canary.run("x = 42")
        with pytest.raises(DataError, match=rf"bad\.png: .*({reason})"):
            async with box.session([path]):
                pass
        with pytest.raises(DataError, match=rf"images\[0\]: .*({reason})"):
            async with box.session([data]):
                pass
        result = await canary.run("print(x)")
        assert (result.stdout, result.replayed) == ("42\n", 0)


async def test_a_missing_file_is_named(box: Sandbox) -> None:
    with pytest.raises(DataError, match=r"/nowhere/photo\.jpg: it cannot be read: No such file"):
        box.session(["/nowhere/photo.jpg"])


async def test_what_is_no_picture_is_named_by_its_type(box: Sandbox) -> None:
    with pytest.raises(DataError, match=r"images\[1\]: int is no picture"):
        box.session([Image.new("RGB", (9, 9)), 7])


async def test_inputs_beyond_the_limit_are_refused() -> None:
    box = Sandbox(Limits(input_mb=1))
    with pytest.raises(DataError, match=r"Limits\.input_mb is 1"):
        box.session([Image.new("RGB", (1000, 1000))])


async def test_the_originals_are_there_at_full_resolution_with_an_exact_map(box: Sandbox, tmp_path: Path) -> None:
    original = Image.new("RGB", (4000, 2000), "white")
    original.paste("black", (1000, 500, 1100, 600))
    path = tmp_path / "original.png"
    original.save(path)
    async with box.session([original.resize((400, 200))], originals=[path]) as session:
        result = await session.run(
            "box = to_original((100, 50, 110, 60))\nprint(box, original_image.size, original_image.crop(box).getextrema())"
        )
        assert result.stdout == "(1000, 500, 1100, 600) (4000, 2000) ((0, 0), (0, 0), (0, 0))\n"
        assert (await session.run("print(to_original((-5, 0, 1000, 200)))")).stdout == "(0, 0, 4000, 2000)\n"
        refused = await session.run("to_original((5, 5, 5, 9))")
        assert refused.error.type == "ValueError" and "covers no pixel" in refused.error.message


async def test_without_originals_the_input_is_its_own_original(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture]) as session:
        result = await session.run("print(original_image is input_image, to_original((1, 2, 30, 40)))")
        assert result.stdout == "True (1, 2, 30, 40)\n"


async def test_a_bad_original_fails_when_it_is_used_and_says_why(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture], originals=[b"rubbish"]) as session:
        assert (await session.run("print(input_image.size)")).ok
        result = await session.run("original_image.size")
        assert result.error.type == "BadImage" and "originals[0]" in result.error.message
        assert (await session.run("print(1)")).ok


async def test_originals_must_match_the_images(box: Sandbox, picture: Image.Image) -> None:
    with pytest.raises(DataError, match="1 originals were given for 2 images"):
        box.session([picture, picture], originals=[picture])


async def test_several_images_have_names_and_files(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture, Image.new("RGB", (30, 20))]) as session:
        result = await session.run("import os\nprint([i.size for i in input_images], sorted(os.listdir()))")
        assert result.stdout == "[(64, 48), (30, 20)] ['input_image.jpg', 'input_image_1.jpg']\n"


async def test_the_callers_own_bytes_are_the_file(box: Sandbox) -> None:
    data = encoded(Image.effect_noise((80, 60), 90).convert("RGB"), "JPEG", quality=90)
    async with box.session([data]) as session:
        result = await session.run("import zlib\nprint(zlib.crc32(open('input_image.jpg', 'rb').read()))")
        assert int(result.stdout) == zlib.crc32(data)


async def test_everything_shown_comes_back_in_order_with_its_pixels(box: Sandbox) -> None:
    async with box.session() as session:
        result = await session.run(
            "import cv2, numpy as np, matplotlib.pyplot as plt\nfrom PIL import Image\nfrom IPython.display import display as d\n"
            "Image.new('RGB', (60, 60), (1, 2, 3)).show()\n"
            "cv2.imshow('w', np.full((61, 61, 3), (3, 2, 1), np.uint8))\n"
            "plt.figure(figsize=(1, 1)); plt.show()\n"
            "d(Image.new('L', (62, 62), 7))\n"
            "plt.figure(figsize=(1, 1.2)).show()\n"
            "display(np.zeros((63, 63), bool), 'text')\n"
            "plt.figure(figsize=(2, 1))\n"
            "np.full((64, 64, 3), 0.5)"
        )
        assert [image.size for image in result.images] == [
            (60, 60), (61, 61), (150, 150), (62, 62), (150, 180), (63, 63), (64, 64), (300, 150)
        ]  # fmt: skip
        assert [image.getpixel((0, 0)) for image in result.images[:2]] == [(1, 2, 3), (1, 2, 3)]
        assert result.stdout == "'text'\n"
        assert all(image.mode == "RGB" for image in result.images)


async def test_small_arrays_are_read_and_large_ones_are_looked_at(box: Sandbox) -> None:
    async with box.session() as session:
        small = await session.run("import numpy as np\nnp.eye(3, dtype=np.uint8)")
        assert not small.images and "[1, 0, 0]" in small.stdout
        numbers = await session.run("np.arange(900.0).reshape(30, 30)")
        assert not numbers.images and "array" in numbers.stdout
        assert (await session.run("np.zeros((60, 60), np.uint8)")).images


async def test_the_colour_order_of_an_array_is_guessed_from_the_code(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([Image.new("RGB", (60, 60), (255, 0, 0))]) as session:
        assert (await session.run("import numpy as np\nnp.asarray(input_image)")).images[0].getpixel((0, 0)) == (255, 0, 0)
        bgr = await session.run("import cv2\ncv2.imread('input_image.jpg')")
        assert bgr.images[0].getpixel((0, 0)) == (255, 0, 0)
        rgb = await session.run("cv2.cvtColor(cv2.imread('input_image.jpg'), cv2.COLOR_BGR2RGB)")
        assert rgb.images[0].getpixel((0, 0)) == (255, 0, 0)


async def test_a_huge_figure_and_a_huge_picture_are_scaled_down_and_said(box: Sandbox) -> None:
    async with box.session() as session:
        result = await session.run("import matplotlib.pyplot as plt\nplt.figure(figsize=(100, 100)); plt.show()")
        assert result.images and result.images[0].width * result.images[0].height <= box.limits.image_pixels
        assert "fewer dots per inch" in result.notes[0]
        result = await session.run("from PIL import Image\nImage.new('L', (4500, 3200)).show()")
        assert result.images[0].width < 4500 and "scaled down" in result.notes[0]


async def test_pictures_beyond_the_shared_room_are_dropped_and_said() -> None:
    async with Sandbox(Limits(shown_mb=1), require=0) as box, box.session() as session:
        result = await session.run("from PIL import Image\nfor _ in range(3): Image.new('RGB', (500, 500)).show()")
        assert len(result.images) == 1 and "1 MB together" in result.notes[0]


async def test_a_failed_cell_still_shows_what_it_had_drawn(box: Sandbox) -> None:
    async with box.session() as session:
        result = await session.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\n1 / 0")
        assert result.error.type == "ZeroDivisionError" and len(result.images) == 1


def test_the_sealed_inbox_is_mapped_privately_as_kernels_before_6_7_demand(picture: Image.Image) -> None:
    inbox = pack([picture], [], Limits())
    try:
        inputs = Inputs(os.dup(inbox.fd), inbox.images, [])
        maps = [line.split()[1] for line in Path("/proc/self/maps").read_text().splitlines() if "codedance-inbox" in line]
        assert maps == ["r--p"] and inputs.sizes == [(64, 48)]
    finally:
        inbox.close()
