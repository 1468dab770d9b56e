"""The optimisers of the recipes behind one door: Muon for matrices with AdamW for the rest, or AdamW alone; warm-up and cosine.

    optimizer = Optimizer(model, OptimizerSettings(kind="muon", lr=6e-3), steps=2000)
    loss.backward(); norm = optimizer.step(at=17)

Not covered: several devices.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any, Literal

import torch
from pydantic import Field

from codedance.config import Section
from codedance.train.bfloat16 import WithoutBfloat16, is_fast


class OptimizerSettings(Section):
    """How weights are moved."""

    kind: Literal["adamw", "muon"] = "adamw"
    """Muon moves the matrices and AdamW embeddings, convolutions and norms, at the same rate."""
    lr: float = Field(1e-5, gt=0)
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = Field(0.02, ge=0)
    clip: float = Field(1.0, gt=0)
    """The longest gradient."""
    warmup: int = Field(0, ge=0)
    """Steps in which the rate rises."""
    final: float = Field(1.0, ge=0, le=1)
    """The share of the rate that is left in the end, by a cosine; 1 keeps it."""


class Optimizer:
    """Moves the weights that ask for gradients."""

    def __init__(self, model: torch.nn.Module, settings: OptimizerSettings, steps: int) -> None:
        self._settings = settings
        self._steps = steps
        named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
        self.weights = [weight for _, weight in named]
        """Those that move."""
        common: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
        if settings.kind == "adamw":
            self._parts: list[torch.optim.Optimizer] = [torch.optim.AdamW(self.weights, betas=settings.betas, **common)]
        else:
            matrices = [weight for name, weight in named if weight.ndim == 2 and "embed" not in name and "lm_head" not in name]
            taken = {id(weight) for weight in matrices}
            rest = [weight for weight in self.weights if id(weight) not in taken]
            self._parts = [
                torch.optim.Muon(matrices, momentum=0.95, adjust_lr_fn="match_rms_adamw", **common),
                torch.optim.AdamW(rest, betas=settings.betas, **common),
            ]

    def rate(self, at: int) -> float:
        """The learning rate of step `at`, from 0."""
        settings = self._settings
        rising = min(1.0, (at + 1) / settings.warmup) if settings.warmup else 1.0
        done = min(1.0, at / max(1, self._steps))
        return settings.lr * rising * (settings.final + (1 - settings.final) * (1 + math.cos(math.pi * done)) / 2)

    def step(self, at: int) -> float:
        """Move by the gradients that have gathered and forget them; the length they had."""
        norm = torch.nn.utils.clip_grad_norm_(self.weights, self._settings.clip)
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = self.rate(at)
            casts_slowly = isinstance(part, torch.optim.Muon) and not all(is_fast(weight.device) for weight in self.weights)
            with WithoutBfloat16() if casts_slowly else nullcontext():
                part.step()
            part.zero_grad(set_to_none=True)
        return float(norm)

    def state(self) -> list[dict[str, Any]]:
        """To go on from later."""
        return [part.state_dict() for part in self._parts]

    def load(self, state: list[dict[str, Any]]) -> None:
        """Go on from a state."""
        for part, own in zip(self._parts, state, strict=True):
            part.load_state_dict(own)
