"""Equal texts: the rule where nothing else is known.

same_text("red", "**Red.**")                           # right: wrapping, case and the closing stop aside
same_text("red", "crimson")                            # undecided
decide_exact("red", "The answer is red.")              # right: declared
decide_exact("red", "crimson")                         # wrong: exact text is what the task asks for
decide_exact("14", "There are 14 of them.")            # undecided: the known answer occurs
"""

from __future__ import annotations

import re
import unicodedata

from codedance.reward.rules.declared import declaration, first_sentence, statement
from codedance.reward.rules.numerals import agree, read
from codedance.reward.rules.ruling import Ruling
from codedance.reward.rules.wrapping import words

_LONGEST = 10_000
_DECIMAL_COMMA = re.compile(r"[-+]?(?:[0-9]{1,3}(?:[. '][0-9]{3})+|[0-9]+),[0-9]+")


def same_text(gold: str, answer: str) -> Ruling:
    """Right where the whole answer, or what it declares, is the known text; else undecided."""
    wanted = words(gold).casefold()
    if words(answer).casefold() == wanted:
        return Ruling(True, "the same text")
    declared = declaration(answer)
    if declared is None or declared.is_open:
        return (
            Ruling(True, "the same text, stated")
            if words(statement(answer)).casefold() == wanted
            else Ruling(None, "another text")
        )
    said = {words(text).casefold() for text in (declared.text, first_sentence(declared.text))}
    return Ruling(True, "the same text, declared") if wanted in said else Ruling(None, "another text")


def decide_exact(gold: str, answer: str) -> Ruling:
    """The same, and wrong where the known text occurs nowhere in the answer."""
    same = same_text(gold, answer)
    if same.is_right:
        return same
    wanted, said = words(gold).casefold(), words(answer).casefold()
    if len(said) > _LONGEST or re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said):
        return Ruling(None, "the known answer stands in another text")
    if _folded(gold) == _folded(answer):
        return Ruling(None, "another spelling of the text")
    number, given = read(gold), read(_with_point(answer))
    if number is not None and given is not None and agree(number, given) is not False:
        return Ruling(None, "another spelling of the number")
    return Ruling(False, same.why)


def _with_point(text: str) -> str:
    """A number with a decimal comma as one with a point; another text as it is."""
    said = text.strip()
    if not _DECIMAL_COMMA.fullmatch(said) or read(said) is not None:
        return text
    return re.sub("[. ']", "", said).replace(",", ".")


def _folded(text: str) -> str:
    """A text without case, accents and spaces, raised and lowered characters on the line; signs stay beside digits alone."""
    said = unicodedata.normalize("NFKD", text[:_LONGEST]).casefold()
    bare = "".join(letter for letter in said if not unicodedata.combining(letter))
    bare = re.sub(r"(?<![0-9.])0+(?=[0-9])", "", bare)
    return re.sub(r"[\s,;()\[\]{}\"'_]+" if re.search("[0-9]", bare) else r"[\W_]+", "", bare)
