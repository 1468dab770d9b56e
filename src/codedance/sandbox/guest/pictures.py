"""Turn whatever people call an image into upright 8-bit RGB, and whatever code shows into something a model accepts.

    upright_rgb(Image.open("scan.tif"))               # RGBA, palette, 16-bit, CMYK, EXIF-rotated, ... -> RGB
    fit_for_model(picture, caps)                      # -> (picture, note) or (None, why it was dropped)

Not covered: animation (the first frame counts), colour management beyond what Pillow's convert does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from .settings import Caps

_LEAST_SIDE_OF_AN_ARRAY_IMAGE = 16
"""A smaller array is more likely a matrix that somebody wants to read."""


def upright_rgb(image: Image.Image) -> Image.Image:
    """The picture as people see it: EXIF rotation applied, transparency on white, 16-bit and float scaled to 8 bits.

    Raises whatever Pillow raises for a file that is truncated or too large.
    """
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled(np.asarray(image))
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return image.convert("RGB")


def _scaled(pixels: np.ndarray[Any, Any]) -> Image.Image:
    values = np.nan_to_num(pixels.astype(np.float64), posinf=0.0, neginf=0.0)
    if pixels.dtype.kind == "f":
        low, high = values.min(), values.max()
        values = (values - low) * (255.0 / (high - low) if high > low else 0.0)
    elif values.max(initial=0) > 255:
        values = values / 257.0  # 65535 -> 255
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8)).convert("RGB")


def looks_like_image(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array that a cell ends with is a picture rather than numbers to read."""
    if array.ndim not in (2, 3) or min(array.shape[:2]) < _LEAST_SIDE_OF_AN_ARRAY_IMAGE:
        return False
    if array.ndim == 3:
        if array.shape[2] not in (1, 3, 4):
            return False
        return array.dtype == np.uint8 or (array.dtype.kind == "f" and bool(array.min() >= 0 and array.max() <= 1))
    return array.dtype in (np.uint8, np.bool_)


def array_to_rgb(array: np.ndarray[Any, Any], bgr: bool) -> Image.Image:
    """An RGB picture from a grey, colour or colour-with-alpha array; `bgr` says that blue comes first."""
    array = eight_bits(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if bgr and array.ndim == 3:
        array = array[:, :, [2, 1, 0, *range(3, array.shape[2])]]
    return upright_rgb(Image.fromarray(np.ascontiguousarray(array)))


def eight_bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Truth values, floats from 0 to 1 and whole numbers as 8 bits."""
    pixels: np.ndarray[Any, Any] = np.asarray(array)  # of the plain class
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    elif pixels.dtype.kind == "f":
        pixels = np.clip(np.nan_to_num(pixels) * 255.0, 0, 255)
    elif pixels.dtype != np.uint8:
        pixels = np.clip(pixels, 0, 255)
    return pixels.astype(np.uint8, copy=False)


def fit_for_model(picture: Image.Image, caps: Caps) -> tuple[Image.Image | None, str | None]:
    """Apply the named guards: aspect (dropped), tiny (enlarged), huge (scaled down)."""
    width, height = picture.size
    if width < 1 or height < 1:
        return None, f"a picture of {width}x{height} pixels was dropped: it is empty"
    short, long = min(width, height), max(width, height)
    if long / short > caps.image_aspect:
        return None, f"a picture of {width}x{height} pixels was dropped: its sides differ by more than {caps.image_aspect:g}:1"
    scale = 1.0
    if short < caps.image_tiny_px:
        scale = caps.image_enlarged_px / short
    if width * height * scale * scale > caps.image_pixels:
        scale = (caps.image_pixels / (width * height)) ** 0.5
    if scale == 1.0:
        return picture, None
    size = (max(1, int(width * scale + 1e-6)), max(1, int(height * scale + 1e-6)))
    how = "enlarged" if scale > 1 else "scaled down"
    resized = picture.resize(size, Image.Resampling.LANCZOS)
    return resized, f"a picture of {width}x{height} pixels was {how} to {size[0]}x{size[1]}"
