"""Picture files of a session: those that code saves and never shows, and those that it takes for granted and are not there.

    prepare_files(lambda: files, note)              # once, in the zygote: open, cv2.imread, cv2.imwrite
    files = Files(["/session/work/input_image.jpg"], places={"/session/work": ""})
    files.start(); ...; files.saved(source)               # ["crop.png"]
    files.instead_of("/mnt/data/3471.jpg")          # "/session/work/input_image.jpg"

Models are trained with other names for the input picture than ours (`image.jpg`, a path in the prompt of their training). Where
there is one input picture, and a picture is read that is not there, and its name does not look like something made from the
input, the input is read in its place and a note says so.

Not covered: libraries that look for a file themselves before they open it (imageio), `os.path.exists`.
"""

from __future__ import annotations

import builtins
import io
import os
import re
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import cv2
from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
_DATA = "/mnt/data"
_USUAL = re.compile(
    r"(?:(?:the|your|my|path|to|original|orig|user|uploaded|upload|test|sample|example|source|input|full|main|given)[-_ ]?){0,4}"
    r"(?:image|img|input|photo|picture|pic|screenshot)[-_ ]?\d{0,4}"
)
_MADE = re.compile(
    r"crop|zoom|edge|mask|result|out|process|enhanc|gr[ae]y|resiz|rotat|plot|chart|annot|contour|thresh|blur|save|temp|tmp|region|patch"
    r"|final|debug|detect|highlight|new|box|draw|copy|left|right|top|bottom|part|sharp|bright|contrast|mark|label|combin|compar"
)
"""What the names of pictures look like that code makes itself."""
_MOST_ENTRIES, _MOST_DEPTH = 5000, 4
_SAVING = ("save", "write", "open")
"""What code looks like that may write a file anew without taking more space."""
_CLOCK = 5
"""CLOCK_REALTIME_COARSE, by which the kernel dates files."""
_File = tuple[int, int, int]


class Files:
    """What one session has in the way of picture files."""

    def __init__(self, inputs: Sequence[str] = (), places: Mapping[str, str] | None = None) -> None:
        """`places` are the directories to write to, each with the name that code has for it."""
        self._inputs = list(inputs)
        self._places = dict(places or {})
        self._seen = dict(self._found())
        self._is_counted = _written() > 0
        self._began = self._ended = 0
        self._usage = self._usage_when_seen = self._measure()

    def start(self) -> None:
        """A cell begins: what is saved from now on is its doing."""
        self._began, self._usage = time.clock_gettime_ns(_CLOCK), self._measure()
        if self._began == self._ended and self._usage != self._usage_when_seen:
            self._seen |= dict(self._found())
            self._usage_when_seen = self._usage

    def end(self) -> None:
        """The cell is over."""
        self._ended = time.clock_gettime_ns(_CLOCK)

    def saved(self, source: str) -> list[str]:
        """The picture files that were written since the start of the cell that runs `source`, oldest first."""
        usage = self._measure()
        if usage == self._usage and not any(word in source for word in _SAVING):
            return []
        self._usage_when_seen = usage
        found = dict(self._found())
        new = [path for path, stamp in found.items() if stamp[0] >= self._began and self._seen.get(path) != stamp]
        self._seen = found
        return [self._as_known(path) for path in sorted(new, key=lambda path: found[path])]

    def instead_of(self, path: str) -> str | None:
        """The input picture, if `path`, which is not there, is likely to mean it."""
        stem, suffix = os.path.splitext(os.path.basename(path).lower())
        if suffix not in SUFFIXES or len(self._inputs) != 1 or not os.path.exists(self._inputs[0]) or path == self._inputs[0]:
            return None
        if _USUAL.fullmatch(stem):
            return self._inputs[0]
        folder = os.path.dirname(os.path.abspath(path))
        is_at_home = folder in (os.path.dirname(self._inputs[0]), _DATA) or folder.startswith(_DATA + "/")
        return self._inputs[0] if is_at_home and not _MADE.search(stem) else None

    def hint(self, path: str) -> str:
        """What to say of a picture that is not there."""
        if os.path.splitext(path.lower())[1] not in SUFFIXES or not self._inputs:
            return ""
        names = ", ".join(os.path.basename(name) for name in self._inputs[:8])
        return f" (given were: {names})"

    def _measure(self) -> tuple[int, int]:
        """Something that changes when files are written: looking through the directories is slow, and mostly nothing is new.

        On a disk that others use too, what this process has written (the kernel counts it, as the input files have shown); else
        the free blocks and files of the place.
        """
        if self._is_counted:
            return _written(), 0
        for place in self._places:
            usage = os.statvfs(place)
            return usage.f_bfree, usage.f_ffree
        return 0, 0

    def _as_known(self, path: str) -> str:
        """A path as code writes it."""
        for place, name in self._places.items():
            if path.startswith(place + "/"):
                return os.path.join(name, path.removeprefix(place + "/"))
        return path

    def _found(self) -> Iterator[tuple[str, _File]]:
        left = _MOST_ENTRIES
        folders = [(place, 0) for place in self._places]
        while folders and left > 0:
            folder, depth = folders.pop()
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir(follow_symlinks=False) and depth < _MOST_DEPTH and left > 0:
                        folders.append((entry.path, depth + 1))
                    elif entry.name.lower().endswith(SUFFIXES) and entry.is_file(follow_symlinks=False):
                        info = entry.stat(follow_symlinks=False)
                        yield entry.path, (info.st_mtime_ns, info.st_ino, info.st_size)


def _written() -> int:
    """Blocks that this process has written to disks, not to file systems in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_oublock


def _as_png(path: str) -> io.BytesIO:
    """The picture in a file as PNG, whatever it is: matplotlib goes by the name that it was asked for."""
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        picture.save(buffer, "PNG", compress_level=1)
    buffer.seek(0)
    return buffer


def _missing_folder(path: str) -> str:
    folder = os.path.dirname(path)
    return f" (there is no folder {folder!r}; save it where the code runs, or in {_DATA}; display(picture) needs no file)"


def prepare_files(current: Callable[[], Files], note: Callable[[str], None]) -> None:
    """Let `open` and OpenCV find input pictures under other names, and tell what OpenCV passes over in silence."""
    real_open, real_read, real_write = builtins.open, cv2.imread, cv2.imwrite

    def told(path: Any, instead: str) -> str:
        note(f"{os.fspath(path)!r} is not there; {os.path.basename(instead)} was read in its place")
        return instead

    def open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        try:
            return real_open(file, mode, *args, **kwargs)
        except FileNotFoundError as error:
            if isinstance(file, (str, os.PathLike)) and mode[:1] in "wxa":
                error.strerror = f"{error.strerror}{_missing_folder(str(os.fspath(file)))}"
            if not isinstance(file, (str, os.PathLike)) or mode not in ("r", "rb", "rt"):
                raise
            path = str(os.fspath(file))
            instead = current().instead_of(path)
            if instead is None:
                error.strerror = f"{error.strerror}{current().hint(path)}"
                raise
        if mode == "rb" and path.lower().endswith(".png"):
            return _as_png(told(file, instead))
        return real_open(told(file, instead), mode, *args, **kwargs)

    def imread(filename: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(filename, (str, os.PathLike)) and not os.path.exists(filename):
            path = str(os.fspath(filename))
            instead = current().instead_of(path)
            if instead is None:
                note(f"cv2.imread returned None: {path!r} is not there{current().hint(path)}")
                return None
            filename = told(filename, instead)
        return real_read(filename, *args, **kwargs)

    def imwrite(filename: Any, *args: Any, **kwargs: Any) -> Any:
        is_written = real_write(filename, *args, **kwargs)
        if is_written is False:
            folder = os.path.dirname(os.path.abspath(filename))
            why = f"{folder!r} cannot be written to" if os.path.isdir(folder) else f"there is no folder {folder!r}"
            note(f"cv2.imwrite returned False: {filename!r} was not saved, {why}; display(array) shows a picture without a file")
        return is_written

    stand_ins: list[tuple[Any, Any]] = [(builtins, open), (io, open), (cv2, imread), (cv2, imwrite)]
    for owner, stand_in in stand_ins:
        real = getattr(owner, stand_in.__name__)
        stand_in.__doc__, stand_in.__qualname__ = real.__doc__, stand_in.__name__
        setattr(owner, stand_in.__name__, stand_in)
