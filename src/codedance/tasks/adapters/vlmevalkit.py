"""The TSV of VLMEvalKit: any benchmark that it knows, with its pictures inside or beside it.

A row; options are columns or a list; `image` may be the index of another row that has the same picture, or `image_path` a file:

    index: 12    image: <base64>    question: "What is ...?"    A: "red"    B: "blue"    C: ""    answer: "A"    category: "color"
    index: 0    image: "['<base64>', '<base64>']"    question: "What is written?"    answer: "['CENTRE', 'Centre']"
    index: 3    image: "0"    question: "Which figure (A, B, C or D) comes next?"    answer: "C"

Scored as choices where there are options, or the answer is a letter, several letters, yes or no; as counts where it is a whole
number; else by a judge. A row without an answer is asked but not scored.
"""

from __future__ import annotations

from collections.abc import Iterator

from codedance.tasks.adapters import answers
from codedance.tasks.adapters.adapter import Adapter, Reading, options_in, sign, with_options
from codedance.tasks.adapters.plain import pictures_of
from codedance.tasks.table import Row
from codedance.types import AnswerKey, Rule, Task


def _vlmevalkit(row: Row, reading: Reading) -> Iterator[Task]:
    choices, question = answers.options(row), row.text("question")
    if row.has("hint"):
        question = f"{row.text('hint')}\n{question}"
    known = answers.references(row, row.first("answer", "answers") or "answer", rule=reading.rule, as_text=True)
    if choices:
        known = answers.chosen(row, "answer", choices)
    elif known and (letters := answers.letters_in(known[0], question)):
        known = (letters, *known[1:])
    rule = Rule.CHOICE if choices else _free(known, reading)
    yield Task(
        id=row.id("index"),
        question=with_options(question, choices, several=bool(known) and len(known[0]) > 1) if choices else question,
        images=pictures_of(row),
        answer=known[0] if known else None,
        source="vlmevalkit",
        category=row.label("category", "l2-category", "split"),
        key=AnswerKey(
            rule=rule,
            choices=choices or (options_in(question) if rule is Rule.CHOICE else ()),
            alternatives=known[1:],
        ),
    )


def _free(known: tuple[str, ...], reading: Reading) -> Rule:
    """The rule of an answer that is no option."""
    if reading.rule is not None or not known:
        return reading.rule or Rule.JUDGED
    if answers.letters_in(known[0]) or answers.is_yes_or_no(known[0]):
        return Rule.CHOICE
    return Rule.PIXMO if all(text.strip().isdecimal() for text in known) else Rule.JUDGED


_SIGNS = (sign("index question", without="rule"), sign("question A B", without="rule"))
ADAPTERS = (Adapter("vlmevalkit", _vlmevalkit, _SIGNS, is_general=True),)
