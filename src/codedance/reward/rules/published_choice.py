"""Published readings of a choice, to the letter: VLMEvalKit's for HR-Bench, lmms-eval's for V*, We-Math's own.

    vlmevalkit("B", "The answer is B because it looks red", ("white", "red"))       # right: declared
    vlmevalkit("B", "B is what it looks like to me here", ("white", "red"))         # undecided: not among the last five words

Each reads the answer as it stands. Not covered: what a language model is asked where `vlmevalkit` is undecided.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from codedance.reward.rules.ruling import Ruling, ruling

REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
"""Wordings that VLMEvalKit takes for no choice at all."""
_FAILED = "Failed to obtain answer via API"
_NEAR_END = 5


def vlmevalkit(gold: str, answer: str, choices: Sequence[str]) -> Ruling:
    """VLMEvalKit's can_infer (matching_util.py at e8e78f05); undecided where it goes on to ask a language model.

    A letter that stands alone, and is the only one, counts among the last five words; else the letter behind "answer is"; else
    the one choice whose text occurs in an answer of at most twice the length of all choices.
    """
    texts = dict(zip(ascii_uppercase, choices, strict=False))
    letter = _letter(answer, texts) or _text(answer, texts)
    return (
        Ruling(None, "not to be inferred") if letter is None else ruling(letter == gold, f"choice {letter}", f"choice {letter}")
    )


def _letter(answer: str, texts: dict[str, str]) -> str | None:
    if _FAILED in answer:
        return None
    if any(refusal in answer for refusal in REFUSALS):
        return "Z"
    words = re.sub(r"[.()\[\],:;!*#{}]", " ", answer).split()
    standing = [letter for letter in texts if letter in words]
    if len(standing) == 1 and words.index(standing[0]) > len(words) - _NEAR_END:
        return standing[0]
    if not standing and "Z" in words:
        return "Z"
    declared = re.search(r"(?:correct\s+)?answer\s+is\s+\**([A-D])\**", answer, re.IGNORECASE)
    return declared[1].upper() if declared else None


def _text(answer: str, texts: dict[str, str]) -> str | None:
    said = answer.lower()
    if len(said) > 2 * sum(len(text) for text in texts.values()):
        return None
    found = [letter for letter, text in texts.items() if text.lower() in said]
    return found[0] if len(found) == 1 else None


_VSTAR = tuple(
    re.compile(pattern)
    for pattern in (
        r"^([A-D])\s*[.)\]]*",
        r"(?:THE\s+)?(?:ANSWER|CHOICE|OPTION)(?:\s+IS)?[\s:]+([A-D])",
        r"\(([A-D])\)",
        r"([A-D])\s*[.)\]]",
        r"(?:^|\s)([A-D])(?:\s|$)",
    )
)


def vstar(gold: str, answer: str) -> Ruling:
    """lmms-eval's V*: the first of five patterns that fits the answer in capitals; a word that begins with A to D counts."""
    said = answer.strip().upper()
    letter = next((match[1] for pattern in _VSTAR if (match := pattern.search(said))), None)
    if letter is None and len(alone := re.findall(r"[A-D]", said)) == 1:
        letter = alone[0]
    return ruling(letter == gold.strip().upper(), f"choice {letter}", f"choice {letter}")


def wemath(gold: str, answer: str) -> Ruling:
    """We-Math: the first character behind the last "Answer", angle brackets, colons and stops aside."""
    said = re.sub(r"[><:.]", "", answer.split("Answer")[-1].strip()).strip()
    letter = said[0] if said and said[0] in "ABCDEFGH" else None
    return ruling(letter == gold, f"choice {letter}", f"choice {letter}")
