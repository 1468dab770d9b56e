"""The TSV of VLMEvalKit: any benchmark that it knows, with its pictures inside.

A row; options are columns, and `image` may be the index of another row that has the same picture:

    index: 12    image: <base64>    question: "What is ...?"    A: "red"    B: "blue"    C: ""    answer: "A"    category: "color"

Rows without options are scored as free answers: as counts if the answer is a whole number, else by a judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase

from codedance.tasks.adapters.adapter import adapter, is_letter, with_options
from codedance.tasks.table import Row
from codedance.types import AnswerKey, Rule, Task


def _vlmevalkit(row: Row, seed: int) -> Iterator[Task]:
    options = []
    for letter in ascii_uppercase:
        if not row.has(letter):
            break
        options.append(row.text(letter))
    answer, question = row.text("answer").strip(), row.text("question")
    if row.has("hint"):
        question = f"{row.text('hint')}\n{question}"
    if options and not is_letter(answer, len(options)):
        raise row.error("answer", "the letter of an option")
    rule = Rule.CHOICE if options else Rule.PIXMO if answer.isdigit() else Rule.JUDGED
    yield Task(
        id=row.id("index"),
        question=with_options(question, options) if options else question,
        images=row.listed("image"),
        answer=answer,
        source="vlmevalkit",
        category=row.optional("category") or row.optional("l2-category"),
        key=AnswerKey(rule=rule, choices=tuple(options)),
    )


ADAPTERS = (adapter("vlmevalkit", "index image question answer", _vlmevalkit),)
