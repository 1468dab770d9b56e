"""What a cell holds in place of a picture, told by what it is: bytes, `{bytes, path}`, base64, a data: or file: URL, or a path.

    picture_in(b"\\x89PNG...", ())                        # the bytes
    picture_in("iVBORw0KGgoAAAANS...", ())                # base64: decoded, because a picture's first bytes come out
    picture_in("images/7.jpg", (Path("mathvista"),))      # mathvista/images/7.jpg
    several_in("['a.jpg', 'b.jpg']")                      # ["a.jpg", "b.jpg"]: a list written as text

What a file names goes to a model. Where the file is somebody else's, a path, and where its links lead, can be kept in named
folders and the store that a snapshot of Hugging Face's cache has its links into. Pictures are not decoded here. Not covered:
fetching from the web; pictures of other rows (`table`).
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

ANYWHERE = (Path("/"),)
"""For files whose pictures may lie in any folder."""
_LONGEST_PATH = 4096
_SURELY_NO_PATH = 1000
_HEAD = 64
_SIGNATURES = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",  # JPEG
    b"GIF8",
    b"II*\x00",  # TIFF
    b"MM\x00*",
    b"\x00\x00\x01\x00",  # ICO
    b"\x00\x00\x00\x0cjP",  # JPEG 2000
    b"\xff\x4f\xff\x51",
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?://)?", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+=\s]+")  # without what paths hold as well
_KEYS = ("bytes", "path", "url", "image_url", "image", "base64")
_KINDS = "a picture: a path, encoded bytes, base64, or a data: or file: URL"


class Unusable(ValueError):
    """A cell that is no picture; the text says what it must be."""


class Missing(ValueError):
    """A path with no file; the text is the path."""


class Outside(ValueError):
    """A path that leads out of the folders that were named; the text is where it leads."""


def several_in(value: object) -> list[object]:
    """The cells of a list, which may be written as text; another value is a list of one.

    Raises:
        Unusable: a text that begins and ends as a list is none.
    """
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str) and (text := value.strip()).startswith(("[", "{")) and text.endswith(("]", "}")):
        found = literal(text)
        if found is None:
            raise Unusable("a list of pictures")
        return list(found) if isinstance(found, (list, tuple)) else [found]
    return [value]


def literal(text: str) -> object:
    """The value that a text in JSON or of a Python literal stands for; None where it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def is_encoded(value: object) -> bool:
    """A cell that is an encoded picture and can be nothing else: its bytes, also as `bytes` of an object, or base64."""
    if isinstance(value, Mapping):
        value = value.get("bytes")
    if isinstance(value, (bytes, bytearray)):
        return _is_picture(bytes(value[:_HEAD]))
    return isinstance(value, str) and len(value) >= _HEAD and _is_picture(_decoded(value[:_HEAD]) or b"")


def picture_in(value: object, folders: Sequence[Path], *, must_exist: bool = True) -> Path | bytes:
    """The picture of a cell.

    Args:
        value: what the cell holds.
        folders: where a relative path may lead, the likeliest first.
        must_exist: a path with no file is an error.

    Raises:
        Unusable: it is no picture.
        Missing: it is a path, and there is no file.
        Outside: it is a path, and leads out of the folders.
    """
    if isinstance(value, Mapping):
        value = next((own for key in _KEYS if (own := value.get(key))), None)
        if isinstance(value, Mapping):  # {"image_url": {"url": ...}}
            value = value.get("url")
    if isinstance(value, (bytes, bytearray, memoryview)) and len(value):
        return bytes(value)
    if not isinstance(value, str) or not value.strip():
        raise Unusable(_KINDS)
    return _from_text(value.strip(), folders, must_exist)


def _from_text(text: str, folders: Sequence[Path], must_exist: bool) -> Path | bytes:
    scheme = _SCHEME.match(text[:_HEAD])
    if scheme and scheme[1].lower() == "data":
        return _from_data_url(text)
    if scheme and scheme[1].lower() == "file":
        parts = urlsplit(text)
        text = unquote(parts.path if parts.netloc in ("", "localhost") else parts.netloc + parts.path)
    elif scheme and scheme[0].endswith("://"):
        raise Unusable("a picture on this machine; addresses are not fetched: download it and write its path here")
    paths = [folder / text for folder in folders] if len(text) <= _LONGEST_PATH else []
    if found := next(filter(is_file, paths), None):
        return inside(found, folders)
    if _is_picture(_decoded(text[:_HEAD]) or b"") and (data := _decoded(text)):
        return data
    if not paths or len(text) > _SURELY_NO_PATH or (len(text) > 2 * _HEAD and _BASE64.fullmatch(text)):
        raise Unusable("base64 of a picture; what comes out does not begin as any known kind of picture")
    likeliest = inside(paths[0], folders)
    if must_exist:
        raise Missing(str(likeliest))
    return likeliest


def inside(path: Path, folders: Sequence[Path]) -> Path:
    """The path, if it and its links lead into one of the folders.

    Raises:
        Outside: they lead elsewhere.
    """
    parent = _real_folder(str(path.parent))
    real = os.path.join(parent, path.name)
    if path.name == ".." or os.path.islink(real):
        real = os.path.realpath(real)
    if not any(real.startswith(root) for root in _roots(tuple(folders))):
        raise Outside(real)
    return path


@lru_cache(maxsize=1024)  # pictures of one file lie in few folders
def _real_folder(folder: str) -> str:
    try:
        return os.path.realpath(folder)
    except ValueError:  # a null character
        return ""


@lru_cache(maxsize=64)
def _roots(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """What real paths may begin with."""
    snapshots = (above for folder in folders for above in folder.absolute().parents if above.name == "snapshots")
    stores = [above.parent / "blobs" for above in snapshots if (above.parent / "blobs").is_dir()]
    return tuple(os.path.join(os.path.realpath(folder), "") for folder in (*folders, *stores))


def _from_data_url(text: str) -> bytes:
    kind, comma, rest = text.partition(",")
    data = _decoded(rest) if kind.lower().endswith(";base64") else unquote_to_bytes(rest)
    if not comma or not data:
        raise Unusable("a data: URL with a picture, such as data:image/png;base64,...")
    return data


def _decoded(text: str) -> bytes | None:
    """What base64 stands for, with or without line breaks and padding, in either alphabet; None where it is none."""
    if "\n" in text or "\r" in text or " " in text:
        text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    text = text.rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_picture(head: bytes) -> bool:
    """The first bytes of a file are those of a picture."""
    return (
        head.startswith(_SIGNATURES)
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or (head.startswith(b"BM") and head[6:10] == bytes(4) and len(head) > 20)
        or (head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1"))
        or (head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b"\n", b" ", b"\t", b"\r"))
    )


def is_file(path: Path) -> bool:
    """Also of what can be no path: base64 has names longer than any file's."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
