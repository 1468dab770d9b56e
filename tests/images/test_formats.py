"""Files that are no pictures are told by name with the way out; pictures with a little missing are read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from codedance import Sandbox
from codedance.errors import DataError
from codedance.images import QWEN25_VL, load_input

SMOOTH = Image.fromarray(np.add.outer(np.arange(196), np.arange(280)).astype(np.uint8)).convert("RGB")
NOISE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (196, 280, 3), dtype=np.uint8))


def jpeg(picture: Image.Image = NOISE, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def box_of(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x18ftyp" + brand + bytes(100)


FOREIGN = {
    "HEIC": (box_of(b"heic"), "HEIC.*convert"),
    "HEIF": (box_of(b"mif1"), "HEIF.*convert"),
    "broken AVIF": (box_of(b"avif"), "AVIF|avif|."),
    "video": (box_of(b"isom"), "a video; take a frame"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG.*convert"),
    "SVG behind a head": (b'\xef\xbb\xbf <?xml version="1.0"?>\n<svg width="9"/>', "SVG.*convert"),
    "SVG behind a comment": (b"<!-- made by hand -->\n<svg width='9'/>", "SVG.*convert"),
    "PDF": (b"%PDF-1.7\n", "PDF; export the page"),
    "web page": (b"\n<!DOCTYPE html><html><body>404</body></html>", "a web page.*download"),
    "refusal of a store": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML, not a picture"),
    "JSON": (b'{"error": "not found"}', "JSON, not a picture .*not found"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "git lfs pull"),
    "annex pointer": (b"/annex/objects/MD5E-s3--0.jpg\n", "git annex get"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(20), "gzip; unpack"),
    "ZIP": (b"PK\x03\x04" + bytes(20), "ZIP archive; unpack"),
    "data URL": (b"data:image/png;base64,iVBORw0KGgo=", "decode its base64"),
    "base64 text": (b"/9j/4AAQSkZJRgABAQ", "base64 text of a JPEG"),
    "address": (b"https://example.org/a.jpg", "an address; download"),
    "JPEG XL": (b"\xff\x0a" + bytes(20), "JPEG XL"),
    "NumPy": (b"\x93NUMPY\x01\x00" + bytes(20), "NumPy array"),
    "zeros": (bytes(5000), "only zeros"),
    "anything else": (b"hello", "these are read: PNG, JPEG"),
}


@pytest.mark.parametrize(("data", "words"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_of_another_kind_is_told_by_name_with_the_next_step(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=rf"^photo: .*{words}"):
        load_input(data, QWEN25_VL, "photo")


def test_a_strip_is_told_how_thin_it_is_and_what_to_do() -> None:
    with pytest.raises(DataError, match=r"3000x10 pixels: .*within 200:1 \(it is 300:1; cut it into pieces or pad it\)"):
        load_input(Image.new("RGB", (3000, 10)), QWEN25_VL)


@pytest.mark.parametrize("missing", [1, 2, 200])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_whose_end_is_missing_is_read(missing: int, options: dict[str, object], mode: str) -> None:
    whole = jpeg(SMOOTH.convert(mode), **options)
    views = [load_input(data, QWEN25_VL, "photo").view.pixels for data in (whole[:-missing], whole)]
    differences = np.abs(np.subtract(*(np.asarray(view, int)[:128] for view in views)))
    assert views[0].size == views[1].size and differences.mean() < 3


def test_a_jpeg_whose_end_is_missing_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    load_input(jpeg()[:-2], QWEN25_VL, "photo")
    assert "photo: the file ends too early; up to 6 of its 196 rows are filled in" in caplog.text


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=str)
def test_half_a_jpeg_is_refused(options: dict[str, object]) -> None:
    data = jpeg(**options)
    with pytest.raises(DataError, match=r"photo: .*truncated.*; get the whole file again"):
        load_input(data[: len(data) // 2], QWEN25_VL, "photo")


async def test_code_reads_the_original_of_a_jpeg_whose_end_is_missing(box: Sandbox) -> None:
    image = load_input(jpeg(SMOOTH.resize((300, 200)))[:-40], QWEN25_VL)
    async with box.session([image.view.encoded], [image.original]) as session:
        result = await session.run("print(original_image.size, input_image.size)")
    assert result.stdout == "(300, 200) (308, 196)\n", result
