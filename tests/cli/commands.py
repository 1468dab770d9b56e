"""Run the command line in a process of its own, as a person would."""

from __future__ import annotations

import os
import subprocess
import sys


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command's outcome; keys and endpoints of the person who runs the tests are not passed on."""
    command = [sys.executable, "-c", "from codedance.cli import main; main()", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env={**kept, **environment})
