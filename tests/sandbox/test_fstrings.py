"""f-strings that only Python 3.12 takes run on older ones with the same value; all others stay as they are."""

from __future__ import annotations

import sys

import pytest

from codedance import Sandbox
from codedance.sandbox.guest.fstrings import for_older_python

NAMES = {"d": {"a": 5, "b": "#", "w": 4}, "rows": [{"n": 1}, {"n": 2}], "x": 3.14159, "n": ["u", "v"]}


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("f'{d['a']}'", "5"),
        ("f'{d['a']:>{d['w']}}|{{}}|{x!r:.4}'", "   5|{}|3.14"),
        ('f"{\', \'.join(f"{r["n"]:02d}" for r in rows)}"', "01, 02"),
        ("f'{'\\n'.join(n)}'", "u\nv"),
        ("f\"{'\\\\'.join(n)}\"", "u\\v"),
        ("f'{d['b']}{d[\"a\"] != 5}{'yes' if x > 3 else 'no'}'", "#Falseyes"),
        ("'{}' f'{d['a']}' \"{x}\"", "{}5{x}"),
        ("('a{' f'{x:.2f} '\n  # d['a']\n  f'{d['a']}')", "a{3.14 5"),
        ("f'{\n  d['a'] + 1\n}'", "6"),
        ("f'{x=:.1f} {d['a']}'", "x=3.1 5"),
        ("f'{len(n)=} {d['a']}'", "len(n)=2 5"),
        ("rf'\\d{d['a']}'", "\\d5"),
        ("f'{(lambda q: q['a'])(d)}{ {'k': 1}['k'] }'", "51"),
        ("f'''{d['a']} '{'''in''' + n[0]}' '''", "5 'inu' "),
        ("f\"{f'{f\"{d['a']}\"}'}\"", "5"),
    ],
)
def test_the_value_is_that_of_python_312(code: str, value: str) -> None:
    assert eval(for_older_python(code), dict(NAMES)) == value


@pytest.mark.parametrize(
    "code",
    [
        "f'{d[\"a\"]:>3}' 'x' f'{x!r}'",
        "f'''{d['a']}\n{d[\"a\"]}'''",
        "x = {'a': f'{x}'}  # f'{d['a']}'",
        "s = 'f\"{d[\"'",
        "f'{d['",
        "f'{}{d['a']}'",
        "rf'\\d{d['a']}\\'",
        "f'{d['a']=}'",
        "if'a' in d: print('b')",
    ],
)
def test_other_strings_stay_as_they_are(code: str) -> None:
    assert for_older_python(code) == code


async def test_a_cell_with_such_strings_runs(box: Sandbox) -> None:
    async with box.session() as session:
        result = await session.run("d = {'a': [1, 2]}\nprint(f'{d['a'][0]} of {len(d['a'])}')\n%matplotlib inline")
        assert (result.stdout, result.error) == ("1 of 2\n", None)
        assert any("f-strings" in note for note in result.notes) is (sys.version_info < (3, 12))
