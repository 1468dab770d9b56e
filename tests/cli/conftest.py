"""The command line without a process of its own: quick, for mistakes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from codedance.cli import main


@pytest.fixture
def run_here(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., CompletedProcess[str]]:
    """As `cli.commands.run`."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> CompletedProcess[str]:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["codedance", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        said, talk = capfd.readouterr()
        return CompletedProcess(words, int(stop.value.code or 0), said, talk)

    return run
