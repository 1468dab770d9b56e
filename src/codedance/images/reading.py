"""From the bytes of a picture file to upright RGB pixels; the only place where Pillow opens a file.

    decode(data, "photo.jpg")       # Decoded(pixels, kind="JPEG", data, size)
    with opened(data) as image: image.size                      # the header alone: format and number of pixels are allowed
    rgb(image, needs=lambda size: Size(1600, 1200))              # pixels; a very large picture comes scaled down

A JPEG whose end is missing is read like any other as long as most of it is there, as PNG files are; its last rows are filled in.
Pictures are asked of a few formats only, never of all that Pillow knows, some of which start other programs. What a header says
of the size is looked at before anything is decoded; all pictures that are decoded at one time share `_ROOM` pixels, and one of
more than `LARGE` pixels is turned to RGB strip by strip, so that it costs little more than what Pillow itself takes.
Not covered: files of other kinds, which are told by name (`formats`).
"""

from __future__ import annotations

import ctypes
import io
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

from codedance.errors import DataError
from codedance.images.formats import FORMATS, what_it_is
from codedance.images.rules import Size
from codedance.sandbox.guest.pictures import upright_rgb

LARGE = 50_000_000
"""Pixels; beyond, a picture is decoded alone, and scaled down where nobody needs all of it."""
_ROOM = 2 * LARGE
_MOST = 178_956_970
"""Pixels of a PNG or JPEG, and of formats that are as cheap to decode; Pillow refuses more by itself."""
_MOST_DEAR = {"WEBP": LARGE, "AVIF": LARGE, "JPEG2000": LARGE, "GIF": LARGE, "ICO": LARGE}
"""The same where decoders take several times what comes out, or more than the header says."""
_MOST_DEEP = 32_000_000
"""The same for 16 bits and floats, which are scaled as a whole."""
_STRIP = 1 << 22
"""Pixels that are turned to RGB at a time."""
_HEAD = 1024
_WARNINGS = threading.Lock()
_END_OF_JPEG = b"\xff\xd9"
_START_OF_SCAN = b"\xff\xda"
_TILES = (322, 323)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MAX_MISSING = 0.25
"""Of the rows of a JPEG."""
_PROGRESSIVE_SCANS = {"L": 6, "RGB": 10}
"""In a progressive JPEG as libjpeg writes it; the last ones only sharpen the picture."""
_log = logging.getLogger(__name__)


class Decoded(NamedTuple):
    """What is in a picture file."""

    pixels: Image.Image
    """Upright RGB."""
    kind: str
    """The format, as Pillow calls it."""
    data: bytes
    """The bytes, with an end where it was missing."""
    size: Size
    """Of the upright picture in the file, which `pixels` may be smaller than."""


class _Room:
    """Pixels that may be decoded at one time; a picture that alone has more is decoded alone. First come, first served."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._taken = 0
        self._turn = threading.Lock()
        self._freed = threading.Condition()

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for so many."""
        with self._turn, self._freed:
            self._freed.wait_for(lambda: not self._taken or self._taken + pixels <= self._pixels)
            self._taken += pixels
        try:
            yield
        finally:
            with self._freed:
                self._taken -= pixels
                self._freed.notify_all()


_room = _Room(_ROOM)


def decode(data: bytes, name: str, *, needs: Callable[[Size], Size] | None = None) -> Decoded:
    """Read a picture.

    Args:
        data: the file.
        name: for errors.
        needs: how large the pixels must be at least, by the size of the upright picture; one of more than `LARGE` pixels
            may then come scaled down. Without it pixels are those of the file.

    Raises:
        DataError: it cannot be decoded; names the picture, the reason and, where the file is of another kind, the next step.
    """
    if not data:
        raise DataError(f"{name}: it is empty; an encoded image is needed")
    try:
        image = opened(data)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    kind, area = image.format or "PNG", _pixels(image)
    try:
        with image:
            pixels, size = rgb(image, needs=needs)
            return Decoded(pixels, kind, data, size)
    except Exception as error:  # boundary: decoders raise anything on hostile input
        is_cut = kind in ("JPEG", "MPO") and "truncated" in str(error) and area <= LARGE
        if is_cut and (mended := _mended(image, data, name)):
            return mended
        raise DataError(f"{name}: {error}; get the whole file again") from None


def opened(source: bytes | IO[bytes]) -> Image.Image:
    """A picture whose header is read and no more: it has one of our formats, and no more pixels than are decoded.

    Raises:
        DataError: it has not, or it is no picture; says what is wrong, not where.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with _quietly():
            image = Image.open(file, formats=FORMATS)
            if image.format != "PNG":  # where it may lie behind the pixels, which would be decoded for it
                image.getexif()
    except Exception as error:  # boundary: decoders raise anything on hostile input
        is_foreign = "cannot identify" in str(error)
        if is_foreign:
            file.seek(0)
        reason = f"not in an image format that Pillow knows: {what_it_is(file.read(_HEAD))}" if is_foreign else str(error)
        raise DataError(reason) from None
    most = _MOST_DEAR.get(image.format or "", _MOST_DEEP if _is_deep(image) else _MOST)
    if (pixels := _pixels(image)) > most:
        raise DataError(
            f"it has {pixels / 1e6:.0f} million pixels; {image.format} with {image.mode} pixels is read up to {most / 1e6:.0f} "
            "million; scale it down or save it as 8-bit PNG or JPEG first"
        )
    return image


def rgb(image: Image.Image, *, needs: Callable[[Size], Size] | None = None) -> tuple[Image.Image, Size]:
    """Upright RGB pixels of a picture that is `opened`, decoded now, and the size that it has in its file.

    Args:
        image: the picture.
        needs: as for `decode`.

    Raises whatever Pillow raises for a file that is damaged.
    """
    area = _pixels(image) if image.format != "ICO" else _MOST  # whose frames may be larger than its header says
    with _room.of(area):
        is_plain_rgb = image.mode == "RGB" and "transparency" not in image.info  # of which nothing is copied
        is_whole = area <= _STRIP or _is_deep(image) or image.format == "ICO" or (is_plain_rgb and area <= LARGE)
        if is_whole:
            pixels = upright_rgb(image)
            return pixels, Size(*pixels.size)
        try:
            return _by_strips(image, needs if area > LARGE and needs is not None else lambda size: size)
        finally:
            _give_back_memory()


def _by_strips(image: Image.Image, needs: Callable[[Size], Size]) -> tuple[Image.Image, Size]:
    """What `upright_rgb` gives, scaled down by a whole number where less is needed, without further copies of the whole."""
    across, down = image.size
    if image.format in ("JPEG", "MPO") and (drafted := _turned(needs(_turned(image.size, image)), image)) != image.size:
        image.draft(None, drafted)  # it is decoded at a half, a quarter or an eighth
    image.load()
    size = _turned((across, down), image)
    wanted = _turned(needs(size), image)
    factor = max(1, min(image.width // max(1, wanted.width), image.height // max(1, wanted.height)))
    whole = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = max(1, _STRIP // image.width // factor) * factor
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(image.height, top + rows)))
        strip.info = {name: value for name, value in image.info.items() if name == "transparency"}  # turned only as a whole
        whole.paste(upright_rgb(strip).reduce(factor), (0, top // factor))
    turn = image.getexif().get(_ORIENTATION)
    image.close()
    return whole.transpose(_TURNS[turn]) if turn in _TURNS else whole, size


def _turned(size: tuple[int, int], image: Image.Image) -> Size:
    """Width and height as the picture stands upright."""
    is_turned = image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return Size(*reversed(size)) if is_turned else Size(*size)


def _give_back_memory() -> None:
    """To the system: else each thread that has decoded a large picture keeps as much for its next one."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def _pixels(image: Image.Image) -> int:
    """To be decoded: a tile may be larger than the picture."""
    tags = getattr(image, "tag_v2", {})
    across, down = (tags.get(tag) or 0 for tag in _TILES)
    tile = across * down if isinstance(across, int) and isinstance(down, int) else 0
    return max(image.width * image.height, tile)


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _mended(partial: Image.Image, data: bytes, name: str) -> Decoded | None:
    """A JPEG with its end put back, if not much of it is missing.

    Args:
        partial: what could be decoded; its rows beyond that are zero.
        data: the file.
        name: of the picture.
    """
    data += _END_OF_JPEG  # decoders fill what is missing with the last colour
    try:
        with opened(data) as image, _room.of(_pixels(image)):
            image.load()
            differs = np.asarray(image) != np.asarray(partial._new(partial.im))
            num_missing = int(differs.reshape(len(differs), -1).any(axis=1).sum())
            share = num_missing / image.height
            if image.info.get("progressive"):
                share = float(data.count(_START_OF_SCAN) < _PROGRESSIVE_SCANS.get(image.mode, 1))
            if share > _MAX_MISSING:
                return None
            size = _turned(image.size, image)
            _log.warning("%s: the file ends too early; up to %d of its %d rows are filled in", name, num_missing, image.height)
            return Decoded(upright_rgb(image), image.format or "JPEG", data, size)
    except Exception:  # boundary: it cannot be mended
        return None


def is_plain(data: bytes) -> bool:
    """Whether every library sees the same upright RGB pixels in these bytes."""
    with opened(data) as image:
        upright = image.getexif().get(0x0112, 1) == 1
        return upright and image.mode == "RGB" and image.format in ("JPEG", "PNG") and not image.has_transparency_data


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's warnings of large pictures (beyond 179 million pixels it refuses) and damaged EXIF."""
    with _WARNINGS, warnings.catch_warnings():  # which is no matter of one thread
        warnings.simplefilter("ignore")
        yield
