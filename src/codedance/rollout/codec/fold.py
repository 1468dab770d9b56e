"""Repeated lines of an error output as one, with their number.

    fold("UserWarning: Glyph 20122 missing\\n  plt.show()\\nUserWarning: Glyph 20123 missing\\n  plt.show()\\n")
    # 'UserWarning: Glyph 20122 missing (repeated 2 times)\\n  plt.show()\\n'

A warning counts as repeated also where it differs by numbers, code points or a quoted sign only. Tracebacks stay whole: there,
lines that differ by a number say different things. Of a progress bar the last state stays. Not covered: what code prints.
"""

from __future__ import annotations

import re

_TRACEBACK = "Traceback (most recent call last)"
_WARNING = re.compile("warn|findfont|deprecat", re.IGNORECASE)
_VARIABLE = re.compile(
    r"""\\N\{[^{}\n]{1,80}\}|\\[uUx][0-9a-fA-F]{2,8}|0x[0-9a-fA-F]+|U\+[0-9A-Fa-f]{4,6}|\d+(?:\.\d+)?|'[^'\n]?'|"[^"\n]?"|[^\x00-\x7f]+"""
)


def fold(text: str) -> str:
    """The text with each repeated line once, where it first stood."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    counts: dict[str, int] = {}
    kept: list[tuple[str, str]] = []
    in_traceback = follows_repeated = False
    for line in lines:
        is_indented = line[:1].isspace()
        was_in_traceback = in_traceback
        in_traceback = line.startswith(_TRACEBACK) or (in_traceback and (is_indented or not line))
        if in_traceback or was_in_traceback or not line.strip():  # the line behind a traceback is its exception
            kept.append(("", line))
            follows_repeated = False
            continue
        if is_indented:  # the source line that Python shows below a warning belongs to it
            if not follows_repeated:
                kept.append(("", line))
            continue
        key = _VARIABLE.sub("#", line) if _WARNING.search(line) else line
        counts[key] = counts.get(key, 0) + 1
        follows_repeated = counts[key] > 1
        if not follows_repeated:
            kept.append((key, line))
    return "\n".join(f"{line} (repeated {counts[key]} times)" if counts.get(key, 1) > 1 else line for key, line in kept)
