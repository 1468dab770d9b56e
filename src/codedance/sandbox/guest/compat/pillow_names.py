"""Names of Pillow that 10.0 removed: filters of `resize` and sizes of text."""

from __future__ import annotations

from typing import Any

import PIL
from PIL import Image, ImageChops, ImageDraw, ImageFont

from .removed import Own, Replacement, replace_methods, replace_names


def install() -> None:
    """Constants of `Image`, methods of fonts and of `ImageDraw`."""
    version = Own(PIL.__version__, "PIL.__version__")
    constants: dict[str, Replacement] = {
        "ANTIALIAS": Own(Image.Resampling.LANCZOS, "Image.LANCZOS"),
        "LINEAR": Own(Image.Resampling.BILINEAR, "Image.BILINEAR"),
        "CUBIC": Own(Image.Resampling.BICUBIC, "Image.BICUBIC"),
        "PILLOW_VERSION": version,
        "VERSION": version,
        "fromstring": "PIL.Image.frombytes",
        "USE_CFFI_ACCESS": Own(False, "False"),
    }
    replace_names(Image, "Pillow", "Image", constants)
    offset = Own(lambda image, xoffset, yoffset=None: ImageChops.offset(image, xoffset, yoffset), "ImageChops.offset")
    replace_methods(Image.Image, "Pillow", {"tostring": "tobytes", "fromstring": "frombytes", "offset": offset})
    text_size = Own(_text_size, "ImageDraw.textbbox")
    replace_methods(ImageDraw.ImageDraw, "Pillow", {"textsize": text_size, "multiline_textsize": text_size})
    for kind in (ImageFont.FreeTypeFont, ImageFont.ImageFont, ImageFont.TransposedFont):
        replace_methods(kind, "Pillow", {"getsize": Own(_font_size, "font.getbbox")})
    methods: dict[str, Replacement] = {
        "getsize_multiline": Own(_size_of_lines, "ImageDraw.multiline_textbbox"),
        "getoffset": Own(lambda font, text: font.getbbox(text)[:2], "font.getbbox"),
    }
    replace_methods(ImageFont.FreeTypeFont, "Pillow", methods)


def _text_size(draw: Any, text: str, font: Any = None, spacing: float = 4, *more: Any, **options: Any) -> tuple[int, int]:
    """Width and lower edge of `text` drawn at (0, 0), as `textsize` gave it."""
    left, _, right, bottom = draw.textbbox((0, 0), text, font, spacing=spacing, **options)
    return round(right - left), round(bottom)


def _font_size(font: Any, text: str, *more: Any, **options: Any) -> tuple[int, int]:
    left, _, right, bottom = font.getbbox(text, *more, **options)
    return round(right - left), round(bottom)


def _size_of_lines(font: Any, text: str, direction: Any = None, spacing: float = 4, **options: Any) -> tuple[int, int]:
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    return _text_size(draw, text, font, spacing, direction=direction, **options)
