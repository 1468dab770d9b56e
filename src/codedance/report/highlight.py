"""Code as HTML lines with a handful of classes, for the report's own light and dark palette.

    highlight("x = 1  # one", bad_line=1)     # <span class="line bad">x = <i class="n">1  </i><i class="c"># one</i></span>

Everything is escaped; whatever the text is, the lines hold its characters, except that every line end becomes a newline.
Not covered: other languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from markupsafe import Markup, escape

_MOST_CODE = 60_000  # beyond it plain lines: the browser has better things to do
_CLASSES = (  # token type in pygments -> class; the first that contains the token counts
    ("Comment", "c"),
    ("Literal.String", "s"),
    ("Literal.Number", "n"),
    ("Keyword", "k"),
    ("Operator.Word", "k"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
    ("Name.Decorator", "f"),
    ("Name.Builtin", "b"),
    ("Name.Exception", "b"),
)


def highlight(code: str, bad_line: int | None = None) -> Markup:
    """One span a line; `bad_line`, counted from 1, is marked."""
    lines = list(_lines(_tokens(code) if len(code) <= _MOST_CODE else iter([("", code)])))
    spans = [
        Markup('<span class="line{}">{}</span>').format(" bad" if number == bad_line else "", line)
        for number, line in enumerate(lines, start=1)
    ]
    return Markup("\n").join(spans)


def _tokens(code: str) -> Iterator[tuple[str, str]]:
    """Class and text, neighbours of one class joined."""
    last, run = "", ""
    for kind, text in _lexer().get_tokens(code):
        name = next((name for parent, name in _kinds() if kind in parent), "") if text.strip() else last
        if name != last:
            yield last, run
            last, run = name, ""
        run += text
    yield last, run


def _lines(tokens: Iterator[tuple[str, str]]) -> Iterator[Markup]:
    line = Markup()
    for name, run in tokens:
        for number, text in enumerate(run.split("\n")):
            if number:
                yield line
                line = Markup()
            if text:
                line += Markup('<i class="{}">{}</i>').format(name, text) if name else escape(text)
    yield line


@cache
def _lexer() -> Any:
    from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]

    return PythonLexer(stripnl=False, ensurenl=False)


@cache
def _kinds() -> list[tuple[Any, str]]:
    from pygments.token import string_to_tokentype  # type: ignore[import-untyped]

    return [(string_to_tokentype(name), css) for name, css in _CLASSES]
