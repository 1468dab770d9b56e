"""`codedance report`: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path


def report(folder: Path, *, out: Path | None = None) -> int:
    """Write a run as one self-contained HTML file, and print where it is.

    Parameters
    ----------
    folder
        A run's folder, as `ask` and `run` write it.
    out
        The file to write (default: report.html in the folder).
    """
    from codedance.report import write_report

    print(write_report(folder, out))
    return 0
