"""Questions in the simplest form, ours and that of most data sets on the Hugging Face hub: a question, a picture, an answer.

    {"id": "7", "question": "How many coins?", "images": ["coins.png"], "answer": "24", "source": "mine", "category": "old"}
    {"question": "Is it open?", "image": {"bytes": ..., "path": null}, "answer": ["yes", "open"], "difficulty": 3}
    {"question": "Which animal?", "image": "1.png", "options": ["cat", "dog"], "answer": 1}

Everything but the question may be missing. `id` is the row's number then; without `answer` (or with null) the question is asked
but not scored; a list of answers are all right. `rule` names how answers are scored: by default as a choice where there are
options, or the answer is a capital letter, or yes or no; else by the same text. `choices` or `options` are shown unless the
question shows them already. `problem` is a question whose answer is scored as mathematics (EasyR1, TRL; the latter has it in
`solution`, between tags); `query` is another name for question. Other columns are left alone.

Rows with options but without a question (MMMU-Pro's vision part) have both in the picture; they are the layout `pictured`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from string import ascii_uppercase

from codedance.errors import DataError
from codedance.tasks.adapters import answers
from codedance.tasks.adapters.adapter import (
    QUESTION_IN_PICTURE,
    Adapter,
    Reading,
    adapter,
    is_letter,
    options_in,
    sign,
    with_options,
)
from codedance.tasks.pictures import is_encoded
from codedance.tasks.table import Row
from codedance.types import AnswerKey, Rule, Task

PICTURES = (
    *("images", "image", "image_path", "image_paths", "decoded_image", "img", "img_path", "picture", "pictures"),
    *("image_file", "image_name", "imagename", "file_name", "image_url", "image_urls"),
)
"""Columns with pictures; the first that is not empty counts."""
_NUMBERED = tuple(f"image_{number}" for number in range(1, 10))
_FIELDS = ("answer", "category", "choices", "id", "image", "images", "options", "question", "rule", "source")
_NEEDED = ("answer", "image", "images", "question", "rule")
_ANSWERS = ("ground_truth", "gt_answer", "gt", "correct_answer", "correct_option", "answer_idx", "answer_index", "label")
_CHOICES = (Rule.CHOICE, Rule.VSTAR, Rule.WEMATH, Rule.MATHVISION)
_SIMILAR = 0.8
_TAGGED = re.compile(r"<answer>([^<]+)</answer>")


def _plain(row: Row, reading: Reading) -> Iterator[Task]:
    if slip := _slip(frozenset(map(str, row.values))):
        raise DataError(f"{row.where}: unknown field {slip!r}; the fields are {', '.join(_FIELDS)}")
    asking = row.first("question", "problem", "query") or "question"
    question, choices = row.text(asking), answers.options(row)
    named = _rule(row, reading)
    known = _known(row, named)
    listed = choices or options_in(question)
    rule = named or _fitting(known, choices, listed, Rule.MATHS if asking == "problem" else Rule.EXACT)
    if choices and rule in _CHOICES:
        known = answers.chosen(row, _answer_column(row) or "answer", choices)
    if not answers.are_shown(question, choices):
        question = with_options(question, choices, several=rule in _CHOICES and bool(known) and len(known[0]) > 1)
    yield Task(
        id=row.id(),
        question=question,
        images=pictures_of(row),
        answer=known[0] if known else None,
        source=row.label("source"),
        category=row.label("category"),
        key=AnswerKey(rule=rule, choices=listed if rule in _CHOICES else choices, alternatives=known[1:]),
    )


@lru_cache(maxsize=16)  # rows of one file have the same
def _slip(names: frozenset[str]) -> str:
    """A field whose name is a slip of one that matters and is missing; empty where there is none."""
    for name in sorted(names.difference(_FIELDS, PICTURES, ("answers",))):
        meant = (own for own in _NEEDED if own not in names and abs(len(own) - len(name)) <= 1)
        if any(SequenceMatcher(None, name, own).ratio() > _SIMILAR for own in meant):
            return name
    return ""


def _rule(row: Row, reading: Reading) -> Rule | None:
    name = row.optional("rule")
    if name and name not in set(Rule):
        raise row.error("rule", f"one of {', '.join(Rule)}")
    return Rule(name) if name else reading.rule


def _answer_column(row: Row) -> str:
    """Which column holds the answer; others count only where none is called answer. Empty where all are empty."""
    own = [name for name in ("answer", "answers") if name in row.values]
    return row.first(*(own or _ANSWERS))


def _known(row: Row, rule: Rule | None) -> tuple[str, ...]:
    """The reference answers. An empty text is more likely a slip than a hidden answer, but in a TSV it is all there can be."""
    if row.values.get("answer") == "" and not row.is_of_texts:
        raise row.error("answer", "a text that is not empty; leave the field out where no answer is known")
    if not (name := _answer_column(row)) and (tagged := _TAGGED.search(row.label("solution"))):
        return (tagged[1].strip(),)
    as_text = row.is_of_texts or row.label("question_type") == "open"  # the latter in MMMU
    return answers.references(row, name or "answer", rule=rule, as_text=as_text)


def _fitting(known: tuple[str, ...], choices: tuple[str, ...], listed: tuple[str, ...], free: Rule) -> Rule:
    if choices or (known and (is_letter(known[0], len(listed)) or answers.is_yes_or_no(known[0]))):
        return Rule.CHOICE
    return Rule.CHOICE if known and known[0].isupper() and answers.letters_in(known[0]) else free


def _pictured(row: Row, reading: Reading) -> Iterator[Task]:
    choices = answers.options(row)
    known = answers.chosen(row, "answer", choices)
    yield Task(
        id=row.id(),
        question=with_options(QUESTION_IN_PICTURE, tuple(ascii_uppercase[: len(choices)])),
        images=pictures_of(row),
        answer=known[0] if known else None,
        category=row.label("category", "subject"),
        key=AnswerKey(rule=Rule.CHOICE, choices=choices),
    )


def pictures_of(row: Row) -> tuple[Path | bytes, ...]:
    """The pictures of a row, in whichever column they are; paths are not looked after. None where there are none.

    Raises:
        DataError: as `Row.pictures`, or several columns of other names hold pictures.
    """
    if name := row.first(*PICTURES):
        return row.pictures(name, must_exist=False)
    if numbered := tuple(row.picture(name) for name in _NUMBERED if row.has(name)):
        return numbered
    others = [name for name, value in row.values.items() if is_encoded(value)]
    if len(others) > 1:
        raise DataError(f"{row.where}: several columns hold pictures ({', '.join(others)}); rename the right one to image")
    return row.pictures(others[0]) if others else ()


_ASKED = "question problem prompt query text target_object"
_SIGNS = (
    sign("question"),
    sign("problem", without="question prompt"),
    sign("query answer", without="question prompt problem figure_id label"),
    *(sign(f"query {options}", without="question prompt problem figure_id") for options in ("choices", "options")),
)
ADAPTERS = (
    Adapter("plain", _plain, _SIGNS, is_general=True),
    adapter("pictured", _pictured, sign("image options answer", without=_ASKED)),
)
