"""A picture as it is sent, and how it is encoded within the bytes that a server takes.

    encode(pixels, lossy=False, max_bytes=5_000_000)        # PNG if it is small enough, else JPEG; None: too large even so

Not covered: other formats than PNG and JPEG, which every server reads.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from functools import cached_property

from PIL import Image

from codedance.images.reading import decode
from codedance.images.rules import Size

_PNG_LEVEL = 1  # speed: level 6 takes five times as long for a tenth less
_QUALITIES = (95, 90, 80, 70)  # of JPEG; below, text becomes hard to read, and a smaller picture is better
_DIGEST_BYTES = 16


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
        return decode(self._encoded, "picture")[0]

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


def encode(pixels: Image.Image, *, lossy: bool, max_bytes: int | None) -> Picture | None:
    """PNG, or JPEG where that is wanted or PNG would be too large; None where no quality is small enough.

    Args:
        pixels: RGB.
        lossy: JPEG of quality 95 will do.
        max_bytes: of the base64 form; None: any.
    """
    size = Size(*pixels.size)
    if not lossy:
        png = Picture.of(pixels)
        raw_bytes = 3 * size.width * size.height
        if max_bytes is None or base64_bytes(raw_bytes + raw_bytes // 100 + 4096) <= max_bytes:  # surely: no need to try
            return png
        if base64_bytes(len(png.encoded)) <= max_bytes:
            return png
    for quality in _QUALITIES:
        data = _encode_jpeg(pixels, quality)
        if max_bytes is None or base64_bytes(len(data)) <= max_bytes:
            return Picture(size, None, data, "image/jpeg")
    return None


def base64_bytes(num_bytes: int) -> int:
    """How long so many bytes become in base64."""
    return -(-num_bytes // 3) * 4


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


def _encode_jpeg(pixels: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    pixels.save(file, "JPEG", quality=quality, subsampling=0 if quality == _QUALITIES[0] else 2)
    return file.getvalue()
