"""ChartQA: numbers within 5 %, everything else as text.

    official("100", "104")                        # right: within 5 %
    decide("2010", "2008")                        # wrong: a year is a label
    decide("14", "In 2010, the value was 14.")    # right: the only number beside a date

`official` is the rule of Masry et al. 2022, section 5.1, as the field's kits code it: a percent sign divides by 100, commas and
full stops are not understood, and 0 is compared as text. `decide` reads numbers as people write them and takes years exactly.
What is text on both sides and differs is left to a judge.
"""

from __future__ import annotations

import re

from codedance.reward.rules.declared import declaration, first_sentence, statement
from codedance.reward.rules.numerals import Number, close, may_be, read
from codedance.reward.rules.ruling import Ruling, ruling
from codedance.reward.rules.stated import ruling_on, stated
from codedance.reward.rules.wrapping import words
from codedance.reward.rules.yes_no import polarity

TOLERANCE = 0.05
_YEAR = re.compile(r"(19|20)\d\d")
_LIST = re.compile(r"\[(.*)\]", re.DOTALL)


def official(gold: str, answer: str) -> Ruling:
    """The published rule, to the letter."""
    gold, answer = gold.strip(), answer.strip()
    wanted, given = _to_float(gold), _to_float(answer)
    if given is not None and wanted:
        return ruling(abs(given - wanted) / abs(wanted) <= TOLERANCE, "within 5 %", "off by more than 5 %")
    return ruling(gold.lower() == answer.lower(), "the same text", "another text")


def _to_float(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def decide(gold: str, answer: str) -> Ruling:
    """The rule that people would use."""
    wanted = words(gold)
    declared = declaration(answer)
    given = words(first_sentence(declared.text) if declared and not declared.is_open else answer)
    said = (given, words(answer)) if read(wanted) else (given, words(answer), words(statement(answer)))
    if _text(wanted) in map(_text, said):
        return Ruling(True, "the same text")
    if match := _LIST.fullmatch(wanted):
        return _decide_list(_items(match[1]), given)
    if " / " in wanted and any(_matches(part, answer) for part in wanted.split(" / ")):
        return Ruling(True, "one of the alternatives")
    return _decide_one(wanted, answer)


def _decide_one(wanted: str, answer: str) -> Ruling:
    if (number := read(wanted)) is not None:
        exact = _YEAR.fullmatch(wanted) is not None
        return ruling_on(number, stated(answer), _same_year if exact else _same)
    if (polar := polarity(wanted)) is not None:
        said = polarity(answer)
        return Ruling(None, "neither yes nor no") if said is None else ruling(said is polar, "the same word", "the other word")
    return Ruling(None, "another text")


def _same_year(wanted: Number, given: Number) -> bool | None:
    """The 2010s are no year; '10 may be one."""
    if given.value == wanted.value and given.unit:
        return None
    if given.value == wanted.value % 100:
        return None
    return given.value == wanted.value and not given.is_percent


def _same(wanted: Number, given: Number) -> bool | None:
    """Within the tolerance; where one side alone has a percent sign, it may be an axis' 12 as well as 0.12."""
    readings = [given.value]
    if wanted.is_percent != given.is_percent:
        readings.append(given.value / 100 if given.is_percent else given.value * 100)
    if any(close(wanted.value, reading, TOLERANCE) for reading in readings):
        return True
    return None if may_be(wanted, given, TOLERANCE) else False


def _decide_list(wanted: list[str], given: str) -> Ruling:
    """The same items in any order."""
    match = _LIST.search(given)
    found = _items(match[1] if match else given)
    if len(found) != len(wanted):
        return Ruling(None if not match else False, f"{len(found)} items instead of {len(wanted)}")
    left = list(found)
    for item in wanted:
        hit = next((other for other in left if _matches(item, other)), None)
        if hit is None:
            are_numbers = all(read(other) is not None for other in (*wanted, *found))
            return Ruling(False if are_numbers else None, f"{item!r} is missing")
        left.remove(hit)
    return Ruling(True, "the same items")


def _matches(wanted: str, given: str) -> bool:
    return _text(wanted) == _text(given) or _decide_one(wanted, given).is_right is True


def _items(inside: str) -> list[str]:
    return [item.strip().strip("'\"") for item in re.split(r",\s*|\s+and\s+", inside) if item.strip()]


def _text(text: str) -> str:
    """Without case, without the stops of initialisms and sentences."""
    return text.casefold().replace(".", "").strip(" '\"") if read(text) is None else text.casefold().rstrip(".")
