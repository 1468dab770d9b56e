"""Reference answers, options and the rule that fits them, as rows of many data sets have them in the same few forms.

    options(row)                  # ("red", "blue"): columns A, B, ...; a list, its text, an object, or "A. red;B. blue"
    references(row, "answer")     # ("CENTRE", "Centre"): a text, a number, true or false, a list of them, or its text
    letter(row, "answer", ("red", "blue"))      # "B" for "B", "b", "(B)", "B. blue", "blue" or 1

Not covered: whether an answer is right (`codedance.reward.rules`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from string import ascii_uppercase
from typing import Any

from codedance.tasks.adapters.adapter import options_in
from codedance.tasks.pictures import literal
from codedance.tasks.table import Row, is_empty
from codedance.types import Rule

_LISTS = (Rule.MATHS, Rule.MATHVISTA, Rule.MATHVISION, Rule.CHARTQA)
"""Rules under which a list of numbers is one answer."""
_NAMES = ("target", "answer", "answers", "text")
"""Of the field with the answer, where a cell is an object."""
_YES_NO = {True: ("yes", "true"), False: ("no", "false")}
_LONE = re.compile(r"[(\[]?([A-Za-z])[)\]]?[.:)]?")
_WITH_TEXT = re.compile(r"[(\[]?([A-Za-z])[)\].:：]+\s*(.+)", re.DOTALL)
_SEVERAL = re.compile(r"[(\[]?[A-J][)\]]?(?:(?:\s*[,;/&]\s*|\s+and\s+|\s+)(?:and\s+)?[(\[]?[A-J][)\]]?)+\.?")
_GLUED = re.compile("[A-J]{2,10}")
_NAMED = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z'])")
_MOST_LETTERS = 10
_MOST_DIGITS = 9
_HIDDEN = ("?", "hidden", "-", "")
"""What hidden test sets (MMMU, BLINK) have for the right option."""


def references(row: Row, name: str, *, rule: Rule | None = None, as_text: bool = False) -> tuple[str, ...]:
    """The reference answers of a column, any of which is right; none where it is missing or empty.

    Args:
        row: the row.
        name: the column.
        rule: how answers are scored, where that is known: under some, a list of numbers is one answer.
        as_text: a list of texts may be written as one text, such as "['CENTRE', 'Centre']".

    Raises:
        DataError: it is of another kind.
    """
    value = row.values.get(name)
    if as_text and rule not in _LISTS and isinstance(value, str) and value.strip().startswith("["):
        found = literal(value.strip())
        value = found if isinstance(found, list) and found and all(isinstance(part, str) for part in found) else value
    if isinstance(value, Mapping):
        value = next((value[key] for key in _NAMES if not is_empty(value.get(key))), value)
    parts = value if isinstance(value, list) else [value]
    if rule in _LISTS and len(parts) > 1 and all(isinstance(part, (int, float)) for part in parts):
        return (str(value),)
    texts = [text for part in parts if not is_empty(part) for text in _texts(row, name, part)]
    return tuple(dict.fromkeys(texts))


def _texts(row: Row, name: str, part: Any) -> tuple[str, ...]:
    if isinstance(part, Mapping):  # VQA: {"answer": "red", "answer_confidence": "yes"}
        part = next((part[key] for key in _NAMES if not is_empty(part.get(key))), part)
    if isinstance(part, bool):
        return _YES_NO[part]
    if not isinstance(part, (str, int, float, Decimal)):
        raise row.error(name, "a text, a number, true or false, or a list of them")
    own = Row({name: part}, row.where, row.file, (), "")
    return (own.text(name),)


def options(row: Row) -> tuple[str, ...]:
    """The options that a row lists beside its question, A first; none where it lists none.

    Raises:
        DataError: a list of them is of another kind.
    """
    if row.has("A", "B"):
        letters = []
        for letter in ascii_uppercase:
            if not row.has(letter):
                break
            letters.append(_word(row, letter, row.values[letter]))
        return tuple(letters)
    name = row.first("options", "choices", "option")
    value = row.values.get(name)
    if isinstance(value, str):
        if listed := options_in(value):
            return listed
        value = literal(value.strip())
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):  # ARC: {"text": [...], "label": [...]}
        value = value["text"]
    if isinstance(value, Mapping):
        value = [value[key] for key in sorted(value) if not is_empty(value[key])]
    if name and not isinstance(value, list):
        raise row.error(name, "a list of options")
    words = [_word(row, name, part) for part in value] if isinstance(value, list) else []
    marked = [_WITH_TEXT.fullmatch(word) for word in words]
    if words and all(mark and mark[1] == letter for mark, letter in zip(marked, ascii_uppercase, strict=False)):
        words = [mark[2] for mark in marked if mark]
    if len(words) > len(ascii_uppercase):
        raise row.error(name, f"a list of at most {len(ascii_uppercase)} options")
    return tuple(words)


def _word(row: Row, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if is_empty(value) or not isinstance(value, (str, int, float)):
        raise row.error(name, "a list of options")
    return Row({name: value}, row.where, row.file, (), "").text(name).strip()


def letter(row: Row, name: str, choices: tuple[str, ...]) -> str:
    """The letter of the right option, or several as "A, C".

    An option may be given by its letter, also a small one, with or without its words, by them alone, or by a number from 0.

    Raises:
        DataError: it is none of these, or could be two of them.
    """
    value = row.values.get(name)
    several = list(value) if isinstance(value, list) else _several(value, choices)
    if isinstance(value, bool):
        words = [choice.casefold().rstrip(".") for choice in choices]
        several = [word for word in _YES_NO[value] if word in words]
    found = sorted({_letter(row, name, one, choices) for one in several or [value]})
    return ", ".join(found)


def chosen(row: Row, name: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    """The `letter`, or nothing where the answer is kept by those who score it: missing, or a placeholder.

    Raises:
        DataError: as `letter`.
    """
    value = row.values.get(name)
    is_kept = is_empty(value) or (isinstance(value, str) and value.strip().casefold() in _HIDDEN and value not in choices)
    return () if is_kept else (letter(row, name, choices),)


def _several(value: Any, choices: tuple[str, ...]) -> list[str]:
    """The letters of "A, C", "A and C" or "AC"; none where it is no such text, or an option."""
    text = str(value).strip()
    if text in choices or not (_SEVERAL.fullmatch(text) or (text.isalpha() and text.isupper())):
        return []
    letters = re.findall(r"[A-Z]", text)
    is_in_order = letters == sorted(set(letters)) and letters[-1] in ascii_uppercase[: len(choices)]
    return letters if is_in_order and len(letters) > 1 else []


def _letter(row: Row, name: str, value: Any, choices: tuple[str, ...]) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    letters = ascii_uppercase[: len(choices)]
    words = [choice.casefold().rstrip(".").strip() for choice in choices]
    text = str(value).strip()
    whole = text.casefold().rstrip(".").strip()
    by_words = {letter for letter, word in zip(letters, words, strict=True) if word == whole}
    if isinstance(value, (int, float)) and not isinstance(value, bool) or (text.isdecimal() and not by_words):
        is_place = text.isdecimal() and len(text) <= _MOST_DIGITS and int(text) < len(letters)
        by_place = {letters[int(text)]} if is_place else set()
        found = by_words | by_place
    elif (lone := _LONE.fullmatch(text)) and lone[1].upper() in letters:
        found = {lone[1].upper()} | (by_words if lone[1].islower() else set())
    elif (both := _WITH_TEXT.fullmatch(text)) and not by_words:
        place = ascii_uppercase.find(both[1].upper())
        told = both[2].casefold().rstrip(".").strip()
        found = {letters[place]} if place < len(words) and words[place] == told else set()
    else:
        found = by_words
    if len(found) != 1:
        among = f"it could be {' or '.join(sorted(found))}: " if found else ""
        raise row.error(name, f"the letter of an option ({among}give the letter, A to {letters[-1]})")
    return found.pop()


def letters_in(text: str, question: str = "") -> str:
    """A letter from A to J, or several of them, written as "C" and "A, C"; empty where a text is something else.

    "AC" is letters only where the question speaks of A, and of C or a range.
    """
    if (glued := _GLUED.fullmatch(text.strip())) and list(glued[0]) == sorted(set(glued[0])):
        named = set(_NAMED.findall(question))
        return ", ".join(glued[0]) if set(glued[0]) <= named or ("A" in named and max(named) >= glued[0][-1]) else ""
    if (lone := _LONE.fullmatch(text.strip())) and lone[1].upper() in ascii_uppercase[:_MOST_LETTERS]:
        return lone[1].upper()
    return ", ".join(dict.fromkeys(re.findall(r"[A-J]", text))) if _SEVERAL.fullmatch(text.strip()) else ""


def are_shown(question: str, choices: tuple[str, ...]) -> bool:
    """The question has the words of all these options in it, or lists options of its own."""
    return bool(options_in(question)) or all(re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", question) for choice in choices)


def is_yes_or_no(text: str) -> bool:
    """It is one of these words."""
    return text.strip().rstrip(".").casefold() in ("yes", "no", "true", "false")
