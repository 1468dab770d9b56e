"""Numbers as people and models write them: the one place that knows signs, separators, powers, words, magnitudes, percent, units.

    read("1,000").value                              # 1000.0
    read("5.5 trillion").value                       # 5.5e12
    read("12 cm²")                                   # Number(value=12.0, unit="cm^2")
    read("one hundred and five").value               # 105.0
    read("np.float64(0.5)").value                    # 0.5
    read("about 7")                                  # None: the whole text must be a number, and its unit
    [mention.value for mention in mentions("7 people (4 adults and 3 children)")]     # [7.0, 4.0, 3.0]

Understood: thousands separators (comma, space, apostrophe), currencies, percent, fractions and mixed numbers, exponents and
powers, magnitudes (k, M, million, ...), number words, dozens. Not covered: decimal commas, which may as well be lists: they are
no number.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from codedance.reward.rules.numbers_in_words import WORD, spoken
from codedance.reward.rules.units import FACTORS, UNIT, temperatures, unit_of
from codedance.reward.rules.wrapping import plain, words

_MAGNITUDES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "k": 1e3, "mn": 1e6, "mln": 1e6, "bn": 1e9,
    "tn": 1e12, "lakh": 1e5, "crore": 1e7, "dozen": 12.0, "万": 1e4, "亿": 1e8,
}  # fmt: skip
_CAPITALS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "MM": 1e6}
_MAGNITUDE = rf"(?:(?i:{'|'.join(sorted(_MAGNITUDES, key=len, reverse=True))})s?|MM|[KMBT])(?![A-Za-z])"
_PLAIN = (
    r"(?:[0-9]{1,3}(?:\.[0-9]{3}){2,}(?![0-9])|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:[ '][0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+"
)
_CURRENCY = r"(?:(?:US)?\\?\$|€|£|¥|₹|(?i:usd|eur|gbp|rs\.?)(?=\s))"
_POWER = r"(?:\^|\*\*)\s*(?:\{\s*(?P<braced>-?[0-9]{1,3})\s*\}|\(?(?P<power>-?[0-9]{1,3})\)?)"
_SCALE = r"\s*(?:[x×*·⋅])\s*10\s*(?:\^|\*\*)\s*\{?\s*(?P<scale>[-+]?[0-9]{1,3})\s*\}?"
_NUMBER = re.compile(
    rf"(?P<before>[-+]?)\s*{_CURRENCY}?\s*(?P<sign>[-+]?)(?P<digits>{_PLAIN})(?:(?P<exponent>[eE][-+]?[0-9]{{1,3}})|{_SCALE}|{_POWER})?"
    rf"(?:\s+(?P<above>[0-9]{{1,4}})\s*/\s*(?P<below>[0-9]{{1,4}})|\s*/\s*(?P<under>[0-9]+(?:\.[0-9]+)?))?"
    rf"\s*(?P<magnitude>{_MAGNITUDE})?\s*(?P<percent>%|(?i:percent|per\s?cent|pct"
    rf"|percentage points?)\b)?(?:[\s-]*(?P<unit>{UNIT}))?"
)
_SPOKEN = re.compile(
    rf"(?P<words>{WORD}(?:[\s-]+(?:and\s+)?{WORD})*)\s*(?P<percent>%|(?:percent|per\s?cent)\b)?(?:\s*(?P<unit>{UNIT}))?",
    re.IGNORECASE,
)
_MIXED = re.compile(r"(?P<whole>[0-9]{1,6}) and (?P<share>(?:an?|one|two|three) [a-z]+)", re.IGNORECASE)
_CALL = re.compile(
    r"(?:np|numpy|torch|sympy|sp|decimal|fractions|tf)?\.?(?:u?int(?:8|16|32|64)?|float(?:16|32|64)?|Integer|Float|Decimal|tensor|array|Fraction|Rational)"
    r"\(\s*[\[(]?\s*['\"]?([-+0-9.eE/]+)['\"]?(?:\s*,\s*([-+]?[0-9]+))?\s*[\])]?(?:\s*,\s*dtype=[\w.]+)?\s*\)"
)
_APPROXIMATE = re.compile(
    r"(?:(?:about|approximately|approx\.?|roughly|around|nearly|almost|circa|ca\.|exactly|only|just|precisely|≈|~|=|\\approx)\s*)+",
    re.IGNORECASE,
)
_WITHIN = re.compile(
    rf"(?<![A-Za-z0-9_.^\\/])(?<![0-9],)(?:(?<![\w)\]])[-+])?(?<![A-Za-z]\()(?:{_PLAIN})(?:[eE][-+]?[0-9]{{1,3}}"
    rf"|{_SCALE.replace('?P<scale>', '?:')})?"
    rf"(?:(?:\^|\*\*)\s*\{{?-?[0-9]{{1,3}}\}}?)?(?:\s+[0-9]{{1,4}}/[0-9]{{1,4}}|\s*/\s*[0-9]+)?(?:\s?{_MAGNITUDE})?(?:\s*%)?"
    rf"(?![A-Za-z0-9_]|[.,]+[0-9]|/[0-9]|(?:[ '][0-9]{{3}})+,[0-9]|\s+and\s+(?:an?\s+half|an?\s+quarter|a\s+third)\b)"
    rf"|(?<![A-Za-z0-9_.^\\/])[-+]?(?:{_PLAIN})(?=(?:{UNIT})(?![A-Za-z0-9_]))"
    rf"|(?<![A-Za-z0-9_-])(?:{WORD})(?:[\s-]+(?:and\s+)?(?:{WORD}))*(?![A-Za-z0-9_-])",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"(?:negative|minus)\s+", re.IGNORECASE)
_NEGATIVE_BEFORE = re.compile(r"(?:(?<!\w)negative|(?:\A|\b(?:is|are|was|be|of|to|equals|=|:))\s*minus)\s+\Z", re.IGNORECASE)
_ONE_WORD = re.compile(rf"\b{WORD}", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:\b(?:image|picture|photo|figure|fig\.?|table|step|question|problem|page|option|row|column|line|frame|panel|no\.|version|part)\s*|#\s*)\Z",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:18|19|20)[0-9]{2}")
_LONGEST = 120
_NOTHING = 1e-9
_MEASURED = 8
"""Decimals; nobody measures more, but Python prints them."""
_CONVERTED = 5e-3
"""How exactly another unit or a percentage is worked out."""


class Number(NamedTuple):
    """A number in a text."""

    value: float
    """With its magnitude: 1.2 million is 1200000; a percentage as written: 12 for 12 %."""
    is_percent: bool = False
    unit: str = ""
    """Short form of a known unit: cm, cm^2, deg, ..."""
    magnitude: float = 1.0
    """What a magnitude (million, k) multiplied it by."""
    decimals: int = 0
    """Digits behind the point, as written."""
    is_fraction: bool = False
    """Written as 7/10, or in words as a part."""
    is_listed: bool = False
    """Its sign may be the dash of a list: "- 7"."""


class Mention(NamedTuple):
    """A number somewhere in a text."""

    number: Number
    text: str
    start: int
    end: int
    is_label: bool
    """It names something: image 2, row 3."""

    @property
    def value(self) -> float:
        """Of the number."""
        return self.number.value


def read(text: str) -> Number | None:
    """The number that the whole text is, with its unit; None for any other text."""
    if len(text) > 4 * _LONGEST:
        return None
    return _read(words(text))


def _read(said: str) -> Number | None:
    if len(said) > _LONGEST:
        return None
    if (negative := _NEGATIVE.match(said)) and said[negative.end() : negative.end() + 1].isdigit():
        said = f"-{said[negative.end() :]}"
    if call := _CALL.fullmatch(said):
        said = call[1] + (f"/{call[2]}" if call[2] else "")
    if match := _NUMBER.fullmatch(said):
        return _of_digits(match)
    if (mixed := _MIXED.fullmatch(said)) and (share := spoken(mixed["share"])) is not None and 0 < share < 1:
        return Number(int(mixed["whole"]) + share, is_fraction=True)
    match = _SPOKEN.fullmatch(said)
    value = spoken(match["words"]) if match else spoken(said)
    if value is None:
        return None
    unit = unit_of(match["unit"] or "") if match else ""
    return Number(value, bool(match and match["percent"]), unit, is_fraction=not value.is_integer())


def about(text: str) -> Number | None:
    """The same where the text may begin with "about", "≈" or "exactly"."""
    if len(text) > 4 * _LONGEST:
        return None
    said = plain(text)
    return read(said[match.end() :] if (match := _APPROXIMATE.match(said)) else said)


def mentions(text: str) -> list[Mention]:
    """The numbers in a text without markup, from left to right; ordinals, dates' suffixes and names such as A4 are none."""
    found = []
    for match in _WITHIN.finditer(text):
        is_label = _LABEL.search(text[max(0, match.start() - 20) : match.start()]) is not None
        if (number := _read(match[0])) is not None:
            if _NEGATIVE_BEFORE.search(text[max(0, match.start() - 24) : match.start()]):
                number = number._replace(value=-number.value)
            found.append(Mention(number, match[0], match.start(), match.end(), is_label))
        else:  # words that are no number together: each for itself
            found += [
                Mention(number, part[0], match.start() + part.start(), match.start() + part.end(), is_label)
                for part in _ONE_WORD.finditer(match[0])
                if (number := _read(part[0])) is not None
            ]
    return found


def only(text: str) -> Number | None:
    """The one number in a text, however often it stands there; None where there is none, or several."""
    whole = about(text)
    if whole is not None:
        return whole
    found = {mention.number for mention in mentions(words(text))}
    return found.pop() if len(found) == 1 else None


def _of_digits(match: re.Match[str]) -> Number | None:
    digits = re.sub(r"[, ']", "", match["digits"])
    if digits.count(".") > 1:
        digits = digits.replace(".", "")
    if (match["before"] and match["sign"]) or (match["under"] and _YEAR.fullmatch(digits)):
        return None  # 2019/20 is a season
    try:
        value = float(digits + (match["exponent"] or "")) * 10.0 ** int(match["scale"] or 0)
        if power := match["power"] or match["braced"]:
            value **= int(power)
        if match["below"]:
            value += int(match["above"]) / int(match["below"])
        if match["under"]:
            value /= float(match["under"])
    except (OverflowError, ZeroDivisionError):
        return None
    spelled = match["magnitude"] or ""
    magnitude = _CAPITALS.get(spelled) or _MAGNITUDES.get(spelled.lower()) or _MAGNITUDES.get(spelled.lower().rstrip("s")) or 1.0
    value *= magnitude
    if not math.isfinite(value):
        return None
    decimals = 0 if match["under"] or match["below"] else len(digits.partition(".")[2])
    negative = "-" in (match["before"], match["sign"])
    value, unit = -value if negative else value, unit_of(match["unit"] or "")
    return Number(
        value, match["percent"] is not None, unit, magnitude, decimals, match["under"] is not None, match[0].startswith("- ")
    )


def agree(wanted: Number, given: Number, tolerance: float = 1e-6) -> bool | None:
    """Whether two numbers are the same within a relative tolerance.

    Undecided where only another reading of one of them would make them the same: a percent sign, a unit or a magnitude on one
    side alone, a rounded value, a point that may separate thousands.
    """
    if wanted.value == 0 != given.value and abs(given.value) < _NOTHING and given.decimals > _MEASURED:
        return None  # what remains of a 0 in floating point
    if close(wanted.value, given.value, tolerance):
        same_unit = wanted.unit == given.unit or not wanted.unit or not given.unit
        return True if wanted.is_percent == given.is_percent and same_unit else None
    return None if may_be(wanted, given, tolerance) or _is_rounded(wanted, given) else False


def may_be(wanted: Number, given: Number, tolerance: float = 1e-6) -> bool:
    """Whether two numbers that differ may mean the same: in another unit or magnitude, as a share, with other separators."""
    if wanted.unit and given.unit and wanted.unit != given.unit:
        return True
    readings = _other_readings(wanted, given)
    return any(close(one, other, max(tolerance, _CONVERTED)) for one, other in readings)


def close(wanted: float, given: float, tolerance: float) -> bool:
    """Within a tolerance that is relative to the wanted value."""
    return abs(given - wanted) <= tolerance * abs(wanted)


def _other_readings(wanted: Number, given: Number) -> list[tuple[float, float]]:
    one, other = wanted.value, given.value
    readings = []
    if wanted.is_percent != given.is_percent or given.is_fraction:
        readings += [(one, other / 100), (one, other * 100)]
    if wanted.unit != given.unit:
        readings += [(one, other * factor) for factor in FACTORS] + [(one, other / factor) for factor in FACTORS]
        readings += [(one, reading) for reading in temperatures(given.unit or wanted.unit, other)]
    if wanted.magnitude != given.magnitude:
        readings += [(one / wanted.magnitude, other), (one, other / given.magnitude)]
        readings += [(one, other / 10.0**power) for power in (3, 6, 9, 12)]
    if given.decimals == 3 and given.magnitude == 1:
        readings.append((one, other * 1000))
    if given.is_listed:
        readings.append((one, -other))
    return readings


def _is_rounded(wanted: Number, given: Number) -> bool:
    """One of them is the other to the two or more decimals that it shows."""
    fine, coarse = (wanted, given) if wanted.decimals == 0 or wanted.decimals > given.decimals else (given, wanted)
    return (
        coarse.decimals >= 2 and abs(round(fine.value, coarse.decimals) - coarse.value) < 1e-9 and fine.value != round(fine.value)
    )
