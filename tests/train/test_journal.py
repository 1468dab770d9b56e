"""The metrics of a run: one line a step, those of one run, also after a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from codedance.errors import StoreError
from codedance.train.journal import METRICS, Journal, quiet, read_metrics


def write(folder: Path, start: int, steps: range) -> None:
    with Journal(folder, start, quiet) as journal:
        for step in steps:
            journal.write(step, {"loss": 1 / step})


def test_a_run_that_goes_on_drops_the_lines_behind_its_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, 0, range(1, 6))
    write(tmp_path, 3, range(4, 8))
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, 0, range(1, 4))
    whole = (tmp_path / METRICS).read_text()
    (tmp_path / METRICS).write_text(whole[:-9])
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2]


def test_what_is_shown_is_what_is_written(tmp_path: Path) -> None:
    shown = []
    with Journal(tmp_path, 0, lambda step, metrics: shown.append({"step": step, **metrics})) as journal:
        journal.write(1, {"loss": 0.123456789})
    assert shown == [{"step": 1, "loss": 0.123457}] == [json.loads((tmp_path / METRICS).read_text())]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / METRICS).mkdir()
    with pytest.raises(StoreError, match="it cannot be written"):
        Journal(tmp_path, 0, quiet)
