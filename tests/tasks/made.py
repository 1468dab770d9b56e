"""What tests of task files share: a small picture."""

from __future__ import annotations

import base64
import io

from PIL import Image


def png(shade: int = 120, kind: str = "PNG") -> bytes:
    """An encoded picture of 8 x 6 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 0, 0)).save(file, kind)
    return file.getvalue()


def text_of(data: bytes) -> str:
    """Its base64."""
    return base64.b64encode(data).decode()
