"""Repairs take linear time on any text."""

from __future__ import annotations

import time

import pytest

from codedance.sandbox.guest.repair import mend


@pytest.mark.parametrize(
    "unit",
    ["'", '"', "'''", '"""', "\\", "\\'", "&lt;", "&", "%time ", "%x\n", "!", "!\n", " ", "\t", "\n", " x\n", "```\n", ">>> ", 
     "“", "#", "x?\n", "\\n", "(", "x = !", "　", "%time -n 1 -r 2 ", "return ", "return\n",
     "f'", "f'{", "f'{a}' ", "f'{'a'}' ", "f'''{", "f'{'", "print ", "print x\n", "<code>", "<|im_end|>"],
)  # fmt: skip
def test_hostile_text_is_given_up_quickly(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    started = time.process_time()
    mend(text, lambda _: False)
    mend(" " + text + "\nx = (", lambda _: False)
    assert time.process_time() - started < 1.5


@pytest.mark.parametrize(
    ("source", "mended"),
    [
        ("<code>\nprint(1)\n</code>", "print(1)"),
        ("print(1)<|im_end|>", "print(1)"),
        ("Here it is:\n```python\nprint(1)\n```\nIt prints 1.", "print(1)"),
        ("x = 5\nprint 'x is', x", "x = 5\nprint('x is', x)"),
        ("x = 5\nreturn x\n", "x = 5\nx"),
        ("  import os\n  print(1)\nprint(2)", "import os\nprint(1)\nprint(2)"),
        ("print(&#39;a&#39;)", "print('a')"),
    ],
)
def test_what_is_left_of_a_chat_and_of_python_2_is_mended(source: str, mended: str) -> None:
    found = mend(source, compiles)
    assert found is not None
    assert found.source.strip() == mended
    assert len(found.notes) == 1


def compiles(source: str) -> bool:
    try:
        compile(source, "", "exec")
    except SyntaxError:
        return False
    return True
