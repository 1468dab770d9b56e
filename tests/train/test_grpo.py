"""Reinforcement learning for real: groups through the loop and the sandbox, resumed to the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from safetensors.torch import load_file

from codedance.errors import ConfigError
from codedance.train.grpo import train_grpo
from codedance.train.journal import read_metrics
from train.recipes import grpo


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_to_the_same_weights(start: Path, tmp_path: Path) -> None:
    def kill(step: int, metrics: Mapping[str, float]) -> None:
        if step == 3:
            raise Killed

    whole = load_file(train_grpo(grpo(start), tmp_path / "whole") / "model.safetensors")
    with pytest.raises(Killed):
        train_grpo(grpo(start), tmp_path / "cut", kill)
    cut = load_file(train_grpo(grpo(start), tmp_path / "cut") / "model.safetensors")
    before = load_file(start / "model.safetensors")
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert any(not torch.equal(whole[name], before[name]) for name in whole)
    told = {"reward", "accuracy", "uses_code", "code_runs", "entropy", "kl", "sample_s", "update_s", "loss"}
    assert told <= read_metrics(tmp_path / "cut")[-1].keys()


def test_right_after_the_draw_the_policy_is_the_one_that_drew(start: Path, tmp_path: Path) -> None:
    train_grpo(grpo(start, steps=1, start={"path": start, "autocast": False}), tmp_path)
    assert read_metrics(tmp_path)[0]["drift"] < 1e-4


def test_a_reference_keeps_the_policy_near(start: Path, tmp_path: Path) -> None:
    train_grpo(grpo(start, steps=2, policy={"kl": 0.1, "entropy": 0.01}), tmp_path)
    first, second = (line["kl"] for line in read_metrics(tmp_path))
    assert abs(first) < 1e-4
    assert second > first


def test_two_processes_roll_out_what_one_rolls_out(start: Path, tmp_path: Path) -> None:
    exact = {"path": start, "autocast": False}
    train_grpo(grpo(start, steps=1, start=exact), tmp_path / "one")
    train_grpo(grpo(start, steps=1, start=exact | {"processes": 2}), tmp_path / "two")
    (one,), (two,) = read_metrics(tmp_path / "one"), read_metrics(tmp_path / "two")
    for name in ("reward", "accuracy", "format", "uses_code", "tokens", "turns"):
        assert one[name] == two[name]
    assert one["norm"] == pytest.approx(two["norm"], rel=1e-3)


def test_only_adapters_move_with_lora(start: Path, tmp_path: Path) -> None:
    model = train_grpo(grpo(start, steps=2, start={"path": start, "lora_rank": 4}), tmp_path)
    names = load_file(model / "adapter_model.safetensors")
    assert names
    assert all("lora" in name for name in names)
    assert np.isfinite(read_metrics(tmp_path)[-1]["norm"])


def test_a_reward_that_does_not_exist_is_told(start: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'guarded'"):
        train_grpo(grpo(start, reward="gaurded"), tmp_path)


def test_a_model_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none: it is no folder"):
        train_grpo(grpo(tmp_path / "none"), tmp_path / "out")
