"""Text from models, files and servers, made safe to show: what could steer a terminal or turn a line around becomes a sign.

    visible("\\x1b[2Jall gone")        # '\\\\x1b[2Jall gone'
    in_one_line("two\\nlines")         # 'two lines'

Not covered: markup of web pages, which `report` escapes; letters that look alike.
"""

from __future__ import annotations

_MOST_KEPT = 4096


class _Signs(dict[int, str]):
    """What each character becomes; found when it is first met, since there are a million of them."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        is_blank = "\xa0" <= char <= "\u3000" and char.isspace() and char not in "\u2028\u2029"
        is_kept = char in "\n\t" or char.isprintable() or is_blank
        sign = char if is_kept else char.encode("unicode_escape").decode("ascii")
        if len(self) < _MOST_KEPT:
            self[code] = sign
        return sign


_SIGNS = _Signs()


def visible(text: str) -> str:
    """Control characters, marks of direction and others without a shape as signs; line ends and tabs stay."""
    return text if text.isprintable() else text.translate(_SIGNS)


def in_one_line(text: str) -> str:
    """The same, with line ends as blanks."""
    return " ".join(visible(text).split())
