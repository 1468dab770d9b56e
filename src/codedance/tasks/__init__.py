"""Where questions come from.

    for task in read_tasks(Path("questions.jsonl")): ...

One JSON object a line; pictures are paths, relative to the file:

    {"id": "7", "question": "How many coins?", "images": ["coins.png"], "answer": "24", "source": "mine", "category": "counting"}

`image` with one path does as well; `id` is the line number where it is missing; answer, source and category are optional.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codedance.errors import DataError
from codedance.types import Task

_KNOWN = {"id", "question", "image", "images", "answer", "source", "category"}


def read_tasks(path: Path) -> Iterator[Task]:
    """The tasks of a file, one after another; pictures are read when they are needed.

    Raises:
        DataError: the file cannot be read, or a line is no task; names file, line and field.
    """
    if path.suffix != ".jsonl":
        raise DataError(f"{path}: tasks are read from a .jsonl file, one JSON object a line")
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: it is no file")
        with open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _task(line, path, number)
    except OSError as error:
        raise DataError(f"{path}: it cannot be read: {error.strerror}") from None


def _task(line: bytes, path: Path, number: int) -> Task:
    where = f"{path}, line {number}"
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: it is no JSON: {error}") from None
    if not isinstance(row, dict):
        raise DataError(f"{where}: a task is a JSON object, this is a {type(row).__name__}")
    if unknown := sorted(set(row) - _KNOWN):
        raise DataError(f"{where}: unknown field {unknown[0]!r}; the fields are {', '.join(sorted(_KNOWN))}")
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise DataError(f"{where}: field 'question' is {question!r}; it must be a text that is not empty")
    images = row.get("images", [row["image"]] if "image" in row else [])
    if not isinstance(images, list) or not all(isinstance(image, str) and image for image in images):
        raise DataError(f"{where}: field 'images' is {images!r}; it must be a list of paths")
    for name in ("answer", "source", "category"):
        if not isinstance(row.get(name, ""), (str, int, float)):
            raise DataError(f"{where}: field {name!r} is {row[name]!r}; it must be a text")
    if not _is_text(row):
        raise DataError(f"{where}: a field has half of a character (an escape such as \\ud83d alone), which no file can hold")
    return Task(
        id=str(row.get("id", number)),
        question=question,
        images=tuple(path.parent / image for image in images),
        answer=str(row["answer"]) if "answer" in row else None,
        source=str(row.get("source", "")),
        category=str(row.get("category", "")),
    )


def _is_text(row: Any) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
