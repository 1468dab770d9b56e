"""Fixtures that take seconds to make, made by one test process and read by the others of the same run.

    start = made_once(tmp_path_factory, "start", lambda folder: train_sft(sft(), folder))

Not covered: things that tests change; they copy what they need.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Path]) -> Path:
    """What `make` returned for an empty folder, in whichever process it was called first."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # that of the whole run
    where = base / f"{name}.path"
    with FileLock(base / f"{name}.lock"):
        if not where.exists():
            (base / name).mkdir()
            where.write_text(str(make(base / name)))
        return Path(where.read_text())
