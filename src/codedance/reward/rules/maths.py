"""Mathematical answers: equal as expressions.

    decide("$2\\sqrt{31}$", "2*sqrt(31)", expressions)               # right
    decide("42", "The final answer is: \\boxed{42}", expressions)    # right
    decide("6", "5 or 6", expressions)                               # undecided: hedged
    decide("12", "The perimeter is 16.", expressions)                # wrong
    decide("\\frac{1}{2}", "a half of it", expressions)              # undecided: no expression

`official` is math-verify 0.9 on the texts as they are. `decide` finds the expression that a reply declares, compares plain
numbers itself, hands math-verify one expression in LaTeX, and keeps from it what it misreads (percent signs, ratios, lists,
decimal commas, hedges): those are undecided unless they are the same text. Wrong is what has another value for sure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from codedance.reward.rules import choice
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
from codedance.reward.rules.expressions import Expressions, Unsettled
from codedance.reward.rules.notation import latex
from codedance.reward.rules.numerals import Number, about, agree, mentions, read
from codedance.reward.rules.ruling import Ruling, ruling
from codedance.reward.rules.units import UNIT
from codedance.reward.rules.wrapping import plain, unified, unwrapped, words
from codedance.reward.rules.yes_no import polarity

_LONGEST = 400
_LETTERS = re.compile(r"\(?[A-J]\)?|[A-J](?:, ?[A-J])+")
_RATIO = re.compile(r"[^:$=]+:[^:$=]+")
_LABEL = re.compile(r"(?:\\?[A-Za-z∠_](?:[^0-9:=+*/(),<>]|\\frac)*|[A-Za-z]_?\w)\s*:\s*(?P<said>.+)")
_NAME = re.compile(r"\\?(?:angle|triangle|text|mathrm|overline)?\s*[A-Za-z∠θαβ][\w\s'∠{}\\]*(?:\([a-z, ]*\))?")
_SUM = re.compile(r"[-+*/×÷√().,0-9\s\\{}^a-zπ]+")
_SAYS = re.compile(r"[^\n]{1,300}?\b(?:is|are|equals|be)\s+(?P<said>[^\n]+)")
_APPROXIMATE = re.compile(r"(?:(?:about|approximately|approx\.?|roughly|exactly|simply|just|≈|=|\\approx)\s*)+", re.IGNORECASE)
_UNIT_BEHIND = re.compile(rf"(?:(?<=[0-9)}}π\]A-Za-z])\s+|(?<=[0-9)}}π\]]))(?:{UNIT})\Z")
_LOGARITHM = re.compile(r"\\(?:log|ln)(?![A-Za-z_])")
_DEGREES = re.compile(r"\^?\s*\{?\s*(?:\\circ|\\degree|°)\s*\}?|\{\s*degrees?\s*\}")
_IN_DEGREES = re.compile(rf"{_DEGREES.pattern}|degree")
_PI = re.compile("pi|π")
_ANGLE_INSIDE = re.compile(r"(?:sin|cos|tan|cot|sec|csc)[^=]*?(?:°|\bdeg)")
_REPEATING = re.compile(r"\.[0-9]*\\(?:overline|bar|dot)|[0-9]\s*(?:\.{3}|…|\\[lc]?dots)")
_TWO_NUMBERS = re.compile(r"[-+]?[0-9][0-9.,]*\s+\([-+]?[0-9][0-9.,]*\)")
_UNCLEAR = re.compile(
    r"\b(?:not|never|cannot|nor|neither|except|least|most|more|less|than|or|sqrt|root|log|ln|sin|cos|tan"
    r"|squared?|cubed?|half|twice|double|times|wrong|incorrect|too|but|possibl[ey]|impossible"
    r"|maybe|perhaps)\b|n't\b|[A-Za-z_][0-9]{0,3}\(|[0-9]\+(?!\s*[0-9A-Za-z])|[<>≤≥≠±]|" + DENIALS
)
_OR = re.compile(r"\S\s+or\s+\S|∨|\\(?:lor|vee)(?![A-Za-z])")
_MINUTES = re.compile(r"°\s*[0-9]")
_RANGE = re.compile(r"[0-9][0-9.,]*\s*-\s*[0-9][0-9.,]*")
_OTHER_UNIT = re.compile(r"[-+]?[0-9][0-9.,]*\s+[A-Za-zµμ]{1,6}")
_HOURS = re.compile(r"[0-9]\s*[ap]\.?\s?m\b", re.IGNORECASE)
_TEXT = re.compile(r"\\(?:text|mathrm|textrm|textbf|mbox|mathbf)\s*\{([^{}]*)\}")
_SPACES = re.compile(r"\\[,;:! ]|\\q?quad\b|~|\\displaystyle|\\left(?![a-z])|\\right(?![a-z])|[$`]|\\[()](?=\s|\Z)|\A\\[(\[]")
_REASON = re.compile(r"\s*(?:,?\s+\b(?:because|since|as|where|which|when|so|not|rather|instead)\b|\s\((?=[^)]*[A-Za-z]{3}))")
_RELATION = re.compile(r"[<>≤≥≠]|!=|\\(?:[lg]eq?|neq?|not)(?![A-Za-z])")
_HEDGED = re.compile(r"\b(?:but|or|maybe|perhaps|possibly|could|might)\b[^.]*[0-9]", re.IGNORECASE)
_LIST = re.compile(r"\[.*\]|\\?\{.*\\?\}|[^()\[\]{}]*,(?!\d{3}\b)[^()\[\]{}]*", re.DOTALL)


class _Expression(NamedTuple):
    text: str
    is_declared: bool
    beside: tuple[Number, ...] = ()
    """The numbers of the sentence that it was taken from."""


def official(gold: str, answer: str, expressions: Expressions) -> Ruling:
    """math-verify's word."""
    try:
        return ruling(expressions.are_equal(gold, answer), "equal by math-verify", "not equal by math-verify")
    except Unsettled as error:
        return Ruling(False, str(error))


def decide(gold: str, answer: str, expressions: Expressions) -> Ruling:
    """Whether the expression that an answer declares equals the known one, units and notation aside."""
    wanted = _bare(gold)
    if _compact(wanted) == _compact(_bare(answer)):
        return Ruling(True, "the same text")
    if _LETTERS.fullmatch(plain(gold)) or polarity(gold) is not None:
        return choice.decide(plain(gold), answer, ())
    if (settled := _settled(answer, ":" in wanted, "=" in wanted)) is None:
        return Ruling(None, "no expression to be made out")
    told = compare(wanted, settled.text, expressions)
    number = read(wanted)
    if (
        told.is_right is False
        and not settled.is_declared
        and number
        and any(agree(number, one) is not False for one in settled.beside)
    ):
        return Ruling(None, "several numbers, none of them declared")
    return told


def compare(gold: str, given: str, expressions: Expressions) -> Ruling:
    """Whether two expressions are the same; both may be wrapped."""
    wanted, said = _bare(gold), _bare(given)
    if _compact(wanted) == _compact(said):
        return Ruling(True, "the same text")
    number, found = read(wanted), about(said)
    if number is not None and found is not None:
        told = agree(number, found)
        return Ruling(told, {True: "the same number", False: "another number", None: "perhaps the same number"}[told])
    if doubt := _doubt(wanted, said):
        return Ruling(None, doubt)
    one, other = latex(_without_unit(wanted)), latex(_without_unit(said))
    if one is None or other is None:
        return Ruling(None, "not read as an expression")
    try:
        told = expressions.compare(one, other)
    except Unsettled as error:
        return Ruling(None, str(error))
    if told is False and _LOGARITHM.search(one + other):
        return Ruling(None, "a logarithm to no known base")
    if told is False and _RANGE.fullmatch(said):
        return Ruling(None, "a range, or a difference")
    return Ruling(told, {True: "equal by math-verify", False: "another value", None: "not to be compared"}[told])


def _doubt(wanted: str, said: str) -> str:
    """Why math-verify must not be asked; empty if it may."""
    if _OR.search(said) or _OR.search(wanted):
        return "hedged, or several solutions"
    if ";" in wanted + said:
        return "several parts"
    if read(wanted) is not None and _OTHER_UNIT.fullmatch(said):
        return "a unit that is not known"
    if ("%" in wanted) != ("%" in said):
        return "a percent sign on one side"
    if _RATIO.fullmatch(wanted) or _RATIO.fullmatch(said):
        return _doubt_of_ratio(wanted, said)
    if ("=" in wanted) != ("=" in said) or _RELATION.search(wanted + said):
        return "a relation"
    if bool(_LIST.fullmatch(wanted)) != bool(_LIST.fullmatch(said)) or wanted.startswith("(") != said.startswith("("):
        return "a list on one side" if "," in wanted + said else ""
    if re.fullmatch(r"\d+,\d{1,2}", said):
        return "a comma that may be a decimal one"
    if said.endswith("!") != wanted.endswith("!"):
        return "a factorial, or an exclamation"
    if _REPEATING.search(wanted) or _REPEATING.search(said):
        return "a repeating decimal"
    if _TWO_NUMBERS.fullmatch(said):
        return "a number, and another one in brackets"
    if _MINUTES.search(wanted) or _MINUTES.search(said):
        return "degrees and minutes"
    if _ANGLE_INSIDE.search(wanted) or _ANGLE_INSIDE.search(said):
        return "a function of degrees"
    if any(_IN_DEGREES.search(one) and _PI.search(other) for one, other in ((wanted, said), (said, wanted))):
        return "degrees and radians"
    return ""


def _doubt_of_ratio(wanted: str, said: str) -> str:
    if _HOURS.search(wanted) or _HOURS.search(said):
        return "a time of day"
    return "" if _RATIO.fullmatch(wanted) and _RATIO.fullmatch(said) else "a ratio on one side"


def _settled(answer: str, is_ratio: bool, is_equation: bool) -> _Expression | None:
    """The expression that a reply settles on."""

    def core(text: str) -> str | None:
        return _core(text, is_ratio, is_equation)

    reply = reply_text(answer)
    if (whole := core(unwrapped(reply))) is not None:
        return _Expression(whole, is_declared=True)
    if (declared := declaration(answer)) is not None:
        text = declared.text
        found = None if declared.is_open else _first(core, (text, first_sentence(text), _REASON.split(first_sentence(text))[0]))
        return None if found is None else _Expression(found, is_declared=True)
    marked = {found for text in bold_texts(answer) if (found := core(text)) is not None}
    if len(marked) == 1:
        return _Expression(marked.pop(), is_declared=True)
    if (found := core(last_line(answer))) is not None:
        return _Expression(found, is_declared=True)
    if len(reply) > _LONGEST or is_taken_back(reply) or is_conditional(reply):
        return None
    says = _SAYS.fullmatch(unwrapped(reply))
    found = core(says["said"]) if says else None
    beside = tuple(mention.number for mention in mentions(words(reply)))
    if found is None and len(set(beside)) == 1 and not (_UNCLEAR.search(reply) or is_reported(reply)):
        found = f"{beside[0].value:.15g}{'%' if beside[0].is_percent else ''}"
    return None if found is None else _Expression(found, False, beside)


def _first(core: Callable[[str], str | None], texts: tuple[str, ...]) -> str | None:
    return next((found for text in texts if (found := core(text)) is not None), None)


def _core(text: str, is_ratio: bool, is_equation: bool) -> str | None:
    """The expression in a text that is an expression, perhaps behind a label or a name; None for a sentence."""
    if not text or len(text) > _LONGEST:
        return None
    said = _bare(text)
    said = said[match.end() :] if (match := _APPROXIMATE.match(said)) else said
    core, _, behind = said.partition(match[0]) if (match := _REASON.search(said)) else (said, "", "")
    if match and _HEDGED.search(match[0] + behind):
        return None
    said = core.strip()
    if (label := _LABEL.fullmatch(said)) and not (is_ratio and ":" not in label["said"]):
        said = label["said"].strip()
    if not is_equation and "=" in said and "," not in said:
        parts = [part.strip() for part in re.split(r"=|≈|\\approx", said)]
        if all(_NAME.fullmatch(part) or _SUM.fullmatch(part) for part in parts[:-1]) and (
            _NAME.fullmatch(parts[0]) or "x" not in parts[0]
        ):
            said = parts[-1]
    if about(said) is not None or latex(_without_unit(said)) is not None:
        return said
    return said if is_ratio and re.fullmatch(r"[0-9.]+ to [0-9.]+", said) else None


def _bare(text: str) -> str:
    """An expression on one line without what is wrapped round it, without spaces and text of LaTeX."""
    if len(text) > 10 * _LONGEST:
        return plain(text[: 10 * _LONGEST])
    said = _SPACES.sub(" ", _TEXT.sub(r" \1", plain(unwrapped(unified(text)))))
    said = " ".join(said.split()).replace("\\%", "%").replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    said = _DEGREES.sub("°", said).replace("{,}", ",")
    return unwrapped(" ".join(said.split())).strip()


def _without_unit(text: str) -> str:
    return (
        _UNIT_BEHIND.sub("", text.replace("°", "")).strip() if " " in text or text[-1:].isalpha() or text[-1:] in "°}2" else text
    )


def _compact(text: str) -> str:
    return (
        re.sub(r"(?<![0-9])\s+|\s+(?![0-9])", "", text)
        .replace("°", "")
        .removesuffix("degrees")
        .rstrip(".")
        .replace("\\cdot", "*")
        .replace("\\pi", "π")
    )
