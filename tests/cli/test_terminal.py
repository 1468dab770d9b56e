"""Everything that the program prints passes one place, which shows control characters as signs."""

from __future__ import annotations

import io
import logging
import os
import pty
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

import pytest
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from codedance.cli.terminal import protect, stderr_console, stdout_console
from codedance.evaluate.tables import table

EVIL = "id\x1b]0;PWN\x07\x9b31m\u202e\x1b]8;;http://evil/\x1b\\x\x1b[2J"
RAW = [b"\x1b]0;", "\x9b31m".encode(), "\u202e".encode(), b"\x1b]8;", b"\x1b[2J"]

_END = "<end>"


class Terminal:
    """A pseudo terminal that stands for stdout and stderr."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8", buffering=1)

    def read(self) -> bytes:
        """What it was told since the last time."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.stream.write(_END)
        self.stream.flush()
        told = b""
        while not told.endswith(_END.encode()):
            told += os.read(self._master, 1 << 16)
        return told.removesuffix(_END.encode())

    def close(self) -> None:
        self.stream.close()
        os.close(self._master)


@contextmanager
def protected() -> Iterator[Terminal]:
    """This process with a terminal, as the program leaves it; not a fixture, since pytest sets the streams anew for each test."""
    found = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        patch.setattr(sys, "stdout", found.stream)
        patch.setattr(sys, "stderr", found.stream)
        protect()
        yield found
    found.close()


def log() -> None:
    logger = logging.Logger("alone")
    logger.handlers = [logging.lastResort] if logging.lastResort else []
    logger.warning("%s", EVIL)


WAYS: dict[str, Callable[[], object]] = {
    "print": lambda: sys.stdout.write(f"{EVIL}\n"),
    "print to stderr": lambda: sys.stderr.write(f"{EVIL}\n"),
    "without a line's end": lambda: sys.stdout.write(EVIL),
    "several lines": lambda: sys.stderr.writelines([f"{EVIL}\n", f"{EVIL}\n"]),
    "a log": log,
    "an error that nobody caught": lambda: sys.excepthook(ValueError, ValueError(EVIL), None),
    "text on stderr": lambda: stderr_console().print(EVIL),
    "text on stdout": lambda: stdout_console().print(Text(EVIL, style="bold")),
    "markup": lambda: stdout_console().print(f"[link=x]{EVIL}[/link]{escape(EVIL)}"),
    "a panel": lambda: stdout_console().print(Panel(EVIL, title=EVIL)),
    "a rule": lambda: stderr_console().rule(Text(EVIL)),
}


@pytest.mark.parametrize("live", [False, True], ids=["", "under a spinner"])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_the_terminal_passes_control_characters(way: str, live: bool) -> None:
    with protected() as terminal:
        with stderr_console().status(Text(f"asking {EVIL}")) if live else nullcontext():
            WAYS[way]()
        told = terminal.read()
    assert b"PWN" in told
    assert [raw for raw in RAW if raw in told] == []


def test_a_table_holds_none_and_keeps_what_is_ours() -> None:
    rows = Table("name", "number")
    rows.add_row(EVIL, Text("1", style="bold"))
    with protected() as terminal:
        stdout_console().print(rows)
        told = terminal.read()
    assert [raw for raw in RAW if raw in told] == [] and b"31m" in told and b"\x1b[1m" in told


def test_a_print_under_a_spinner_stands_above_it() -> None:
    with protected() as terminal, stderr_console().status(Text("waiting")):
        terminal.read()
        sys.stdout.write("a ")
        sys.stdout.write("whole line\n")
        assert b"a whole line\r\n" in terminal.read()


def test_data_that_go_into_a_pipe_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    protect()
    sys.stdout.write(EVIL)
    sys.stderr.write(EVIL)
    assert out.getvalue() == EVIL and "\x1b" not in err.getvalue() and "\\x1b]0;PWN" in err.getvalue()


def test_a_cell_of_a_table_of_figures_stays_in_its_line() -> None:
    assert table(("data set",), [("a\nb | c\x1b[2J",)]).splitlines()[2:] == ["| a b / c\\x1b[2J |"]
