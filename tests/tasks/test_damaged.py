"""Files of tasks that are damaged, endless or made to fill the memory: refused by name, at once."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codedance.errors import DataError
from codedance.tasks import read_tasks, text_files

LINE = b'{"question": "How many?", "answer": "3"}\n'
BOMB = gzip.compress(bytes(text_files.MOST_ROW + 2), 1)
INVALID = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
)  # a text that is none


def refused(path: Path, data: bytes, match: str) -> None:
    path.write_bytes(data)
    with pytest.raises(DataError, match=match):
        list(read_tasks(path))


def test_a_packed_file_that_is_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(LINE * 200)
    refused(tmp_path / "cut.jsonl.gz", packed[:-20], "it cannot be unpacked: .*get the whole file again")
    refused(tmp_path / "odd.jsonl.gz", packed[:12] + b"\xff" * 20 + packed[32:], "it cannot be unpacked")
    refused(tmp_path / "none.csv.gz", LINE, "it cannot be unpacked")


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.tsv.gz", "a.csv.gz"])
def test_a_line_without_an_end_is_not_kept(name: str, tmp_path: Path) -> None:
    refused(tmp_path / name, BOMB, "a row has more than 64 MB")


def test_a_value_is_not_unpacked_beyond_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "_MOST_WHOLE", 1 << 16)
    refused(tmp_path / "a.json.gz", BOMB, "write it as JSON lines")


def test_empty_lines_do_not_go_on_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "_MOST_BLANK", 100)
    refused(tmp_path / "a.jsonl", LINE + b"\n" * 102 + LINE, "more than 100 empty lines")
    (tmp_path / "few.jsonl").write_bytes(LINE + b"\n" * 99 + LINE)
    assert len(list(read_tasks(tmp_path / "few.jsonl"))) == 2


def test_a_quote_that_is_never_closed_ends_at_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MOST_ROW", 1 << 12)
    refused(tmp_path / "a.csv", b'question,answer\n"' + b'x\n","' * 2000, "is a quote open")


def test_a_table_of_a_million_cells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "_MOST_CELLS", 1000)
    refused(tmp_path / "a.tsv", b"question\t" * 1002 + b"\n", "or 1000 cells")


def test_json_of_too_many_parts_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "a.json", b"[" + b"[]," * 1_100_000 + b"[]]", "too many parts")
    refused(tmp_path / "b.json", b"[" * 100_000, "nested too deeply|no JSON")


def test_texts_of_a_table_are_looked_through_before_they_are_read(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([INVALID], ["question"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="it is no parquet: .*UTF8"):
        list(read_tasks(tmp_path / "a.parquet"))
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    with pytest.raises(DataError, match="it is no Arrow file: .*UTF8"):
        list(read_tasks(tmp_path / "a.arrow"))


def test_a_row_that_python_cannot_hold_is_one_bad_row(tmp_path: Path) -> None:
    dates = pa.array([10**15], pa.timestamp("s"))
    pq.write_table(pa.table({"question": ["When?"], "asked": dates}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="a row cannot be read"):
        list(read_tasks(tmp_path / "a.parquet"))


def test_a_pipe_is_no_file_of_tasks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match="it is no file"):
        list(read_tasks(tmp_path / "a.jsonl"))


@pytest.mark.parametrize("name", ["x" * 5000, "../hats", "/etc/passwd", "[" * 200, "a\0b"])
def test_a_name_of_a_picture_that_leads_nowhere_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "hats.png").write_bytes(b"not asked for")
    (tmp_path / "images").mkdir()
    rows = [{"figure_id": name, "query": "Which?", "answer": "a", "inst_category": 4, "qa_source": 1}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="there is no picture"):
        list(read_tasks(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    "row",
    [
        {"data_source": "chart", "prompt": "How \ud800?", "answer": "1"},
        {"data_source": "chart", "prompt": [{"role": "user", "content": [{"type": "text", "text": "\udfff"}]}], "answer": "1"},
        {"data_source": "chart", "prompt": "How?", "reward_model": {"ground_truth": "\ud83d"}},
        {"question": "Which?", "options": ["a", "\ud800"], "answer": "a"},
        {"question": "Which?", "answer": ["a", "\ud800"]},
    ],
)
def test_half_characters_are_refused_wherever_they_stand(row: dict[str, Any], tmp_path: Path) -> None:
    refused(tmp_path / "a.jsonl", json.dumps(row).encode(), "half characters")


def test_a_message_whose_role_is_no_text_is_not_the_users(tmp_path: Path) -> None:
    row = {"data_source": "chart", "prompt": [{"role": ["user"], "content": "How?"}], "answer": "1"}
    refused(tmp_path / "a.jsonl", json.dumps(row).encode(), "messages with a question of the user")


def test_an_answer_of_endless_digits_is_no_place_among_options(tmp_path: Path) -> None:
    row = {"question": "Which?", "options": ["a", "b"], "answer": "1" * 5000}
    refused(tmp_path / "a.jsonl", json.dumps(row).encode(), "the letter of an option")


@pytest.mark.parametrize("kind", ["\u00b2", "1" * 5000, "99"])
def test_a_kind_of_question_that_there_is_not_is_told(kind: str, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "hats.jpg").write_bytes(b"not looked at")
    row = {"figure_id": "hats", "subplot_loc": [1, 2], "qids": [kind], "answers": ["60"]}
    refused(tmp_path / "a.jsonl", json.dumps(row).encode(), "is no descriptive question")
