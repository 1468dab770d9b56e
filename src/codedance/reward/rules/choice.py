"""Multiple choice: which letter an answer means.

decide("B", "The answer is (B), since A is too large.", ("3 cm", "3 cm^2"))     # right
decide("B", "3 cm^2", ("3 cm", "3 cm^2"))                                        # right: the option's own words
decide("A", "A bear is visible, so the answer is C.", ("lion", "dog", "bear"))   # wrong: an article is no choice
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from codedance.reward.rules.numerals import plain
from codedance.reward.rules.published_choice import REFUSALS
from codedance.reward.rules.ruling import Ruling, ruling

_MOST = 10
_LONE = re.compile(r"[(\[{]?([A-Za-z])[)\]}]?[.:,;!]?")
_LEADING = re.compile(r"(?:[(\[]([A-Z])[)\]][.:]?|([A-Z])[.):])\s+\S")
_SEVERAL = re.compile(r"\(?([A-Z])\)?(?:\s*(?:,|/|&|\band\b|\bor\b)\s*\(?([A-Z])\)?)+\.?")
_DECLARED = re.compile(
    r"\b(?:answer|option|choice)\b(?:\s+(?:is|must be|should be|would be))?\s*[:=]?\s*(?:option\s+|choice\s+)?"
    r"[(\[{]?(?-i:([A-Z]))[)\]}]?(?![\w'])",
    re.IGNORECASE,
)
_STANDING = re.compile(r"(?<![\w'])([A-Z])(?![\w'])")
_PREFIX = re.compile(r"^[(\[]?([A-Z])[)\].:]+\s*")
_NEGATED = re.compile(
    r"\b(?i:not|never|isn't|nor|neither|except)\s+(?:(?i:option|choice|the)\s+)?\(?[A-Z](?![\w'])"
    r"|(?<![\w'])[A-Z]\)?\s+(?i:is|was|seems)\s+(?:\w+\s+)?(?i:not|wrong|incorrect|false|out)\b"
)
_MARKUP = re.compile(r"[*`$]|\\(?:text|mathrm|boxed)\b|</?\w+>")


def decide(gold: str, answer: str, choices: Sequence[str]) -> Ruling:
    """Which one choice the answer means; `gold` is its letter, else its text. A lone letter is never a text."""
    texts = [_bare(choice) for choice in choices]
    letters = ascii_uppercase[: len(texts) or _MOST]
    wanted = _wanted(plain(gold), texts, letters)
    if wanted is None:
        return (
            ruling(_bare(gold) == _bare(answer), "the same text", "another text")
            if not choices
            else Ruling(None, "no such choice")
        )
    said = plain(_MARKUP.sub(" ", answer)).strip("{} ")
    if any(refusal in said for refusal in REFUSALS):
        return Ruling(False, "a refusal")
    if _SEVERAL.fullmatch(said) and len(set(_STANDING.findall(said))) > 1:
        return Ruling(False, "more than one choice")
    given = _letter(said, texts, letters)
    if given is None:
        return Ruling(None, "no choice to be made out")
    return ruling(given == wanted, f"choice {given}", f"choice {given} instead of {wanted}")


def _wanted(gold: str, texts: Sequence[str], letters: str) -> str | None:
    lone = _LONE.fullmatch(gold)
    if lone and lone[1].upper() in letters:
        return lone[1].upper()
    return letters[texts.index(_bare(gold))] if _bare(gold) in texts else None


def _letter(said: str, texts: Sequence[str], letters: str) -> str | None:
    """The letter that an answer means; what is said outright comes before what is only mentioned."""
    if (lone := _LONE.fullmatch(said)) and lone[1].upper() in letters:
        return lone[1].upper()
    whole = _bare(said)
    if texts.count(whole) == 1:
        return letters[texts.index(whole)]
    declared = [letter for letter in _DECLARED.findall(said) if letter in letters]
    if declared:
        return str(declared[-1])
    if _NEGATED.search(said):
        return None
    if (leading := _LEADING.match(said)) and (letter := leading[1] or leading[2]) in letters:
        return str(letter)
    standing = {match[1] for match in _STANDING.finditer(said) if match[1] in letters and not _is_word(match)}
    if len(standing) == 1:
        return str(standing.pop())
    return _mentioned(whole, texts, letters) if not standing else None


def _is_word(match: re.Match[str]) -> bool:
    """The article, or the speaker: an A or I before a word."""
    return match[1] in "AI" and re.match(r"\s+(?!(?:or|and|nor)\b)[a-z]", match.string[match.end() :]) is not None


def _mentioned(whole: str, texts: Sequence[str], letters: str) -> str | None:
    """The one choice whose words occur; of two that lie in each other, the longer."""
    found = [text for text in texts if text and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", whole)]
    found = [text for text in found if not any(text != other and text in other for other in found)]
    return letters[texts.index(found[0])] if len(found) == 1 and texts.count(found[0]) == 1 else None


def _bare(text: str) -> str:
    """A choice's words without its letter, case and closing stop."""
    return _PREFIX.sub("", plain(_MARKUP.sub(" ", text))).casefold().rstrip(".").strip()
