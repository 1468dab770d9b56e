"""Pictures inside the terminal, where it can show them: kitty's graphics protocol (also Ghostty, WezTerm, Konsole) and iTerm2's.

Not covered: sixel; terminals that only claim to be one of these; a multiplexer in between.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from enum import StrEnum

_KITTY_CHUNK = 4096
_ROWS = 12


class Protocol(StrEnum):
    """How a terminal takes pictures."""

    KITTY = "kitty"
    ITERM = "iterm"


def protocol(environment: Mapping[str, str] = os.environ) -> Protocol | None:
    """What the terminal can do, by the variables that it sets; None inside tmux or screen, which swallow pictures."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return None
    if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty") or "KONSOLE_VERSION" in environment:
        return Protocol.KITTY
    if program in ("iTerm.app", "WezTerm", "mintty", "vscode"):
        return Protocol.ITERM
    return None


def escape_sequence(png: bytes, how: Protocol) -> str:
    """What to print so that the picture appears, at most twelve lines high."""
    data = base64.b64encode(png).decode()
    if how is Protocol.ITERM:
        return f"\033]1337;File=inline=1;size={len(png)};height={_ROWS};preserveAspectRatio=1:{data}\a\n"
    chunks = [data[start : start + _KITTY_CHUNK] for start in range(0, len(data), _KITTY_CHUNK)]
    parts = []
    for index, chunk in enumerate(chunks):
        first = f"a=T,f=100,r={_ROWS}," if index == 0 else ""
        parts.append(f"\033_G{first}m={int(index < len(chunks) - 1)};{chunk}\033\\")
    return "".join(parts) + "\n"
