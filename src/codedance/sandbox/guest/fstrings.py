"""Rewrite f-strings that need Python 3.12 (quotes of their own kind, backslashes or line breaks in a field) for older ones.

    for_older_python("f'{d['a']:>3}'")      # "'{:>3}'.format(d['a'])"

The fields become arguments of `str.format`, so that values, order and format stay; f-strings that an older Python takes stay as
they are. Literals that stand side by side are one string and are rewritten together. The scan takes linear time.

Not covered: `{x['a']=}`, f-strings nested more than `_MOST_DEEP` times and very long code; then the source comes back as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST_DEEP = 6
_MOST_CHARACTERS = 1 << 14
_START = re.compile(r"(?P<prefix>(?<![\w\"'])(?:[rRbBuUfF]{1,2})?)(?P<quote>\"\"\"|'''|\"|')")
_ANY = re.compile(r"[fF][rR]?[\"']")
_COMMENT = re.compile(r"#[^\n]*")
_BETWEEN = re.compile(r"(?:[ \t]|\\\n)*")
_BETWEEN_IN_BRACKETS = re.compile(r"(?:\s|\\\n|#[^\n]*)*")
_PLAIN = re.compile(r"[^\"'#()\[\]{}\w!:=]+|\w+(?![\"'])|\w")
_RUN = re.compile(r"[^{}\\\n\"']+")
_CONVERSION = re.compile(r"![rsa](?=[:}])")
_SHOWN = re.compile(r"(?P<code>[^=].*[^=!<>]|[^=!<>])=\s*\Z", re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class _Unclear(Exception):
    """Nothing that can be rewritten."""


@dataclass(slots=True)
class _Literal:
    """One literal: its text as `str.format` takes it, and the fields of it."""

    text: str
    fields: list[str]
    needs_rewriting: bool


def for_older_python(source: str) -> str:
    """`source` with those f-strings rewritten that Python before 3.12 does not take."""
    if len(source) > _MOST_CHARACTERS or _ANY.search(source) is None:
        return source
    try:
        return _Scanner(source).code(0, "")[0]
    except _Unclear:
        return source


class _Scanner:
    def __init__(self, source: str) -> None:
        self._source = source
        self._depth = 0

    def code(self, at: int, ends: str) -> tuple[str, int]:
        """Python up to one of `ends` outside of brackets (or the end of the source), rewritten; where it ended."""
        parts: list[str] = []
        brackets: list[str] = []
        while at < len(self._source):
            sign = self._source[at]
            if not brackets and ends and sign in ends and not self._is_comparison(at):
                return "".join(parts), at
            if match := _START.match(self._source, at):
                text, at = self._literals(match, bool(brackets or ends))
                parts.append(text)
                continue
            if sign in _CLOSING:
                brackets.append(_CLOSING[sign])
            elif brackets and sign == brackets[-1]:
                brackets.pop()
            match = _COMMENT.match(self._source, at) or _PLAIN.match(self._source, at)
            end = match.end() if match else at + 1
            parts.append(self._source[at:end])
            at = end
        if ends:
            raise _Unclear
        return "".join(parts), at

    def _is_comparison(self, at: int) -> bool:
        return self._source.startswith("!=", at)

    def _literals(self, start: re.Match[str], in_brackets: bool) -> tuple[str, int]:
        """All literals side by side from `start` on."""
        first = at = start.start()
        literals: list[_Literal | str] = []
        between = _BETWEEN_IN_BRACKETS if in_brackets else _BETWEEN
        match: re.Match[str] | None = start
        end = at
        while match is not None:
            literal, end = self._literal(match)
            literals.append(literal)
            gap = between.match(self._source, end)
            at = gap.end() if gap else end
            match = _START.match(self._source, at)
            if match is not None:
                literals.append(self._source[end:at])
        found = [literal for literal in literals if isinstance(literal, _Literal)]
        if not any(literal.needs_rewriting for literal in found):
            return self._source[first:end], end
        fields = [field for literal in found for field in literal.fields]
        text = "".join(literal if isinstance(literal, str) else literal.text for literal in literals)
        return f"{text}.format({', '.join(fields)})", end

    def _literal(self, start: re.Match[str]) -> tuple[_Literal, int]:
        prefix, quote = start["prefix"], start["quote"]
        if "f" not in prefix.lower():
            end = self._closing(start.end(), quote)
            text = self._source[start.end() : end].replace("{", "{{").replace("}", "}}")
            return _Literal(prefix + quote + text + quote, [], False), end + len(quote)
        self._depth += 1
        if self._depth > _MOST_DEEP:
            raise _Unclear
        literal = _Literal(prefix.replace("f", "").replace("F", "") + quote, [], False)
        end = self._parts(start.end(), quote, literal, in_format=False)
        literal.text += quote
        self._depth -= 1
        return literal, end + len(quote)

    def _closing(self, at: int, quote: str) -> int:
        """Where a literal without fields ends."""
        while at < len(self._source):
            if run := _RUN.match(self._source, at):
                at = run.end()
            elif self._source[at] == "\\":
                at += 2
            elif self._source.startswith(quote, at):
                return at
            elif self._source[at] == "\n" and len(quote) == 1:
                break
            else:
                at += 1
        raise _Unclear

    def _parts(self, at: int, quote: str, literal: _Literal, in_format: bool) -> int:
        """Text and fields up to the closing quote, or to the brace that ends a format."""
        while at < len(self._source):
            here = self._source[at : at + 2]
            if in_format and here[:1] == "}":
                return at
            if not in_format and self._source.startswith(quote, at):
                return at
            if here[:1] == "\n" and len(quote) == 1:
                break
            if here[:1] == "{" and (here != "{{" or in_format):
                at = self._field(at + 1, quote, literal)
            else:
                run = _RUN.match(self._source, at)
                end = run.end() if run else at + (2 if here[:1] == "\\" or here in ("{{", "}}") else 1)
                literal.text += self._source[at:end]
                at = end
        raise _Unclear

    def _field(self, at: int, quote: str, literal: _Literal) -> int:
        code, end = self.code(at, "!:}")
        shown = _SHOWN.match(code)
        if shown is not None:
            if any(sign in code for sign in "\"'\\{}\n"):
                raise _Unclear
            literal.text += code
            code = shown["code"]
        if not code.strip():
            raise _Unclear
        literal.needs_rewriting |= quote in code or "\\" in code or "#" in code or (len(quote) == 1 and "\n" in code)
        literal.fields.append(f"({code.strip()})")
        literal.text += "{"
        conversion = _CONVERSION.match(self._source, end)
        if conversion is not None:
            end = conversion.end()
            literal.text += conversion[0]
        has_format = self._source.startswith(":", end)
        if shown is not None and conversion is None and not has_format:
            literal.text += "!r"
        if has_format:
            literal.text += ":"
            end = self._parts(end + 1, quote, literal, in_format=True)
        if not self._source.startswith("}", end):
            raise _Unclear
        literal.text += "}"
        return end + 1
