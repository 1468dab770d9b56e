"""Pictures of anybody: only formats that we name, sizes before pixels, large ones alone and within little memory."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from codedance.errors import DataError
from codedance.images import reading
from codedance.images.reading import decode, opened, rgb
from codedance.images.rules import Size
from codedance.sandbox.guest.pictures import upright_rgb

ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def noise(mode: str, size: tuple[int, int] = (61, 47)) -> Image.Image:
    made = Image.effect_noise(size, 90)
    bands = [made.rotate(90 * number).resize(size) for number in range(4)]
    return Image.merge("RGBA", bands).convert(mode)


def turned(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = number
    return exif


def test_a_format_that_is_not_named_is_refused_before_its_plugin_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    Image.init()
    for name in set(Image.OPEN) - set(reading.FORMATS):
        monkeypatch.setitem(
            Image.OPEN, name, (lambda *_, name=name: asked.append(name), lambda head, name=name: asked.append(name))
        )
    for data in (b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x00" * 64, b"8BPS" + bytes(60), b"x"):
        with pytest.raises(DataError, match="not in an image format that Pillow knows"):
            opened(data)
    assert asked == []


@pytest.mark.parametrize(("kind", "limit"), [("PNG", "_MOST"), ("WEBP", "_MOST_DEAR"), ("TIFF", "_MOST")])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch, kind: str, limit: str) -> None:
    data = encoded(noise("RGB"), kind)
    monkeypatch.setattr(reading, limit, {"WEBP": 100} if limit == "_MOST_DEAR" else 100)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match=f"million pixels; {kind} with RGB pixels is read up to"):
        decode(data, "a")


def test_sixteen_bits_have_a_lower_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_DEEP", 100)
    with pytest.raises(DataError, match="save it as 8-bit PNG"):
        opened(encoded(Image.fromarray(np.zeros((47, 61), np.uint16)), "PNG"))


def test_a_tile_larger_than_its_picture_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[322], tags[323] = 5000, 5000
    image = Image.new("RGB", (8, 8))
    image.tag_v2 = tags  # type: ignore[attr-defined]
    assert reading._pixels(image) == 25_000_000


def test_a_png_is_not_decoded_for_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("it was decoded"))
    assert opened(encoded(noise("RGB"), "PNG")).size == (61, 47)


@pytest.mark.parametrize("turn", [1, 3, 6, 7])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1"])
def test_strips_give_the_same_pixels_as_the_whole(monkeypatch: pytest.MonkeyPatch, mode: str, turn: int) -> None:
    data = encoded(noise(mode), "PNG", exif=turned(turn))
    whole = upright_rgb(Image.open(io.BytesIO(data)))
    monkeypatch.setattr(reading, "_STRIP", 61 * 5)
    monkeypatch.setattr(reading, "LARGE", 62)
    found = decode(data, "a")
    assert found.size == found.pixels.size == whole.size and found.pixels.tobytes() == whole.tobytes()


@pytest.mark.parametrize(("kind", "turn"), [("PNG", 1), ("PNG", 6), ("JPEG", 1), ("JPEG", 8)])
def test_a_large_picture_comes_scaled_down_but_never_below_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, kind: str, turn: int
) -> None:
    smooth = Image.radial_gradient("L").resize((640, 320)).convert("RGB")
    data = encoded(smooth, kind, exif=turned(turn))
    whole = decode(data, "a")
    monkeypatch.setattr(reading, "LARGE", 1000)
    monkeypatch.setattr(reading, "_STRIP", 3000)
    needed = Size(150, 75) if turn == 1 else Size(75, 150)
    found = decode(data, "a", needs=lambda size: needed)
    assert found.size == whole.size == (Size(640, 320) if turn == 1 else Size(320, 640))
    assert needed.width <= found.pixels.width < 320 and needed.height <= found.pixels.height < 320
    difference = np.asarray(found.pixels, int) - np.asarray(whole.pixels.resize(found.pixels.size, Image.Resampling.BOX), int)
    assert np.abs(difference).mean() < 3


def test_pictures_share_their_room_and_a_large_one_is_alone() -> None:
    room = reading._Room(10)
    inside: list[int] = []
    most: list[int] = []

    def take(pixels: int) -> None:
        with room.of(pixels):
            inside.append(pixels)
            most.append(sum(inside))
            assert sum(inside) <= 10 or len(inside) == 1
            time.sleep(0.002)
            inside.remove(pixels)

    threads = [threading.Thread(target=take, args=(pixels,)) for pixels in (4, 25, 4, 5, 25, 10, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(most) == len(threads) and not inside and max(most) == 25


def test_room_is_free_again_after_a_picture_that_is_damaged() -> None:
    cut = encoded(noise("RGB"), "PNG")[:-2000]
    with pytest.raises(DataError, match="get the whole file again"):
        decode(cut, "a")
    with opened(encoded(noise("RGB"), "PNG")) as image:
        assert rgb(image)[1] == (61, 47)
    assert reading._room._taken == 0
