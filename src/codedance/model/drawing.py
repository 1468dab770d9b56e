"""Draw the next token of each row of a batch, each row with its own temperature, top_p and chance.

    tokens, logprobs = draw(logits, [Choice(temperature=1.0, top_p=0.9, chance=0.3), ...], banned)

Temperature 0 takes the likeliest token. Log-probabilities are those at the temperature that was drawn with (1 for temperature
0), banned tokens left out, before top_p cuts. Not covered: top_k, penalties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Choice(NamedTuple):
    """How to draw one token."""

    temperature: float
    top_p: float
    chance: float
    """Where on the line of probabilities, from 0 to 1."""


def draw(logits: Tensor, choices: Sequence[Choice], banned: Tensor) -> tuple[Tensor, Tensor]:
    """The next token of each row and its log-probability, both where the logits are."""
    scores = logits.float().masked_fill(banned, -torch.inf)
    drawn = [i for i, choice in enumerate(choices) if choice.temperature > 0]
    heat = scores.new_tensor([choice.temperature or 1.0 for choice in choices])
    logprobs = torch.log_softmax(scores / heat[:, None], dim=-1)
    if len(drawn) == len(choices):
        tokens = _draw(logprobs, choices)
    else:
        tokens = scores.argmax(-1)
        if drawn:
            index = torch.tensor(drawn, device=logits.device)
            tokens[index] = _draw(logprobs[index], [choices[i] for i in drawn])
    return tokens, logprobs.gather(-1, tokens[:, None])[:, 0]


def _draw(logprobs: Tensor, choices: Sequence[Choice]) -> Tensor:
    weights = logprobs.double().exp_()
    cut = [i for i, choice in enumerate(choices) if choice.top_p < 1]
    if cut:
        index = torch.tensor(cut, device=weights.device)
        weights[index] = _nucleus(weights[index], weights.new_tensor([choices[i].top_p for i in cut]))
    return _pick(weights, weights.new_tensor([choice.chance for choice in choices]))


def _nucleus(probabilities: Tensor, top_p: Tensor) -> Tensor:
    """Only the likeliest tokens of each row, as few as reach `top_p`."""
    falling = probabilities.sort(dim=-1, descending=True).values
    is_in = falling.cumsum(-1) - falling < top_p[:, None]  # what lies before it does not reach top_p
    least = falling.masked_fill(~is_in, torch.inf).amin(-1, keepdim=True)
    return probabilities.masked_fill(probabilities < least, 0)


def _pick(weights: Tensor, chance: Tensor) -> Tensor:
    """The token at which the running sum of the weights passes a share `chance` of the whole."""
    sums = weights.cumsum(-1)
    target = chance * (1 - 1e-12) * sums[:, -1]  # below the whole, also after rounding
    return torch.searchsorted(sums, target[:, None], right=True)[:, 0].clamp(max=weights.shape[-1] - 1)
