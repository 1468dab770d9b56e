"""From the bytes of a picture file to upright RGB pixels.

    decode(data, "photo.jpg")       # Decoded(pixels, kind="JPEG", data)

A JPEG whose end is missing is read like any other as long as most of it is there, as PNG files are; its last rows are filled in.
Not covered: files of other kinds, which are told by name (`formats`).
"""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from PIL import Image

from codedance.errors import DataError
from codedance.images.formats import FORMATS, what_it_is
from codedance.sandbox.guest.pictures import upright_rgb

_WARNINGS = threading.Lock()
_END_OF_JPEG = b"\xff\xd9"
_START_OF_SCAN = b"\xff\xda"
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


def decode(data: bytes, name: str) -> Decoded:
    """Read a picture.

    Raises:
        DataError: it cannot be decoded; names the picture, the reason and, where the file is of another kind, the next step.
    """
    if not data:
        raise DataError(f"{name}: it is empty; an encoded image is needed")
    try:
        with _quietly():
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            image.getexif()
    except Exception as error:  # boundary: decoders raise anything on hostile input
        is_foreign = "BytesIO" in str(error)
        reason = f"not in an image format that Pillow knows: {what_it_is(data)}" if is_foreign else str(error)
        raise DataError(f"{name}: {reason}") from None
    try:
        with image:
            return Decoded(upright_rgb(image), image.format or "PNG", data)
    except Exception as error:  # boundary: as above
        if image.format in ("JPEG", "MPO") and "truncated" in str(error) and (mended := _mended(image, data, name)):
            return mended
        raise DataError(f"{name}: {error}; get the whole file again") from None


def _mended(partial: Image.Image, data: bytes, name: str) -> Decoded | None:
    """A JPEG with its end put back, if not much of it is missing.

    Args:
        partial: what could be decoded; its rows beyond that are zero.
        data: the file.
        name: of the picture.
    """
    data += _END_OF_JPEG  # decoders fill what is missing with the last colour
    try:
        with _quietly(), Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as image:
            image.load()
            differs = np.asarray(image) != np.asarray(partial._new(partial.im))
            num_missing = int(differs.reshape(len(differs), -1).any(axis=1).sum())
            share = num_missing / image.height
            if image.info.get("progressive"):
                share = float(data.count(_START_OF_SCAN) < _PROGRESSIVE_SCANS.get(image.mode, 1))
            if share > _MAX_MISSING:
                return None
            _log.warning("%s: the file ends too early; up to %d of its %d rows are filled in", name, num_missing, image.height)
            return Decoded(upright_rgb(image), image.format or "JPEG", data)
    except Exception:  # boundary: it cannot be mended
        return None


def is_plain(data: bytes) -> bool:
    """Whether every library sees the same upright RGB pixels in these bytes."""
    with _quietly(), Image.open(io.BytesIO(data)) as image:
        upright = image.getexif().get(0x0112, 1) == 1
        return upright and image.mode == "RGB" and image.format in ("JPEG", "PNG") and not image.has_transparency_data


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's warnings of large pictures (beyond 179 million pixels it refuses) and damaged EXIF."""
    with _WARNINGS, warnings.catch_warnings():  # which is no matter of one thread
        warnings.simplefilter("ignore")
        yield
