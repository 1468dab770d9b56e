"""Put a session's input pictures into one sealed memory file.

    inbox = pack([pil_image, "photo.jpg", jpeg_bytes], originals=(), limits=limits)
    inbox.fd, inbox.images
    inbox.close()

PIL images travel as raw RGB. Paths and bytes travel encoded and are decoded inside the session, where a hostile file can
hurt nobody.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from codedance.errors import DataError
from codedance.sandbox.guest.messages import Described
from codedance.sandbox.limits import Limits
from codedance.types import Coordinates

if TYPE_CHECKING:
    from PIL import Image

    ImageInput = Image.Image | bytes | str | os.PathLike[str]
else:
    ImageInput = Any

_MOST_IMAGES = 100
_MOST_NAME = 300
_F_ADD_SEALS, _SEAL_EVERYTHING = 1033, 1 | 2 | 4 | 8


@dataclass(slots=True)
class Inbox:
    """The memory file and what lies where in it. Close it."""

    fd: int | None
    images: list[Described]
    originals: list[Described]
    coordinates: Coordinates = Coordinates.PIXELS
    """How the model writes boxes, for `from_model`."""
    closed: bool = False

    def close(self) -> None:
        """Let go of the memory file. Twice is fine."""
        self.closed = True
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def duplicate(self) -> Inbox:
        """The same pictures once more, to be closed on their own."""
        return replace(self, fd=None if self.fd is None else os.dup(self.fd))

    def __del__(self) -> None:
        self.close()


def pack(
    images: Sequence[ImageInput],
    originals: Sequence[ImageInput],
    limits: Limits,
    coordinates: Coordinates = Coordinates.PIXELS,
) -> Inbox:
    """Write everything into a fresh memory file.

    Raises:
        DataError: a file cannot be read, something is no picture, the numbers differ, or all is larger than `limits.input_mb`.
    """
    if originals and len(originals) != len(images):
        raise DataError(f"{len(originals)} originals were given for {len(images)} images; give one each, or none")
    if len(images) > _MOST_IMAGES:
        raise DataError(f"{len(images)} images were given; a session takes at most {_MOST_IMAGES}")
    if not images:
        return Inbox(None, [], [])
    fd = os.memfd_create("codedance-inbox", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    inbox = Inbox(fd, [], [], coordinates)
    try:
        for kind, sources, described in (("image", images, inbox.images), ("original", originals, inbox.originals)):
            for index, source in enumerate(sources):
                described.append(_append(fd, source, f"{kind}s[{index}]", limits))
        fcntl.fcntl(fd, _F_ADD_SEALS, _SEAL_EVERYTHING)
    except BaseException:
        inbox.close()
        raise
    return inbox


def _append(fd: int, source: ImageInput, name: str, limits: Limits) -> Described:
    offset = os.lseek(fd, 0, os.SEEK_END)
    size: dict[str, int] = {}
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        data = _read(name, limits)
    else:
        data, size = _pixels(source, name)
    if not data:
        raise DataError(f"{name}: it is empty; an encoded image or a PIL image is needed")
    if offset + len(data) > limits.input_mb << 20:
        raise DataError(f"{name}: with it the inputs have {offset + len(data) >> 20} MB; Limits.input_mb is {limits.input_mb}")
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    return {"name": name[-_MOST_NAME:], "offset": offset, "length": len(data), **size}


def _read(path: str, limits: Limits) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read((limits.input_mb << 20) + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{path}: it cannot be read: {reason}") from None


def _pixels(source: Any, name: str) -> tuple[bytes, dict[str, int]]:
    from PIL import Image

    from codedance.sandbox.guest.pictures import upright_rgb

    if not isinstance(source, Image.Image):
        raise DataError(f"{name}: {type(source).__name__} is no picture; give a PIL image, encoded bytes or a path")
    try:
        picture = upright_rgb(source)
    except Exception as error:  # boundary: Pillow's decoders raise anything on hostile files
        raise DataError(f"{name}: Pillow cannot load it: {error}") from None
    if 0 in picture.size:
        raise DataError(f"{name}: {picture.width}x{picture.height} pixels; both sides must be positive")
    return picture.tobytes(), {"width": picture.width, "height": picture.height}
