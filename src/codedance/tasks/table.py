"""A row of a table, asked for columns of a kind: whatever does not fit is an error that names file, row and column.

    row.text("question"), row.picture("image"), row.number("level")

Pictures come as paths beside the file, as encoded bytes, as base64, or as the `{bytes, path}` of parquet; they are not decoded.
Not covered: reading files (`readers`); what the columns mean.
"""

from __future__ import annotations

import ast
import base64
import binascii
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from codedance.errors import DataError

_LONGEST_PATH = 1000
_SHORTEST_BASE64 = 60
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".JPG")


class Row:
    """One row.

    Args:
        values: by column.
        where: the words that name its place.
        file: what it stands in.
        number: which one it is, counted from 1 over all files of a folder.
        find: the row of the same file with this `index`, for rows that share a picture.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        where: str,
        file: Path,
        number: int,
        find: Callable[[str], Row | None] = lambda index: None,
    ) -> None:
        self.values = values
        self.where = where
        self._file = file
        self._folder = file.parent
        self._number = number
        self._find = find

    def has(self, *names: str) -> bool:
        """All these columns are there and not empty."""
        return all(self.values.get(name) not in (None, "", []) for name in names)

    def text(self, name: str) -> str:
        """A text; numbers are written out.

        Raises:
            DataError: it is missing, empty or of another type.
        """
        value = self.values.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value).strip():
            raise self.error(name, "a text that is not empty")
        if _has_half_character(str(value)):
            raise self.error(name, "a text without half characters (an escape such as \\ud83d alone), which no file can hold")
        return str(value)

    def optional(self, name: str) -> str:
        """A text, or nothing."""
        return self.text(name) if self.has(name) else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; none where it is missing.

        Raises:
            DataError: it is no list of texts.
        """
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(part, (str, int, float)) for part in value):
            raise self.error(name, "a list of texts")
        if any(_has_half_character(str(part)) for part in value):
            raise self.error(name, "a list of texts without half characters")
        return tuple(map(str, value))

    def number(self, name: str) -> int:
        """A whole number.

        Raises:
            DataError: it is none.
        """
        value = self.values.get(name)
        try:
            number = int(str(value)) if not isinstance(value, float) else int(value)
        except (ValueError, OverflowError):
            raise self.error(name, "a whole number") from None
        if isinstance(value, bool) or (isinstance(value, float) and value != number):
            raise self.error(name, "a whole number")
        return number

    def part(self, name: str) -> Row:
        """A row inside this one.

        Raises:
            DataError: it is none.
        """
        value = self.values.get(name)
        if not isinstance(value, Mapping):
            raise self.error(name, "an object with fields")
        return Row(value, f"{self.where}, {name}", self._file, self._number, self._find)

    def picture(self, name: str) -> Path | bytes:
        """A picture, not yet decoded.

        Raises:
            DataError: it is missing, empty, or names a file that is not there.
        """
        return self._picture(self.values.get(name), name)

    def pictures(self, name: str) -> tuple[Path | bytes, ...]:
        """One picture or several.

        Raises:
            DataError: as `picture`, or there are none.
        """
        value = self.values.get(name)
        some = value if isinstance(value, list) else [value]
        if not some:
            raise self.error(name, "a list with one picture at least")
        return tuple(self._picture(part, name) for part in some)

    def _picture(self, value: Any, name: str) -> Path | bytes:
        if isinstance(value, Mapping):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, bytes) and value:
            return value
        if not isinstance(value, str) or not value:
            raise self.error(name, "a picture: a path, encoded bytes or base64")
        if len(value) > _LONGEST_PATH:
            return self._decoded(value, name)
        path = self._folder / value
        if _is_file(path):
            return path
        if "/" not in value[1:] and "." not in value and len(value) > _SHORTEST_BASE64:
            return self._decoded(value, name)
        raise DataError(f"{self.where}: column {name!r}: there is no picture {path}")

    def _decoded(self, value: str, name: str) -> bytes:
        try:
            return base64.b64decode(value.partition("base64,")[2] or value, validate=True)
        except binascii.Error:
            raise self.error(name, "base64 of a picture") from None

    def paths(self, name: str) -> tuple[Path, ...]:
        """One path or several, relative to the file; whether anything is there shows when they are needed.

        Raises:
            DataError: it is no list of paths.
        """
        value = self.values.get(name)
        some = value if isinstance(value, list) else [value]
        if not all(isinstance(part, str) and part for part in some):
            raise self.error(name, "a list of paths")
        return tuple(self._folder / str(part) for part in some)

    def listed(self, name: str) -> tuple[Path | bytes, ...]:
        """Pictures as VLMEvalKit lists them: one, several in the form of a Python list, or the index of a row that has them.

        Raises:
            DataError: as `picture`, or there is no such row.
        """
        value = self.values.get(name)
        if isinstance(value, str) and value.startswith("["):
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                raise self.error(name, "a list of pictures") from None
            return tuple(self._picture(part, name) for part in value)
        if isinstance(value, str) and value.isdigit():
            other = self._find(value)
            if other is not None and not str(other.values.get(name)).isdigit():
                return other.listed(name)
            raise self.error(name, "a picture, or the index of a row that has one")
        return (self._picture(value, name),)

    def in_folder(self, folder: str, name: str) -> Path:
        """A picture of this name in a folder beside the file.

        Raises:
            DataError: it is not there.
        """
        path = self._folder / folder / name
        if not path.is_file():
            raise DataError(f"{self.where}: there is no picture {path}")
        return path

    def id(self, name: str = "id") -> str:
        """What the row is called: a column, else its number."""
        return self.text(name) if self.has(name) else str(self._number)

    def fetched(self, name: str) -> Path:
        """A picture that was fetched into the folder `images` beside the file, under this name, with or without an ending.

        Raises:
            DataError: it is not there.
        """
        folder = self._folder / "images"
        found = [folder / name] if (folder / name).is_file() else sorted(folder.glob(f"{name}.*"))
        if not found or "/" in name:
            raise DataError(f"{self.where}: there is no picture {folder / name}; fetch what the row names into {folder}")
        return found[0]

    def beside(self) -> Path:
        """The picture that has the file's own name.

        Raises:
            DataError: there is none.
        """
        found = [path for ending in _PICTURES if (path := self._file.with_suffix(ending)).is_file()]
        if not found:
            raise DataError(f"{self.where}: beside it lies no picture of the same name ({', '.join(_PICTURES)})")
        return found[0]

    def error(self, name: str, wanted: str) -> DataError:
        """What is wrong with a column."""
        if name not in self.values:
            return DataError(f"{self.where}: column {name!r} is missing; the columns are {', '.join(self.values)}")
        shown = repr(self.values[name])
        return DataError(f"{self.where}: column {name!r} is {shown[:80]}{'...' * (len(shown) > 80)}; it must be {wanted}")


def _has_half_character(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_file(path: Path) -> bool:
    """Also of what can be no path: base64 has names longer than any file's."""
    try:
        return path.is_file()
    except OSError:
        return False
