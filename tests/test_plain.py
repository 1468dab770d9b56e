"""Text that others wrote, made safe to show."""

from __future__ import annotations

import time

import pytest

from codedance.plain import in_one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, für alle, 数 👍", "plain, für alle, 数 👍"),
        ("a\u00a0b\u3000c\tand\nmore", "a\u00a0b\u3000c\tand\nmore"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m\x85\x7f\r\x00\x08", "\\x9b31m\\x85\\x7f\\r\\x00\\x08"),
        ("\u202eabc\u2066\u200f\u061c", "\\u202eabc\\u2066\\u200f\\u061c"),
        ("\u2028\u2029\ufeff\u200b\U000e0041", "\\u2028\\u2029\\ufeff\\u200b\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_steers_a_terminal_or_turns_a_line_around_becomes_a_sign(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_character_at_all_is_left_that_steers() -> None:
    every = visible("".join(map(chr, range(0x110000))))
    assert all(char in "\n\t" or char.isprintable() or (char.isspace() and char > "\x85") for char in every)
    assert not set(every) & set("\u2028\u2029\u202e\x1b\x9b\x85\r")


def test_one_line_stays_one_line() -> None:
    assert in_one_line("two\nlines\r\nand\ta  blank\u2028x") == "two lines\\r and a blank\\u2028x"


def test_ten_million_characters_take_no_time_worth_telling() -> None:
    start = time.process_time()
    assert len(visible("x\x1b" * 5_000_000)) == 25_000_000
    assert time.process_time() - start < 5
