"""Where the rows are in a JSON file that is one value.

    rows_of({"version": 1, "data": [{"question": ...}]}, "", file)      # [("", {"question": ...})]

A list of objects, one object by id, a table by columns, the pages of Hugging Face's dataset viewer, or one of these inside an
object such as {"version": 1, "data": [...]}; where it holds several lists (train and test, say) one is named. Not covered: what
columns mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codedance.errors import DataError

_ASKING = ("question", "prompt", "problem", "query", "conversations", "messages", "text", "target_object")
"""Fields of a row: an object that has one is no wrapper around rows."""


def rows_of(whole: Any, part: str, file: Path) -> list[tuple[str, Any]]:
    """The rows, each with what the file calls it, or "".

    Args:
        whole: the value.
        part: the name of the list to take, where there are several.
        file: for errors.

    Raises:
        DataError: there are several lists and none is named, or none of that name.
    """
    if isinstance(whole, list):
        return [("", row) for row in whole]
    if not isinstance(whole, dict) or not whole:
        return [("", whole)]
    if found := _by_columns(whole) or _of_viewer(whole):
        return found
    if any(name in whole for name in _ASKING):
        return [("", whole)]
    inside = {name: value for name, value in whole.items() if _holds_rows(value)}
    names = ", ".join(inside) or "none"
    if part and part not in inside:
        raise DataError(f"{file}: it has no rows under {part!r}; what has rows in it: {names}")
    if len(inside) > 1 and not part:
        raise DataError(f"{file}: several lists of rows are in it ({names}); name one: {file}:{next(iter(inside))}")
    if inside:
        return rows_of(inside[part] if part else next(iter(inside.values())), "", file)
    if all(isinstance(value, dict) for value in whole.values()):
        return list(whole.items())
    return [("", whole)]


def _holds_rows(value: Any) -> bool:
    """A list of objects, or objects by id."""
    rows = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(rows) and all(isinstance(row, dict) for row in rows)


def _by_columns(whole: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The rows of {"question": [...], "answer": [...]} or, as pandas writes it, {"question": {"0": ...}, ...}."""
    asked = next((whole[name] for name in _ASKING if name in whole), None)
    values = list(whole.values())
    are_lists = asked and all(isinstance(value, list) and len(value) == len(values[0]) for value in values)
    if are_lists and not any(isinstance(part, dict) for part in asked or ()):  # messages are objects, and of one row
        return [("", dict(zip(whole, row, strict=True))) for row in zip(*values, strict=True)]
    if isinstance(asked, dict) and all(isinstance(value, dict) and value.keys() == asked.keys() for value in values):
        return [(key, {name: value[key] for name, value in whole.items()}) for key in asked]
    return []


def _of_viewer(whole: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The rows of {"features": ..., "rows": [{"row_idx": 0, "row": {...}}, ...]}."""
    rows = whole.get("rows")
    if not isinstance(rows, list) or not all(isinstance(each, dict) and isinstance(each.get("row"), dict) for each in rows):
        return []
    return [("", each["row"]) for each in rows]
