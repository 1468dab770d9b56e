"""Numbers as people write them: one table, read by every rule that knows numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.reward.rules import Expressions, Scoring, grade
from codedance.reward.rules.numerals import Number, agree, mentions, only, read
from codedance.types import AnswerKey, AnswerType, Rule

SPELLINGS = [
    ("1,000", "1000"),
    ("1 000", "1000"),
    ("1'000", "1000"),
    ("1k", "1000"),
    ("10\u00b3", "1000"),
    ("10^3", "1000"),
    ("10**3", "1000"),
    ("1e3", "1000"),
    ("1 \u00d7 10\u00b3", "1000"),
    ("one thousand", "1000"),
    ("1.2 million", "1200000"),
    ("1.2M", "1200000"),
    ("1.2\u00d710\u2076", "1200000"),
    ("5\u00b2", "25"),
    ("twenty-five", "25"),
    ("twenty five", "25"),
    ("Twenty-Five.", "25"),
    ("one hundred and five", "105"),
    ("a dozen", "12"),
    ("two dozen", "24"),
    ("seven", "7"),
    ("7.", "7"),
    ("7.0", "7"),
    ("\uff17", "7"),
    ("$\\boxed{7}$", "7"),
    ("**7**", "7"),
    ("np.int64(7)", "7"),
    ("7 cm", "7"),
    ("7 cm\u00b2", "7"),
    ("7 square units", "7"),
    ("7 degrees", "7"),
    ("7\u00b0", "7"),
    ("$7", "7"),
    ("\u22645".replace("\u2264", "\u2248 "), "5"),
    ("4/2", "2"),
]
FRACTIONS = [
    ("2\u00bd", "2.5"),
    ("2 1/2", "2.5"),
    ("5/2", "2.5"),
    ("two and a half", "2.5"),
    ("2\\frac{1}{2}", "2.5"),
    ("2.50", "2.5"),
]
NOT_EQUAL = [
    ("5\u00b2", "52"),
    ("10\u00b3", "103"),
    ("2\u00bd", "21"),
    ("\u2154", "23"),
    ("12", "21"),
    ("-7", "7"),
    ("70", "7"),
    ("7 million", "8"),
]
NUMERIC = (Rule.CHARTQA, Rule.PIXMO, Rule.COUNTBENCH, Rule.COUNTBENCHQA, Rule.MATHS, Rule.MATHVISTA, Rule.MATHVISION)


@pytest.fixture(scope="module")
def expressions() -> Iterator[Expressions]:
    with Expressions(time_s=20, processes=1) as expressions:
        yield expressions


def verdict(rule: Rule, gold: str, answer: str, expressions: Expressions) -> bool | None:
    kind = AnswerType.FLOAT if "." in gold else AnswerType.INTEGER
    key = AnswerKey(rule=rule, answer_type=kind, precision=1 if "." in gold else None)
    return grade(gold, answer, key, Scoring.DEFAULT, expressions).is_right


@pytest.mark.parametrize("rule", NUMERIC)
@pytest.mark.parametrize(("answer", "gold"), SPELLINGS)
def test_a_spelling_of_a_number_is_the_number_by_every_rule(rule: Rule, answer: str, gold: str, expressions: Expressions) -> None:
    assert verdict(rule, gold, answer, expressions) is True


@pytest.mark.parametrize("rule", [rule for rule in NUMERIC if rule not in (Rule.PIXMO, Rule.COUNTBENCH, Rule.COUNTBENCHQA)])
@pytest.mark.parametrize(("answer", "gold"), FRACTIONS)
def test_a_spelling_of_a_fraction_is_the_fraction(rule: Rule, answer: str, gold: str, expressions: Expressions) -> None:
    assert verdict(rule, gold, answer, expressions) is True


@pytest.mark.parametrize("rule", NUMERIC)
@pytest.mark.parametrize(("answer", "gold"), NOT_EQUAL)
def test_another_number_is_right_by_no_rule(rule: Rule, answer: str, gold: str, expressions: Expressions) -> None:
    assert verdict(rule, gold, answer, expressions) is not True


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-5", Number(-5)),
        ("\u22123.5", Number(-3.5, decimals=1)),
        ("\u20ac 1,234.50", Number(1234.5, decimals=2)),
        ("12 %", Number(12, is_percent=True)),
        ("12 percent", Number(12, is_percent=True)),
        ("12 cm\u00b2", Number(12, unit="cm^2")),
        ("12 square centimetres", Number(12, unit="cm^2")),
        ("30 \u00b0C", Number(30, unit="\u00b0C")),
        ("1.4 billion", Number(1.4e9, magnitude=1e9, decimals=1)),
        (".5", Number(0.5, decimals=1)),
        ("Fraction(3, 4)", Number(0.75, is_fraction=True)),
        ("array([7])", Number(7)),
        ("\u4e03", Number(7)),
        ("\u5341\u4e8c", Number(12)),
        ("minus five", Number(-5)),
        ("three quarters", Number(0.75, is_fraction=True)),
    ],
)
def test_a_number_is_read_with_its_percent_sign_unit_and_magnitude(text: str, number: Number) -> None:
    assert read(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7 cups",
        "1,00",
        "29:12",
        "nan",
        "inf",
        "1/0",
        "1e999",
        "3-4",
        "--3",
        "a",
        "and",
        "0x1f",
        "1_000",
        "one two",
        "4th",
        "hundreds of",
    ],
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("wanted", "given", "same"),
    [
        ("12", "12%", None),
        ("12", "15%", False),
        ("12", "12 cm", True),
        ("12 cm", "12 mm", None),
        ("12", "0.12 m", None),
        ("12", "13 cm", False),
        ("1.5", "1.5 million", None),
        ("2/3", "0.6666666666666666", True),
        ("2/3", "0.667", None),
        ("2/3", "0.7", False),
        ("12345", "12.345", None),
        ("12", "11.9", False),
    ],
)
def test_numbers_that_another_reading_would_make_equal_are_undecided(wanted: str, given: str, same: bool | None) -> None:
    one, other = read(wanted), read(given)
    assert one is not None
    assert other is not None
    assert agree(one, other) is same


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_every_number_that_python_writes_is_read(value: float) -> None:
    for text in (repr(value), f"{value:,.2f}") if abs(value) < 1e30 else (repr(value),):
        number = read(text)
        assert number is not None
        assert number.value == float(text.replace(",", ""))


@given(st.text())
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    for number in (read(text), only(text)):
        assert number is None or math.isfinite(number.value)


def test_the_one_number_in_a_text_is_found_and_two_are_none() -> None:
    assert only("about 7 cups") == read("7")
    assert only("it is 7, really 7") == read("7")
    assert only("7 of 8") is None
    assert only("no number") is None


def test_ordinals_names_and_powers_are_no_numbers_of_a_sentence() -> None:
    said = "7 people in A4, the 2nd of 1,234; f(0), 30\u00b0C, twenty one eggs, cm^2, 1.2 million"
    assert [mention.value for mention in mentions(said)] == [7, 1234, 30, 21, 1.2e6]
