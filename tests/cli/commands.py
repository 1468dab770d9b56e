"""Run the command line in a process of its own, as a person would, on task files made here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def write(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """A file of tasks, one JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command's outcome; keys and endpoints of the person who runs the tests are not passed on."""
    command = [sys.executable, "-c", "from codedance.cli import main; main()", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env={**kept, **environment})
