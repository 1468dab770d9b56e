"""Fine-tuning for real: the loss falls, code comes out that runs, and a killed run goes on to the same weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from safetensors.torch import load_file

from codedance.errors import ConfigError, TrainError
from codedance.model.local import LocalModel
from codedance.rollout.settings import Settings
from codedance.sandbox import Sandbox
from codedance.tasks.synthetic import Level
from codedance.train.exam import Question, examine
from codedance.train.journal import read_metrics
from codedance.train.sft import SftRecipe, train_sft
from codedance.types import Sampling
from train.recipes import SMALL, SMALL_EYE, sft


class Killed(Exception):
    pass


def kill_at(step: int):  # type: ignore[no-untyped-def]
    def show(now: int, metrics: Mapping[str, float]) -> None:
        if now == step:
            raise Killed

    return show


def weights(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "model.safetensors")


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, untrained: dict[str, Path]) -> None:
    whole = train_sft(sft(start=untrained), tmp_path / "whole")
    with pytest.raises(Killed):
        train_sft(sft(start=untrained), tmp_path / "cut", kill_at(5))  # the checkpoint is of step 4
    cut = train_sft(sft(start=untrained), tmp_path / "cut")
    one, other = weights(whole), weights(cut)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    steps, again = read_metrics(tmp_path / "whole"), read_metrics(tmp_path / "cut")
    assert [line["step"] for line in again] == [1, 2, 3, 4, 5, 6]
    assert [line["loss"] for line in steps] == [line["loss"] for line in again]


def test_two_processes_come_to_what_one_comes_to(tmp_path: Path, untrained: dict[str, Path]) -> None:
    exact = untrained | {"autocast": False}
    rounded_once = {"optimizer": {"lr": 1e-3}}  # Muon would round to bfloat16 in every step
    stages = [{"kind": "solve", "steps": 3, "examples": 6, "pool": 12, "families": ["count", "digit"]}]
    alone = weights(train_sft(sft(start=exact, stages=stages, **rounded_once), tmp_path / "one"))
    both = weights(train_sft(sft(start=exact | {"processes": 2}, stages=stages, **rounded_once), tmp_path / "two"))
    assert max(float((alone[name] - both[name]).abs().max()) for name in alone) < 1e-4  # they moved by 3e-3


def test_a_time_limit_ends_a_run_with_a_model(tmp_path: Path, untrained: dict[str, Path]) -> None:
    model = train_sft(sft(start=untrained, most_minutes=1e-6), tmp_path)
    assert len(read_metrics(tmp_path)) == 1
    assert (model / "config.json").is_file()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path, untrained: dict[str, Path]) -> None:
    smaller = train_sft(sft(new=SMALL | SMALL_EYE | {"hidden": 64, "heads": 2}, most_minutes=1e-6), tmp_path / "other")
    start = shutil.copytree(untrained["path"], tmp_path / "start")
    train_sft(sft(start={"path": start}, most_minutes=1e-6), tmp_path / "run")
    shutil.copytree(smaller.parent / "untrained", start, dirs_exist_ok=True)
    with pytest.raises(ConfigError, match="the checkpoint is of another model"):
        train_sft(sft(start={"path": start}), tmp_path / "run")


def test_a_run_goes_on_by_its_own_recipe_only(tmp_path: Path, untrained: dict[str, Path]) -> None:
    train_sft(sft(start=untrained, most_minutes=1e-6), tmp_path)
    with pytest.raises(ConfigError, match=r"begun with optimizer.lr = 0.005, not 0.001; name another --out, or remove it"):
        train_sft(sft(start=untrained, optimizer={"kind": "muon", "lr": 1e-3, "warmup": 2, "final": 0.1}), tmp_path)
    train_sft(sft(start=untrained, checkpoint_every=3), tmp_path)
    assert len(read_metrics(tmp_path)) == 6


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, untrained: dict[str, Path]) -> None:
    with pytest.raises(TrainError, match="take a lower optimizer.lr"):
        train_sft(sft(start=untrained, optimizer={"lr": 1e6}), tmp_path)


SMOKE = {
    "stages": [
        {"kind": "copy", "steps": 40, "examples": 32, "pool": 300, "families": ["area"]},
        {"kind": "write", "steps": 60, "examples": 16, "pool": 300, "families": ["area"]},
        {"kind": "solve", "steps": 40, "examples": 16, "pool": 300, "code_easy": 1.0, "code_hard": 1.0, "families": ["area"]},
    ],
    "optimizer": {"kind": "muon", "lr": 6e-3, "warmup": 20, "final": 0.1},
    "checkpoint_every": 1000,
}


@pytest.mark.slow
@pytest.mark.timeout(480)
async def test_a_minute_of_training_gives_code_that_runs(tmp_path: Path, box: Sandbox) -> None:
    train_sft(SftRecipe.model_validate(SMOKE), tmp_path)
    losses = [line["loss"] for line in read_metrics(tmp_path)]
    assert sum(losses[-10:]) < sum(losses[100:110]) / 2  # of the last stage, beginning and end
    questions = [Question("area", level, 2**40 + seed) for level in Level for seed in range(20)]
    async with LocalModel(tmp_path / "model", batch=40) as model:
        settings = Settings(turns=3, sampling=Sampling(temperature=0.0, max_tokens=200))
        exam = await examine(model, questions, settings, box)
    calls, ok = (sum(getattr(sitting, name) for sitting in exam.sittings) for name in ("calls", "calls_ok"))
    assert calls >= 36
    assert ok / calls >= 0.9


def test_metrics_are_one_line_a_step(tmp_path: Path, untrained: dict[str, Path]) -> None:
    train_sft(sft(start=untrained), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 7))
    assert {"loss", "norm", "lr", "tokens_per_s", "seconds"} <= lines[0].keys()
    assert list((tmp_path / "tensorboard").iterdir())
