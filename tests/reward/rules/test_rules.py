"""Each rule on plain cases, whatever the folder with benchmark items holds; none is slow or loud on any text."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.reply_marks import MARKS, THOUGHT_END, Kind, Mark
from codedance.reward.rules import Expressions, Scoring, choice, grade, published_choice
from codedance.reward.rules.expressions import Unsettled
from codedance.reward.rules.notation import latex
from codedance.types import AnswerKey, AnswerType, Rule

CHOICES = ("3 cm", "3 cm^2", "9 cm", "12 cm")
ANIMALS = ("a red fox", "a dog", "a cat", "none of them")


THOUGHTS = [mark for mark in MARKS if mark.kind is Kind.THOUGHT and THOUGHT_END.fullmatch(mark.close)]
ANSWERS = [mark for mark in MARKS if mark.kind is Kind.ANSWER]


@pytest.fixture(scope="module")
def expressions() -> Iterator[Expressions]:
    with Expressions(time_s=20, processes=1) as expressions:
        yield expressions


def test_the_script_that_asks_is_not_run_again_by_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "script.py"
    script.write_text("import pathlib\npathlib.Path(__file__).with_name('again').touch()\n")
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__spec__", None)
    monkeypatch.setattr(main, "__file__", str(script), raising=False)
    with Expressions(time_s=20, processes=1) as expressions:
        assert expressions.values(["2"]) == [2.0]
    assert not (tmp_path / "again").exists() and main.__file__ == str(script)


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("C", "C"),
        ("c.", "C"),
        ("[C]", "C"),
        ("\\boxed{C}", "C"),
        ("C) 9 cm", "C"),
        ("**9 cm**", "C"),
        ("9 CM.", "C"),
        ("I think the correct option is (C).", "C"),
        ("The answer is A. No, the answer is C.", "C"),
        ("It measures 9 cm.", "C"),
        ("3 cm^2", "B"),
        ("A or C", None),
        ("B, C", None),
        ("either of A and B, maybe D", None),
        ("", None),
        ("E", None),
        ("I cannot say", None),
        ("Cannot determine the answer", None),
    ],
)
def test_the_choice_that_an_answer_means(answer: str, letter: str | None) -> None:
    right = [gold for gold in "ABCD" if choice.decide(gold, answer, CHOICES).is_right]
    assert right == ([letter] if letter else [])


@pytest.mark.parametrize("mark", THOUGHTS, ids=lambda mark: mark.close)
def test_what_is_only_thought_is_no_answer_whatever_marks_the_thought(mark: Mark) -> None:
    thought = f"{mark.open}The answer is A.{mark.close}"
    assert choice.decide("B", f"{thought}\nB", ANIMALS).is_right is True
    assert choice.decide("B", f"{thought}\nHard to say.", ANIMALS).is_right is None
    if mark.open:
        assert choice.decide("B", f"The answer is B.\n{thought}", ANIMALS).is_right is True


@pytest.mark.parametrize("mark", ANSWERS, ids=lambda mark: mark.open)
def test_what_stands_in_an_answer_tag_is_the_answer(mark: Mark) -> None:
    assert choice.decide("B", f"A and C look alike. {mark.open}B{mark.close}", ANIMALS).is_right is True
    assert choice.decide("A", f"A and C look alike. {mark.open}B{mark.close}", ANIMALS).is_right is False


def test_where_letters_are_options_a_lone_letter_is_the_letter() -> None:
    listed = ("B", "C", "Cannot be determined")
    verdicts = {answer: choice.decide("B", answer, listed).is_right for answer in ("A", "B", "(B)", "C")}
    assert verdicts == {"A": False, "B": True, "(B)": True, "C": False}
    key = AnswerKey(rule=Rule.MATHVISTA, choices=listed)
    with Expressions() as expressions:
        assert grade("B", "A", key, Scoring.DEFAULT, expressions).is_right, "MathVista's known answers are words: B is option A"


@pytest.mark.parametrize(("gold", "answer"), [("a dog", "B"), ("B", "a dog"), ("b", "(B)")])
def test_the_known_answer_may_be_a_letter_or_a_text(gold: str, answer: str) -> None:
    assert choice.decide(gold, answer, ANIMALS).is_right


@given(
    st.sampled_from(ascii_uppercase[:4]),
    st.sampled_from(["{}", "({})", "Answer: {}", "The answer is {}.", "**{}**", "{}. because"]),
)
def test_exactly_one_gold_fits_a_declared_letter(letter: str, wording: str) -> None:
    verdicts = {gold: choice.decide(gold, wording.format(letter), CHOICES).is_right for gold in "ABCD"}
    assert verdicts == {gold: gold == letter for gold in "ABCD"}


@pytest.mark.parametrize(
    ("rule", "gold", "answer", "is_right"),
    [
        (Rule.CHARTQA, "100", "105", True),
        (Rule.CHARTQA, "100", "106", False),
        (Rule.CHARTQA, "2010", "2011", False),
        (Rule.CHARTQA, "Yes", "yes.", True),
        (Rule.CHARTQA, "Yes", "No, never", False),
        (Rule.CHARTQA, "blue", "light blue", None),
        (Rule.CHARTQA, "[3, 4]", "4 and 3", True),
        (Rule.CHARTQA, "[3, 4]", "[3, 9]", False),
        (Rule.PIXMO, "12", "I see twelve of them", True),
        (Rule.PIXMO, "12", "between 11 and 12", None),
        (Rule.PIXMO, "12", "11 or 12", False),
        (Rule.PIXMO, "12", "11-12", None),
        (Rule.PIXMO, "12", "many", None),
        (Rule.EXACT, "Red", " red ", True),
        (Rule.EXACT, "red", "blue", False),
        (Rule.JUDGED, "red", "blue", None),
    ],
)
def test_the_default_rules(rule: Rule, gold: str, answer: str, is_right: bool | None, expressions: Expressions) -> None:
    assert grade(gold, answer, AnswerKey(rule=rule), Scoring.DEFAULT, expressions).is_right is is_right


PIECES = ("1,111", "A ", "answer is ", "oxed{", "(", "[1, ", " / ", "seven or ", "$", "\u2212", "=", "\n")


@pytest.mark.parametrize("rule", Rule)
def test_no_rule_is_slow_on_endless_answers(rule: Rule, expressions: Expressions) -> None:
    for scoring, piece in product(Scoring, PIECES):
        began = time.process_time()
        for gold, kind in (("7", AnswerType.INTEGER), ("[7]", AnswerType.LIST), ("B", AnswerType.TEXT)):
            key = AnswerKey(rule=rule, choices=CHOICES if rule is Rule.CHOICE else (), answer_type=kind, precision=1)
            grade(gold, piece * (40_000 // len(piece)), key, scoring, expressions)
        assert time.process_time() - began < 1.5, (scoring, piece)


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from([rule for rule in Rule if "math" not in rule]))
def test_any_text_gets_a_ruling(gold: str, answer: str, rule: Rule) -> None:
    with Expressions() as unused:
        for scoring in Scoring:
            assert grade(gold, answer, AnswerKey(rule=rule), scoring, unused).why


def test_an_expression_without_end_is_given_up_and_the_next_one_compared(expressions: Expressions) -> None:
    with Expressions(time_s=3, processes=1) as impatient:
        began = time.monotonic()
        with pytest.raises(Unsettled, match="within"):
            impatient.values(("9^{9^{9^{9}}}",))
        assert time.monotonic() - began < 20
        assert impatient.values(("9^{9}",)) == [9.0**9]


def test_a_text_without_a_value_has_none(expressions: Expressions) -> None:
    assert expressions.values(("\\frac{1}{4}", "))", "x")) == [0.25, None, None]


@pytest.mark.parametrize("answer", ["The answer is not B.", "B is clearly wrong.", "either A or B", "B is not right, nor is C"])
def test_a_choice_that_is_denied_or_one_of_two_is_left_to_a_judge(answer: str) -> None:
    assert choice.decide("B", answer, ("red", "green", "blue")).is_right is None


def test_a_declared_choice_stands_beside_a_denied_one() -> None:
    assert choice.decide("B", "The answer is B, not A.", ("red", "green", "blue")).is_right


@pytest.mark.parametrize(("gold", "answer"), [("0", "1.6e-19"), ("0.0000009", "0.0000004"), ("3", "3.00001")])
def test_small_numbers_are_not_equal_for_being_small(gold: str, answer: str) -> None:
    with Expressions() as expressions:
        assert grade(gold, answer, AnswerKey(rule=Rule.MATHS), Scoring.DEFAULT, expressions).is_right is False


def test_a_list_with_another_word_for_an_item_is_left_to_a_judge() -> None:
    key = AnswerKey(rule=Rule.CHARTQA)
    with Expressions() as expressions:
        gold = "[Cape Verde, United Kingdom]"
        assert grade(gold, "[Cape Verde, UK]", key, Scoring.DEFAULT, expressions).is_right is None
        assert grade("[2007, 2008]", "[2007, 2009]", key, Scoring.DEFAULT, expressions).is_right is False


def test_the_published_rule_of_mathvision_takes_a_gold_that_is_no_letter() -> None:
    key = AnswerKey(rule=Rule.MATHVISION, choices=("5", "7"))
    with Expressions() as expressions:
        assert grade("7", "7", key, Scoring.PAPER, expressions).is_right


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("B. Red", "B"),
        ("A person under the umbrella wears something dark", None),
        ("B is what the umbrella looks like to me here", None),
        ("The answer is B because it looks red", "B"),
        ("A close look at the umbrella shows that it is in fact a bright pink one", None),
        ("Option C fits the picture best of all of them I think", None),
        ("A red umbrella, it seems to me", "B"),
        ("Failed to obtain answer via API B", None),
        ("Cannot determine the answer B", "Z"),
    ],
)
def test_the_published_rule_of_hrbench_takes_a_letter_near_the_end_only(answer: str, letter: str | None) -> None:
    verdicts = {gold: published_choice.vlmevalkit(gold, answer, ("White", "Red", "Blue", "Pink")).is_right for gold in "ABCD"}
    assert verdicts == dict.fromkeys("ABCD", None) if letter is None else verdicts == {gold: gold == letter for gold in "ABCD"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("6*pi", "6 \\cdot \\pi"),
        ("np.sqrt(3)/2", "\\frac{\\sqrt{3}}{2}"),
        ("2\u221a3", "2 \\cdot \\sqrt{3}"),
        ("1or 2", None),
        ("a word", None),
    ],
)
def test_python_becomes_latex_without_a_warning(text: str, written: str | None, recwarn: pytest.WarningsRecorder) -> None:
    assert latex(text) == written
    assert not recwarn.list
