"""Pictures on their way to a model: the view that it sees, and the store that keeps every picture once.

A vision-language model never sees the file: it sees a *view*, resized to the pixel rule of its image processor. The code that it
writes gets the same pixels as `input_image`, so that boxes mean the same on both sides; `fit` and `View.to_original` lead back
to the full resolution.

    photo = load_input("photo.jpg", QWEN25_VL)   # photo.view: exactly what is sent; photo.original: the bytes as given
    fit(Size(8064, 5241), QWEN25_VL).size        # Size(width=4424, height=2884)

Lossy originals give lossy views (JPEG, quality 95), all others PNG; the pixels are always those of the encoded view, decoded.
Not covered: colour profiles, animation (the first frame counts).
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import stat
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

from codedance.errors import ConfigError, DataError, StoreError
from codedance.sandbox.guest.pictures import upright_rgb
from codedance.types import ImageSource

_MOST_ASPECT = 200
_MOST_BYTES = 1 << 29
_NEAR = 0.1
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO")  # no EPS: it runs Ghostscript
_LOSSY = {"JPEG", "MPO", "WEBP", "AVIF"}
_WEBP_HEADER = 64  # a lossless one says so in its first chunks
_PNG_LEVEL = 1  # speed: level 6 takes five times as long for a tenth less
_DIGEST_BYTES = 16
_PART = ".part-"
_WARNINGS = threading.Lock()


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


class Box(NamedTuple):
    """Left, top, right, bottom in pixels; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PixelRule:
    """What an image processor accepts: sides in multiples of `step`, area in pixels between `least` and `most`.

    Raises:
        ConfigError: the bounds leave no picture.
    """

    step: int
    least: int
    most: int

    def __post_init__(self) -> None:
        if self.step < 1 or not self.step**2 <= self.most or not 0 < self.least <= self.most:
            raise ConfigError(
                f"pixel rule {self.least} to {self.most} pixels in steps of {self.step}: it needs 0 < least <= most and at least "
                "one step squared"
            )

    def tokens(self, size: tuple[int, int]) -> int:
        """What a view of this size costs: one token a step squared, and two marks around it."""
        return (size[0] // self.step) * (size[1] // self.step) + 2


QWEN25_VL = PixelRule(step=28, least=4 * 28 * 28, most=16384 * 28 * 28)  # Qwen2.5-VL preprocessor_config.json


@dataclass(frozen=True, slots=True)
class View:
    """The size of a resized picture and of the original it came from."""

    size: Size
    original: Size

    def to_original(self, box: Box) -> Box:
        """Map a box from view to original pixels, clipped to the picture.

        Raises:
            ValueError: the box is empty or lies wholly outside the view.
        """
        left, top, right, bottom = (min(max(v, 0), limit) for v, limit in zip(box, self.size * 2, strict=True))
        if left >= right or top >= bottom:
            raise ValueError(f"{box} covers no pixel of a {self.size.width}x{self.size.height} view")
        across, down = self.original.width / self.size.width, self.original.height / self.size.height
        return Box(left * across, top * down, right * across, bottom * down)


def fit(original: Size, rule: PixelRule) -> View:
    """The view that `rule` gives for a picture, keeping its aspect as near as the step allows.

    The arithmetic of Qwen2.5-VL's smart_resize (but for sides below half a step), so that the server's own resizing leaves the
    view alone and token counts agree.

    Raises:
        ValueError: a side is zero, or the aspect is beyond 200:1, which the processor refuses.
    """
    short, long = sorted(original)
    if short < 1 or long / short > _MOST_ASPECT:
        raise ValueError(f"{original[0]}x{original[1]} pixels: sides must be positive and within {_MOST_ASPECT}:1")
    step = rule.step
    width, height = (max(step, round(side / step) * step) for side in original)
    area = original[0] * original[1]
    if width * height > rule.most:  # shrink, rounding down so that the limit holds
        scale = math.sqrt(area / rule.most)
        width, height = (max(step, math.floor(side / scale / step) * step) for side in original)
    elif width * height < rule.least:  # enlarge, rounding up
        scale = math.sqrt(rule.least / area)
        width, height = (math.ceil(side * scale / step) * step for side in original)
    most = _MOST_ASPECT * min(width, height) // step * step  # rounding may have made a thin picture thinner
    return View(Size(min(width, most), min(height, most)), Size(*original))


@dataclass(frozen=True)
class Picture:
    """An upright RGB picture and its encoded form, each made from the other when it is first needed."""

    size: Size
    _pixels: Image.Image | None = field(default=None, repr=False)
    _encoded: bytes | None = field(default=None, repr=False)
    media_type: str = "image/png"

    @classmethod
    def of(cls, pixels: Image.Image) -> Picture:
        """A picture from RGB pixels, to be encoded without loss."""
        return cls(Size(*pixels.size), _pixels=pixels)

    @cached_property
    def pixels(self) -> Image.Image:
        """Upright RGB."""
        if self._pixels is not None:
            return self._pixels
        assert self._encoded is not None
        return _decode(self._encoded, "picture")[0]

    @cached_property
    def encoded(self) -> bytes:
        """PNG, unless the picture came as JPEG."""
        if self._encoded is not None:
            return self._encoded
        assert self._pixels is not None
        return encode_png(self._pixels)

    @cached_property
    def digest(self) -> str:
        """Of the encoded bytes where the picture came as such, else of the pixels."""
        if self._encoded is not None:
            return digest_bytes(self._encoded)
        assert self._pixels is not None
        return digest_pixels(self._pixels)

    @property
    def file(self) -> str:
        """Its name in a store."""
        return f"{self.digest}.{'jpg' if self.media_type == 'image/jpeg' else 'png'}"


@dataclass(frozen=True, slots=True)
class InputImage:
    """A task's picture: the bytes as given, and the view that the model and the code see."""

    original: bytes
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


def load_input(source: ImageSource, rule: PixelRule, name: str = "image") -> InputImage:
    """Read a picture and make the view of it that `rule` asks for.

    Raises:
        DataError: it cannot be read or decoded, or no view of it is possible; names the picture and the reason.
    """
    data, name = _bytes(source, name)
    pixels, kind = _decode(data, name)
    try:
        size = fit(Size(*pixels.size), rule).size
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    tokens = rule.tokens(size)
    original_size = Size(*pixels.size)
    suffix = {"JPEG": "jpg", "MPO": "jpg"}.get(kind, kind.lower())
    if size == original_size and kind in ("JPEG", "PNG") and _is_plain(data):
        view = Picture(size, pixels, data, f"image/{kind.lower()}")
        return InputImage(data, original_size, suffix, view, tokens)
    if size != original_size:
        pixels = _resize(pixels, size)
    if kind in _LOSSY and b"VP8L" not in data[:_WEBP_HEADER]:
        encoded = _encode_jpeg(pixels)
        view = Picture(size, None, encoded, "image/jpeg")
    else:
        view = Picture(size, pixels, encode_png(pixels))
    return InputImage(data, original_size, suffix, view, tokens)


def fit_shown(pixels: Image.Image, rule: PixelRule) -> Picture:
    """A picture that code has shown, as the model sees it."""
    size = fit(Size(*pixels.size), rule).size
    return Picture.of(pixels if size == pixels.size else _resize(pixels, size))


def _resize(pixels: Image.Image, size: Size) -> Image.Image:
    """Bicubic. To the next multiple of a step, which most pictures need, without a low-pass filter: eight times as fast."""
    scales = (size.width / pixels.width, size.height / pixels.height)
    if all(abs(scale - 1) <= _NEAR for scale in scales):
        import cv2

        resized = cv2.resize(np.asarray(pixels), size, interpolation=cv2.INTER_CUBIC)
        return Image.fromarray(resized)
    return pixels.resize(size, Image.Resampling.BICUBIC)


def digest_pixels(pixels: Image.Image) -> str:
    """Names the pixels, whatever file they came from."""
    header = f"{pixels.mode} {pixels.width} {pixels.height}\n".encode()
    hashed = hashlib.blake2b(header, digest_size=_DIGEST_BYTES)
    hashed.update(pixels.tobytes())
    return hashed.hexdigest()


def digest_bytes(data: bytes) -> str:
    """Names a file by its content."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def encode_png(pixels: Image.Image) -> bytes:
    """Without loss, quickly."""
    file = io.BytesIO()
    pixels.save(file, "PNG", compress_level=_PNG_LEVEL)
    return file.getvalue()


def _encode_jpeg(pixels: Image.Image) -> bytes:
    file = io.BytesIO()
    pixels.save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


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
        found = os.stat(name)
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{name or repr(name)}: it is no file; a picture file is needed")
        if found.st_size > _MOST_BYTES:
            raise DataError(f"{name}: it has {found.st_size >> 20} MB; at most {_MOST_BYTES >> 20} MB are read")
        return Path(name).read_bytes(), name
    except DataError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{name or repr(name)}: it cannot be read: {reason}") from None
    except TypeError:
        kind = type(source).__name__
        raise DataError(f"{name}: {kind} is no picture; give a path, encoded bytes or a PIL image") from None


def _decode(data: bytes, name: str) -> tuple[Image.Image, str]:
    """Upright RGB pixels, and the name of the format."""
    if not data:
        raise DataError(f"{name}: it is empty; an encoded image is needed")
    try:
        with _quietly():
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            image.getexif()
        with image:
            return upright_rgb(image), image.format or "PNG"
    except Exception as error:  # boundary: decoders raise anything on hostile input
        reason = "not in an image format that Pillow knows" if "BytesIO" in str(error) else str(error)
        raise DataError(f"{name}: {reason}") from None


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's warnings of large pictures (beyond 179 million pixels it refuses) and damaged EXIF."""
    with _WARNINGS, warnings.catch_warnings():  # which is no matter of one thread
        warnings.simplefilter("ignore")
        yield


def _is_plain(data: bytes) -> bool:
    """Whether every library sees the same upright RGB pixels in these bytes."""
    with _quietly(), Image.open(io.BytesIO(data)) as image:
        upright = image.getexif().get(0x0112, 1) == 1
        return upright and image.mode == "RGB" and image.format in ("JPEG", "PNG") and not image.has_transparency_data


class PictureSink(Protocol):
    """Where a rollout leaves the pictures that a model has seen."""

    def put(self, name: str, data: bytes) -> None:
        """Keep bytes under a name that tells their content."""
        ...


class ImageStore:
    """A folder in which every picture lies once, under the digest of its content.

    Files appear whole or not at all, so a line that names one can be written right after.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        """Store bytes under a name that tells their content.

        Raises:
            StoreError: it cannot be written.
        """
        path = self._folder / name
        if path.exists():
            return
        temporary = ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=_PART)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise StoreError(f"{path}: it cannot be written: {error.strerror}; make room or name another folder") from None

    def sweep(self) -> None:
        """Remove what a killed process left half written. Only for who holds the folder alone."""
        for part in self._folder.glob(f"{_PART}*"):
            part.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The bytes under a name.

        Raises:
            DataError: there is no such file in the folder.
        """
        if Path(name).name != name:
            raise DataError(f"{name!r} is no name of a stored picture; the trace has been changed")
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise DataError(f"{self._folder / name}: a stored picture cannot be read: {error.strerror}") from None
