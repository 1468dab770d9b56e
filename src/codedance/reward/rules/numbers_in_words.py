"""Numbers in words, in English and in simple Chinese.

    spoken("twenty one")                # 21.0
    spoken("one hundred and five")      # 105.0
    spoken("two dozen")                 # 24.0
    spoken("two thirds")                # 0.666...
    spoken("two and a half")            # 2.5

Not covered: ordinals (fourth), vague ones (a couple, several).
"""

from __future__ import annotations

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: value for value, word in enumerate(_ONES + _TEENS)}
_DECADES = {word: 20 + 10 * place for place, word in enumerate(_TENS)}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourths": 4, "fifth": 5, "fifths": 5,
          "sixths": 6, "eighths": 8, "tenths": 10}  # fmt: skip
_ALONE = ("half", "quarter")
_CHINESE = {character: value for value, character in enumerate("零一二三四五六七八九十")} | {"两": 2}
_MOST_WORDS = 16
WORD = (
    rf"(?:(?:an?\s+)?(?:hundred|dozen|thousand|million)s?|half\s+an?\s+dozen"
    rf"|{'|'.join(sorted([*_SMALL, *_DECADES, *_LARGE], key=len, reverse=True))})\b"
)
"""A pattern for one word of a number."""


def spoken(text: str) -> float | None:
    """The value of a number in words; None for any other text."""
    said = text.strip().casefold().replace("-", " ")
    if said in ("none", "nil"):
        return 0.0
    if 0 < len(said) <= 3 and (value := _chinese(said)) is not None:
        return value
    parts = said.split()
    if not parts or len(parts) > _MOST_WORDS:
        return None
    if parts[0] in ("minus", "negative"):
        value = spoken(" ".join(parts[1:]))
        return None if value is None or value < 0 else -value
    if "point" in parts:
        place = parts.index("point")
        whole, digits = _whole(parts[:place]), [_SMALL.get(part, 10) for part in parts[place + 1 :]]
        return None if whole is None or not digits or max(digits) > 9 else float(f"{whole}.{''.join(map(str, digits))}")
    return _with_fraction(parts)


def _with_fraction(parts: list[str]) -> float | None:
    if parts == ["half", "a", "dozen"] or parts == ["half", "dozen"]:
        return 6.0
    if parts[-1] not in _PARTS:
        whole = _whole(parts)
        return None if whole is None else float(whole)
    head = parts[:-1]
    if "and" in head[1:]:
        place = len(head) - 1 - head[::-1].index("and")
        whole, share = _whole(head[:place]), _with_fraction([*head[place + 1 :], parts[-1]])
        return None if whole is None or share is None or share >= 1 else whole + share
    if not head and parts[-1] not in _ALONE:
        return None  # "third" may be an ordinal
    above = 1 if head in ([], ["a"], ["an"]) else _whole(head)
    return None if above is None else above / _PARTS[parts[-1]]


def _whole(parts: list[str]) -> int | None:
    """The value of the words of a whole number."""
    if not parts or parts[-1] in ("and", "a", "an"):
        return None
    total, current, last = 0, 0, ""
    for place, part in enumerate(parts):
        if part == "and" and last in ("hundred", *_LARGE):
            continue
        if part in ("a", "an") and place == 0:
            current = 1
        elif part in _SMALL and (not last or last in ("hundred", *_LARGE) or (last in _DECADES and 0 < _SMALL[part] < 10)):
            current += _SMALL[part]
        elif part in _DECADES and (not last or last in ("hundred", *_LARGE)):
            current += _DECADES[part]
        elif part == "hundred" and last in ("", "a", *_SMALL):
            current = max(current, 1) * 100
        elif part.rstrip("s") == "dozen" and place == len(parts) - 1:
            current = max(current, 1) * 12
        elif part in _LARGE and (not total or _LARGE[part] < total):
            total, current = total + max(current, 1) * _LARGE[part], 0
        else:
            return None
        last = part
    return total + current


def _chinese(said: str) -> float | None:
    if any(character not in _CHINESE for character in said):
        return None
    if len(said) == 1:
        return float(_CHINESE[said])
    before, ten, behind = said.partition("十")
    if not ten or len(before) > 1 or len(behind) > 1 or "十" in behind:
        return None
    return float((_CHINESE[before] if before else 1) * 10 + (_CHINESE[behind] if behind else 0))
