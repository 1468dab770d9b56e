"""Numbers as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.reward.rules.numerals import only, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000", 1000),
        ("-5", -5),
        ("\u22123.5", -3.5),
        ("$4.5", 4.5),
        ("\u20ac 1,234.50", 1234.5),
        ("1.4 billion", 1.4e9),
        ("1/3", 1 / 3),
        ("1e3", 1000),
        ("seven", 7),
        ("Forty-two", 42),
        (".5", 0.5),
        ("7.", 7),
        ("12 %", 12),
        ("\uff17", 7),
    ],
)
def test_a_number_is_read(text: str, value: float) -> None:
    number = read(text)
    assert number is not None
    assert number.value == pytest.approx(value)
    assert number.is_percent == ("%" in text)


@pytest.mark.parametrize(
    "text", ["", "7 cm", "1,00", "29:12", "nan", "inf", "infinity", "1/0", "1e999", "3-4", "--3", "a", "0x1f", "1_000"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert read(text) is None


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
    assert only("about 7 cm") == read("7")
    assert only("it is 7, really 7") == read("7")
    assert only("7 of 8") is None
    assert only("no number") is None
