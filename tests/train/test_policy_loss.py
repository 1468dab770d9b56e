"""The terms of the loss, by hand."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from codedance.train.policy_loss import PolicySettings, policy_terms, token_logprobs


def terms(ratio: float, advantage: float, **settings: float) -> tuple[float, bool]:
    """The loss of one token whose probability has changed by `ratio`, and whether anything pulls at it."""
    new = torch.tensor([math.log(ratio) - 1.0], requires_grad=True)
    old = torch.tensor([-1.0])
    found = policy_terms(new, old, torch.tensor([advantage]), torch.zeros(1), None, PolicySettings(**settings))
    found.loss.backward()
    return float(found.loss.detach()), bool(new.grad.abs() > 1e-8)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "pulls"),
    [
        (1.0, 2.0, -2.0, True),
        (1.2, 2.0, -2.4, True),
        (1.5, 2.0, -2.56, False),  # cut at 1.28
        (1.5, -2.0, 3.0, True),  # a bad token that has become likelier is pushed back
        (0.7, -2.0, 1.6, False),  # cut at 0.8
        (0.7, 2.0, -1.4, True),
    ],
)
def test_a_token_gains_within_the_bounds_only(ratio: float, advantage: float, loss: float, pulls: bool) -> None:
    assert terms(ratio, advantage) == (pytest.approx(loss, rel=1e-5), pulls)


def test_the_distance_to_the_reference_is_never_negative_and_zero_where_equal() -> None:
    new = torch.tensor([-1.0, -2.0, -0.5])
    settings = PolicySettings(kl=1.0)
    zero = torch.zeros(3)
    equal = policy_terms(new, new, zero, zero, new, settings)
    apart = policy_terms(new, new, zero, zero, new + torch.tensor([0.5, -0.5, 0.1]), settings)
    assert float(equal.kl) == 0
    assert float(apart.kl) == pytest.approx(sum(math.exp(g) - g - 1 for g in (0.5, -0.5, 0.1)), rel=1e-5)


def test_log_probabilities_are_those_of_the_draw() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    logits = torch.cat([logits, torch.full((2, 1), 9.0)], 1)
    logprobs, entropy = token_logprobs(logits, torch.tensor([0, 1]), 2.0, torch.tensor([False, False, True]))
    assert logprobs.tolist() == pytest.approx([-math.log(1 + math.exp(-1)), -math.log(2)])
    assert float(entropy[1]) == pytest.approx(math.log(2))
