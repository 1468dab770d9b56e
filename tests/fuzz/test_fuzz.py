"""A few hundred mutated cases through every reader of others' data; `make fuzz` runs 200,000."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fuzz.campaign import fuzz
from fuzz.seeds import Seeds, make_seeds
from once import made_once

CASES = 300


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    def make(folder: Path) -> Path:
        asyncio.run(make_seeds(folder, with_cells=False))
        return folder

    return Seeds.of(made_once(tmp_path_factory, "fuzz-seeds", make))


def test_mutated_data_is_read_or_refused_by_name(seeds: Seeds) -> None:
    """Within time and memory, without a stray exception, and nothing outside of its folder is opened."""
    tally = fuzz("mixed", seeds, CASES, seed=14)
    assert tally.faults == {}
    assert tally.cases == CASES
