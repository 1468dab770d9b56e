"""V* Bench and HR-Bench: something small in a large picture.

V* (craigwu/vstar_bench, test_questions.jsonl), a row; the options stand in the text:

    text: "What is the material of the glove?\\n(A) rubber\\n(B) cotton\\n(C) kevlar\\n(D) leather\\nAnswer with the ..."
    category: "direct_attributes"    label: "A"    question_id: 0    image: "direct_attributes/sa_4690.jpg"

V* as one JSON for each picture lists the right option first, so the options are shuffled:

    target_object: ["glove"]    question: "What is the material of the glove?"    options: ["The glove is made of rubber.", ...]

HR-Bench (DreamMr/HR-Bench, parquet or TSV), a row; every question comes in four cyclic orders, told by `cycle_category`:

    index: 0    question: "What is the color of the umbrella?"    answer: "A"    A: "White"    B: "Red"    C: "Blue"    D: "Pink"
    category: "single"    cycle_category: "0"    image: <base64 of a 4K or 8K picture>

Its rows are one after another by cycle; the question and its sorted options tell which ones belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase

from codedance.tasks.adapters.adapter import Reading, adapter, is_letter, options_in, shuffled, sign, with_options
from codedance.tasks.table import Row
from codedance.types import AnswerKey, Rule, Task


def _vstar(row: Row, reading: Reading) -> Iterator[Task]:
    question, label = row.text("text"), row.text("label").strip()
    options = options_in(question)
    if not is_letter(label, len(options) or 8):
        raise row.error("label", "the letter of an option")
    key = AnswerKey(rule=Rule.VSTAR, choices=options)
    category, image = row.optional("category"), row.picture("image")
    yield Task(
        id=row.id("question_id"), question=question, images=(image,), answer=label, source="vstar", category=category, key=key
    )


def _vstar_picture(row: Row, reading: Reading) -> Iterator[Task]:
    options = row.texts("options")
    if not 2 <= len(options) <= len(ascii_uppercase):
        raise row.error("options", f"a list of 2 to {len(ascii_uppercase)} options, the right one first")
    choices, letter = shuffled(options, 0, reading.options_seed, row.text("question"))
    image = row.picture("image") if row.has("image") else row.beside()
    yield Task(
        id=row.id(),
        question=with_options(row.text("question"), choices),
        images=(image,),
        answer=letter,
        source="vstar",
        key=AnswerKey(rule=Rule.VSTAR, choices=choices),
    )


def _hrbench(row: Row, reading: Reading) -> Iterator[Task]:
    choices = tuple(row.text(letter) for letter in "ABCD")
    question, letter = row.text("question"), row.text("answer").strip()
    if not is_letter(letter, len(choices)):
        raise row.error("answer", "one of A, B, C and D")
    yield Task(
        id=row.id("index"),
        question=with_options(question, choices),
        images=(row.picture(row.first("image", "image_path") or "image"),),
        answer=letter,
        source="hrbench",
        category=row.text("category"),
        key=AnswerKey(
            rule=Rule.CHOICE,
            choices=choices,
            group=row.optional("base_id") or "|".join([question, *sorted(choices)]),
            part=row.text("cycle_category"),
            group_size=len(choices),
        ),
    )


ADAPTERS = (
    adapter("vstar", _vstar, sign("text label question_id image", without="question answer A options choices")),
    adapter("vstar-pictures", _vstar_picture, sign("target_object question options", without="answer")),
    adapter("hrbench", _hrbench, sign("question answer A B C D category cycle_category")),
)
