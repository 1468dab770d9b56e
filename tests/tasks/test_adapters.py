"""Every layout: its rows are recognised and become the tasks that they mean; mistakes are told by row and column."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from codedance.errors import DataError
from codedance.tasks import read_tasks
from codedance.tasks.adapters.adapter import options_in
from codedance.tasks.formats import START, Line, Place, _Separated
from codedance.types import AnswerKey, AnswerType, Rule, Task

DATA = Path(__file__).parents[3] / "shared/data"


def png(shade: int = 120) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()


CELL = {"bytes": png(), "path": None}
ROWS: dict[str, dict[str, Any]] = {
    "rl": {
        "data_source": "chart",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "<image>How high?"}],
        "images": [CELL],
        "ability": "chart",
        "reward_model": {"style": "rule", "ground_truth": "12"},
        "extra_info": {"split": "dev", "index": 0},
    },
    "rl image": {"data_source": "xince", "prompt": "<image>How long?\n(A) 1\n(B) 2", "image": CELL, "answer": "B"},
    "countbenchqa": {"image": CELL, "question": "How many hats?", "number": 3, "text": "three hats"},
    "countbench": {"image_url": "http://x.org/a/hats.png?s=2", "text": "My Three hats", "number": 3},
    "pixmo": {"image_url": "http://x.org/1", "image_sha256": hashlib.sha256(png()).hexdigest(), "label": "people", "count": 4},
    "pixmo-mirror": {"image": CELL, "question": "<image>How many people?", "answer": "4"},
    "vstar": {
        "text": "What is it made of?\n(A) rubber\n(B) cotton\nAnswer with the option's letter.",
        "category": "direct_attributes",
        "label": "B",
        "question_id": 5,
        "image": "images/hats.png",
    },
    "vstar-pictures": {"target_object": ["glove"], "question": "What is it made of?", "options": ["right", "b", "c", "d"]},
    "hrbench": {
        "index": 9,
        "question": "Which colour?",
        "A": "red",
        "B": "blue",
        "C": "green",
        "D": "pink",
        "answer": "D",
        "category": "single",
        "cycle_category": "3",
        "image": base64.b64encode(png()).decode(),
    },
    "chartqa": {"image": CELL, "query": "How many?", "label": ["14"], "human_or_machine": 1},
    "chartqa rows with no further column": {"image": CELL, "query": "How many?", "label": "14"},
    "chartqa lmms": {"image": CELL, "type": "human_test", "question": "How many?", "answer": "14"},
    "charxiv": {
        **{f"descriptive_q{n}": n for n in (1, 2, 3, 4)},
        **{f"descriptive_a{n}": "Ft" for n in (1, 2, 3, 4)},
        "image": CELL,
        "figure_path": "images/0.jpg",
        "subplot_loc": "the left subplot",
        "reasoning_q": "Which falls?",
        "reasoning_a": "Joint",
        "reasoning_a_type": 1,
    },
    "charxiv-reasoning": {"figure_id": "hats", "query": "Which falls?", "answer": "Joint", "inst_category": 4, "qa_source": 1},
    "charxiv-descriptive": {"figure_id": "hats", "subplot_loc": [1, 2], "qids": [7, 18], "answers": ["60", "1 by 2"]},
    "mathvision": {
        "id": "7",
        "question": "Which?\n<image1>",
        "options": ["A", "B"],
        "answer": "B",
        "image": "images/hats.png",
        "level": 2,
        "subject": "counting",
    },
    "mathvista": {
        "pid": "3",
        "question": "How long?",
        "choices": None,
        "unit": "cm",
        "precision": 1.0,
        "answer": "1.5",
        "question_type": "free_form",
        "answer_type": "float",
        "image": "images/hats.png",
        "metadata": {"task": "geometry"},
    },
    "mathverse": {
        "sample_index": "1",
        "problem_index": "1",
        "problem_version": "Text Dominant",
        "question_type": "multi-choice",
        "question": "How large?\nChoices:\nA:40\nB:60",
        "answer": "B",
        "image": CELL,
    },
    "wemath": {
        "ID": "2steps_1",
        "key": "2steps_multi",
        "question": "How long?",
        "option": "A. 3, 4;B. 4, 3; C. No correct answer",
        "answer": "C",
        "image_path": "images/hats.png",
        "knowledge concept": "Length",
    },
    "vlmevalkit": {
        "index": "1",
        "question": "Which colour?",
        "A": "red",
        "B": "blue",
        "answer": "B",
        "category": "colour",
        "image": base64.b64encode(png()).decode(),
    },
    "plain": {"question": "How many?", "image": "images/hats.png", "answer": 3, "rule": "pixmo"},
}
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write rows into a file of some kind; beside it lie pictures."""
    (tmp_path / "images").mkdir()
    for name in ("hats.png", f"{hashlib.sha256(png()).hexdigest()}.png"):
        (tmp_path / "images" / name).write_bytes(png())
    (tmp_path / "rows.png").write_bytes(png())

    def write(*rows: dict[str, Any], kind: str = "") -> Path:
        is_binary = any(value == CELL or value == [CELL] for value in rows[0].values())
        file = tmp_path / f"rows{kind or ('.parquet' if is_binary else '.jsonl')}"
        if file.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(list(rows)), file, row_group_size=1)
        elif file.suffix == ".tsv":
            lines = [rows[0].keys(), *(row.values() for row in rows)]
            file.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
        else:
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    return write


@pytest.mark.parametrize("name", ROWS)
def test_a_layout_is_known_by_its_columns(name: str, make: Make) -> None:
    file = make(ROWS[name])
    tasks = list(read_tasks(f"{name.split()[0]}:{file}"))
    assert name == "pixmo-mirror" or tasks == list(read_tasks(file))
    assert tasks
    for task in tasks:
        assert task.answer and len(task.images) == 1
        data = task.images[0] if isinstance(task.images[0], bytes) else Path(str(task.images[0])).read_bytes()
        assert Image.open(io.BytesIO(data)).size == (8, 6)


def only(make: Make, name: str, **changes: Any) -> Task:
    (task,) = read_tasks(make({**ROWS[name], **changes}))
    return task


def test_the_tasks_say_how_they_are_scored(make: Make) -> None:
    assert only(make, "rl").key == AnswerKey(rule=Rule.CHARTQA)
    assert only(make, "rl").system == "Be brief."
    assert only(make, "rl image").key == AnswerKey(rule=Rule.CHOICE, choices=("1", "2"))
    assert only(make, "pixmo").question == "How many people are there in the picture?"
    assert only(make, "countbench").question == 'The caption of this picture is: "My ___ hats". Which number is left out?'
    assert only(make, "vstar").key == AnswerKey(rule=Rule.VSTAR, choices=("rubber", "cotton"))
    assert only(make, "chartqa").category == "augmented_test"
    assert only(make, "mathvista").key == AnswerKey(rule=Rule.MATHVISTA, answer_type=AnswerType.FLOAT, precision=1)
    assert only(make, "mathverse").key == AnswerKey(rule=Rule.CHOICE, choices=("40", "60"), group="1")
    assert only(make, "mathverse").question.startswith("How large?\n(A) 40\n(B) 60")
    wemath = only(make, "wemath").key
    assert wemath == AnswerKey(
        rule=Rule.WEMATH, choices=("3, 4", "4, 3", "No correct answer"), group="2steps_1", part="2steps_multi"
    )
    assert only(make, "plain").key.rule is Rule.PIXMO
    first, second = read_tasks(make(ROWS["charxiv-descriptive"]))
    assert first.question.startswith("Look at the subplot at row 1 and column 2. What is the highest")
    assert second.question.startswith("Look at the whole figure.")
    assert [task.category for task in read_tasks(make(ROWS["charxiv"]))] == ["descriptive"] * 4 + ["reasoning"]


def test_the_four_orders_of_a_question_belong_together(make: Make) -> None:
    turned = {
        **ROWS["hrbench"],
        "index": 10,
        "A": "pink",
        "B": "red",
        "C": "blue",
        "D": "green",
        "answer": "A",
        "cycle_category": "0",
    }
    first, second = read_tasks(make(ROWS["hrbench"], turned, kind=".tsv"))
    assert first.key.group == second.key.group
    assert (first.key.part, second.key.part) == ("3", "0")
    assert first.key.choices[3] == second.key.choices[0] == "pink"


def test_options_whose_first_is_always_right_are_shuffled_by_the_seed(make: Make) -> None:
    file = make(*({**ROWS["vstar-pictures"], "question": f"What is {n}?"} for n in range(40)))
    letters = [task.answer for task in read_tasks(file)]
    assert set(letters) == set("ABCD")
    assert letters == [task.answer for task in read_tasks(file)]
    assert letters != [task.answer for task in read_tasks(file, options_seed=1)]
    for task in read_tasks(file):
        assert task.answer and task.key.choices["ABCD".index(task.answer)] == "right"


def test_a_picture_may_be_that_of_another_row(make: Make) -> None:
    row = ROWS["vlmevalkit"]
    first, second = read_tasks(make(row, {**row, "index": "2", "image": "1"}, kind=".tsv"))
    assert first.images == second.images
    with pytest.raises(DataError, match="column 'image' is '9'; it must be a picture, or the index of a row"):
        list(read_tasks(make({**row, "image": "9"}, kind=".tsv")))


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("rl", {"data_source": "mystery"}, "data_source is 'mystery'; the known ones are chart"),
        ("rl", {"images": []}, "column 'images' is \\[\\]; it must be a list with one picture at least, as <image> is in"),
        ("rl", {"reward_model": {"style": "rule", "ground_truth": ""}}, "reward_model: column 'ground_truth' is ''"),
        ("rl image", {"image": {"bytes": b"", "path": "none.png"}}, "column 'image': there is no picture .*none.png"),
        ("countbenchqa", {"number": None}, "column 'number' is None; it must be a whole number"),
        ("countbench", {"text": "hats"}, "column 'text' is 'hats'; it must be a caption that says three"),
        ("pixmo", {"image_sha256": "0" * 64}, "there is no picture .*000; fetch"),
        ("vstar", {"label": "C"}, "column 'label' is 'C'; it must be the letter of an option"),
        ("vstar", {"label": "AB"}, "column 'label' is 'AB'"),
        ("mathvision", {"answer": "AB"}, "column 'answer' is 'AB'"),
        ("vlmevalkit", {"answer": "AZ"}, "column 'answer' is 'AZ'"),
        ("hrbench", {"answer": "E"}, "column 'answer' is 'E'; it must be one of A, B, C and D"),
        ("hrbench", {"image": "!" * 2000}, "it must be base64 of a picture"),
        ("charxiv-descriptive", {"qids": [7, 77]}, "77 is no descriptive question"),
        ("mathvision", {"answer": "E"}, "column 'answer' is 'E'"),
        ("mathvista", {"answer_type": "colour"}, "it must be one of text, integer, float, list"),
        ("mathvista", {"image": "images/none.png"}, "there is no picture .*images/none.png"),
        ("wemath", {"answer": "D"}, "column 'answer' is 'D'"),
        ("chartqa", {"label": [""]}, "column 'label'.* it must be one answer"),
        ("charxiv-descriptive", {"subplot_loc": [1], "qids": ["x", 7]}, "0 is no descriptive question"),
        ("vstar-pictures", {"options": []}, "column 'options'.* it must be a list of 2 to 26 options"),
        ("hrbench", {"image": "A" * 311 + "/"}, "there is no picture|base64"),
        ("plain", {"choices": ["x"] * 27}, "a list of at most 26 options"),
        ("plain", {"answer": ""}, "column 'answer' is ''; it must be a text that is not empty"),
    ],
)
def test_a_bad_row_is_told_or_listed(name: str, changes: dict[str, Any], words: str, make: Make) -> None:
    file = make(ROWS[name], {**ROWS[name], **changes})
    with pytest.raises(DataError, match=f"rows.*, row 2.*{words}"):
        list(read_tasks(file))
    bad: list[DataError] = []
    good = list(read_tasks(file, on_bad=bad.append))
    assert good
    assert len(bad) == 1


def test_rows_that_name_one_another_and_rows_with_more_cells_than_columns_are_told(make: Make, tmp_path: Path) -> None:
    row = ROWS["vlmevalkit"]
    with pytest.raises(DataError, match="a picture, or the index of a row that has one"):
        list(read_tasks(make({**row, "index": "1", "image": "2"}, {**row, "index": "2", "image": "1"}, kind=".tsv")))
    file = tmp_path / "wide.csv"
    file.write_text("question,answer\nHow many?,3,more,cells\n")
    with pytest.raises(DataError, match="row 1: it has more cells than there are columns"):
        list(read_tasks(file))


def test_rows_of_a_folder_are_counted_through(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    rows = [{**ROWS["rl image"], "answer": letter} for letter in "AB"]
    for name in ("one", "two"):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    assert [task.id for task in read_tasks(folder)] == ["1", "2", "3", "4"]


def test_a_layout_that_is_not_known_names_those_that_are(make: Make) -> None:
    with pytest.raises(DataError, match="no known layout has the columns ask; rename them to .* name one of plain, pictured, rl"):
        list(read_tasks(make({"ask": "?"})))
    with pytest.raises(DataError, match="there is no layout 'chatrqa'; the layouts are plain, pictured, rl"):
        list(read_tasks("chatrqa:test.parquet"))


def test_a_colon_in_the_name_of_a_file_is_no_layout(make: Make, tmp_path: Path) -> None:
    file = make(ROWS["plain"]).rename(tmp_path / "part:1.jsonl")
    assert len(list(read_tasks(file))) == 1


@pytest.mark.parametrize("name", ["none.parquet", "none.jsonl", "none.tsv"])
def test_a_file_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: it cannot be read: No such file or directory"):
        list(read_tasks(name))


def test_a_text_may_list_more_options_than_there_are_letters() -> None:
    listed = " ".join(f"({letter}) word" for letter in (*ascii_uppercase, "Q"))
    assert len(options_in(f"Which? {listed}")) == 26


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Which? (A) red (B) light blue", ("red", "light blue")),
        ("Select from A, B, and C. (A) 10 (B) 1000 (C) 5,000 ", ("10", "1000", "5,000")),
        ("A. ①, ③; B. ②;C. none.", ("①, ③", "②", "none.")),
        ("Options:\nA. 30°\nB. 60°\nAnswer with a letter.", ("30°", "60°")),
        ("A. ①;B．②;C. ③", ("①", "②", "③")),
        ("A. to get shape ;C.; B. to get ;C.; C. neither; D. none", ("to get shape ;C.", "to get ;C.", "neither", "none")),
        ("A. turn; B. mirror (across line L); C. shift", ("turn", "mirror (across line L)", "shift")),
        ("A. only one", ()),
        ("Which way? A. left B. right Please answer directly with only the letter.", ("left", "right")),
        ("Options: A: red, B: blue", ("red", "blue")),
        ("Is point A. near B?", ()),
        ("no options", ()),
    ],
)
def test_options_are_found_in_a_text(text: str, options: tuple[str, ...]) -> None:
    assert options_in(text) == options


@pytest.mark.skipif(not DATA.is_dir(), reason="the folder with benchmark items is not here")
def test_real_rows_are_read_without_loss() -> None:
    counts = {path.stem: len(list(read_tasks(path))) for path in sorted(DATA.glob("*_dev.parquet"))}
    assert counts == {
        "chartqa_dev": 32, "counting_dev": 31, "dynamath_dev": 30, "hires_dev": 10,
        "logicvista_dev": 28, "mathvision_dev": 30, "tabmwp_dev": 30, "wemath_dev": 30,
    }  # fmt: skip


def test_pictures_of_other_rows_are_found_without_reading_all_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    number, row = 400, ROWS["vlmevalkit"]
    rows = [{**row, "index": str(n), "image": row["image"] if n % 4 == 0 else str(n - n % 4)} for n in range(number)]
    later = [{**row, "index": str(number + n), "image": str(n)} for n in range(0, number, 4)]
    file = make(*rows, *later, kind=".tsv")
    count = 0
    rows_of = _Separated.rows

    def counted(table: _Separated, start: Place = START) -> Iterator[Line]:
        nonlocal count
        for line in rows_of(table, start):
            count += 1
            yield line

    monkeypatch.setattr(_Separated, "rows", counted)
    assert len({task.images for task in read_tasks(file)}) == 1
    assert count < 5 * (number + len(later))
