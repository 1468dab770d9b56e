"""Counts: the exact integer.

    decide("7", "There are seven.")                         # right
    decide("7", "7 people (4 adults and 3 children)")       # right
    decide("5", "5 or 6")                                   # wrong: hedged
    decide("5", "3 red ones, 2 blue ones and a plate")      # undecided: several numbers, none of them declared

The officials are three, one for each kit: `countbench` (number words to twenty, else the text itself; lmms-eval), `countbenchqa`
(the known number anywhere inside the answer, so that 1 passes for 10; VLMEvalKit) and `pixmo` (the first run of digits;
lmms-eval).
"""

from __future__ import annotations

import re

from codedance.reward.rules.numbers_in_words import spoken
from codedance.reward.rules.numerals import Number, may_be, read
from codedance.reward.rules.ruling import Ruling, ruling
from codedance.reward.rules.stated import ruling_on, stated
from codedance.reward.rules.wrapping import words

_WORDS = (
    "none", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TWENTY = {word: f"{value:.0f}" for word in _WORDS if (value := spoken(word)) is not None}


def countbench(gold: str, answer: str) -> Ruling:
    """Equal texts, number words as digits."""
    said = answer.strip().lower()
    return ruling(_TWENTY.get(said, said) == gold.strip().lower(), "the same count", "another count")


def countbenchqa(gold: str, answer: str) -> Ruling:
    """The known number is a part of the answer's text."""
    return ruling(gold in answer, "the number occurs in the answer", "the number does not occur")


def pixmo(gold: str, answer: str) -> Ruling:
    """The first run of digits on either side."""
    wanted, given = (match[0] if (match := re.search(r"\d+", text)) else text.strip() for text in (gold, answer))
    return ruling(wanted == given, "the same first number", "another first number")


def decide(gold: str, answer: str) -> Ruling:
    """The count that the answer declares, or the only one that it states."""
    if words(gold).casefold() == words(answer).casefold():
        return Ruling(True, "the same text")
    wanted = read(gold)
    if wanted is None:
        return Ruling(None, "the known answer is no number")
    said = stated(answer)
    return Ruling(False, "hedged: two numbers") if said.offered else ruling_on(wanted, said, _same_count)


def _same_count(wanted: Number, given: Number) -> bool | None:
    """A count has no sign, share or unit; 6.99 is none."""
    if given.value == wanted.value:
        return None if given.is_percent else True
    if given.is_fraction:
        return None  # 7/10 may say "seven of ten"
    return None if may_be(wanted, given) else False
