"""A folder in which every picture lies once, under the digest of its content.

    store = ImageStore(folder / "images")
    store.put(picture.file, picture.encoded)

Not covered: removing pictures that no trace names any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from codedance.errors import DataError, StoreError
from codedance.untrusted import PICTURE_BYTES, Folder, writing

_PART = ".part-"


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
        if path.is_file() and not path.is_symlink():
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with writing(path, _PART) as file:
                file.write(data)
        except OSError as error:
            raise StoreError(f"{path}: it cannot be written: {error.strerror}; make room or name another folder") from None

    def sweep(self) -> None:
        """Remove what a killed process left half written. Only for who holds the folder alone."""
        for part in self._folder.glob(f"{_PART}*"):
            part.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The bytes under a name.

        Raises:
            DataError: there is no such file in the folder itself, or it is a link, no regular file, or too large.
        """
        if "/" in name:
            raise DataError(f"{name!r} is no name of a stored picture; the trace has been changed")
        return Folder(self._folder.parent).read(f"{self._folder.name}/{name}", PICTURE_BYTES)
