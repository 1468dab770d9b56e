"""Models that several tests of training start from, each made once for all test processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from once import made_once


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model after six steps, which knows nothing."""
    from codedance.train.sft import train_sft
    from train.recipes import sft

    return made_once(tmp_path_factory, "start", lambda folder: train_sft(sft(), folder))


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of no steps, as a recipe names it."""
    from codedance.train.sft import train_sft
    from train.recipes import sft

    def make(folder: Path) -> Path:
        train_sft(sft(most_minutes=1e-6), folder)
        return folder / "untrained"

    return {"path": made_once(tmp_path_factory, "untrained", make)}
