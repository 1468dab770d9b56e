"""Runs as pages: one HTML file that a person can open, search, and send to others.

    from codedance.report import write_report

    write_report(Path("runs/one"))      # runs/one/report.html

Read-only: nothing here asks a model or runs code.
"""

from codedance.report.page import write_report

__all__ = ["write_report"]
