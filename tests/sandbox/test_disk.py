"""The watcher below level 3: it counts what is there, is not blinded, and the sweep spares what is in use."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from codedance.sandbox.guest.settings import Caps
from codedance.sandbox.limits import Limits
from codedance.sandbox.supervisor import disk

LIMITS = Limits(disk_mb=1, files=20)
CAPS = Caps(**{name: getattr(LIMITS, name) for name in Caps.__dataclass_fields__})


def test_size_and_number_of_files_are_counted_at_every_depth(tmp_path: Path) -> None:
    scratch = disk.Scratch()
    try:
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        assert scratch.excess(str(tmp_path), CAPS) is None
        (deep / "big").write_bytes(b"x" * (2 << 20))
        assert scratch.excess(str(tmp_path), CAPS) == "it wrote more than 1 MB"
        for index in range(25):
            (deep / f"f{index}").touch()
        assert scratch.excess(str(tmp_path), CAPS) == "it made more than 20 files"
    finally:
        scratch.close()


def test_files_that_vanish_under_way_do_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "big").write_bytes(b"x" * (2 << 20))
    (tmp_path / "gone").touch()
    real = os.stat

    def stat(path, **options):  # type: ignore[no-untyped-def]
        if path == "gone":
            raise FileNotFoundError(path)
        return real(path, **options)

    scratch = disk.Scratch()
    try:
        monkeypatch.setattr(disk.os, "stat", stat)
        assert scratch.excess(str(tmp_path), CAPS) == "it wrote more than 1 MB"
    finally:
        monkeypatch.undo()
        scratch.close()


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
