"""Rates by hand, and which weights Muon takes."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from codedance.train import bfloat16
from codedance.train import optimizer as optimizers
from codedance.train.bfloat16 import WithoutBfloat16
from codedance.train.optimizer import Optimizer, OptimizerSettings


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = {"embed": torch.nn.Embedding(5, 4), "middle": torch.nn.Linear(4, 4), "lm_head": torch.nn.Linear(4, 5)}
    return torch.nn.ModuleDict(layers)


def test_the_rate_rises_and_falls_by_a_cosine_to_its_end() -> None:
    optimizer = Optimizer(model(), OptimizerSettings(lr=1.0, warmup=4, final=0.1), steps=100)
    assert [optimizer.rate(at) for at in range(3)] == pytest.approx([0.25, 0.5, 0.75], abs=1e-2)
    assert optimizer.rate(50) == pytest.approx(0.55)
    assert optimizer.rate(100) == pytest.approx(0.1)
    assert Optimizer(model(), OptimizerSettings(lr=1.0), steps=100).rate(99) == 1.0


def test_muon_takes_the_matrices_and_leaves_embeddings_head_and_biases() -> None:
    moved = Optimizer(model(), OptimizerSettings(kind="muon"), 10)
    muon, adamw = ([len(group["params"]) for group in part.param_groups] for part in moved._parts)
    assert (muon, adamw) == ([1], [4])


def test_a_step_tells_the_length_of_the_gradient_and_forgets_it() -> None:
    net = model()
    optimizer = Optimizer(net, OptimizerSettings(lr=0.1, clip=1.0, weight_decay=0.0), 10)
    before = net["middle"].weight.detach().clone()
    for weight in net.parameters():
        weight.grad = torch.zeros_like(weight)
    net["middle"].weight.grad[0, 0], net["middle"].weight.grad[1, 1] = 3.0, 4.0
    assert optimizer.step(0) == pytest.approx(5.0)
    moved = (net["middle"].weight.detach() - before) != 0
    assert moved.sum() == 2
    assert all(weight.grad is None for weight in net.parameters())


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_state_goes_on_to_the_same_weights(kind: str) -> None:
    def go(net: torch.nn.Module, optimizer: Optimizer, steps: range) -> None:
        for at in steps:
            (net["lm_head"](net["middle"](net["embed"](torch.tensor([at % 5])))) ** 2).sum().backward()
            optimizer.step(at)

    settings = OptimizerSettings(kind=kind, lr=0.01)
    whole, first, second = model(), model(), model()
    go(whole, Optimizer(whole, settings, 6), range(6))
    half = Optimizer(first, settings, 6)
    go(first, half, range(3))
    second.load_state_dict(first.state_dict())
    rest = Optimizer(second, settings, 6)
    rest.load(half.state())
    go(second, rest, range(3, 6))
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("is_fast", [True, False])
def test_muon_moves_along_the_polar_factor_rounded_to_bfloat16_only_where_that_is_fast(
    is_fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizers, "is_fast", lambda device: is_fast)
    torch.manual_seed(1)
    net = torch.nn.Linear(16, 16)  # Muon takes the matrix, AdamW the bias
    net.weight.data.zero_()
    gradient = torch.randn(16, 16)
    net.weight.grad = gradient.clone()
    Optimizer(net, OptimizerSettings(kind="muon", lr=1.25, weight_decay=0.0, clip=1e9), 1).step(0)
    moved = -net.weight.detach()  # by 1.25 * 0.2 * sqrt(16), which is 1
    left, _, right = torch.linalg.svd(gradient)
    assert torch.nn.functional.cosine_similarity(moved.flatten(), (left @ right).flatten(), dim=0) > 0.97
    assert torch.equal(moved, moved.bfloat16().float()) is is_fast


def test_a_build_of_torch_without_mkldnn_is_slow_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not bfloat16.is_fast(torch.device("cpu"))


def test_without_bfloat16_a_cast_is_a_copy_in_float32_and_nothing_else_changes() -> None:
    torch.manual_seed(2)
    one = torch.randn(64, 64)
    with WithoutBfloat16():
        cast, half, again = one.bfloat16(), one.half(), one.bfloat16().float()
        cast.div_(2)
    assert cast.dtype is again.dtype is torch.float32
    assert torch.equal(cast * 2, one)
    assert torch.equal(again, one)
    assert half.dtype is torch.float16
    assert one.bfloat16().dtype is torch.bfloat16
