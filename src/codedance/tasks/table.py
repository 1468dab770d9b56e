"""A row of a table, asked for columns of a kind: whatever does not fit is an error that names file, row and column.

    row.text("question"), row.pictures("image"), row.number("level")

Pictures come in every form that `pictures` knows, or as the index of another row of the file that has them; they are not decoded.
Not covered: reading files (`readers`); what the columns mean.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from glob import escape
from pathlib import Path
from typing import Any

from codedance.errors import DataError
from codedance.tasks.pictures import Missing, Outside, Unusable, inside, is_file, literal, picture_in, several_in

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".JPG")
_SHOWN = 80
_LONGEST_PATH = 300


class Row:
    """One row.

    Args:
        values: by column.
        where: the words that name its place.
        file: what it stands in.
        folders: where relative paths of pictures may lead, the likeliest first; those of all pictures must lead into one of them.
        name: what it is called where no column says so.
        find: the row of the same file with this `index`, for rows that share a picture; None where rows have none.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        where: str,
        file: Path,
        folders: Sequence[Path],
        name: str,
        find: Callable[[str], Row | None] | None = None,
    ) -> None:
        self.values = values
        self.where = where
        self.file = file
        self._folders = folders
        self._name = name
        self._find = find

    @property
    def is_of_texts(self) -> bool:
        """Its file has no other values: an empty cell stands for a missing one."""
        return not {".tsv", ".csv"}.isdisjoint(self.file.suffixes)

    def has(self, *names: str) -> bool:
        """All these columns are there and not empty."""
        return not any(is_empty(self.values.get(name)) for name in names)

    def first(self, *names: str) -> str:
        """The first of these columns that is there and not empty, or nothing."""
        return next((name for name in names if self.has(name)), "")

    def text(self, name: str) -> str:
        """A text; numbers are written out.

        Raises:
            DataError: it is missing, empty or of another type.
        """
        value = self.values.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, Decimal):
            value = f"{value.normalize():f}"
        if not _is_word(value) or is_empty(value):
            raise self.error(name, "a text that is not empty")
        if _has_half_character(str(value)):
            raise self.error(name, "a text without half characters (an escape such as \\ud83d alone), which no file can hold")
        return str(value)

    def optional(self, name: str) -> str:
        """A text, or nothing."""
        return self.text(name) if self.has(name) else ""

    def label(self, *names: str) -> str:
        """The first of these columns that holds a text or a number; nothing where there is none."""
        return next((self.text(name) for name in names if self.has(name) and _is_word(self.values[name])), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; none where it is missing.

        Raises:
            DataError: it is no list of texts.
        """
        value = self.values.get(name) or []
        if isinstance(value, str) and self.is_of_texts:
            value = literal(value.strip())
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
        return Row(value, f"{self.where}, {name}", self.file, self._folders, self._name, self._find)

    def picture(self, name: str) -> Path | bytes:
        """The one picture of a column, not yet decoded.

        Raises:
            DataError: as `pictures`, or there are several.
        """
        found = self.pictures(name)
        if len(found) != 1:
            raise self.error(name, f"one picture, not {len(found)}")
        return found[0]

    def pictures(self, name: str, *, must_exist: bool = True) -> tuple[Path | bytes, ...]:
        """The pictures of a column: one, a list, a list as text, or the index of another row of the file that has them.

        Args:
            name: the column.
            must_exist: a path with no file is an error; else that shows when the picture is needed.

        Raises:
            DataError: it is missing, empty, no picture, or names a file or row that is not there.
        """
        value = self.values.get(name)
        if self._find is not None and (index := as_index(value)):
            other = self._find(index)
            if other is not None and not as_index(other.values.get(name)):
                return other.pictures(name, must_exist=must_exist)
            raise self.error(name, "a picture, or the index of a row that has one")
        try:
            some = several_in(value)
            if not some:
                raise Unusable("a list with one picture at least")
            return tuple(picture_in(part, self._folders, must_exist=must_exist) for part in some)
        except Unusable as error:
            raise self.error(name, str(error)) from None
        except Missing as error:
            raise DataError(
                f"{self.where}: column {name!r}: there is no picture {_shortened(str(error), _LONGEST_PATH)}"
            ) from None
        except Outside as error:
            raise self._outside(str(error)) from None

    def in_folder(self, folder: str, name: str) -> Path:
        """A picture of this name in a folder beside the file.

        Raises:
            DataError: it is not there.
        """
        path = self.file.parent / folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not is_file(path):
            raise DataError(f"{self.where}: there is no picture {_shortened(str(path), _LONGEST_PATH)}")
        return self._inside(path)

    def id(self, name: str = "id") -> str:
        """What the row is called: a column, else the file's own name for it or its number."""
        return self.text(name) if self.has(name) else self._name

    def fetched(self, name: str) -> Path:
        """A picture that was fetched into the folder `images` beside the file, under this name, with or without an ending.

        Raises:
            DataError: it is not there.
        """
        folder = self.file.parent / "images"
        is_name = name and "/" not in name and len(name) < _LONGEST_PATH
        exact = [path for path in (folder / name,) if is_name and is_file(path)]
        found = exact or (sorted(folder.glob(f"{escape(name)}.*")) if is_name else [])
        if not found:
            sought = _shortened(str(folder / name), _LONGEST_PATH)
            raise DataError(f"{self.where}: there is no picture {sought}; fetch what the row names into {folder}")
        return self._inside(found[0])

    def beside(self) -> Path:
        """The picture that has the file's own name.

        Raises:
            DataError: there is none.
        """
        found = [path for ending in _ENDINGS if (path := self.file.with_suffix(ending)).is_file()]
        if not found:
            raise DataError(f"{self.where}: beside it lies no picture of the same name ({', '.join(_ENDINGS)})")
        return self._inside(found[0])

    def _inside(self, path: Path) -> Path:
        try:
            return inside(path, self._folders)
        except Outside as error:
            raise self._outside(str(error)) from None

    def _outside(self, path: str) -> DataError:
        return DataError(
            f"{self.where}: the picture {_shortened(path, _LONGEST_PATH)} lies outside of {self._folders[0]}; if it may go to "
            f"the model, name its folder: --images-from {_shortened(os.path.dirname(path), _LONGEST_PATH)}"
        )

    def error(self, name: str, wanted: str) -> DataError:
        """What is wrong with a column."""
        if name not in self.values:
            return DataError(f"{self.where}: column {name!r} is missing; the columns are {', '.join(self.values)}")
        return DataError(f"{self.where}: column {name!r} is {_shortened(repr(self.values[name]))}; it must be {wanted}")


def is_empty(value: Any) -> bool:
    """Nothing, an empty text or list, or the not-a-number that tables have in empty cells."""
    return value is None or value in ("", [], {}) or (isinstance(value, float) and math.isnan(value))


def _is_word(value: Any) -> bool:
    return isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool) and bool(str(value).strip())


def as_index(value: Any) -> str:
    """A whole number, or its digits, as the index of a row; empty where it is another value."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip() if isinstance(value, (int, str)) and len(str(value)) < _SHOWN else ""
    return text if text.isdecimal() else ""


def _shortened(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _has_half_character(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
