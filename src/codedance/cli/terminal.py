"""The only ways from this program to a terminal. Whatever takes them shows control characters as signs.

    protect()                                           # once: print(), logs, warnings and tracebacks are safe from here on
    stderr_console().print(Text(name, style="bold"))    # styled; stdout_console() is its like

Names of tasks, answers, models and servers' errors reach the screen from everywhere, and escape sequences in them would set its
title, hide lines or write into the clipboard. So it is not left to each print to remember them: a stream that is replaced here
and a console that looks at each piece of text see everything. What may hold escape sequences is ours: styles, live displays, and
pictures that are written to `Console.file`. A stdout that is no terminal gets data as they are.

Not covered: libraries that write to the descriptors themselves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType, RenderHook
from rich.file_proxy import FileProxy
from rich.segment import Segment
from rich.text import Text

from codedance.plain import visible


class Screen(Console):
    """A console whose text holds no control characters, whoever wrote it."""

    def __init__(self, file: TextIO | None) -> None:
        super().__init__(file=file, markup=False, emoji=False)
        self._num_displays = 0

    @property
    def is_live(self) -> bool:
        """A spinner or a bar is shown."""
        return self._num_displays > 0

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As any console; text as `visible` makes it."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control or text.isprintable() else Segment(visible(text), style)

    def push_render_hook(self, hook: RenderHook) -> None:
        """A live display begins."""
        super().push_render_hook(hook)
        self._num_displays += 1

    def pop_render_hook(self) -> None:
        """It ends."""
        super().pop_render_hook()
        self._num_displays -= 1


class _Stream(FileProxy):
    """Stands for stdout or stderr. It is one of rich's own, so that live displays do not put theirs in front."""

    def __init__(self, file: TextIO, shown_by: Screen, is_data: bool) -> None:
        super().__init__(shown_by, file)
        self._file, self.screen, self._is_data = file, shown_by, is_data
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override] # of the real one, not of a stream that has none
        return self._file.encoding

    def write(self, text: str) -> int:
        if self._is_data:
            return self._file.write(text)
        if not self.screen.is_live:
            self._file.write(self._begun + visible(text))
            self._begun = ""
            return len(text)
        lines, end, self._begun = (self._begun + text).rpartition("\n")  # above the display, which wants whole lines
        if end:
            self.screen.print(Text(lines), soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        self._file.flush()


def protect() -> None:
    """Let everything that this process prints from now on take these ways. Twice is fine."""
    if isinstance(sys.stderr, _Stream):
        return
    out, err = sys.stdout, sys.stderr
    screen = Screen(err)
    if out is not None:
        is_one = err is not None and out.isatty() and os.path.sameopenfile(out.fileno(), err.fileno())
        sys.stdout = _Stream(out, screen if is_one else Screen(out), is_data=not out.isatty())
    if err is not None:
        sys.stderr = _Stream(err, screen, is_data=False)


def stderr_console() -> Screen:
    """What talk is styled by: one console, so that messages and a live display know of one another."""
    return sys.stderr.screen if isinstance(sys.stderr, _Stream) else Screen(sys.stderr)


def stdout_console() -> Screen:
    """What data for people are styled by."""
    return sys.stdout.screen if isinstance(sys.stdout, _Stream) else Screen(sys.stdout)
