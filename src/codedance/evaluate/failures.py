"""Kinds of failing code, as they are counted."""

from __future__ import annotations

from codedance.types import ExecStatus, Execution

_MOST = 80


def error_kind(execution: Execution) -> str | None:
    """The exception's type, or how the cell ended otherwise; None where it ended well."""
    if execution.ok:
        return None
    if execution.status is ExecStatus.ERROR and execution.error is not None:
        return execution.error.type[:_MOST]
    return str(execution.status)
