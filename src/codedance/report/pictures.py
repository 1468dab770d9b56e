"""The pictures of a report: each one once, all together within a number of bytes.

    album = make_album(folder / "images", ["ab12.png", ...], thumbnails={"ab12.png"}, room=12_000_000)
    album.pictures["ab12.png"].base64

Small pictures come first and take what they need; what they leave is shared by the larger ones, which shrink. Plots, diagrams and
small crops stay sharp: without loss where their share allows it. A picture that is missing, damaged or finds no room is named in
`album.left_out`. Not covered: colour profiles, animation.
"""

from __future__ import annotations

import base64
import io
import math
import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from PIL import Image

from codedance.errors import DataError
from codedance.images.reading import opened, rgb
from codedance.images.rules import Size
from codedance.untrusted import Folder, NotThere

_MOST_SIDE = 1600  # more is not to be seen in a browser window
_THUMBNAIL_SIDE = 144
_LEAST_BYTES = 1200  # less shows nothing
_FEW_COLOURS = 1500  # in a sample of 128x128: a drawing; photographs have many thousand
_SMALL = 400 * 400
_BYTES_PER_PIXEL = 0.12
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Embedded:
    """A WebP picture as it stands in the page."""

    base64: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Album:
    """Pictures and thumbnails by the name of their file, and why others are not there."""

    pictures: dict[str, Embedded] = field(default_factory=dict)
    thumbnails: dict[str, Embedded] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Characters of base64."""
        return sum(len(made.base64) for made in (*self.pictures.values(), *self.thumbnails.values()))


def make_album(folder: Path, names: Iterable[str], thumbnails: Collection[str], room: int) -> Album:
    """The pictures `names` of `folder`, with thumbnails of some, in at most `room` characters of base64."""
    album = Album()
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting = _smallest_first(folder, names, album.left_out)
        for start in range(0, len(waiting), 2 * workers):
            batch = waiting[start : start + 2 * workers]
            share = (room - album.size) * 3 // 4 // (len(waiting) - start)
            made = pool.map(lambda name, share=share: _make(folder, name, share, name in thumbnails), batch)
            for name, (picture, thumbnail) in zip(batch, made, strict=True):
                if thumbnail is not None:
                    album.thumbnails[name] = thumbnail
                if isinstance(picture, Embedded):
                    album.pictures[name] = picture
                else:
                    album.left_out[name] = picture
    return album


def _smallest_first(folder: Path, names: Iterable[str], left_out: dict[str, str]) -> list[str]:
    """By pixels, each name once; one that cannot be opened is left out."""
    pixels: dict[str, int] = {}
    for name in names:
        if "/" in name:
            left_out[name] = "its name leads out of the folder"
            continue
        try:
            with _file(folder, name) as file, opened(file) as image:
                pixels[name] = image.width * image.height
        except Exception as error:  # boundary: decoders raise anything on damaged files
            left_out[name] = _reason(error, name)
    return sorted(pixels, key=lambda name: (pixels[name], name))


def _file(folder: Path, name: str) -> IO[bytes]:
    return Folder(folder.parent).open(f"{folder.name}/{name}")


def _make(folder: Path, name: str, share: int, with_thumbnail: bool) -> tuple[Embedded | str, Embedded | None]:
    """The picture within `share` bytes, or why there is none; and a thumbnail."""
    try:
        image = _load(folder, name, share)
        thumbnail = _thumbnail(image) if with_thumbnail else None
        used = len(thumbnail.base64) * 3 // 4 if thumbnail is not None else 0
        if used > share // 2:
            thumbnail, used = None, 0
        return _encode_within(image, share - used) or "no room was left for it", thumbnail
    except Exception as error:  # boundary: decoders raise anything on damaged files
        return _reason(error, name), None


def _load(folder: Path, name: str, share: int) -> Image.Image:
    """RGB, not much larger than `share` bytes can hold."""
    with _file(folder, name) as file, opened(file) as image:
        goal = int(min(_MOST_SIDE, max(2 * _THUMBNAIL_SIDE, math.sqrt(3 * max(share, 0) / _BYTES_PER_PIXEL))))
        image.draft("RGB", (goal, goal))
        pixels, _ = rgb(image, needs=lambda size: Size(_MOST_SIDE, _MOST_SIDE))
    pixels.thumbnail((_MOST_SIDE, _MOST_SIDE), Image.Resampling.BICUBIC, reducing_gap=1.5)
    return pixels


def _thumbnail(image: Image.Image) -> Embedded:
    small = image.copy()
    small.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.BICUBIC, reducing_gap=1.5)
    return _embedded(small, _webp(small, 60))


def _encode_within(image: Image.Image, most: int) -> Embedded | None:
    if most < _LEAST_BYTES:
        return None
    if _is_drawn(image) and len(data := _webp(image, None)) <= most:
        return _embedded(image, data)
    area = image.width * image.height
    is_small = area <= _SMALL
    pixels = float(area) if is_small else min(area, most / _BYTES_PER_PIXEL)
    for attempt in range(_TRIES):
        scaled = _scaled(image, pixels)
        data = _webp(scaled, 92 if is_small and not attempt else 78)
        if len(data) <= most:
            return _embedded(scaled, data)
        if attempt or not is_small:
            pixels = 0.85 * scaled.width * scaled.height * most / len(data)
    return None


def _is_drawn(image: Image.Image) -> bool:
    """A plot or a diagram, not a photograph."""
    return image.resize((128, 128), Image.Resampling.NEAREST).getcolors(_FEW_COLOURS) is not None


def _scaled(image: Image.Image, pixels: float) -> Image.Image:
    scale = math.sqrt(pixels / (image.width * image.height))
    if scale >= 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=1.5)


def _webp(image: Image.Image, quality: int | None) -> bytes:
    """Without loss where no quality is given."""
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=quality is None, quality=60 if quality is None else quality, method=2)
    return file.getvalue()


def _embedded(image: Image.Image, data: bytes) -> Embedded:
    return Embedded(base64.b64encode(data).decode(), *image.size)


def _reason(error: Exception, name: str) -> str:
    if isinstance(error, NotThere):
        return "the file is missing"
    if isinstance(error, DataError):
        return str(error).rpartition(f"{name}: ")[2]
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else "the file is damaged"
