"""Options, reference answers and the rule that fits them; layouts told by evidence for and against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codedance.errors import DataError
from codedance.tasks import read_tasks
from codedance.types import Rule, Task
from tasks.made import png, text_of

CELL = {"bytes": png(), "path": None}
BASE: dict[str, Any] = {"index": 1, "image": text_of(png()), "question": "Which is it?"}


def task(tmp_path: Path, row: dict[str, Any], source: str = "", **how: Any) -> Task:
    """The one task of a row: in parquet where it has bytes, else in JSON lines."""
    is_binary = any(value in (CELL, [CELL]) for value in row.values())
    file = tmp_path / ("rows.parquet" if is_binary else "rows.jsonl")
    if is_binary:
        pq.write_table(pa.Table.from_pylist([row]), file)
    else:
        file.write_text(json.dumps(row) + "\n")
    (only,) = read_tasks(f"{source}:{file}" if source else file, **how)
    return only


def table(tmp_path: Path, row: dict[str, Any]) -> Task:
    """The one task of a row in a TSV."""
    cells = [str(value).replace('"', '""') for value in row.values()]
    (tmp_path / "rows.tsv").write_text("\t".join(row) + "\n" + "\t".join(f'"{cell}"' for cell in cells) + "\n")
    (only,) = read_tasks(tmp_path / "rows.tsv")
    return only


@pytest.mark.parametrize(
    "options",
    [
        {"A": "cat", "B": "dog"},
        {"options": ["cat", "dog"]},
        {"choices": "['cat', 'dog']"},
        {"options": '["cat", "dog"]'},
        {"options": {"A": "cat", "B": "dog"}},
        {"options": '{"A": "cat", "B": "dog"}'},
        {"options": ["A. cat", "B. dog"]},
        {"option": "A. cat; B. dog"},
        {"choices": {"text": ["cat", "dog"], "label": ["A", "B"]}},
    ],
)
@pytest.mark.parametrize("answer", ["B", "b", "(B)", "B.", "dog", "Dog", "B. dog", "(B) dog", 1, "1", 1.0, ["B"]])
def test_options_and_the_right_one_may_be_given_in_many_ways(options: dict[str, Any], answer: Any, tmp_path: Path) -> None:
    for row in ({**BASE, **options, "answer": answer}, {"question": "Which?", **options, "answer": answer}):
        found = task(tmp_path, row)
        assert (found.answer, found.key.rule, found.key.choices) == ("B", Rule.CHOICE, ("cat", "dog"))
        assert found.question.endswith("\n(A) cat\n(B) dog\nAnswer with the letter of one option.")


@pytest.mark.parametrize(
    ("options", "answer", "words"),
    [
        (["x", "y"], "z", "column 'answer' is 'z'; it must be the letter of an option"),
        (["2", "3", "4"], 2, "it could be A or C: give the letter, A to C"),
        (["b", "a"], "b", "it could be A or B"),
        (["x", "x"], "x", "it could be A or B"),
        (["x", "y"], 2, "the letter of an option"),
        (["x", "y"], True, "the letter of an option"),
        (["x", ["y"]], "A", "column 'options' is .* it must be a list of options"),
    ],
)
def test_an_option_that_cannot_be_told_is_an_error(options: list[Any], answer: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        task(tmp_path, {**BASE, "options": options, "answer": answer})


@pytest.mark.parametrize("answer", ["A, C", "A and C", "AC", "A;C", "(A), (C)", ["A", "C"], ["x", "z"], [0, 2]])
def test_several_options_may_be_right(answer: Any, tmp_path: Path) -> None:
    found = task(tmp_path, {**BASE, "options": ["x", "y", "z"], "answer": answer})
    assert (found.answer, found.key.choices) == ("A, C", ("x", "y", "z"))
    assert found.question.endswith("Answer with the letters of all options that are right.")


def test_options_that_the_question_shows_are_not_shown_again(tmp_path: Path) -> None:
    for question in ("Is it red or blue?", "Which?\n(A) red\n(B) blue"):
        found = task(tmp_path, {"question": question, "choices": ["red", "blue"], "answer": "blue"})
        assert (found.question, found.answer, found.key.choices) == (question, "B", ("red", "blue"))


@pytest.mark.parametrize(
    ("answer", "known", "rule"),
    [
        ("C", ("C",), Rule.CHOICE),
        ("c", ("C",), Rule.CHOICE),
        ("(C)", ("C",), Rule.CHOICE),
        ("A, C", ("A, C",), Rule.CHOICE),
        ("A and C", ("A, C",), Rule.CHOICE),
        ("Yes", ("Yes",), Rule.CHOICE),
        ("no", ("no",), Rule.CHOICE),
        ("True", ("True",), Rule.CHOICE),
        ("12", ("12",), Rule.PIXMO),
        ("a cat", ("a cat",), Rule.JUDGED),
        ("Cat", ("Cat",), Rule.JUDGED),
        ("['CENTRE', 'Centre']", ("CENTRE", "Centre"), Rule.JUDGED),
        ('["CENTRE", "Centre", "CENTRE"]', ("CENTRE", "Centre"), Rule.JUDGED),
        ("['3', 'three']", ("3", "three"), Rule.JUDGED),
        ("[1, 2]", ("[1, 2]",), Rule.JUDGED),
        ("", (), Rule.JUDGED),
    ],
)
def test_a_tables_answers_without_options(answer: str, known: tuple[str, ...], rule: Rule, tmp_path: Path) -> None:
    found = table(tmp_path, {**BASE, "answer": answer})
    assert (found.answer, *found.key.alternatives) == (known or (None,))
    assert (found.key.rule, found.key.choices) == (rule, ())


@pytest.mark.parametrize(
    ("question", "known"),
    [("Which of A to D fit?", "A, C"), ("Which of A, B, C fit?", "A, C"), ("What is written there?", "AC"), ("A or B?", "AC")],
)
def test_letters_side_by_side_are_letters_where_the_question_names_them(question: str, known: str, tmp_path: Path) -> None:
    assert table(tmp_path, {**BASE, "question": question, "answer": "AC"}).answer == known


def test_letters_of_options_in_the_question_are_choices(tmp_path: Path) -> None:
    row = {"question": "Which? (A) red (B) light blue", "answer": "B"}
    for found in (task(tmp_path, row), table(tmp_path, {**BASE, **row})):
        assert (found.key.rule, found.key.choices) == (Rule.CHOICE, ("red", "light blue"))


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ({"answer": ["yes", "Yes."]}, ("yes", "Yes.")),
        ({"answers": ["12", "twelve", "12"]}, ("12", "twelve")),
        ({"answers": [{"answer": "red", "answer_confidence": "yes"}, {"answer": "dark red"}]}, ("red", "dark red")),
        ({"answer": True}, ("yes", "true")),
        ({"answer": False}, ("no", "false")),
        ({"answer": 3.0}, ("3",)),
        ({"answer": [3, 4]}, ("3", "4")),
        ({"answer": [1, 2], "rule": "maths"}, ("[1, 2]",)),
        ({"answer": "[1, 2]", "rule": "maths"}, ("[1, 2]",)),
        ({"answer": None}, ()),
        ({}, ()),
    ],
)
def test_several_reference_answers_or_none(row: dict[str, Any], known: tuple[str, ...], tmp_path: Path) -> None:
    found = task(tmp_path, {"question": "Is it?", **row})
    assert (found.answer, *found.key.alternatives) == (known or (None,))


def rl(**changes: Any) -> dict[str, Any]:
    prompt = [{"role": "user", "content": "How high?"}]
    return {"data_source": "chart", "prompt": prompt, "reward_model": {"style": "rule", "ground_truth": "72"}} | changes


def test_a_row_to_train_on_may_have_several_answers_and_no_picture(tmp_path: Path) -> None:
    for truth in (["72", "72.0"], {"target": ["72", "72.0"]}):
        found = task(tmp_path, rl(reward_model={"style": "rule", "ground_truth": truth}, images=None))
        assert (found.answer, found.key.alternatives, found.images) == ("72", ("72.0",), ())
    parts = [{"type": "image"}, {"type": "text", "text": "How high?"}]
    assert task(tmp_path, rl(prompt=[{"role": "user", "content": parts}])).question == "How high?"


def test_the_rule_of_an_unknown_data_source_can_be_named(tmp_path: Path) -> None:
    assert task(tmp_path, rl(data_source="hiyouga/geometry3k")).key.rule is Rule.MATHS
    with pytest.raises(DataError, match="data_source is 'moon'; the known ones are chart.*with --rule .*, one of exact, chartqa"):
        task(tmp_path, rl(data_source="moon"))
    assert task(tmp_path, rl(data_source="moon"), rule=Rule.MATHS).key.rule is Rule.MATHS
    assert task(tmp_path, rl(), rule=Rule.MATHS).key.rule is Rule.CHARTQA, "the row says it"
    assert task(tmp_path, {"question": "?", "answer": "1/2"}, rule=Rule.MATHS).key.rule is Rule.MATHS


def test_the_hubs_commonest_parquet_is_read_and_its_other_columns_left_alone(tmp_path: Path) -> None:
    extra = {"difficulty": 3, "category": ["a"], "type": "attribute", "split": "test", "level": 2, "hint": None, "subject": "x"}
    for picture in ({"image": CELL}, {"images": [CELL]}, {"image": None}, {"image_1": CELL, "image_2": CELL}):
        found = task(tmp_path, {**picture, "question": "Is it open?", "answer": "open", **extra})
        assert (found.answer, found.key.rule, found.source) == ("open", Rule.EXACT, "")
        assert len(found.images) == sum(value not in (None, [None]) for value in picture.values())


@pytest.mark.parametrize(
    "row",
    [
        {"question": "?", "answer": "4", "type": "attribute", "image": CELL},
        {"question": "?", "answer": "x", "label": "cat", "count": 3, "image": CELL},
        {"question": "?", "answer": "x", "number": 7, "image": CELL},
        {"question": "?", "answer": "x", "text": "a caption with 3", "number": 3, "image": CELL},
        {"question": "?", "answer": "x", "query": "?", "label": "y"},
        {"id": "1", "question": "?", "options": ["Rome", "Oslo"], "answer": "B", "level": 1, "subject": "geography"},
    ],
)
def test_columns_of_common_names_make_no_particular_data_set(row: dict[str, Any], tmp_path: Path) -> None:
    found = task(tmp_path, row)
    assert (found.source, found.key.rule) == ("", Rule.CHOICE if "options" in row else Rule.EXACT)


def test_a_table_with_options_is_asked_with_them_whatever_else_it_has(tmp_path: Path) -> None:
    letters = dict(zip("ABCD", ("red", "green", "blue", "white"), strict=True))
    for extra in ({"type": "human_test"}, {"split": "test_human"}, {"level": 2, "subject": "x", "id": 1}, {"number": 3}):
        found = table(tmp_path, {**BASE, **letters, "answer": "B", **extra})
        assert (found.source, found.answer, found.key.choices) == ("vlmevalkit", "B", tuple(letters.values()))


@pytest.mark.parametrize(
    ("row", "known", "rule"),
    [
        ({"problem": "Find x.", "answer": "1/2"}, ("1/2",), Rule.MATHS),
        ({"problem": "Find x.", "solution": "<think>so</think><answer> 3 </answer>"}, ("3",), Rule.MATHS),
        (
            {"question": "What?", "options": "[]", "answer": "['24/7', '3.4']", "question_type": "open"},
            ("24/7", "3.4"),
            Rule.EXACT,
        ),
        ({"question": "Which?", "options": ["x", "y"], "answer": "?"}, (), Rule.CHOICE),
        ({"question": "Which?", "choices": ["x", "y"], "answer": "hidden"}, (), Rule.CHOICE),
        ({"question": "Which figure?", "answer": "C"}, ("C",), Rule.CHOICE),
        ({"question": "Which variable?", "answer": "a"}, ("a",), Rule.EXACT),
        ({"image": CELL, "options": "['x', 'y']", "answer": "B", "subject": "Art"}, ("B",), Rule.CHOICE),
        ({"query": "How many?", "image": None, "answer": "3", "type": "count"}, ("3",), Rule.EXACT),
        ({"query": "Which?", "choices": ["x", "y"], "label": 1, "type": "colour"}, ("B",), Rule.CHOICE),
        ({"question": "Is it?", "options": ["Yes", "No"], "answer": False}, ("B",), Rule.CHOICE),
    ],
)
def test_rows_as_well_known_data_sets_have_them(row: dict[str, Any], known: tuple[str, ...], rule: Rule, tmp_path: Path) -> None:
    found = task(tmp_path, row)
    assert (found.answer, *found.key.alternatives) == (known or (None,)) and found.key.rule is rule


def test_options_in_the_picture_are_not_told(tmp_path: Path) -> None:
    found = task(tmp_path, {"image": CELL, "options": "['six', 'ten']", "answer": "B"})
    assert "six" not in found.question and "(B) in the picture" in found.question and found.key.choices == ("six", "ten")


def test_columns_of_several_data_sets_are_asked_about(tmp_path: Path) -> None:
    row = {**rl(), "figure_id": "1", "qids": [1], "answers": ["x"]}
    with pytest.raises(DataError, match="are those of several layouts, rl and charxiv-descriptive; name the one that is meant"):
        task(tmp_path, row)
    assert task(tmp_path, row, "rl").answer == "72"


def test_conversations_are_told_to_be_no_questions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'conversations' are a conversation to train on.*columns question, image and answer"):
        task(tmp_path, {"id": "1", "image": "a.png", "conversations": [{"from": "human", "value": "<image>\nWhat?"}]})


def test_what_only_the_picture_holds_goes_to_the_judge(tmp_path: Path) -> None:
    row = {
        "sample_index": "1",
        "problem_index": "1",
        "problem_version": "Vision Only",
        "question": "",
        "answer": "B",
        "image": CELL,
    }
    found = task(tmp_path, {**row, "question_type": "multi-choice", "question_for_eval": "How long?\nChoices:\nA:2\nB:4"})
    assert found.key.judge_context == "How long?\nChoices:\nA:2\nB:4" and found.key.choices == ("2", "4")


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ({"ground_truth": ["1", "2"]}, ("1", "2")),
        ({"correct_answer": "1"}, ("1",)),
        ({"gt_answer": "1"}, ("1",)),
        ({"options": ["x", "y"], "answer_idx": 1}, ("B",)),
        ({"options": ["x", "y"], "label": 0}, ("A",)),
        ({"answer": None, "label": "1"}, (None,)),  # a hidden answer stays hidden
    ],
)
def test_the_answer_may_stand_in_a_column_of_another_usual_name(
    row: dict[str, Any], known: tuple[str | None, ...], tmp_path: Path
) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(json.dumps({"question": "Which?", **row}))
    (found,) = read_tasks(str(file))
    assert (found.answer, *found.key.alternatives) == known
