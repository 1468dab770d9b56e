"""Recipes that are over in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codedance.train.grpo_recipe import GrpoRecipe
from codedance.train.sft import SftRecipe

SMALL = {"hidden": 96, "layers": 2, "heads": 3, "key_value_heads": 1, "feed_forward": 128, "vocabulary": 700}
SMALL_EYE = {"vision_hidden": 32, "vision_layers": 1, "vision_heads": 2, "vision_feed_forward": 64}


def sft(**changes: Any) -> SftRecipe:
    """Six steps of a model of a few thousand weights."""
    solve = {"kind": "solve", "steps": 6, "examples": 6, "pool": 12, "families": ["count", "digit"]}
    values: dict[str, Any] = {
        "new": SMALL | SMALL_EYE,
        "stages": [solve],
        "optimizer": {"kind": "muon", "lr": 5e-3, "warmup": 2, "final": 0.1},
        "checkpoint_every": 2,
        "workers": 1,
    }
    return SftRecipe.model_validate(values | changes)


def grpo(path: Path, **changes: Any) -> GrpoRecipe:
    """Four steps."""
    values: dict[str, Any] = {
        "start": {"path": path},
        "questions": {"families": ["count"]},
        "reward": "outcome",
        "steps": 4,
        "prompts": 2,
        "samples": 4,
        "max_tokens": 24,
        "turns": 2,
        "optimizer": {"lr": 1e-3},
        "policy": {"entropy": 0.01},
        "isolation": 0,
        "checkpoint_every": 2,
    }
    return GrpoRecipe.model_validate(values | changes)
