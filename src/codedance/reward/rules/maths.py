"""Mathematical answers: equal as expressions.

    decide("$2\\sqrt{31}$", "2\\sqrt{31}", expressions)      # right
    decide("6", "5 or 6", expressions)                       # wrong: hedged

`official` is math-verify 0.9 on the texts as they are. `decide` mends what it trips over (golds with a form feed for `\\f`,
typesetters' minus signs, missing dollar signs), compares plain numbers itself and keeps from it what it misreads: letters,
percent signs, ratios, lists, decimal commas, hedges.
"""

from __future__ import annotations

import re

from codedance.reward.rules import choice
from codedance.reward.rules.expressions import Expressions, Unsettled
from codedance.reward.rules.numerals import plain, read
from codedance.reward.rules.ruling import Ruling, ruling

_LEAST = 1e-6
_LETTER = re.compile(r"\(?[A-J]\)?")
_RATIO = re.compile(r"[^:$]+:[^:$]+")
_HEDGE = re.compile(r"\S\s+or\s+\S")
_DEGREES = re.compile(r"°|\^\{?\\circ\}?|\{degrees?\}|(?<=\d)degrees?$")
_LIST = re.compile(r"\[.*\]", re.DOTALL)


def official(gold: str, answer: str, expressions: Expressions) -> Ruling:
    """math-verify's word."""
    try:
        return ruling(expressions.are_equal(gold, answer), "equal by math-verify", "not equal by math-verify")
    except Unsettled as error:
        return Ruling(False, str(error))


def decide(gold: str, answer: str, expressions: Expressions) -> Ruling:
    """Equal as expressions, units and notation aside."""
    wanted, given = (plain(_mended(text)) for text in (gold, answer))
    if _bare(wanted) == _bare(given):
        return Ruling(True, "the same text")
    if _LETTER.fullmatch(wanted):
        return choice.decide(wanted, given, ())
    refusal = _refusal(wanted, given)
    if refusal:
        return Ruling(False, refusal)
    number, found = read(wanted), read(_bare(given))
    if number is not None and found is not None:
        close = abs(number.value - found.value) <= _LEAST * abs(number.value)
        return ruling(close and number.is_percent == found.is_percent, "the same number", "another number")
    try:
        equal = expressions.are_equal(_wrapped(wanted), _wrapped(given))
    except Unsettled as error:
        return Ruling(None, str(error))
    return ruling(equal, "equal by math-verify", "not equal by math-verify")


def _refusal(wanted: str, given: str) -> str:
    """Why math-verify must not be asked; empty if it may."""
    if _HEDGE.search(given) and not _HEDGE.search(wanted):
        return "hedged"
    if ("%" in wanted) != ("%" in given):
        return "a percent sign on one side"
    if bool(_RATIO.fullmatch(wanted)) != bool(_RATIO.fullmatch(given)):
        return "a ratio on one side"
    if bool(_LIST.fullmatch(wanted)) != bool(_LIST.fullmatch(given)):
        return "a list on one side"
    if re.fullmatch(r"\d+,\d{1,2}", given) and "," not in wanted:
        return "a comma that may be a decimal one"
    return ""


def _mended(text: str) -> str:
    """LaTeX commands whose backslash was eaten when a file was read."""
    return text.replace("\f", "\\f").replace("\b", "\\b").replace("\a", "\\a")


def _bare(text: str) -> str:
    return _DEGREES.sub("", text.strip().strip("$").strip().rstrip(".").replace(" ", ""))


def _wrapped(text: str) -> str:
    return text if "$" in text or "\\boxed" in text else f"${text}$"
