"""Show one turn in a terminal: thought, highlighted code, output, pictures.

Everything that a model or its code wrote is printed as plain text: neither markup nor escape sequences in it have any effect.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from codedance.cli.inline import Protocol, escape_sequence
from codedance.plain import visible
from codedance.types import Execution, SeenImage, Turn

_MOST_LINES = 40


def show_turn(console: Console, number: int, turn: Turn, images: Path, how: Protocol | None = None) -> None:
    """Print a turn; `images` is the folder where its pictures lie, `how` the way to show them inline."""
    tokens = f"{turn.usage.completion_tokens} tokens, " if turn.usage.completion_tokens else ""
    console.rule(Text(f"turn {number}  ({tokens}{turn.model_s:.1f} s)", style="bold"), align="left", style="dim")
    if turn.reasoning:
        console.print(_plain(turn.reasoning, "dim italic"))
    if turn.thought:
        console.print(_plain(turn.thought, "italic"))
    if turn.repairs:
        console.print(Text(f"read with repairs: {', '.join(turn.repairs)}", style="yellow"))
    if turn.code is not None:
        code = Syntax(visible(turn.code), "python", theme="ansi_dark", word_wrap=True, background_color="default")
        console.print(Panel(code, title="python", title_align="left", border_style="blue"))
    if turn.execution is not None:
        console.print(_outcome(turn.execution))
    for part in turn.observation:
        if isinstance(part, SeenImage):
            path = images / f"{part.digest}.png"
            console.print(Text(f"  {path}  ({part.width}x{part.height})", style="cyan"), soft_wrap=True)
            if how is not None and console.is_terminal and path.exists():
                console.file.write(escape_sequence(path.read_bytes(), how))
    if turn.note:
        console.print(_plain(f"to the model: {turn.note}", "dim"))


def _outcome(execution: Execution) -> RenderableType:
    """What a cell printed, and how it ended."""
    parts: list[RenderableType] = []
    if execution.stdout:
        parts.append(_plain(execution.stdout))
    if execution.stderr:
        parts.append(_plain(execution.stderr, "red"))
    style = "green" if execution.ok else "bold red"
    ending = f"{execution.status}  {execution.seconds * 1000:.0f} ms"
    if execution.error is not None and not execution.stderr:
        ending += f"  {execution.error.type}: {execution.error.message}"
    parts.append(Text(visible(ending), style=style))
    parts += [_plain(note, "dim") for note in execution.notes]
    return Padding(Group(*parts), (0, 2))


def _plain(text: str, style: str = "") -> Text:
    lines = visible(text).rstrip().split("\n")
    if len(lines) > _MOST_LINES:
        left_out = len(lines) - _MOST_LINES
        lines = [
            *lines[: _MOST_LINES // 2],
            f"... {left_out} lines, all of them are in the trace ...",
            *lines[-_MOST_LINES // 2 :],
        ]
    return Text("\n".join(lines), style=style)
