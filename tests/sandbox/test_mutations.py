"""Each wall is taken away in turn: the measurement at the start and the self-check notice, each on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.mutations import MUTATIONS, examine

UNMEASURED = "time: no interrupt and no kill"
"""What the supervisor keeps; only the self-check tries it."""


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_wall_that_is_taken_away_is_noticed(name: str, tmp_path: Path) -> None:
    mutation = MUTATIONS[name]
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    noticed = await examine(mutation, tmp_path)
    assert noticed.checks == tuple(check for check in noticed.checks if check in mutation.checks)
    assert set(noticed.checks) == set(mutation.checks)
    assert noticed.level < (2 if mutation.without else 3) or name == UNMEASURED
