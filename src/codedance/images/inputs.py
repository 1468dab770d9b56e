"""A task's picture and what becomes of it: the bytes as given, and the view that the model and the code see.

    photo = load_input("photo.jpg", QWEN25_VL)
    photo.view.encoded          # what is sent: within the rule, and within the bytes that servers take

Not covered: which rule a model has (`codedance.model.families`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from codedance.errors import DataError
from codedance.images.picture import Picture, base64_bytes, digest_bytes, encode, encode_png
from codedance.images.reading import decode, is_plain
from codedance.images.rules import MAX_BYTES, PixelRule, Size, fit
from codedance.sandbox.guest.pictures import upright_rgb
from codedance.types import ImageSource
from codedance.untrusted import PICTURE_BYTES, read_named

_NEAR = 0.1
_SMALLER = 0.7  # of the area: what is tried next where a picture has too many bytes even as JPEG
_LOSSY = {"JPEG", "MPO", "WEBP", "AVIF"}
_WEBP_HEADER = 64  # a lossless one says so in its first chunks


@dataclass(frozen=True, slots=True)
class InputImage:
    """A task's picture: the bytes as given, and the view that the model and the code see."""

    original: bytes
    """With an end where a JPEG lacked its own, so that the code can read it as well."""
    original_size: Size
    suffix: str
    """What the bytes are: jpg, png, webp, ..."""
    view: Picture
    tokens: int

    @property
    def is_resized(self) -> bool:
        """The view is not the original itself."""
        return self.view.encoded is not self.original

    @property
    def file(self) -> str:
        """The original's name in a store."""
        return f"{digest_bytes(self.original)}.{self.suffix}"


def load_input(source: ImageSource, rule: PixelRule, name: str = "image", *, max_bytes: int | None = MAX_BYTES) -> InputImage:
    """Read a picture and make the view of it that `rule` asks for, with at most `max_bytes` in base64.

    Raises:
        DataError: it cannot be read or decoded, or no view of it is possible; names the picture and the reason.
    """
    given, name = _bytes(source, name)
    pixels, kind, data, original_size = decode(given, name, needs=lambda size: _needed(size, rule))
    suffix = {"JPEG": "jpg", "MPO": "jpg"}.get(kind, kind.lower())
    try:
        size = fit(original_size, rule).size
        is_small = max_bytes is None or base64_bytes(len(data)) <= max_bytes
        if size == original_size and is_small and kind in ("JPEG", "PNG") and data is given and is_plain(data):
            view = Picture(size, pixels, data, f"image/{kind.lower()}")
        else:
            lossy = kind in _LOSSY and b"VP8L" not in data[:_WEBP_HEADER]
            view = _view(pixels, rule, lossy=lossy, max_bytes=max_bytes)
            view = replace(view, _encoded=view.encoded)  # a view is named by its bytes, as the original is
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    return InputImage(data, original_size, suffix, view, rule.tokens(view.size))


def _needed(size: Size, rule: PixelRule) -> Size:
    """The size of the view, as far as it is one."""
    try:
        return fit(size, rule).size
    except ValueError:  # told when the view is made
        return size


def fit_shown(pixels: Image.Image, rule: PixelRule, *, max_bytes: int | None = MAX_BYTES) -> Picture:
    """A picture that code has shown, as the model sees it: without loss if that has at most `max_bytes` in base64.

    Raises:
        ValueError: no view of it is possible.
    """
    return _view(pixels, rule, lossy=False, max_bytes=max_bytes)


def _view(pixels: Image.Image, rule: PixelRule, *, lossy: bool, max_bytes: int | None) -> Picture:
    """By the rule; smaller than it allows if the picture has too many bytes even as JPEG of low quality."""
    size = fit(Size(*pixels.size), rule).size
    while True:
        view = encode(pixels if size == pixels.size else _resize(pixels, size), lossy=lossy, max_bytes=max_bytes)
        smaller = int(size.width * size.height * _SMALLER)
        if view is not None:
            return view
        if smaller < max(rule.least, rule.step**2) or rule.fills:
            raise ValueError(f"{size.width}x{size.height} pixels have more than {max_bytes} bytes; the server takes no more")
        rule = replace(rule, most=smaller)
        size = fit(Size(*pixels.size), rule).size


def _resize(pixels: Image.Image, size: Size) -> Image.Image:
    """Bicubic. To the next multiple of a step, which most pictures need, without a low-pass filter: eight times as fast."""
    scales = (size.width / pixels.width, size.height / pixels.height)
    if all(abs(scale - 1) <= _NEAR for scale in scales):
        import cv2

        resized = cv2.resize(np.asarray(pixels), size, interpolation=cv2.INTER_CUBIC)
        return Image.fromarray(resized)
    return pixels.resize(size, Image.Resampling.BICUBIC)


def _bytes(source: ImageSource, name: str) -> tuple[bytes, str]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), name
    if isinstance(source, Image.Image):
        try:
            return encode_png(upright_rgb(source)), name
        except Exception as error:  # boundary: Pillow's decoders raise anything on hostile files
            raise DataError(f"{name}: Pillow cannot load it: {error}") from None
    try:
        name = os.fspath(source)
        return read_named(name, PICTURE_BYTES), name
    except TypeError:
        kind = type(source).__name__
        raise DataError(f"{name}: {kind} is no picture; give a path, encoded bytes or a PIL image") from None
