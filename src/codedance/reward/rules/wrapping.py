"""What an answer is wrapped in, and its characters in one form.

    plain("5²")                                     # "5^2": a superscript is no digit
    plain("2½ cm")                                  # "2 1/2 cm"
    unwrapped("$\\boxed{\\text{Yes}}$.")            # "Yes"
    words("There are **14** \\text{cups}.")         # "There are 14 cups."

Prompts ask for a box, models like bold letters and code fences, benchmarks print LaTeX: none of it is part of an answer. Not
covered: what the answer means.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from codedance.reply_marks import MARKS, Kind

_LAYERS = 12
_LONGEST = 8_000
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣʸᵃᵇᵏᵐᵗ", "0123456789+-()nixyabkmt")
_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣʸᵃᵇᵏᵐᵗ]+(?![ʰˢʳᵈ])")
_SUBSCRIPT = re.compile(r"[₀-₉]+")
_VULGAR = re.compile(r"(?<=[0-9])[¼-¾⅐-⅞↉]|[¼-¾⅐-⅞↉]")
_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2012\u2013\u2014\u2010\u2011\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2018\u2019\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u00ba\u02da", "°"),
        **dict.fromkeys("\u2044\u2215", "/"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad"),
    }
)
_EATEN = str.maketrans({"\f": "\\f", "\b": "\\b", "\a": "\\a"})
"""LaTeX commands whose backslash was eaten when a file was read."""
_PAIRS = (
    ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("```", "```"), ("`", "`"), ("***", "***"), ("**", "**"),
    ("__", "__"), ("*", "*"), ('"', '"'), ("'", "'"), ("<b>", "</b>"), ("<strong>", "</strong>"),
    *((mark.open, mark.close) for mark in MARKS if mark.kind in (Kind.ANSWER, Kind.BOX) and not mark.open.endswith("{")),
)  # fmt: skip
_COMMAND = re.compile(r"\\(?:boxed|fbox|text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|operatorname)\s*\{")
_JSON = re.compile(
    r"\A\{\s*[\"'](?:final_?)?answer[\"']\s*:\s*(?:\"([^\"{}]*)\"\s*|'([^'{}]*)'\s*|([^\s\"',{}][^\"',{}]*))\}\Z",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\A```[\w+-]*\s*\n(.*?)\n?\s*```\Z", re.DOTALL)
_BOLD = re.compile(r"(?<![A-Za-z0-9)\]*])\*\*(?=[^\s*])([^*\n]{1,300})(?<!\s)\*\*(?![A-Za-z0-9(*])")
_PAIRED_DOLLARS = re.compile(r"\$\$?([^$\n]{1,400})\$\$?")
_TEXT_COMMAND = re.compile(r"\\(?:boxed|fbox|text(?:bf|it|rm)?|math(?:rm|bf|it|sf)|mbox|operatorname)\s*\{([^{}]{0,400})\}")
_CRY = re.compile(r"[A-Za-z]{3}!\Z")
_SPACES = re.compile(r"\\[,;:! ]|\\q?quad\b|(?<=[^\\])~")
_FRACTION = re.compile(r"(?:([0-9])\s*)?\\[dtc]?frac\s*(?:\{\s*(-?[0-9.]+)\s*\}|([0-9]))\s*(?:\{\s*([0-9.]+)\s*\}|([0-9]))")
_DEGREES = re.compile(r"\^?\s*\{?\s*\\(?:circ|degree)\b\s*\}?|\{\s*degrees?\s*\}|\^\s*\{?\s*°\s*\}?")
_NAMED = {
    "\\%": "%", "\\$": "$", "\\times": "×", "\\cdot": "*", "\\approx": "≈",
    "\\left": "", "\\right": "", "\\pi": "π", "\\{": "{", "\\}": "}",
    "\\#": "#", "\\&": "&", "\\_": "_", "\\displaystyle": "", "\\angle": "∠", "\\(": "", "\\)": "",
}  # fmt: skip
_NAMES = re.compile("|".join(f"{re.escape(name)}{'(?![A-Za-z])' if name[-1].isalpha() else ''}" for name in _NAMED))


def unified(text: str) -> str:
    """A text with ordinary characters, line by line: superscripts as powers, vulgar fractions as fractions, one minus sign."""
    said = _SUPERSCRIPT.sub(_power, text.translate(_EATEN))
    said = _SUBSCRIPT.sub(lambda match: "_" + unicodedata.normalize("NFKC", match[0]), said)
    said = _VULGAR.sub(_fraction, said)
    return unicodedata.normalize("NFKC", said).translate(_CHARACTERS)


def plain(text: str) -> str:
    """The same on one line, with single spaces."""
    return " ".join(unified(text).split())


def unwrapped(text: str) -> str:
    """A text without what is wrapped round the whole of it, and without its closing stop."""
    said = text.strip()
    for _ in range(_LAYERS):
        if (inner := _layer_off(said)) == said:
            break
        said = inner
    return said


@lru_cache(maxsize=64)
def words(text: str) -> str:
    """A text without any markup, on one line, at most its first 8,000 characters; simple fractions of LaTeX as 2/3."""
    said = " ".join(unbolded(unified(text[:_LONGEST])).split())
    for _ in range(3):
        said = _TEXT_COMMAND.sub(r"\1", said)
    said = _DEGREES.sub("°", _SPACES.sub(" ", _FRACTION.sub(_simple_fraction, said)))
    said = _NAMES.sub(lambda match: _NAMED[match[0]], _PAIRED_DOLLARS.sub(r"\1", said))
    return " ".join(unwrapped(said.replace("`", "")).split())


def unbolded(text: str) -> str:
    """A text whose bold words are ordinary ones; a power of Python (x**2) stays."""
    return _BOLD.sub(r"\1", text).replace("<b>", "").replace("</b>", "")


def bold(text: str) -> list[str]:
    """The bold passages of a text."""
    return _BOLD.findall(text)


def closing_brace(text: str, start: int) -> int:
    """Where the brace that is open at `start` closes; -1 where it does not."""
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return -1


def _layer_off(said: str) -> str:
    if fence := _FENCE.match(said):
        return fence[1].strip()
    if packed := _JSON.match(said):
        return (packed[1] or packed[2] or packed[3] or "").strip()
    for opening, closing in _PAIRS:
        inner = said[len(opening) : -len(closing)]
        if (
            said.startswith(opening)
            and said.endswith(closing)
            and inner.strip()
            and opening not in inner
            and closing not in inner
        ):
            return inner.strip()
    if (command := _COMMAND.match(said)) and closing_brace(said, command.end()) == len(said) - 1:
        return said[command.end() : -1].strip()
    if (said.endswith((".", "。")) and not said.endswith("..")) or _CRY.search(said, max(0, len(said) - 4)):
        return said[:-1].rstrip()
    return said[len("\\displaystyle") :].lstrip() if said.startswith("\\displaystyle") else said


def _power(match: re.Match[str]) -> str:
    power = match[0].translate(_SUPERSCRIPTS)
    return f"^{power}" if len(power) == 1 else f"^{{{power}}}"


def _fraction(match: re.Match[str]) -> str:
    fraction = unicodedata.normalize("NFKC", match[0])
    return f" {fraction}" if match.start() and match.string[match.start() - 1].isdigit() else fraction


def _simple_fraction(match: re.Match[str]) -> str:
    return f"{f'{match[1]} ' if match[1] else ''}{match[2] or match[3]}/{match[4] or match[5]}"
