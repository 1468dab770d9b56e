"""The loss of reinforcement learning: clipped policy gradient over the model's own tokens, optional KL and entropy.

    terms = policy_terms(new, old, advantage, entropy, None, PolicySettings())     # sums over the tokens

Clipping as in PPO (Schulman et al. 2017) with its own upper bound (DAPO, arXiv 2503.14476); the KL term is the k3 estimator
(Schulman 2020), as in GRPO (arXiv 2402.03300). Not covered: value functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from codedance.config import Section

_NEVER = -1e9


class PolicySettings(Section):
    """The terms of the loss."""

    clip_low: float = Field(0.2, ge=0, lt=1)
    clip_high: float = Field(0.28, ge=0)
    kl: float = Field(0.0, ge=0)
    """Weight of the distance to the model that training started from."""
    entropy: float = Field(0.0, ge=0)
    """Weight of a bonus for staying undecided."""


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """Sums over the model's tokens of a batch."""

    loss: Tensor
    entropy: Tensor
    kl: Tensor
    clipped: Tensor
    """Number of tokens whose gradient was cut off."""
    drift: Tensor
    """Of the log-probabilities since the tokens were drawn, absolute."""


def token_logprobs(logits: Tensor, ids: Tensor, temperature: float, banned: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of tokens as they were drawn, and the entropy of the draw.

    Args:
        logits: (tokens, vocabulary).
        ids: (tokens,).
        temperature: that the tokens were drawn with.
        banned: (vocabulary,) those that may never be drawn.
    """
    logprobs = torch.log_softmax((logits.float() / temperature).masked_fill(banned, _NEVER), dim=-1)
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    return logprobs.gather(-1, ids[:, None])[:, 0], entropy


def policy_terms(
    new: Tensor, old: Tensor, advantage: Tensor, entropy: Tensor, reference: Tensor | None, settings: PolicySettings
) -> PolicyTerms:
    """The terms of some tokens; every argument is (tokens,)."""
    ratio = (new - old).clamp(-20, 20).exp()
    cut = ratio.clamp(1 - settings.clip_low, 1 + settings.clip_high)
    gain = torch.minimum(ratio * advantage, cut * advantage)
    kl = torch.zeros_like(new)
    if reference is not None:
        gap = (reference - new).clamp(-20, 20)
        kl = gap.exp() - gap - 1
    loss = -gain + settings.kl * kl - settings.entropy * entropy
    is_clipped = ratio * advantage > cut * advantage
    return PolicyTerms(loss.sum(), entropy.sum().detach(), kl.sum().detach(), is_clipped.sum(), (new - old).abs().sum().detach())
