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
from codedance.reward.rules.numerals import only, plain, read
from codedance.reward.rules.ruling import Ruling, ruling
from codedance.types import AnswerType

_LIST = re.compile(r"\[([^\[\]]*)\]")
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
    if plain(gold).casefold() == plain(answer).casefold():
        return Ruling(True, "the same text")
    if kind is AnswerType.LIST:
        wanted, given = _items(gold), _items(answer)
        if wanted is None or given is None:
            return Ruling(None, "no list to compare")
        return ruling(wanted == given, "the same items", "other items")
    number, found = read(gold), only(answer)
    if kind is AnswerType.TEXT or number is None or found is None:
        return Ruling(None, "no number to compare" if number else "another text")
    if kind is AnswerType.INTEGER:
        return ruling(found.value == number.value, "the same number", f"{found.value:g} instead of {number.value:g}")
    digits = len(gold.partition(".")[2]) if precision is None else precision
    same = abs(round(found.value, digits) - number.value) < _LEAST
    return ruling(same, f"the same to {digits} decimals", f"{found.value:g} instead of {number.value:g}")


def _items(text: str) -> list[float | str] | None:
    match = _LIST.search(plain(text))
    if match is None:
        return None
    items = [item.strip().strip("'\"") for item in match[1].split(",")]
    return [item.casefold() if (number := read(item)) is None else number.value for item in items]
