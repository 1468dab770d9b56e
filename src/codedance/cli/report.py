"""`codedance report`: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def report(folder: Path, *, out: Path | None = None, mode: Literal["default", "paper", "judge"] = "default") -> int:
    """Write a run as one self-contained HTML file, and print where it is.

    Parameters
    ----------
    folder
        A run's folder, as `ask` and `run` write it.
    out
        The file to write (default: report.html in the folder).
    mode
        By whose rules it is scored, where it is scored.
    """
    from codedance.report import write_report
    from codedance.reward.rules import Scoring

    print(write_report(folder, out, scoring=Scoring(mode)))
    return 0
