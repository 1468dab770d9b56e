"""Mend code that does not compile, where the slip is mechanical and the meaning plain: indentation, HTML entities, quotes.

    mended = mend(source, compiles)        # Mended(source, ("indentation",)), or None
    without_label("python\\nprint(1)")      # "print(1)"

Nothing is tried on code that compiles, and a change is kept only if the result compiles. Strings and comments stay as they are
where that is possible. Every step takes linear time, whatever the text.

Not covered: missing brackets and colons, names that are not defined, anything where two readings are likely.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .fstrings import for_older_python

_MOST_CHARACTERS = 1 << 16
_MOST_BLOCKS = 8
_TEXT = re.compile(
    r"#[^\n]*"
    r'|"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\\?\Z)'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\\?\Z)"
    r'|"(?:[^"\\\n]|\\.)*+(?:"|(?=\n)|\\?\Z)'
    r"|'(?:[^'\\\n]|\\.)*+(?:'|(?=\n)|\\?\Z)",
    re.DOTALL,
)
"""Comments and string literals, also unfinished ones."""
_INVISIBLE = dict.fromkeys((0xFEFF, 0x200B, 0x200C, 0x200D, 0x2060, 0x00AD))
_SPACES = dict.fromkeys((0x00A0, 0x3000, 0x202F, 0x205F, *range(0x2000, 0x200B)), " ")
_QUOTES = {ord(sign): '"' for sign in "\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02"} | {
    ord(sign): "'" for sign in "\u2018\u2019\u201a\u201b\u2032\uff07\u0060\u00b4"
}
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {
    0x3001: ",", 0x3002: ".", 0x3010: "[", 0x3011: "]", 0x2013: "-", 0x2014: "-", 0x2212: "-", 0x00D7: "*", 0x00F7: "/",
    0x2264: "<=", 0x2265: ">=", 0x2260: "!=", 0x2026: "...",
}  # fmt: skip
_ENTITY = re.compile(r"&(lt|gt|amp|quot|apos|nbsp|#39|#34|#x27|#x22|#10|#xA|#9|#40|#41|#61);")
_CHARACTERS = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "#34": '"', "#x22": '"', "apos": "'", "#39": "'", "#x27": "'",
               "nbsp": " ", "#10": "\n", "#xA": "\n", "#9": "    ", "#40": "(", "#41": ")", "#61": "="}  # fmt: skip
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "    ", "r": "", '"': '"', "'": "'", "\\": "\\"}
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$\n?", re.MULTILINE)
_FENCED = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n(?P<code>.*?)(?:^[ \t]*(?:```|~~~)|\Z)", re.MULTILINE | re.DOTALL)
_MARK = re.compile(
    r"</?(?:code|python|tool_call|tool_code|execute|pre|answer|think)>|<\|(?:im_end|endoftext|eot_id|end|im_start)\|>|</s>"
)
_PRINT = re.compile(r"^(?P<indent>[ \t]*)print[ \t]+(?P<what>[^\s(=.,][^\n]*)$", re.MULTILINE)
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.|In \[\d+\]:) ?", re.MULTILINE)
_MAGIC = re.compile(r"^(?P<indent>[ \t]*)(?P<target>\w+[ \t]*=[ \t]*)?(?P<magic>%{1,2}\w[^\n]*|![^\n=][^\n]*)$", re.MULTILINE)
_TIMED = re.compile(r"%{1,2}(?:time|timeit|prun|memit)\b(?:[ \t]+-\w+(?:[ \t]+\d+)?)*[ \t]*")
_HELP = re.compile(r"^(?P<indent>[ \t]*)(?P<magic>\?{1,2}[\w.]+|[\w.]+\?{1,2})[ \t]*$", re.MULTILINE)
_LABEL = re.compile(r"\s*(?:python3?|py3?|ipython3?|Python|tool_code)[ \t]*\n")
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Mended:
    """Code that compiles, and what was changed to get there."""

    source: str
    notes: tuple[str, ...]


def without_label(source: str) -> str | None:
    """The code without the word `python` alone in its first line, left over from a fence; None if it is not there."""
    match = _LABEL.match(source)
    return source[match.end() :] if match else None


def mend(source: str, compiles: Callable[[str], bool]) -> Mended | None:
    """The first combination of repairs with which `source` compiles.

    One repair alone is tried first, then all that concern characters together, then each way to set the indentation right.
    """
    if len(source) > _MOST_CHARACTERS:
        return None
    tried = {source}

    def works(text: str) -> bool:
        if text in tried:
            return False
        tried.add(text)
        return compiles(text)

    for name, fix in _FIXES:
        for text in fix(source):
            if works(text):
                return _told(source, text, [name])
    text = source
    names: list[str] = []
    for name, fix in _OF_CHARACTERS:
        changed = next(fix(text), text)
        if changed != text:
            text, names = changed, [*names, name]
            if works(text):
                return _told(source, text, names)
    for name, fix in _OF_LINES:
        for changed in fix(text):
            if works(changed):
                return _told(source, changed, [*names, name])
    return None


def _told(before: str, after: str, names: list[str]) -> Mended:
    notes = []
    others = [name for name in names if name != _MAGICS]
    if others:
        notes.append(f"the code did not compile; mended: {', '.join(others)}")
    if _MAGICS in names:
        magics = [match["magic"].strip() for pattern in (_MAGIC, _HELP) for match in pattern.finditer(before)]
        notes += [_about_magic(magic) for magic in dict.fromkeys(magics)]
    return Mended(after, tuple(notes[:4]))


def _about_magic(magic: str) -> str:
    shown = magic if len(magic) < 60 else magic[:57] + "..."
    if magic.startswith(("!pip", "!conda", "%pip", "%conda", "!apt", "!uv")):
        return f"{shown!r} was left out: there is no shell and no network, the installed packages are all there is"
    if magic.startswith("!"):
        return f"{shown!r} was left out: there is no shell; use Python (os.listdir() lists files)"
    return f"{shown!r} was left out: this is no notebook"


# -- the repairs: each yields what the text may have been meant to be --------------------------------------------------


def _outside_texts(source: str, change: Callable[[str], str]) -> str:
    """`source` with `change` applied to what is neither string nor comment."""
    parts, end = [], 0
    for match in _TEXT.finditer(source):
        parts += [change(source[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, change(source[end:])])


def _invisible(source: str) -> Iterator[str]:
    yield source.translate(_INVISIBLE).replace("\r\n", "\n").replace("\r", "\n")


def _fences(source: str) -> Iterator[str]:
    yield _FENCE.sub("", source)


def _fenced(source: str) -> Iterator[str]:
    """The code between fences, without the prose around it."""
    if blocks := [match["code"] for match in _FENCED.finditer(source)]:
        yield "\n".join(blocks)


def _marks(source: str) -> Iterator[str]:
    yield _outside_texts(source, lambda text: _MARK.sub("", text))


def _old_print(source: str) -> Iterator[str]:
    yield _PRINT.sub(lambda match: f"{match['indent']}print({match['what'].rstrip()})", source)


def _last_return(source: str) -> Iterator[str]:
    before, line_break, last = source.rstrip().rpartition("\n")
    if last.split(" ", 1)[0] == "return":
        yield before + line_break + (last.removeprefix("return").strip() or "pass")


def _prompts(source: str) -> Iterator[str]:
    if ">>>" in source or "In [" in source:
        yield _PROMPT.sub("", source)


def _spaces(source: str) -> Iterator[str]:
    yield _outside_texts(source, lambda text: text.translate(_SPACES))


def _wide(source: str) -> Iterator[str]:
    yield _outside_texts(source, lambda text: text.translate(_WIDE))


def _quotes(source: str) -> Iterator[str]:
    yield _outside_texts(source, lambda text: text.translate(_QUOTES))
    yield source.translate(_QUOTES)


def _entities(source: str) -> Iterator[str]:
    if "&#" not in source and _outside_texts(source, lambda text: _ENTITY.sub("", text)) == source:
        return  # only in strings, where they may be meant; &#39; looks like the start of a comment
    yield _outside_texts(source, _unescape_entities)
    yield _unescape_entities(source)


def _unescape_entities(text: str) -> str:
    return _ENTITY.sub(lambda match: _CHARACTERS[match[1]], text)


def _escapes(source: str) -> Iterator[str]:
    """Line breaks written as backslash and n, as they are left by JSON that was escaped twice."""
    if "\\n" not in source and '\\"' not in source:
        return
    yield _outside_texts(source, _unescape)
    yield _unescape(source)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[0]), text)


def _magics(source: str) -> Iterator[str]:
    def replace(match: re.Match[str]) -> str:
        if timed := _TIMED.match(match["magic"]):
            return match["indent"] + (match["target"] or "") + (match["magic"][timed.end() :] or "pass")
        return match["indent"] + (f"{match['target']}[]" if match["target"] else "pass")

    yield _MAGIC.sub(replace, source)
    yield _HELP.sub(lambda match: match["indent"] + "pass", _MAGIC.sub(replace, source))


def _indentation(source: str) -> Iterator[str]:
    spaced = source.expandtabs(4)
    for text in dict.fromkeys((source, spaced, source.expandtabs(8))):
        yield text
        yield textwrap.dedent(text)
        lines = text.strip("\n").split("\n")
        first = lines[0].lstrip()
        yield "\n".join([first, *lines[1:]])
        yield first + "\n" + textwrap.dedent("\n".join(lines[1:]))
        yield _without_common_indent(lines)
    yield _without_unexpected_indents(spaced)


def _without_common_indent(lines: list[str]) -> str:
    """Dedented by what the lines have in common that are no comments."""
    widths = [_width(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    common = min(widths, default=0)
    return "\n".join(line[min(common, _width(line)) :] for line in lines)


def _without_unexpected_indents(source: str) -> str:
    """Lines that are indented below nothing, such as those after a comment, moved back to the line before."""
    lines = source.split("\n")
    for _ in range(_MOST_BLOCKS):
        number = _unexpected(lines)
        if number is None:
            break
        width = _width(lines[number])
        before = next((_width(line) for line in reversed(lines[:number]) if line.strip()), 0)
        end = next((i for i in range(number, len(lines)) if lines[i].strip() and _width(lines[i]) < width), len(lines))
        lines[number:end] = [line[width - before :] if line.strip() else line for line in lines[number:end]]
    return "\n".join(lines)


def _unexpected(lines: list[str]) -> int | None:
    """The index of the line that is indented unexpectedly, if that is what is wrong."""
    try:
        compile("\n".join(lines), "", "exec", dont_inherit=True)
    except IndentationError as error:
        is_ours = str(error.msg) == "unexpected indent" and error.lineno is not None and error.lineno <= len(lines)
        return error.lineno - 1 if is_ours and error.lineno else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None


def _width(line: str) -> int:
    match = _INDENT.match(line)
    return match.end() if match else 0


_MAGICS = "notebook magics"
_Fix = tuple[str, Callable[[str], Iterator[str]]]
_OF_CHARACTERS: tuple[_Fix, ...] = (
    ("invisible characters", _invisible),
    ("fences", _fences),
    ("the text around the fences", _fenced),
    ("marks of the chat", _marks),
    ("prompts", _prompts),
    ("spaces that are none", _spaces),
    ("full-width punctuation", _wide),
    ("curly quotes", _quotes),
    ("HTML entities", _entities),
    (_MAGICS, _magics),
    ("print without brackets", _old_print),
    ("return outside a function", _last_return),
    ("f-strings of Python 3.12", lambda source: iter([for_older_python(source)])),
)
_OF_LINES: tuple[_Fix, ...] = (
    ("indentation", _indentation),
    ("line breaks written as \\n", _escapes),
    ("indentation", lambda source: (text for broken in _escapes(source) for text in _indentation(broken))),
)
_FIXES = (*_OF_CHARACTERS, *_OF_LINES)
