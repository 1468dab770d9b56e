"""Read a number as people and models write it.

    read("1,000").value                 # 1000.0
    read("5.5 trillion").value          # 5.5e12
    read("12%")                         # Number(value=12.0, is_percent=True)
    read("about 7")                     # None: the whole text must be a number
    only("about 7 cm").value            # 7.0: the one number in it

Understood: signs (also the minus of typesetters), thousands separators, a currency in front, a percent sign, fractions,
exponents, magnitude words, number words to a hundred. Not covered: units, decimal commas, LaTeX.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = {
    **{word: value for value, word in enumerate(_ONES + _TEENS)},
    **{word: 20 + 10 * place for place, word in enumerate(_TENS)},
    **{
        f"{ten}-{word}": 20 + 10 * place + value
        for place, ten in enumerate(_TENS)
        for value, word in enumerate(_ONES[1:], start=1)
    },
    "hundred": 100,
    "a hundred": 100,
    "one hundred": 100,
}
"""Number words and what they stand for."""
_MAGNITUDES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_MINUSES = dict.fromkeys(map(ord, "\u2212\u2012\u2013\u2014\ufe63\uff0d"), "-")
_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)\s*[$\u20ac\u00a3\u00a5]?\s*(?P<digits>{_PLAIN})(?P<exponent>e[-+]?\d{{1,3}})?"
    rf"(?:\s*/\s*(?P<under>\d+(?:\.\d+)?))?\s*(?P<magnitude>{'|'.join(_MAGNITUDES)})?\s*(?P<percent>%|percent|per cent)?"
)
_WITHIN = re.compile(rf"(?<![\w.])[-+]?(?:{_PLAIN})(?:e[-+]?\d{{1,3}})?%?(?![\d])", re.IGNORECASE)
_LONGEST = 60


class Number(NamedTuple):
    """A number in a text."""

    value: float
    """As written: 12 for 12 %."""
    is_percent: bool


def plain(text: str) -> str:
    """A text with ordinary characters: compatibility forms, minus signs and spaces unified, the ends stripped."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_MINUSES).split())


def read(text: str) -> Number | None:
    """The number that the whole text is, or None."""
    said = plain(text).casefold().rstrip(".").strip()
    if said in WORDS:
        return Number(float(WORDS[said]), False)
    match = _NUMBER.fullmatch(said) if len(said) <= _LONGEST else None
    if match is None:
        return None
    value = float(match["digits"].replace(",", "") + (match["exponent"] or ""))
    if match["under"] is not None:
        if float(match["under"]) == 0:
            return None
        value /= float(match["under"])
    value *= _MAGNITUDES.get(match["magnitude"] or "", 1.0)
    if not math.isfinite(value):
        return None
    return Number(-value if match["sign"] == "-" else value, match["percent"] is not None)


def only(text: str) -> Number | None:
    """The one number in a text; None where there is none, or several."""
    whole = read(text)
    if whole is not None:
        return whole
    found = {match[0] for match in _WITHIN.finditer(plain(text))}
    return read(found.pop()) if len(found) == 1 else None
