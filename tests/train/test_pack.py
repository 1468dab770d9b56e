"""A packed model is small, opens like any other, and comes with a card without gaps."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from safetensors.torch import load_file

from codedance.tasks.synthetic import FAMILIES
from codedance.train import pack as packing
from codedance.train.pack import pack
from codedance.train.sft import train_sft
from codedance.train.start import Start, open_learner
from train.recipes import sft


def test_a_packed_model_opens_and_its_card_has_every_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = {name: FAMILIES[name] for name in ("count", "count_half")}
    monkeypatch.setattr(packing, "FAMILIES", some)  # an exam in all of them would take minutes
    model = train_sft(sft(most_minutes=1e-6), tmp_path / "run")
    card = pack(model, [tmp_path / "run"], tmp_path / "packed", each=1).read_text()
    assert "$" not in card
    for line in (
        "| run | 1 | 1 | 0.",
        "| count | easy | 1 |",
        "| count_half | hard | 1 |",
        "| count | 0.",
        "Wilson 95 % intervals",
    ):
        assert line in card, line
    weights = load_file(tmp_path / "packed" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    before = load_file(model / "model.safetensors")
    assert all(torch.equal(weights[name], before[name].bfloat16()) for name in before)
    assert open_learner(Start(path=tmp_path / "packed")).model.config.model_type == "qwen2_5_vl"
