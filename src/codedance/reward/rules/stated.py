"""The number that a reply settles on.

    stated("The answer is 8: 7 on the table and one on the floor.").number.value     # 8.0, declared
    stated("4 red ones and 3 blue ones, so 7 in total").number.value                 # 7.0, a total; `others` are 4 and 3
    stated("7 people (4 adults and 3 children)").number.value                        # 7.0: the sum of the others
    stated("In row 1 there are 3, in row 2 there are 4.").number                     # None: several, and none of them declared
    stated("5 or 6").offered                                                         # 5 and 6: hedged
    stated("5 to 6").number                                                          # None: a range

A number that is only found in running text may be another than the one meant: `ruling_on` calls such an answer wrong only where
the wanted number occurs nowhere in it. Not covered: lists, expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from codedance.reward.rules.declared import (
    DENIALS,
    bold_texts,
    declaration,
    first_sentence,
    is_conditional,
    is_reported,
    is_taken_back,
    last_line,
    reply_text,
)
from codedance.reward.rules.numerals import Mention, Number, about, close, mentions
from codedance.reward.rules.ruling import Ruling
from codedance.reward.rules.wrapping import unwrapped, words

_LONGEST = 4000
_LABEL = re.compile(r"[A-Za-z∠_][^0-9:=?]{0,40}[:=]\s*(?P<said>[^:=]+)")
_SUM = re.compile(r"[-+*/×÷x().,0-9\s]{3,60}=\s*(?P<said>[^=]+)")
_BULLET = re.compile(r"^(?:[-*•]\s|[0-9]+[.)]\s|[-+]?[0-9.,]+$)", re.MULTILINE)
_OR = re.compile(r"\s*(?:or|/|and/or)\s*", re.IGNORECASE)
_TO = re.compile(r"\s*(?:to|-|~)\s*", re.IGNORECASE)
_NEXT = re.compile(r"\s*[,;&]?\s*(?:and\s+)?", re.IGNORECASE)
_BOUND_BEHIND = re.compile(
    r"\s*(?:\+(?!\s*[0-9])|\+/-|±|(?:or|and)\s+(?:more|less|fewer|above|below|over|higher|lower|up)\b"
    r"|at\s+(?:least|most)\b|(?:is|was|are)\s+(?:not|wrong|incorrect)\b)",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"\s*(?:[(:;.!?]|-\s|,\s*(?!and\b|plus\b|another\b|or\b|but\b|with\b)|,?\s*\b(?:because|since|as|which|where|given|not|rather|instead)\b|\Z)"
)
_BOUND = (
    r"\b(?:at least|at most|more than|fewer than|less than|up to|no more|over|under|below|above|minimum|maximum"
    r"|pairs?|couple|several|few|some|another"
    r"|double|twice|triple|thrice|each|every|per|plus|more|less|half|both|not|isn't|aren't|neither|nor"
    r"|without|except|before|after|between|maybe|perhaps|possibly|(?:anything|everything|all) but)\b"
    r"|n't\b|\b(?:cannot|wrong|incorrect|max)\b|\bno(?=\s+[0-9])|[<>≤≥±]|[0-9]\+(?!\s*[0-9])"
)
_VAGUE = re.compile(rf"{_BOUND}|{DENIALS}", re.IGNORECASE)
_BEFORE_TOTAL = re.compile(
    r"(?:\b(?:so|i\.e|that is|thus|hence|therefore|makes|making|giving|gives|total(?:ing|s| is| of)?|in total"
    r"|altogether|in all|overall)\b|=)"
    r"[\s,:.]*(?:(?:there (?:are|is)|it(?:'s| is)|we (?:have|get)|i (?:count|get|see)|this (?:gives|makes)"
    r"|the total is|is|are|a total of|about|exactly)[\s,:]*)?\Z",
    re.IGNORECASE,
)
_BEHIND_TOTAL = re.compile(r"(?:\s+\w+){0,2}\s+(?:in total|altogether|in all|overall)\b", re.IGNORECASE)
_PARTED = re.compile(r"\b(?:and|plus|times|of|by|each|x)\b|[+*×]", re.IGNORECASE)
_ONE = re.compile(r"\b(?:there is|there's|only|just|exactly|i (?:can )?see|i count)\s+(?:only |just |exactly )?\Z", re.IGNORECASE)
_ANOTHER = re.compile(
    r"(?:\b(?:and|plus|with)|,)\s+an?\s+(?!half|third|quarter|total|sum)[a-z]|\A\s*an?\s+[a-z]+(?=,|\s+and\b)", re.IGNORECASE
)
_NOT_COUNTED = re.compile(r"\b(?:no|the|this|that|each|every|which|any|other|another)\s+\Z", re.IGNORECASE)
_NONE = re.compile(
    r"(?:(?:there (?:are|is)|there's|i (?:can )?see|i count)\s+)?no\s+(?!more|less|fewer|way|doubt|information|clear"
    r"|need|one|answer|idea|visible way)"
    r"(?:[\w-]+\s*){1,3}(?:(?:in|on|at|visible|shown|here)\b[^,;.]*)?",
    re.IGNORECASE,
)
_DATED = re.compile(r"\b(?:in|of|since|from|year|until|till|by|during|for)\s+\Z", re.IGNORECASE)


class Stated(NamedTuple):
    """A number, and how sure it is that it is the one meant."""

    number: Number | None
    is_declared: bool = False
    """The whole reply is this number, or it is declared."""
    others: tuple[Number, ...] = ()
    """What else is said in numbers."""
    offered: tuple[Number, ...] = ()
    """Two numbers of which the reply takes neither: 5 or 6."""


def stated(answer: str) -> Stated:
    """The number that a reply settles on, if it settles on one."""
    reply = reply_text(answer)
    whole = unwrapped(reply)
    if (number := whole_number(whole)) is not None:
        return Stated(number, is_declared=True)
    if len(whole) < 60 and (pair := _pair(words(whole))):
        return pair
    if (declared := declaration(answer)) is not None:
        return Stated(None) if declared.is_open else leading(declared.text)
    marked = {number for text in bold_texts(answer) if (number := about(text)) is not None}
    if len(marked) == 1:
        return Stated(marked.pop(), is_declared=True)
    lists = _BULLET.findall(reply[:_LONGEST])
    if len(lists) < 2 and (number := whole_number(last_line(answer))) is not None:
        return Stated(number, is_declared=True)
    if len(lists) > 1 or len(reply) > _LONGEST or is_taken_back(reply) or is_conditional(reply) or is_reported(reply):
        return Stated(None)
    return _in_running_text(words(reply))


def whole_number(text: str) -> Number | None:
    """The number that a text is, behind a label ("Total: 7") or a sum ("3 + 4 = 7") or as it is."""
    if len(text) > _LONGEST:
        return None
    said = words(text)
    labelled = _LABEL.fullmatch(said) or _SUM.fullmatch(said)
    return about(labelled["said"] if labelled else text)


def leading(text: str) -> Stated:
    """The number that a declared text begins with."""
    line = words(text)
    if (number := whole_number(text)) is not None or (number := whole_number(first_sentence(line))) is not None:
        return Stated(number, is_declared=True)
    sentence = first_sentence(line)
    found = [mention for mention in mentions(sentence) if not mention.is_label]
    if len(sentence) < 60 and (pair := _pair(sentence)):
        return pair
    if not found or _VAGUE.search(sentence[: found[0].end]) or _is_list(sentence, found):
        return Stated(None)
    first, behind = found[0], sentence[found[0].end :]
    if _BOUND_BEHIND.match(behind):
        return Stated(None)
    until = found[1].start - first.end if len(found) > 1 else len(behind)
    lead_in = len(sentence[: first.start].split())
    if len({mention.number for mention in found}) == 1 or (
        lead_in <= 3 and any(cut.start() < until and cut.end() <= until for cut in _CUT.finditer(behind))
    ):
        return Stated(first.number, is_declared=True)
    return _in_running_text(sentence)


def ruling_on(wanted: Number, said: Stated, same: Callable[[Number, Number], bool | None]) -> Ruling:
    """Whether a stated number is the wanted one.

    Args:
        wanted: the known answer.
        said: what the reply states.
        same: whether two numbers are the same; None where that cannot be told.
    """
    if said.offered:
        is_one = any(same(wanted, number) is not False for number in said.offered)
        return Ruling(None if is_one else False, "hedged: two numbers")
    if said.number is None:
        return Ruling(None, "no one number is stated")
    told = same(wanted, said.number)
    if told is False and not said.is_declared and any(same(wanted, other) is not False for other in said.others):
        return Ruling(None, "several numbers, none of them declared")
    if told is False and said.number.is_listed and same(wanted, said.number._replace(value=-said.number.value)):
        return Ruling(None, "a dash that may be a sign")
    given = f"{said.number.value:g}{'%' if said.number.is_percent else ''} {said.number.unit}".strip()
    why = {True: "the same number", False: f"{given} instead of {wanted.value:g}", None: f"{given} may be {wanted.value:g}"}
    return Ruling(told, why[told])


def _pair(text: str) -> Stated | None:
    """Of a text whose only numbers are two: what it offers by "or"; nothing by "to", which makes a range."""
    found = mentions(text)
    if len(found) != 2 or found[0].number == found[1].number:
        return None
    between = text[found[0].end : found[1].start]
    if _OR.fullmatch(between):
        return Stated(None, offered=(found[0].number, found[1].number))
    return Stated(None) if _TO.fullmatch(between) else None


def _is_list(text: str, found: Sequence[Mention]) -> bool:
    """Whether a text is nothing but several numbers side by side."""
    is_whole = not text[: found[0].start].strip(" [(") and not text[found[-1].end :].strip(" .])")
    gaps = (text[one.end : other.start] for one, other in zip(found, found[1:], strict=False))
    return len(found) > 1 and is_whole and all(map(_NEXT.fullmatch, gaps))


def _in_running_text(text: str) -> Stated:
    found = [mention for mention in mentions(text) if not mention.is_label and not _is_pronoun(text, mention)]
    if not found:
        return Stated(Number(0.0)) if _NONE.fullmatch(text) else Stated(None)
    undated = [mention for mention in found if not _is_date(text, mention)]
    if undated and len(undated) < len(found) and not any(map(_is_year, undated)):
        dates = tuple(mention.number for mention in found if mention not in undated)
        one = _one_of(text, undated)
        return Stated(one.number, False, (*one.others, *dates))
    return _one_of(text, found)


def _one_of(text: str, found: Sequence[Mention]) -> Stated:
    numbers = [mention.number for mention in found]
    if len(set(numbers)) == 1 and (more := len(_ANOTHER.findall(text))):  # "two men and a woman" may be three
        return Stated(numbers[0], False, tuple(numbers[0]._replace(value=numbers[0].value + step) for step in range(1, more + 1)))
    gaps = (text[one.end : other.start] for one, other in zip(found, found[1:], strict=False))
    if len(set(numbers)) == 1 and any(map(_PARTED.search, gaps)):  # "2 red ones and 2 blue ones", "3 + 3"
        return Stated(None, others=(numbers[0],))
    if len(set(numbers)) == 1:
        is_one = found[0].text.lower() != "one" or any(_ONE.search(text[: mention.start]) for mention in found)
        return Stated(None if _VAGUE.search(text) or not is_one else numbers[0])
    totals = [mention.number for mention in found if _is_total(text, mention)]
    if not totals:
        totals = [end for end, rest in ((numbers[0], numbers[1:]), (numbers[-1], numbers[:-1])) if _is_made_of(end, rest)]
    if not totals or len(set(totals)) > 1:
        return Stated(None, others=tuple(numbers))
    return Stated(totals[-1], False, tuple(number for number in numbers if number != totals[-1]))


def _is_total(text: str, mention: Mention) -> bool:
    before = text[max(0, mention.start - 60) : mention.start]
    return bool(_BEFORE_TOTAL.search(before) or _BEHIND_TOTAL.match(text, mention.end))


def _is_made_of(total: Number, parts: Sequence[Number]) -> bool:
    """The sum or the product of two or more others."""
    values = [part.value for part in parts]
    return len(values) > 1 and any(close(total.value, made, 1e-9) for made in (sum(values), prod(values)))


def _is_pronoun(text: str, mention: Mention) -> bool:
    return mention.text.lower() == "one" and _NOT_COUNTED.search(text[max(0, mention.start - 10) : mention.start]) is not None


def _is_date(text: str, mention: Mention) -> bool:
    return _is_year(mention) and _DATED.search(text[max(0, mention.start - 10) : mention.start]) is not None


def _is_year(mention: Mention) -> bool:
    said = mention.text.strip()
    return len(said) == 4 and said.isdigit() and 1800 <= mention.value <= 2100
