"""Files and folders as they lie around: kinds of files, wrappers in JSON, splits, and what is said where one has to be named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codedance.errors import ConfigError, DataError
from codedance.tasks import read_tasks
from codedance.tasks.selection import Selection
from tasks.made import png

ROWS = [{"id": f"q{n}", "question": f"How many, {n}?", "answer": str(n)} for n in range(3)]
BY_ID = {row["id"]: {key: value for key, value in row.items() if key != "id"} for row in ROWS}
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def ids(source: str | Path) -> list[str]:
    return [task.id for task in read_tasks(source)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        LINES,
        "\ufeff" + LINES,
        "\ufeff" + json.dumps(ROWS),
        LINES.replace("\n", "\n\n"),
        json.dumps(BY_ID),
        json.dumps({"version": 1, "data": ROWS}),
        json.dumps({"features": [{"name": "question"}], "rows": [{"row_idx": n, "row": row} for n, row in enumerate(ROWS)]}),
        json.dumps({"info": {"year": 2024}, "questions": ROWS}),
        json.dumps({"annotations": BY_ID}),
        json.dumps(COLUMNS),
        json.dumps({name: dict(zip(COLUMNS["id"], column, strict=True)) for name, column in COLUMNS.items()}),
    ],
)
def test_json_may_hold_rows_in_any_usual_way(text: str, tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text(text)
    tasks = list(read_tasks(tmp_path / "some.json"))
    assert [(task.id, task.question, task.answer) for task in tasks] == [(r["id"], r["question"], r["answer"]) for r in ROWS]


def test_one_row_is_a_row_whatever_lists_it_has(tmp_path: Path) -> None:
    row = {"data_source": "count", "prompt": [{"role": "user", "content": "How many?"}], "answer": "3", "extra": [{"a": 1}]}
    (tmp_path / "one.json").write_text(json.dumps(row))
    (task,) = read_tasks(tmp_path / "one.json")
    assert task.question == "How many?"


def test_of_several_lists_in_json_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    file.write_text(json.dumps({"train": ROWS, "test": ROWS[:1]}))
    with pytest.raises(DataError, match=r"all.json: several lists of rows are in it \(train, test\); name one: .*all.json:train"):
        ids(file)
    assert ids(f"{file}:test") == ids(f"plain:{file}:test") == ["q0"]
    with pytest.raises(DataError, match="it has no rows under 'dev'; what has rows in it: train, test"):
        ids(f"{file}:dev")


def test_tables_and_lines_may_be_packed_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    table = "id\tquestion\tanswer\n" + "".join("\t".join(row.values()) + "\n" for row in ROWS)
    (tmp_path / "t.tsv").write_text("\ufeff" + table)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(table.replace(", ", " ").replace("\t", ",").encode()))
    (tmp_path / "l.jsonl.gz").write_bytes(gzip.compress(LINES.encode()))
    (tmp_path / "list.jsonl").write_text(json.dumps(ROWS))
    for name in ("t.tsv", "t.csv.gz", "l.jsonl.gz", "list.jsonl"):
        assert ids(tmp_path / name) == ["q0", "q1", "q2"], name


def test_a_table_of_a_spreadsheet_and_a_file_that_was_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id;question;answer\nq0;How many, 0?;1,5\n")
    (task,) = read_tasks(tmp_path / "t.csv")
    assert (task.question, task.answer) == ("How many, 0?", "1,5")
    (tmp_path / "t.parquet").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(DataError, match="only a pointer to a file that Git LFS holds; fetch it with git lfs pull"):
        ids(tmp_path / "t.parquet")


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_parquet(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def write_arrow(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


Write = Callable[[Path, list[dict[str, str]]], None]


@pytest.mark.parametrize(
    ("write", "train", "test"),
    [
        (write_parquet, "data/train-00000-of-00001.parquet", "data/test-00000-of-00001-0a1b.parquet"),
        (write_parquet, "train.parquet", "test.parquet"),
        (write_lines, "train.jsonl", "my_test.jsonl"),
        (write_arrow, "train/data-00000-of-00001.arrow", "test/data-00000-of-00001.arrow"),
    ],
)
def test_a_folder_with_splits_asks_which_one_is_meant(write: Write, train: str, test: str, tmp_path: Path) -> None:
    write(tmp_path / "repo" / train, ROWS)
    write(tmp_path / "repo" / test, ROWS[:1])
    (tmp_path / "repo/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(DataError, match=r"(several splits|several folders with data).*test.*train.*|train.*test"):
        ids(tmp_path / "repo")
    assert (ids(f"{tmp_path}/repo:train"), ids(f"{tmp_path}/repo:test")) == (["q0", "q1", "q2"], ["q0"])
    with pytest.raises(DataError, match="there is no split 'dev'; there are test, train"):
        ids(f"{tmp_path}/repo:dev")


def test_shards_of_one_split_are_read_together_in_order(tmp_path: Path) -> None:
    for n, row in enumerate(ROWS):
        write_parquet(tmp_path / "repo/data" / f"test-{n:05}-of-00003.parquet", [row])
        write_lines(tmp_path / "parts" / f"part{n}.jsonl", [row])
    assert ids(tmp_path / "repo") == ids(f"{tmp_path}/repo:test") == ids(tmp_path / "parts") == ["q0", "q1", "q2"]


def test_what_a_folder_does_not_tell_is_asked(tmp_path: Path) -> None:
    write_lines(tmp_path / "mixed/a.jsonl", ROWS)
    write_parquet(tmp_path / "mixed/b.parquet", ROWS)
    with pytest.raises(
        DataError, match=r"files of several kinds \(.jsonl, .parquet\); name one, such as one of a.jsonl, b.parquet"
    ):
        ids(tmp_path / "mixed")
    for name in ("chart", "map"):
        write_lines(tmp_path / "sets" / name / "test.jsonl", ROWS)
    with pytest.raises(DataError, match=r"several folders with data; name one of .*sets/chart, .*sets/map"):
        ids(tmp_path / "sets")
    assert ids(tmp_path / "sets/map") == ids(f"{tmp_path}/sets:map") == ["q0", "q1", "q2"]
    write_parquet(tmp_path / "cache/snapshots/0a1b/data/test/0.parquet", ROWS)
    assert ids(tmp_path / "cache") == ["q0", "q1", "q2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no file with rows in this folder or below it \(.parquet, "):
        ids(tmp_path / "empty")
    with pytest.raises(DataError, match="there is no layout 'nowhere'"):
        ids("nowhere:test")


def test_pictures_lie_beside_the_file_or_in_the_named_folder(tmp_path: Path) -> None:
    (tmp_path / "repo/pictures").mkdir(parents=True)
    (tmp_path / "repo/pictures/a.png").write_bytes(png())
    write_parquet(tmp_path / "repo/data/test.parquet", [{"question": "?", "image": "pictures/a.png"}])
    (task,) = read_tasks(tmp_path / "repo")
    assert task.images == (tmp_path / "repo/pictures/a.png",)


def test_splits_of_one_folder_are_sources_of_their_own(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write_lines(tmp_path / "repo" / f"{name}.jsonl", ROWS)
    both = Selection(sources=tuple(f"{tmp_path}/repo:{name}" for name in ("train", "test")))
    assert [task.id for task in both.tasks()][::3] == ["repo-train/q0", "repo-test/q0"]
    assert len(set(both.digests().values())) == 1 and len(both.digests()) == 2
    with pytest.raises(ConfigError, match="two sources have the name 'repo-test'"):
        Selection(sources=(f"{tmp_path}/repo:test",) * 2)


def test_a_list_of_objects_in_lists_of_pictures_or_messages_is_no_wrapper(tmp_path: Path) -> None:
    row: dict[str, Any] = {"question": "Is it open?", "images": [{"bytes": None, "path": "a.png"}], "answer": "yes"}
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "one.json").write_text(json.dumps(row))
    (task,) = read_tasks(tmp_path / "one.json")
    assert task.images == (tmp_path / "a.png",)
