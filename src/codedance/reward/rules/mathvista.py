"""MathVista: choices by text, integers, decimals of a given precision, lists.

    official("1.2", "1.23", AnswerType.FLOAT, precision=1, choices=())    # right: rounds to 1.2
    decide("5", "5.9", AnswerType.INTEGER, precision=None, choices=())    # wrong; the official truncates to 5

`official` is calculate_score.py of the benchmark, from an extracted answer on: what is no choice becomes the nearest one by edit
distance, integers are cut, texts are compared as texts. Not covered: the extraction by a language model that comes before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from string import ascii_uppercase

from codedance.reward.rules import choice
from codedance.reward.rules.declared import declaration, first_sentence
from codedance.reward.rules.numerals import Number, may_be, read
from codedance.reward.rules.ruling import Ruling, ruling
from codedance.reward.rules.stated import ruling_on, stated
from codedance.reward.rules.wrapping import words
from codedance.types import AnswerType

_LIST = re.compile(r"\[([^\[\]]*)\]")
_BARE_LIST = re.compile(r"[-+0-9.]+(?:(?:,|\s+and)\s*(?:and\s+)?[-+0-9.]+)+")
_LEAST = 1e-9


def official(gold: str, answer: str, kind: AnswerType, precision: int | None, choices: Sequence[str]) -> Ruling:
    """The benchmark's own rule, to the letter."""
    given: str | None = answer
    if choices:
        given = _official_choice(answer.strip(), choices)
    elif kind is AnswerType.INTEGER:
        given = _or_none(lambda: str(int(float(answer))))
    elif kind is AnswerType.FLOAT:
        given = _or_none(lambda: str(round(float(answer), precision)))
    return ruling(given == gold, f"read as {given!r}", f"read as {given!r}")


def _official_choice(answer: str, choices: Sequence[str]) -> str:
    letters = re.findall(r"\(([a-zA-Z])\)", answer)
    said = letters[0].upper() if letters else answer
    if len(said) == 1 and 0 <= ord(said) - ord("A") < len(choices):
        return choices[ord(said) - ord("A")]
    distances = [edit_distance(said, option) for option in choices]
    return choices[distances.index(min(distances))]


def edit_distance(one: str, other: str) -> int:
    """Letters to insert, drop or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        above, row[0] = row[0], number
        for place, wanted in enumerate(other, start=1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (letter != wanted))
    return row[-1]


def _or_none(make: Callable[[], str]) -> str | None:
    try:
        return make()
    except (ValueError, OverflowError):
        return None


def decide(gold: str, answer: str, kind: AnswerType, precision: int | None, choices: Sequence[str]) -> Ruling:
    """What the benchmark asks for, without its accidents: no guess at the nearest choice, no truncation, units allowed."""
    if choices:
        letter = ascii_uppercase[choices.index(gold)] if gold in choices else gold  # a known answer is words, even "B"
        return choice.decide(letter, answer, choices)
    declared = declaration(answer)
    given = words(first_sentence(declared.text) if declared and not declared.is_open else answer)
    if words(gold).casefold() in (given.casefold(), words(answer).casefold()):
        return Ruling(True, "the same text")
    if kind is AnswerType.LIST:
        return _decide_list(gold, given if _LIST.search(given) or not _LIST.search(words(answer)) else answer)
    number = read(gold)
    if kind is AnswerType.TEXT or number is None:
        return Ruling(None, "another text")
    digits = len(gold.partition(".")[2]) if precision is None else precision

    def same(wanted: Number, found: Number) -> bool | None:
        rounded = found.value if kind is AnswerType.INTEGER else round(found.value, digits)
        if abs(rounded - wanted.value) < _LEAST:
            return True if wanted.is_percent == found.is_percent else None
        return None if may_be(wanted, found) else False

    return ruling_on(number, stated(answer), same)


def _decide_list(gold: str, answer: str) -> Ruling:
    wanted, given = _items(gold), _items(answer)
    if wanted is None or given is None:
        return Ruling(None, "no list to compare")
    are_plain = _LIST.fullmatch(words(answer)) is not None
    return ruling(True, "the same items", "") if wanted == given else Ruling(False if are_plain else None, "other items")


def _items(text: str) -> list[float | str] | None:
    said = words(text)
    match = _LIST.search(said)
    if match is None and re.fullmatch(_BARE_LIST, said) is None:
        return None
    items = [item.strip().strip("'\"") for item in re.split(r",\s*and\s+|,|\s+and\s+", match[1] if match else said)]
    return [item.casefold() if (number := read(item)) is None else number.value for item in items]
