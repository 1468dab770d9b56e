"""What an adapter is: how the rows of one public data set become tasks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from codedance.tasks.table import Row
from codedance.types import Rule, Task

_MARK = re.compile(r"(?:^|(?<=[\s;]))\(?([A-Z])[).:．：]\s*")
_IN_PICTURE = "in the picture"
_PLEASE = re.compile(r"\s+(?:Please (?:answer|select|choose|directly)|(?:Answer|Respond) (?:with|directly))\b")
_LETTER_PLEASE = "Answer with the letter of one option."
_LETTERS_PLEASE = "Answer with the letters of all options that are right."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How rows are to be read."""

    options_seed: int = 0
    """Of the order of options, where a data set lists the right one first."""
    rule: Rule | None = None
    """How answers are scored where neither the layout nor the row says it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What rows of a layout look like."""

    columns: frozenset[str]
    """All of them are there."""
    without: frozenset[str] = frozenset()
    """None of them is there: with one of these it is another layout."""
    holds: Callable[[Row], bool] = lambda row: True
    """What their values are like."""

    def fits(self, row: Row) -> bool:
        """The row looks like that."""
        names = row.values.keys()
        return self.columns <= names and not (self.without & names) and self.holds(row)


def sign(columns: str, *, without: str = "", holds: Callable[[Row], bool] = lambda row: True) -> Sign:
    """By names of columns, separated by blanks."""
    return Sign(frozenset(columns.split()), frozenset(without.split()), holds)


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to read one layout."""

    name: str
    read: Callable[[Row, Reading], Iterable[Task]]
    """The tasks of a row."""
    signs: tuple[Sign, ...]
    """Each tells this layout from the others; none for one that has to be named."""
    is_general: bool = False
    """It reads what no particular layout claims."""


def adapter(name: str, read: Callable[[Row, Reading], Iterable[Task]], *signs: Sign) -> Adapter:
    """One of a particular data set."""
    return Adapter(name, read, signs)


QUESTION_IN_PICTURE = "The picture holds the question. Answer it."


def with_options(question: str, options: Sequence[str], *, several: bool = False) -> str:
    """A question with its options, as they are shown to a model; options that are but their letters stand in the picture."""
    shown = [_IN_PICTURE] * len(options) if "".join(options) == ascii_uppercase[: len(options)] else options
    return "\n".join([question.strip(), *_lines(shown), _LETTERS_PLEASE if several else _LETTER_PLEASE])


def _lines(options: Sequence[str]) -> list[str]:
    return [f"({letter}) {option}" for letter, option in zip(ascii_uppercase, options, strict=False)]


def is_letter(text: str, num_options: int) -> bool:
    """It is the letter of one of so many options."""
    return len(text) == 1 and text in ascii_uppercase[:num_options]


def options_in(text: str) -> tuple[str, ...]:
    """The options that a text lists as "(A) red (B) blue", "A. red; B. blue" or line by line; none where it lists none."""
    return tuple(text[start:end] for start, end in _option_spans(text))


def replace_options(text: str, old: Sequence[str], new: Sequence[str]) -> str | None:
    """A text with other words for its options; None where it does not list just the old ones."""
    lines, others = ("\n".join(_lines(options)) for options in (old, new))
    if lines in text:
        return others.join(text.rsplit(lines, 1))
    spans = _option_spans(text)
    if [text[start:end] for start, end in spans] != list(old):
        return None
    for (start, end), option in reversed(list(zip(spans, new, strict=True))):
        text = text[:start] + option + text[end:]
    return text


def _option_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of the options stand.

    The letters come in order; one out of order, or without words behind it ("to get shape ;C.; B. ..."), is a part of the words.
    """
    marks = list(_MARK.finditer(text))
    starts = [mark.start() for mark in marks[1:]] + [len(text)]
    marks = [mark for mark, end in zip(marks, starts, strict=False) if text[mark.end() : end].strip(" ;.\n")]
    firsts = [place for place, mark in enumerate(marks) if mark[1] == "A"]
    run: list[re.Match[str]] = []
    for mark in marks[firsts[-1] :] if firsts else []:
        if mark[1] == ascii_uppercase[len(run) : len(run) + 1]:
            run.append(mark)
    if len(run) < 2:
        return []
    last = text.find("\n", run[-1].end())
    ends = [*(mark.start() for mark in run[1:]), len(text) if last == -1 else last]
    spans = []
    for mark, end in zip(run, ends, strict=True):
        words = _PLEASE.split(text[mark.end() : end], maxsplit=1)[0]
        start = mark.end() + len(words) - len(words.lstrip())
        spans.append((start, start + len(words.strip().rstrip(";,").strip())))
    return spans


def shuffled(options: Sequence[str], right: int, seed: int, salt: str) -> tuple[tuple[str, ...], str]:
    """Options in an order that only seed and salt decide, and the letter of the right one."""
    order = list(range(len(options)))
    random.Random(f"{seed}/{salt}").shuffle(order)
    return tuple(options[place] for place in order), ascii_uppercase[order.index(right)]
