"""The view: its size follows the rule, its pixels are what is sent, boxes lead back, and bad pictures are refused by name."""

from __future__ import annotations

import io
import math
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from codedance import Limits, Sandbox, StoreError
from codedance.errors import ConfigError, DataError
from codedance.images import (
    QWEN25_VL,
    Box,
    ImageStore,
    InputImage,
    Picture,
    PixelRule,
    Size,
    digest_bytes,
    digest_pixels,
    encode_png,
    fit,
    fit_shown,
    load_input,
)

SMALL = PixelRule(step=28, least=4 * 28 * 28, most=1280 * 28 * 28)
RULES = [QWEN25_VL, PixelRule(step=32, least=1 << 16, most=1 << 24), SMALL]

sides = st.one_of(st.integers(1, 400), st.integers(1, 20_000))
rules = st.sampled_from(RULES)


def quadrants(width: int = 112, height: int = 84) -> Image.Image:
    """Red, green, blue and white, clockwise from the upper left: no turn or mirror image looks the same."""
    picture = Image.new("RGB", (width, height), "white")
    picture.paste("red", (0, 0, width // 2, height // 2))
    picture.paste((0, 255, 0), (width // 2, 0, width, height // 2))
    picture.paste("blue", (width // 2, height // 2, width, height))
    return picture


def noise(width: int = 112, height: int = 84) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned_by_exif(upright: Image.Image, orientation: int, form: str = "JPEG") -> bytes:
    """A file that looks like `upright` to those who heed its EXIF."""
    stored = upright if orientation == 1 else upright.transpose(STORED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    return encoded(stored, form, exif=exif, **options)


def looks_like(image: Image.Image, expected: Image.Image, within: int = 24) -> bool:
    """The same colours at sixteen places away from the edges of `quadrants`, but for what compression does."""
    samples = [np.asarray(picture.resize((4, 4), Image.Resampling.NEAREST)) for picture in (image, expected)]
    return int(np.ptp(samples, axis=0).max()) <= within


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


# The size of a view


@settings(max_examples=1000)
@given(sides, sides, rules)
def test_every_view_obeys_the_pixel_rule(width: int, height: int, rule: PixelRule) -> None:
    assume(max(width, height) <= 200 * min(width, height))
    size = fit(Size(width, height), rule).size
    assert size.width % rule.step == size.height % rule.step == 0
    assert rule.least <= size.width * size.height <= rule.most
    assert rule.tokens(size) == size.width * size.height // rule.step**2 + 2


@given(sides, sides, rules)
def test_a_view_keeps_the_aspect_as_near_as_steps_allow(width: int, height: int, rule: PixelRule) -> None:
    assume(max(width, height) <= 200 * min(width, height))
    size = fit(Size(width, height), rule).size
    across, down = size.width / width, size.height / height
    assert abs(across - down) * min(width, height) <= 1.5 * rule.step


@settings(max_examples=1000)
@given(sides, sides, rules)
def test_a_view_is_its_own_view_so_that_the_server_leaves_it_alone(width: int, height: int, rule: PixelRule) -> None:
    assume(max(width, height) <= 200 * min(width, height))
    size = fit(Size(width, height), rule).size
    assert fit(size, rule).size == size


@pytest.mark.parametrize("size", [Size(6000, 40), Size(41, 8200), Size(13_800, 69)])
def test_the_view_of_a_thin_strip_is_accepted_by_the_server(size: Size) -> None:
    view = fit(size, QWEN25_VL).size
    assert max(view) <= 200 * min(view)


def test_sizes_agree_with_the_processor_of_transformers() -> None:
    name = "transformers.models.qwen2_vl.image_processing_pil_qwen2_vl"
    smart_resize = pytest.importorskip(name, reason="transformers (the extra `local`) is not installed").smart_resize
    draw = random.Random(1)
    sizes = [(draw.randint(1, 300), draw.randint(1, 300)) for _ in range(3000)]
    sizes += [(int(10 ** draw.uniform(0, 4.5)), int(10 ** draw.uniform(0, 4.5))) for _ in range(6000)]
    sizes += [(step * 14, other * 14) for step in range(1, 40) for other in range(1, 40)]  # halves of a step
    num_compared = 0
    for width, height in sizes:
        for rule in RULES:
            bounds = (rule.step, rule.least, rule.most)
            if max(width, height) > 100 * min(width, height):
                continue
            ours = fit(Size(width, height), rule).size
            assert smart_resize(*ours[::-1], *bounds) == ours[::-1]
            if round(min(width, height) / rule.step) > 0:  # theirs would take a thinner side for 0
                assert smart_resize(height, width, *bounds) == ours[::-1], (width, height, rule)
                num_compared += 1
    assert num_compared > 15_000


@pytest.mark.parametrize("size", [Size(0, 5), Size(5, 0), Size(201, 1), Size(1, 4000)])
def test_impossible_sides_are_refused_with_their_size(size: Size) -> None:
    with pytest.raises(ValueError, match=rf"{size.width}x{size.height} pixels: .*200:1"):
        fit(size, QWEN25_VL)


@pytest.mark.parametrize("bounds", [(0, 1, 9), (28, 784, 783), (28, 1, 700), (28, 0, 9999)])
def test_a_rule_that_leaves_no_picture_is_refused(bounds: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="pixel rule"):
        PixelRule(*bounds)


# The way back


@given(sides, sides)
def test_the_whole_view_maps_to_the_whole_original(width: int, height: int) -> None:
    assume(max(width, height) <= 200 * min(width, height))
    view = fit(Size(width, height), QWEN25_VL)
    assert view.to_original(Box(0, 0, *view.size)) == pytest.approx((0, 0, width, height))
    assert view.to_original(Box(-9, -9, 1e9, 1e9)) == pytest.approx((0, 0, width, height))


@given(sides, sides, st.lists(st.floats(0, 1), min_size=4, max_size=4, unique=True))
def test_a_box_there_and_back_is_the_same_box(width: int, height: int, shares: list[float]) -> None:
    assume(max(width, height) <= 200 * min(width, height))
    view = fit(Size(width, height), SMALL)
    (left, right), (top, bottom) = sorted(shares[:2]), sorted(shares[2:])
    assume(right - left > 1e-6 and bottom - top > 1e-6)
    box = Box(left * view.size.width, top * view.size.height, right * view.size.width, bottom * view.size.height)
    there = view.to_original(box)
    assert 0 <= there.left < there.right <= width + 1e-6 and 0 <= there.top < there.bottom <= height + 1e-6
    across, down = view.size.width / width, view.size.height / height
    back = (there.left * across, there.top * down, there.right * across, there.bottom * down)
    assert back == pytest.approx(box)


@pytest.mark.parametrize("box", [Box(5, 5, 5, 9), Box(9, 5, 5, 9), Box(-9, -9, -1, -1), Box(9e9, 0, 9.1e9, 5)])
def test_a_box_without_pixels_is_refused_by_name(box: Box) -> None:
    with pytest.raises(ValueError, match="covers no pixel of a 644x476 view"):
        fit(Size(640, 480), QWEN25_VL).to_original(box)


# What is sent

GRADIENT = Image.fromarray(np.arange(112 * 84, dtype=np.uint16).reshape(84, 112) * 6)
CLEAR = quadrants().convert("RGBA")
CLEAR.putalpha(Image.new("L", (112, 84), 0))
DEEP = cv2.imencode(".png", np.asarray(quadrants())[:, :, ::-1].astype(np.uint16) * 257)[1].tobytes()


@dataclass(frozen=True)
class File:
    """A file and what it shows."""

    name: str
    data: bytes
    suffix: str
    upright: Image.Image
    sent_as: str = "image/png"


TURNED = [File(f"EXIF {n}", turned_by_exif(quadrants(), n), "jpg", quadrants(), "image/jpeg") for n in range(1, 9)]
FILES = [
    *TURNED,
    File("EXIF in a PNG", turned_by_exif(quadrants(), 6, "PNG"), "png", quadrants()),
    File("JPEG", encoded(quadrants(), "JPEG"), "jpg", quadrants(), "image/jpeg"),
    File("grey JPEG", encoded(quadrants().convert("L"), "JPEG"), "jpg", quadrants().convert("L").convert("RGB"), "image/jpeg"),
    File("CMYK JPEG", encoded(quadrants().convert("CMYK"), "JPEG"), "jpg", quadrants(), "image/jpeg"),
    File(
        "MPO",
        encoded(quadrants(), "MPO", save_all=True, append_images=[noise(50, 40)]),
        "jpg",
        quadrants(),
        "image/jpeg",
    ),
    File("lossy WebP", encoded(quadrants(), "WEBP", quality=90), "webp", quadrants(), "image/jpeg"),
    File("lossless WebP", encoded(quadrants(), "WEBP", lossless=True), "webp", quadrants()),
    File("PNG", encoded(quadrants(), "PNG"), "png", quadrants()),
    File("PNG with alpha", encoded(CLEAR, "PNG"), "png", Image.new("RGB", (112, 84), "white")),
    File("palette PNG", encoded(quadrants().quantize(8), "PNG"), "png", quadrants()),
    File("palette PNG with alpha", encoded(CLEAR.quantize(8), "PNG"), "png", Image.new("RGB", (112, 84), "white")),
    File("16-bit PNG", DEEP, "png", quadrants()),
    File(
        "16-bit grey PNG",
        encoded(GRADIENT, "PNG"),
        "png",
        Image.fromarray((np.asarray(GRADIENT) // 257).astype(np.uint8)).convert("RGB"),
    ),
    File("bilevel PNG", encoded(Image.new("1", (112, 84), 1), "PNG"), "png", Image.new("RGB", (112, 84), "white")),
    File("GIF", encoded(quadrants(), "GIF"), "gif", quadrants()),
    File("BMP", encoded(quadrants(), "BMP"), "bmp", quadrants()),
    File("TIFF", encoded(quadrants(), "TIFF"), "tiff", quadrants()),
]
every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


@every_file
@pytest.mark.parametrize("rule", [QWEN25_VL, PixelRule(28, 784, 4 * 784)], ids=["as-large", "smaller"])
def test_every_kind_of_file_is_seen_upright_in_rgb(file: File, rule: PixelRule) -> None:
    image = load_input(file.data, rule, "photo")
    size = fit(Size(*file.upright.size), rule).size
    assert (image.original, image.original_size, image.suffix) == (file.data, file.upright.size, file.suffix)
    assert (image.view.size, image.view.media_type, image.tokens) == (size, file.sent_as, rule.tokens(size))
    assert image.view.pixels.mode == "RGB" and image.view.pixels.size == size
    assert looks_like(image.view.pixels, file.upright)


@every_file
@pytest.mark.parametrize("rule", [QWEN25_VL, PixelRule(28, 784, 4 * 784)], ids=["as-large", "smaller"])
def test_the_pixels_of_a_view_are_those_of_its_encoded_form(file: File, rule: PixelRule) -> None:
    view = load_input(file.data, rule).view
    assert decoded(view.encoded).tobytes() == view.pixels.tobytes()
    form = Image.open(io.BytesIO(view.encoded)).format
    assert f"image/{str(form).lower()}" == view.media_type


@every_file
async def test_the_session_has_the_view_the_original_and_the_way_between(box: Sandbox, file: File) -> None:
    image = load_input(file.data, PixelRule(28, 784, 8 * 784))
    draw = random.Random(3)
    corners = [[draw.uniform(-0.9, side - 0.1) for side in image.view.size] for _ in range(20)]
    boxes = [[x, y, x + draw.uniform(1, 60), y + draw.uniform(1, 60)] for x, y in corners]
    async with box.session([image.view.encoded], [image.original]) as session:
        look = "import zlib\nprint(zlib.crc32(input_image.tobytes()), original_image.size)\n"
        first, *mapped = (await session.run(f"{look}for box in {boxes}: print(to_original(box))")).stdout.splitlines()
    assert first == f"{zlib.crc32(image.view.pixels.tobytes())} {file.upright.size}"
    way = fit(image.original_size, PixelRule(28, 784, 8 * 784))
    exact = [way.to_original(Box(*box)) for box in boxes]
    assert mapped == [str((math.floor(b.left), math.floor(b.top), math.ceil(b.right), math.ceil(b.bottom))) for b in exact]


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_an_original_that_fits_is_sent_byte_for_byte(form: str) -> None:
    data = encoded(noise(), form)
    image = load_input(data, QWEN25_VL)
    assert image.view.encoded is image.original and not image.is_resized
    assert image.view.file == image.file and image.view.digest == digest_bytes(data)


@pytest.mark.parametrize("size", [(100, 84), (40, 30), (2000, 1500)])
def test_an_original_that_does_not_fit_is_resized(size: tuple[int, int]) -> None:
    image = load_input(encoded(quadrants(*size), "PNG"), SMALL)
    assert image.is_resized and image.view.file != image.file
    assert looks_like(image.view.pixels, quadrants(*size))


def test_a_lossless_webp_gives_a_lossless_view() -> None:
    assert load_input(encoded(noise(), "WEBP", lossless=True), QWEN25_VL).view.pixels.tobytes() == noise().tobytes()


def test_a_transparent_colour_becomes_white() -> None:
    data = encoded(Image.new("RGB", (112, 84), "red"), "PNG", transparency=(255, 0, 0))
    assert load_input(data, QWEN25_VL).view.pixels.getpixel((5, 5)) == (255, 255, 255)


def test_damaged_exif_is_passed_over() -> None:
    load_input(encoded(quadrants(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05"), QWEN25_VL)


def test_path_bytes_and_pil_image_give_the_same_view(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    noise(150, 90).save(path)
    views = [load_input(source, QWEN25_VL).view for source in (path, str(path), path.read_bytes(), noise(150, 90))]
    assert len({view.pixels.tobytes() for view in views}) == len({view.digest for view in views}) == 1


@every_file
def test_the_same_source_twice_gives_the_same_files(file: File) -> None:
    def names(image: InputImage) -> tuple[str, ...]:
        return image.file, image.view.file, digest_pixels(image.view.pixels)

    assert names(load_input(file.data, SMALL)) == names(load_input(bytes(bytearray(file.data)), SMALL))


async def test_a_photo_of_42_megapixels_is_seen_within_the_rule_and_cut_at_full_resolution() -> None:
    photo = Image.new("RGB", (8064, 5241), "grey")
    photo.paste(noise(), (7000, 4000))
    image = load_input(encoded(photo, "JPEG", quality=95, subsampling=0), QWEN25_VL)
    assert (image.original_size, image.view.size, image.tokens) == ((8064, 5241), (4424, 2884), 16276)
    across, down = 4424 / 8064, 2884 / 5241
    mark = (7000 * across, 4000 * down, 7112 * across, 4084 * down)
    large = Sandbox(Limits(time_s=20, memory_mb=1024), require=0)
    async with large, large.session([image.view.encoded], [image.original]) as session:
        result = await session.run(
            "import zlib\nprint(zlib.crc32(input_image.tobytes()), original_image.size)\n"
            f"display(original_image.crop(to_original({mark})))"
        )
    assert result.stdout == f"{zlib.crc32(image.view.pixels.tobytes())} (8064, 5241)\n", result
    (shown,) = result.images
    assert np.asarray(ImageChops.difference(shown, noise())).mean() < 10  # enlarged from the view it would be blurred


# What is refused


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


BAD = {
    "empty": (b"", "it is empty"),
    "garbage": (b"this is no picture at all", "not in an image format that Pillow knows"),
    "PDF": (b"%PDF-1.7\n", "not in an image format that Pillow knows"),
    "truncated JPEG": (encoded(noise(), "JPEG")[:-900], "truncated"),
    "truncated PNG": (encoded(noise(), "PNG")[:-900], "truncated"),
    "truncated WebP": (encoded(noise(), "WEBP")[:-900], "."),
    "flipped bits": (b"".join((encoded(noise(), "PNG")[:60], b"\xff" * 9, encoded(noise(), "PNG")[69:])), "broken"),
    "bomb": (png_header(30_000, 30_000), "900000000 pixels"),
    "no width": (png_header(0, 5), "."),
    "thin": (encoded(Image.new("RGB", (900, 4)), "PNG"), "900x4 pixels: .*200:1"),
}


@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_picture_is_refused_by_name_and_reason_in_one_line(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"^task 7: .*{reason}") as of_bytes:
        load_input(data, QWEN25_VL, "task 7")
    with pytest.raises(DataError, match=rf"/photo\.jpg: .*{reason}"):
        load_input(path, QWEN25_VL, "task 7")
    assert "\n" not in str(of_bytes.value) and "BytesIO" not in str(of_bytes.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"/nowhere/photo\.jpg: it cannot be read: No such file"):
        load_input("/nowhere/photo.jpg", QWEN25_VL)
    with pytest.raises(DataError, match="it is a folder, no regular file"):
        load_input(tmp_path, QWEN25_VL)
    with pytest.raises(DataError, match="it cannot be read: embedded null"):
        load_input("a\0b", QWEN25_VL)


def test_what_is_no_picture_is_named_by_its_type() -> None:
    with pytest.raises(DataError, match="task 7: ndarray is no picture; give a path, encoded bytes or a PIL image"):
        load_input(np.zeros((9, 9, 3), np.uint8), QWEN25_VL, "task 7")  # type: ignore[arg-type]
    cut = Image.open(io.BytesIO(encoded(noise(), "PNG")[:-900]))
    with pytest.raises(DataError, match="task 7: Pillow cannot load it: .*truncated"):
        load_input(cut, QWEN25_VL, "task 7")


# Pictures that code has shown


def test_a_shown_picture_that_fits_keeps_its_pixels_and_any_other_is_resized() -> None:
    assert fit_shown(noise(), QWEN25_VL).pixels.tobytes() == noise().tobytes()
    resized = fit_shown(quadrants(100, 50), QWEN25_VL)
    assert resized.size == fit(Size(100, 50), QWEN25_VL).size == resized.pixels.size
    assert decoded(resized.encoded).tobytes() == resized.pixels.tobytes()
    assert resized.file == f"{digest_pixels(resized.pixels)}.png"


def test_a_digest_tells_pixels_and_shape_apart() -> None:
    flat = Image.new("RGB", (30, 20), "red")
    assert digest_pixels(flat) == digest_pixels(decoded(encode_png(flat))) == Picture.of(flat).digest
    changed = flat.copy()
    changed.putpixel((29, 19), (254, 0, 0))
    assert len({digest_pixels(image) for image in (flat, changed, flat.resize((20, 30)), flat.convert("L"))}) == 4


# The store


def test_a_store_keeps_what_it_is_given_once(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "run" / "images")
    store.put("a.png", b"one")
    inode = (tmp_path / "run" / "images" / "a.png").stat().st_ino
    store.put("a.png", b"one")
    assert store.read("a.png") == b"one" and (tmp_path / "run" / "images" / "a.png").stat().st_ino == inode
    assert [path.name for path in (tmp_path / "run" / "images").iterdir()] == ["a.png"]


def test_many_writers_of_one_picture_leave_one_whole_file(tmp_path: Path) -> None:
    data = noise(400, 300).tobytes()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ImageStore(tmp_path / "images").put("a.png", data), range(64)))
    assert [path.read_bytes() for path in (tmp_path / "images").iterdir()] == [data]


def test_a_write_that_breaks_off_leaves_nothing_under_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    store = ImageStore(tmp_path / "images")
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="No space left"):
        patch.setattr("codedance.untrusted.os.replace", full)
        store.put("a.png", b"one")
    assert list((tmp_path / "images").iterdir()) == []
    store.put("a.png", b"one")
    assert store.read("a.png") == b"one"


def test_a_stored_picture_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images/a\.png: it cannot be read: No such file"):
        ImageStore(tmp_path / "images").read("a.png")


@pytest.mark.parametrize("size", [(640, 480), (301, 199), (1000, 750), (2000, 1400)])
def test_a_view_of_nearly_the_same_size_is_neither_blurred_nor_shifted(size: tuple[int, int]) -> None:
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 12, width), np.linspace(0, 9, height))
    waves = np.stack([127 + 120 * np.sin(across), 127 + 120 * np.cos(down), 127 + 120 * np.sin(across + down)], axis=-1)
    picture = Image.fromarray(waves.astype(np.uint8))
    view = load_input(picture, QWEN25_VL).view.pixels
    expected = picture.resize(view.size, Image.Resampling.BICUBIC)
    difference = np.abs(np.asarray(view, dtype=float) - np.asarray(expected, dtype=float))
    assert view.size != size and difference.mean() < 0.6 and difference.max() <= 4
