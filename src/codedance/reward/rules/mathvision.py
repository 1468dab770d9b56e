"""MathVision: a letter, an option's text or a value.

    official("C", "the answer is (C).", ("1", "2", "3"), expressions)

`official` is evaluate.py of the benchmark, from the whole response on: it looks for a letter at either end, for what comes behind
"is" and "answer is", for the last box, cleans the LaTeX, and takes equal texts or values that agree to two decimals, with the
letter or with the option's text. `decide` asks the rule of choices or of maths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from codedance.reward.rules import choice, maths
from codedance.reward.rules.expressions import Expressions, Unsettled
from codedance.reward.rules.ruling import Ruling, ruling

_FLAGS = ("the final answer is", "the answer is", "the correct answer is", "the answer should be")
_DROPPED = (
    "\\,", "\n", "\\text", "\\mbox", "\\left", "\\right", "^{\\circ}", "^\\circ", "{m}^3", "m^3", "{units}", "units", "{km}",
    "km",
)  # fmt: skip
_CLEANED = ("\\!", "\\$", "$")


def decide(gold: str, answer: str, choices: Sequence[str], expressions: Expressions) -> Ruling:
    """Which choice is meant, or whether the expressions are equal."""
    if not choices:
        return maths.decide(gold, answer, expressions)
    told = choice.decide(gold, answer, choices)
    place = _place(gold)
    if told.is_right is not None or not 0 <= place < len(choices):
        return told
    same = maths.decide(choices[place], answer, expressions)
    if same.is_right is not False:
        return same
    others = (maths.decide(other, answer, expressions).is_right for number, other in enumerate(choices) if number != place)
    return Ruling(False, "another choice's value") if any(others) else Ruling(None, "the value of no choice")


def official(gold: str, answer: str, choices: Sequence[str], expressions: Expressions) -> Ruling:
    """The benchmark's own rule."""
    given = extracted(answer)
    golds = [gold, choices[place]] if 0 <= (place := _place(gold)) < len(choices) else [gold]
    try:
        equal = any(_is_equal(wanted, given, expressions) for wanted in golds)
    except Unsettled as error:
        return Ruling(False, str(error))
    return ruling(equal, f"read as {given!r}", f"read as {given!r}")


def _place(gold: str) -> int:
    """Of the option that a letter names; -1 where it is no letter."""
    return ord(gold) - ord("A") if len(gold) == 1 else -1


def extracted(answer: str) -> str:
    """What evaluate.py takes a response to answer."""
    said = answer.strip()
    for letter in "ABCDE":
        ends, starts = (f" {letter}.", f" ({letter})."), (f"{letter}\n", f"({letter})\n", f"({letter}) {letter}\n")
        if said.endswith(ends) or said.startswith(starts):
            said = letter
    behind = said.split("is ")[-1].rstrip(".")
    if _is_number(behind):
        said = behind
    if "oxed{" not in said:
        for flag in _FLAGS:
            for spelled in (flag, flag.replace("the", "The")):
                behind = said.split(spelled)[-1].strip()
                said = behind.split("\n")[0].split(". ")[0] if spelled in said else behind
    elif said.count("oxed{") > 1:
        said = "\\boxed{" + said.split("oxed{")[-1]
    said = _cleaned(said)
    for letter in "abcde":
        said = said.replace(f"({letter})", letter)
    for letter in "abcde":
        said = said.replace(f"{{{letter}}}", letter)
    return said.rstrip(".").lstrip(":").strip()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cleaned(text: str) -> str:
    """What find_math_answer makes of a text: the box's inside, what follows the last equals sign, without units and layout."""
    said = text.lower().replace("{}", "")
    box, end = said.find("oxed{"), said.rfind("}")
    if -1 < box < end:
        said = said[box + len("oxed{") : end]
    closing, opening = said.find("}"), said.find("{")
    if closing != -1 and (opening == -1 or closing < opening):
        said = said.split("}")[0]
    said = said.split("=")[-1].split("\\approx")[-1].replace(" ", "")
    said = said.replace("∞", "\\infty").replace("+\\infty", "\\infty").replace("\\\\", "\\").replace("bmatrix", "pmatrix")
    for part in _DROPPED:
        said = said.replace(part, "")
    return _stripped(said)


def _stripped(text: str) -> str:
    """What _strip_string makes of it: without dollar and percent signs, fractions and roots in braces."""
    said = text
    for part in _CLEANED:
        said = said.replace(part, "")
    said = said.replace("tfrac", "frac").replace("dfrac", "frac").replace("\\%", "").replace("{.", "{0.")
    if said.startswith("."):
        said = "0" + said
    if said.count("=") == 1:
        said = said.split("=")[-1]
    said = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", said)
    if "sqrt" in said:
        said = re.sub(r"\\frac([^{])([^{])", r"\\frac{\1}{\2}", said)
    if said == "0.5":
        return "\\frac{1}{2}"
    return re.sub(r"^(-?\d+)/(-?\d+)$", r"\\frac{\1}{\2}", said)


def _is_equal(gold: str, given: str, expressions: Expressions) -> bool:
    wanted, said = gold.lower(), given.lower()
    if not wanted.replace(" ", "") or not said.replace(" ", ""):
        return False
    if wanted.strip() == said.strip():
        return True
    if len(parts := _tuple(wanted)) > 1 and len(others := _tuple(said)) == len(parts) and wanted[0] == said[0]:
        values = expressions.values([*parts, *others])
        half = len(parts)
        return None not in values and [round(v, 2) for v in values[:half] if v is not None] == [
            round(v, 2) for v in values[half:] if v is not None
        ]
    first, second = expressions.values([wanted, said])
    return first is not None and second is not None and round(first, 2) == round(second, 2)


def _tuple(text: str) -> list[str]:
    """The items of a text in round or square brackets."""
    return text[1:-1].split(",") if text[0] + text[-1] in ("()", "[]") else [text]
