"""Directories of sessions below level 3: they go away whatever is in them, and the sweep spares what is in use."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from codedance.sandbox.supervisor import disk


def test_a_tree_of_any_depth_is_deleted(tmp_path: Path) -> None:
    root = tmp_path / "deep"
    root.mkdir()
    here = os.getcwd()
    try:
        os.chdir(root)
        for _ in range(1500):
            os.mkdir("d" * 50)
            os.chdir("d" * 50)
    finally:
        os.chdir(here)
    disk._delete(str(root))
    assert list(tmp_path.iterdir()) == []


def test_the_sweep_spares_a_directory_whose_owner_lives_in_another_container() -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    scratch = disk.Scratch()
    foreign = Path(tempfile.gettempdir()) / f"codedance-{dead.pid}-foreign"
    os.rename(scratch._root, foreign)
    try:
        disk.sweep()
        assert foreign.exists()
    finally:
        scratch._root = str(foreign)
        scratch.close()
    assert not foreign.exists()
