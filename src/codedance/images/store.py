"""A folder in which every picture lies once, under the digest of its content.

    store = ImageStore(folder / "images")
    store.put(picture.file, picture.encoded)

Not covered: removing pictures that no trace names any more.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol

from codedance.errors import DataError, StoreError

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
        if path.exists():
            return
        temporary = ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=_PART)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise StoreError(f"{path}: it cannot be written: {error.strerror}; make room or name another folder") from None

    def sweep(self) -> None:
        """Remove what a killed process left half written. Only for who holds the folder alone."""
        for part in self._folder.glob(f"{_PART}*"):
            part.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The bytes under a name.

        Raises:
            DataError: there is no such file in the folder.
        """
        if Path(name).name != name:
            raise DataError(f"{name!r} is no name of a stored picture; the trace has been changed")
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise DataError(f"{self._folder / name}: a stored picture cannot be read: {error.strerror}") from None
