"""States of training that are none: told in one line, and nothing of them runs."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from codedance.errors import ConfigError
from codedance.train.checkpoint import restore
from codedance.train.journal import read_metrics
from codedance.train.optimizer import Optimizer, OptimizerSettings
from codedance.train.start import Learner


class Ran:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


@pytest.fixture
def learner() -> Learner:
    return Learner(torch.nn.Linear(2, 3), None, torch.device("cpu"), is_autocast=False)


STATES: dict[str, Callable[[Path, Learner], object]] = {
    "empty": lambda file, learner: file.write_bytes(b""),
    "text": lambda file, learner: file.write_text("hello"),
    "a pickle": lambda file, learner: file.write_bytes(pickle.dumps(Ran(file.parent / "ran"), protocol=2)),
    "a pickle in its own form": lambda file, learner: torch.save({"step": Ran(file.parent / "ran")}, file),
    "cut": lambda file, learner: (torch.save({"step": 1}, file), os.truncate(file, 100)),
    "a list": lambda file, learner: torch.save([1], file),
    "without a step": lambda file, learner: torch.save({"weights": {}, "optimizer": []}, file),
    "a step that is none": lambda file, learner: torch.save({"step": "x", "weights": {}, "optimizer": []}, file),
    "another optimiser": lambda file, learner: torch.save({"step": 1, "weights": {}, "optimizer": [{}, {}]}, file),
    "an optimiser that is none": lambda file, learner: torch.save({"step": 1, "weights": {}, "optimizer": 7}, file),
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_is_none_is_told_and_does_not_run(state: str, learner: Learner, tmp_path: Path) -> None:
    step = tmp_path / "step-000001"
    step.mkdir()
    STATES[state](step / "training.pt", learner)
    with pytest.raises(ConfigError, match="training.pt: it is no state of our training: .*; remove its folder") as caught:
        restore(tmp_path, learner, Optimizer(learner.model, OptimizerSettings(), 10))
    assert not (step / "ran").exists() and "\n" not in str(caught.value)


@pytest.mark.parametrize("weights", [{"bias": torch.zeros(4)}, {"other": torch.zeros(3)}, {"bias": 1}])
def test_a_state_of_another_model_is_told(weights: dict[str, Any], learner: Learner, tmp_path: Path) -> None:
    step = tmp_path / "step-000001"
    step.mkdir()
    torch.save({"step": 1, "weights": weights, "optimizer": []}, step / "training.pt")
    with pytest.raises(ConfigError, match="the checkpoint is of another model"):
        restore(tmp_path, learner, Optimizer(learner.model, OptimizerSettings(), 10))


def test_lines_of_metrics_that_are_none_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n7\n{"loss": 1}\n{"step": "x"}\n' + "[" * 100_000 + '\n{"step": 2}\n')
    assert read_metrics(tmp_path) == [{"step": 1}, {"step": 2}]
