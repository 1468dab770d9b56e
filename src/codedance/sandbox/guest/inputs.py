"""The pictures that a session is given, as variables and as a file.

    inputs = Inputs(memory_file, descriptions)     # decodes; raises BadImage naming the picture and the reason
    namespace.update(inputs.variables())           # input_image, input_images, from_model, to_original
    inputs.write_file()                            # input_image.jpg
    inputs.add_originals(namespace)                # original_image(s), decoded when a cell first names them

`input_image.jpg` holds the caller's own bytes if they are an upright RGB JPEG or PNG. Otherwise it holds the pixels of
`input_image` without loss, as a portable pixmap: every library here goes by the content, not by the name.
"""

from __future__ import annotations

import io
import math
import mmap
import os
from collections.abc import Sequence
from typing import Any

from PIL import Image

from . import pictures

FILE = "input_image.jpg"
SYSTEMS: dict[str, tuple[float, bool]] = {
    "pixels": (0.0, False),
    "per_thousand": (1000.0, False),
    "per_thousand_y_first": (1000.0, True),
    "unit": (1.0, False),
}
"""The values of `codedance.types.Coordinates`: how far the numbers go (0: as far as the pixels), and whether y comes first."""
_MARGIN = 1.05  # a little beyond the border is a slip of the model; more is another system
_ROUNDING = 1e-6


class BadImage(Exception):
    """An input picture that cannot be decoded within the session's limits."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class Inputs:
    """Decoded input pictures and, not yet decoded, their originals.

    Each description has `name`, `offset`, `length` and, for raw RGB pixels, `width` and `height`.
    """

    def __init__(
        self,
        fd: int | None,
        images: Sequence[dict[str, Any]],
        originals: Sequence[dict[str, Any]],
        coordinates: str = "pixels",
    ) -> None:
        self._coordinates = coordinates
        # private: before Linux 6.7, and in gVisor, a file that is sealed against writing cannot be mapped as shared
        self._data = memoryview(mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ) if fd is not None else b"")
        if fd is not None:
            os.close(fd)
        self._originals: list[tuple[memoryview, dict[str, Any]]] = [(self._read(d), d) for d in originals]
        encoded = [self._read(d) for d in images]
        self._decoded = [_decode(data, d) for data, d in zip(encoded, images, strict=True)]
        self._files = [data if _is_usable(data, d) else None for data, d in zip(encoded, images, strict=True)]
        self._raw = ["width" in d for d in images]
        self._decoded_originals: list[Image.Image] | None = None

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of every input picture."""
        return [image.size for image in self._decoded]

    @property
    def images(self) -> list[Image.Image]:
        """The input pictures."""
        return self._decoded

    @property
    def file_names(self) -> list[str]:
        """Their files in the working directory."""
        return [FILE if index == 0 else f"input_image_{index}.jpg" for index in range(len(self._decoded))]

    def variables(self) -> dict[str, Any]:
        """What a cell finds from the start."""
        if not self._decoded:
            return {}
        return {
            "input_image": self._decoded[0],
            "input_images": list(self._decoded),
            "from_model": self.from_model,
            "to_original": self.to_original,
        }

    def write_file(self) -> None:
        """Put the first picture into the working directory, and further ones as input_image_1.jpg, ..."""
        for index, (name, image) in enumerate(zip(self.file_names, self._decoded, strict=True)):
            data = self._files[index]
            try:
                with open(name, "wb") as file:
                    if data is None or self._raw[index]:
                        file.write(b"P6\n%d %d\n255\n" % image.size)
                    file.write(data if data is not None else image.tobytes())
            except (OSError, MemoryError):
                os.unlink(name)
                raise
        self._files.clear()
        if not self._originals:
            self._data = memoryview(b"")  # nothing refers to the memory file any more: its mapping goes

    def add_originals(self, source: str, namespace: dict[str, Any]) -> None:
        """Decode the full-resolution pictures if `source` names them for the first time."""
        if self._decoded_originals is not None or "original_image" not in source or not self._decoded:
            return
        self._decoded_originals = [_decode(data, d) for data, d in self._originals] or list(self._decoded)
        namespace.setdefault("original_image", self._decoded_originals[0])
        namespace.setdefault("original_images", list(self._decoded_originals))

    def from_model(self, box: Sequence[float], index: int = 0) -> tuple[int, ...]:
        """Map a box or a point, as the model writes it, to pixels of `input_images[index]`: (left, top, right, bottom) or (x, y).

        A box is rounded outwards and clipped to the picture. Raises ValueError for one that covers no pixel, and for numbers of
        another system (pixels where 0 to 1000 is meant, ...).
        """
        scale, y_first = SYSTEMS[self._coordinates]
        values = [float(v) for v in box]
        if len(values) not in (2, 4):
            raise ValueError(f"{tuple(box)} has {len(values)} numbers; a box has 4, a point 2")
        width, height = self._decoded[index].size
        sides = [height, width] if y_first else [width, height]
        sides *= len(values) // 2
        if scale:
            if max(values) > scale * _MARGIN:
                raise ValueError(f"{tuple(box)}: numbers go from 0 to {scale:g} here; pixels need no from_model")
            values = [value * side / scale for value, side in zip(values, sides, strict=True)]
        values = [min(max(value, 0.0), side) for value, side in zip(values, sides, strict=True)]
        if y_first:
            values = [values[at ^ 1] for at in range(len(values))]
        if len(values) == 2:
            return min(width - 1, int(values[0])), min(height - 1, int(values[1]))
        left, top, right, bottom = values
        if left >= right or top >= bottom:
            order = "y_min, x_min, y_max, x_max" if y_first else "x_min, y_min, x_max, y_max"
            raise ValueError(f"the box {tuple(box)} covers no pixel of a {width}x{height} picture; the order is {order}")
        return (*_floor(left, top), *_ceil(right, bottom))

    def to_original(self, box: Sequence[float], index: int = 0) -> tuple[int, int, int, int]:
        """Map a box (left, top, right, bottom) in pixels of `input_images[index]` to pixels of `original_images[index]`.

        Rounded outwards and clipped to the picture. Raises ValueError for a box that covers no pixel.
        """
        width, height = self._decoded[index].size
        full_width, full_height = self._original_size(index)
        left, right = (min(max(float(v), 0.0), width) for v in (box[0], box[2]))
        top, bottom = (min(max(float(v), 0.0), height) for v in (box[1], box[3]))
        if left >= right or top >= bottom:
            raise ValueError(f"the box {tuple(box)} covers no pixel of a {width}x{height} picture")
        across, down = full_width / width, full_height / height
        full_right, full_bottom = _ceil(right * across, bottom * down)
        return (*_floor(left * across, top * down), min(full_width, full_right), min(full_height, full_bottom))

    def _original_size(self, index: int) -> tuple[int, int]:
        if self._decoded_originals is not None:
            return self._decoded_originals[index].size
        if not self._originals:
            return self._decoded[index].size
        data, description = self._originals[index]
        if "width" in description:
            return description["width"], description["height"]
        try:
            with Image.open(io.BytesIO(data)) as image:
                turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                return (image.height, image.width) if turned else image.size
        except OSError:
            raise BadImage(description["name"], "not in an image format that Pillow knows") from None

    def _read(self, description: dict[str, Any]) -> memoryview:
        return self._data[description["offset"] : description["offset"] + description["length"]]


def _floor(x: float, y: float) -> tuple[int, int]:
    return math.floor(x + _ROUNDING), math.floor(y + _ROUNDING)


def _ceil(x: float, y: float) -> tuple[int, int]:
    return math.ceil(x - _ROUNDING), math.ceil(y - _ROUNDING)


def _is_usable(data: memoryview, description: dict[str, Any]) -> bool:
    """Whether the caller's bytes show the same picture as `input_image` to every library."""
    if "width" in description:
        return True
    with Image.open(io.BytesIO(data)) as image:
        upright = image.getexif().get(0x0112, 1) == 1
        return upright and image.mode == "RGB" and image.format in ("JPEG", "PNG") and not image.has_transparency_data


def _decode(data: memoryview, description: dict[str, Any]) -> Image.Image:
    try:
        if "width" in description:
            size = (description["width"], description["height"])
            return Image.frombytes("RGB", size, data)  # type: ignore[arg-type]  # any buffer will do
        with Image.open(io.BytesIO(data)) as image:
            return pictures.upright_rgb(image)
    except MemoryError:
        raise BadImage(description["name"], "decoding it takes more memory than a session has (Limits.memory_mb)") from None
    except Exception as error:  # boundary: decoders raise anything on hostile input
        reason = str(error)[:300]
        if "BytesIO" in reason:
            reason = "not in an image format that Pillow knows"
        raise BadImage(description["name"], reason) from None
