"""Task files: what is read, and every mistake with file, row and column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codedance import DataError, Task
from codedance.tasks import read_tasks


def written(path: Path, *rows: object) -> Path:
    file = path / "tasks.jsonl"
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


def test_a_line_is_a_task_with_its_pictures_beside_the_file(tmp_path: Path) -> None:
    row = {"id": 7, "question": "How many?", "images": ["a.png", "sub/b.jpg"], "answer": 12, "source": "s", "category": "c"}
    file = written(tmp_path, row, "", {"question": "Why?", "image": "/abs/c.png"})
    first, second = read_tasks(file)
    assert first == Task(
        id="7", question="How many?", images=(tmp_path / "a.png", tmp_path / "sub/b.jpg"), answer="12", source="s", category="c"
    )
    assert second == Task(id="3", question="Why?", images=(Path("/abs/c.png"),)), "without an id the line's number names the task"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "row 2: it is no JSON"),
        ("[]", "row 2: it is a list, not an object with fields"),
        ({"question": ""}, "row 2: column 'question' is ''; it must be a text that is not empty"),
        ({"image": "a.png"}, "row 2: column 'question' is missing; the columns are image"),
        ({"question": "?", "images": {"a": 1}}, "row 2: column 'images' is {'a': 1}; it must be a picture: a path"),
        ({"question": "?", "image": 3}, "row 2: column 'image' is 3"),
        ({"question": "?", "answer": [{"a": 1}]}, "row 2: column 'answer' is [{'a': 1}]; it must be a text, a number"),
        ({"question": "?", "anwser": "a"}, "row 2: unknown field 'anwser'; the fields are answer, category"),
        ({"question": "?", "rule": "guess"}, "row 2: column 'rule' is 'guess'; it must be one of exact, chartqa"),
        ({"question": "\ud83d"}, "row 2: column 'question' is '\\ud83d'; it must be a text without half characters"),
    ],
)
def test_a_mistake_is_told_by_row_and_column(tmp_path: Path, row: object, words: str) -> None:
    with pytest.raises(DataError) as caught:
        list(read_tasks(written(tmp_path, {"question": "?"}, row)))
    assert words in str(caught.value) and str(tmp_path) in str(caught.value)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_bytes(b'{"question": "\xff"}\n')
    with pytest.raises(DataError, match="row 1: it is no JSON"):
        list(read_tasks(tmp_path / "tasks.jsonl"))


@pytest.mark.parametrize("name", ["none.jsonl", "tasks.csv", "tasks.txt"])
def test_files_that_cannot_be_read_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=name):
        list(read_tasks(tmp_path / name))


def test_tasks_are_read_as_they_are_needed(tmp_path: Path) -> None:
    tasks = read_tasks(written(tmp_path, {"question": "first?"}, "{"))
    assert next(tasks).question == "first?"
