"""Text from models, files and servers, made safe for a terminal.

visible("\x1b[2Jall gone")      # '\\x1b[2Jall gone': control characters as signs
in_one_line("two\nlines")      # 'two lines'
"""

from __future__ import annotations


def visible(text: str) -> str:
    """Control characters as signs, so that nobody's text can steer the terminal; line ends and tabs stay."""
    return "".join(
        char if char in "\n\t" or (char.isprintable() and not "\x7f" <= char <= "\x9f") else f"\\x{ord(char):02x}"
        for char in text
    )


def in_one_line(text: str) -> str:
    """The same, with line ends as blanks."""
    return " ".join(visible(text).split())
