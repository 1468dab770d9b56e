"""Counts: the exact integer.

    decide("7", "There are seven.")      # right
    decide("5", "5 or 6")                # wrong: hedged

The officials are three, one for each kit: `countbench` (number words to twenty, else the text itself; lmms-eval), `countbenchqa`
(the known number anywhere inside the answer, so that 1 passes for 10; VLMEvalKit) and `pixmo` (the first run of digits;
lmms-eval).
"""

from __future__ import annotations

import re

from codedance.reward.rules.numerals import WORDS, plain
from codedance.reward.rules.ruling import Ruling, ruling

_TWENTY = {word: str(value) for word, value in WORDS.items() if value <= 20} | {"none": "0"}
_WORD = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>-?)(?:(?P<digits>\d{{1,3}}(?:,\d{{3}})+|\d+)(?P<rest>\.\d+)?|\b(?P<word>{_WORD})\b)(?!\w)"
)
_HEDGE = re.compile(r"\s*(?:or|to|-|/|\.\.)\s*", re.IGNORECASE)


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
    """The last integer of the answer, if it commits itself."""
    wanted, said = plain(gold), plain(answer)
    found = list(_NUMBER.finditer(said.casefold()))
    if not found or not wanted.isdigit():
        same = wanted.casefold() == said.casefold()
        return Ruling(True, "the same text") if same else Ruling(None, "no number in the answer")
    for one, other in zip(found, found[1:], strict=False):
        between = said[one.end() : other.start()]
        if _HEDGE.fullmatch(between) and _value(one) != _value(other):
            return Ruling(False, f"hedged: {said[one.start() : other.end()]!r}")
    last = _value(found[-1])
    return ruling(last == int(wanted), "the same count", f"{last:g} instead of {wanted}")


def _value(match: re.Match[str]) -> float:
    if match["word"]:
        return float(WORDS[match["word"]])
    value = float(match["digits"].replace(",", "") + (match["rest"] or ""))
    return -value if match["sign"] else value
