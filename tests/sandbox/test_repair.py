"""Repairs take linear time on any text."""

from __future__ import annotations

import time

import pytest

from codedance.sandbox.guest.repair import mend


@pytest.mark.parametrize(
    "unit",
    ["'", '"', "'''", '"""', "\\", "\\'", "&lt;", "&", "%time ", "%x\n", "!", "!\n", " ", "\t", "\n", " x\n", "```\n", ">>> ", 
     "“", "#", "x?\n", "\\n", "(", "x = !", "　", "%time -n 1 -r 2 "],
)  # fmt: skip
def test_hostile_text_is_given_up_quickly(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    started = time.process_time()
    mend(text, lambda _: False)
    mend(" " + text + "\nx = (", lambda _: False)
    assert time.process_time() - started < 1.5
