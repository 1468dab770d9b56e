"""The same training on an accelerator: run with `pytest -m gpu`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from codedance.train.grpo import train_grpo
from codedance.train.journal import read_metrics
from codedance.train.sft import train_sft
from train.recipes import grpo, sft

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")]
ON_GPU = {"device": "cuda", "attention": "sdpa"}


def test_fine_tuning_and_reinforcement_learning_go_on_a_gpu(tmp_path: Path) -> None:
    taught = train_sft(sft(start=ON_GPU), tmp_path / "sft")
    train_grpo(grpo(taught, start={"path": taught, **ON_GPU}), tmp_path / "grpo")
    train_grpo(grpo(taught, start={"path": taught, "lora_rank": 4, "dtype": "bfloat16", **ON_GPU}), tmp_path / "lora")
    for run in ("sft", "grpo", "lora"):
        assert all(np.isfinite(line["norm"]) for line in read_metrics(tmp_path / run))


def test_a_gpu_comes_to_what_the_cpu_comes_to(tmp_path: Path) -> None:
    exact = {"autocast": False}
    made = train_sft(sft(most_minutes=1e-6), tmp_path / "made").parent / "untrained"
    train_sft(sft(start={"path": made, "device": "cpu", **exact}), tmp_path / "cpu")
    train_sft(sft(start={"path": made, **ON_GPU, **exact}), tmp_path / "gpu")
    losses = [[line["loss"] for line in read_metrics(tmp_path / name)] for name in ("cpu", "gpu")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
