"""MathVision, MathVista, MathVerse and We-Math.

MathVision (MathLLMs/MathVision, parquet or JSONL), a row; `options` is empty where the answer is free, and golds may have lost a
backslash:

    id: "1"    question: "Which kite has the longest string?\\n<image1>"    options: ["A", "B", "C", "D", "E"]    answer: "C"
    image: "images/1.jpg"    decoded_image: {...}    level: 2    subject: "metric geometry - length"

MathVista (AI4Math/MathVista, parquet, or testmini.json by pid), a row; the answer is the text of a choice, or a number, or empty:

    pid: "3"    question: "..."    choices: ["135", "140", "145", "150"]    answer: "145"    unit: null    precision: null
    question_type: "multi_choice"    answer_type: "text"    image: "images/3.jpg"    metadata: {task: "...", ...}

MathVerse (AI4Math/MathVerse, parquet), a row; in its Vision Only version the question stands in the picture:

    sample_index: "1"    problem_index: "1"    problem_version: "Text Dominant"    image: {...}    metadata: {...}
    question: "As shown in the figure, ...\\nChoices:\\nA:40"
    answer: "D"    question_type: "multi-choice"    question_for_eval: "..."

We-Math (We-Math/We-Math testmini.json), a row; rows of one ID are the steps and the whole of a problem, told by `key`:

    ID: "2steps_1"    key: "2steps_multi"    question: "..."    option: "A. 300, 400;B. 400, 300; E. No correct answer"
    answer: "C"    image_path: "2steps/image/1-1.png"    knowledge concept: "Conversion ..."    question number: 1
"""

from __future__ import annotations

from collections.abc import Iterator

from codedance.image_marks import has_image_marks, without_image_marks
from codedance.tasks.adapters import answers
from codedance.tasks.adapters.adapter import (
    QUESTION_IN_PICTURE,
    Reading,
    adapter,
    is_letter,
    options_in,
    sign,
    with_options,
)
from codedance.tasks.table import Row
from codedance.types import AnswerKey, AnswerType, Rule, Task

_TYPES = {kind.value: kind for kind in AnswerType}


def _mathvision(row: Row, reading: Reading) -> Iterator[Task]:
    options, answer = answers.options(row), row.text("answer")
    question = without_image_marks(row.text("question"))
    if options and not is_letter(answer, len(options)):
        raise row.error("answer", "the letter of an option")
    yield Task(
        id=row.id("id" if row.has("id") else "index"),
        question=with_options(question, options) if options else question,
        images=(row.picture(row.first("decoded_image", "image") or "image"),),
        answer=answer,
        source="mathvision",
        category=row.label("subject", "category"),
        key=AnswerKey(rule=Rule.MATHVISION, choices=options, part=row.optional("level")),
    )


def _mathvista(row: Row, reading: Reading) -> Iterator[Task]:
    choices, answer = row.texts("choices"), row.optional("answer")
    kind = row.text("answer_type")
    if kind not in _TYPES:
        raise row.error("answer_type", f"one of {', '.join(_TYPES)}")
    if choices and answer and answer not in choices:
        raise row.error("answer", "one of the choices")
    precision = row.number("precision") if row.has("precision") else None
    question = row.text("question") + (f" (Unit: {row.text('unit')})" if row.has("unit") else "")
    wanted = {AnswerType.LIST: " Answer with a list such as [1, 2].", AnswerType.INTEGER: " Answer with a whole number."}
    hint = f" Answer with a number to {precision} decimals." if precision is not None else wanted.get(_TYPES[kind], "")
    meta = row.part("metadata") if row.has("metadata") else row
    yield Task(
        id=row.id("pid" if row.has("pid") else "index"),
        question=with_options(question, choices) if choices else question + hint,
        images=(row.picture(row.first("decoded_image", "image") or "image"),),
        answer=answer or None,
        source="mathvista",
        category=meta.label("task"),
        key=AnswerKey(rule=Rule.MATHVISTA, choices=choices, answer_type=_TYPES[kind], precision=precision),
    )


def _mathverse(row: Row, reading: Reading) -> Iterator[Task]:
    is_choice = row.text("question_type") == "multi-choice"
    asked = row.optional("question")
    stem, _, listed = (asked or row.optional("question_for_eval")).partition("Choices:")
    options = options_in(listed) if is_choice else ()
    question = with_options(stem, options) if options and asked else asked or QUESTION_IN_PICTURE
    yield Task(
        id=row.id("sample_index"),
        question=question,
        images=row.pictures("image") if row.has("image") else (),
        answer=row.text("answer"),
        source="mathverse",
        category=row.text("problem_version"),
        key=AnswerKey(
            rule=Rule.CHOICE if is_choice else Rule.MATHS,
            choices=options,
            group=row.text("problem_index"),
            judge_context="" if asked else row.optional("question_for_eval"),
        ),
    )


def _wemath(row: Row, reading: Reading) -> Iterator[Task]:
    options = options_in(row.text("option"))
    answer = row.text("answer").strip()
    if not is_letter(answer, len(options)):
        raise row.error("answer", "the letter of an option")
    yield Task(
        id=f"{row.text('ID')}/{row.text('key')}",
        question=with_options(row.text("question"), options),
        images=(row.picture("image_path"),),
        answer=answer,
        source="wemath",
        category=row.optional("knowledge concept"),
        key=AnswerKey(rule=Rule.WEMATH, choices=options, group=row.text("ID"), part=row.text("key")),
    )


def _has_marks(row: Row) -> bool:
    """MathVision's own: its questions mark where pictures belong. Many data sets have columns of the same names."""
    return row.has("decoded_image") or has_image_marks(str(row.values["question"]))


ADAPTERS = (
    adapter("mathvision", _mathvision, sign("id question options answer level subject", holds=_has_marks)),
    adapter("mathvista", _mathvista, *(sign(f"{name} question choices answer_type question_type") for name in ("pid", "index"))),
    adapter("mathverse", _mathverse, sign("sample_index problem_index problem_version question answer")),
    adapter("wemath", _wemath, sign("ID key question option answer image_path")),
)
