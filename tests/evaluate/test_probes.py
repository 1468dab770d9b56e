"""Options in another order, with the known answer going along."""

from __future__ import annotations

import pytest

from codedance.evaluate.probes import reordered
from codedance.reward.rules import Expressions, Scoring, grade
from codedance.tasks.adapters.adapter import with_options
from codedance.types import AnswerKey, Rule, Task

COLOURS = ("red", "green", "blue", "white")


def task(answer: str, rule: Rule = Rule.CHOICE, choices: tuple[str, ...] = COLOURS, question: str = "") -> Task:
    asked = question or with_options("Which colour?", choices)
    return Task(id="7", question=asked, answer=answer, key=AnswerKey(rule=rule, choices=choices))


@pytest.mark.parametrize("answer", ["B", "b", "(B)"])
@pytest.mark.parametrize("seed", range(5))
def test_the_known_letter_follows_its_option(answer: str, seed: int) -> None:
    changed = reordered(task(answer), seed)
    assert changed.key.choices != COLOURS and sorted(changed.key.choices) == sorted(COLOURS)
    assert changed.key.choices["ABCD".index(str(changed.answer))] == "green"
    lines = [f"({letter}) {option}" for letter, option in zip("ABCD", changed.key.choices, strict=True)]
    assert "\n".join(lines) in changed.question


def test_options_inside_the_text_are_changed_there() -> None:
    changed = reordered(task("A", question="Which colour? (A) red (B) green (C) blue (D) white"), 1)
    shown = " ".join(f"({letter}) {option}" for letter, option in zip("ABCD", changed.key.choices, strict=True))
    assert changed.question == f"Which colour? {shown}"


def test_answers_that_are_words_stay() -> None:
    listed = ("A", "B", "C")
    changed = reordered(task("B", Rule.MATHVISTA, listed), 1)
    assert changed.answer == "B"
    with Expressions() as expressions:
        letter = "ABC"[changed.key.choices.index("B")]
        assert grade("B", letter, changed.key, Scoring.DEFAULT, expressions).is_right


def test_what_has_no_options_stays_as_it_is() -> None:
    plain = Task(id="1", question="How many?", answer="7")
    assert reordered(plain, 1) is plain
    elsewhere = task("A", question="Which of those in the picture?")
    assert reordered(elsewhere, 1) is elsewhere
