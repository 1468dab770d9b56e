"""What a run of reinforcement learning is asked to do.

    recipe = read_config(GrpoRecipe, Path("recipes/tiny-grpo.toml"), ["reward=outcome"])

Not covered: doing it (`grpo`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from codedance.config import Section
from codedance.train.optimizer import OptimizerSettings
from codedance.train.policy_loss import PolicySettings
from codedance.train.start import Start
from codedance.types import Rule


class Questions(Section):
    """What is asked: items of synthetic families, or the tasks of a file."""

    families: tuple[str, ...] = ()
    file: Path | None = None
    """Tasks with known answers, in any layout that `codedance eval` reads."""
    rule: Rule | None = None
    """How answers are scored where neither the file's layout nor the row says it."""
    skip_bad: bool = False
    """Leave out rows of the file that cannot be used; without it they are an error."""
    easy: float = Field(0.5, ge=0, le=1)
    """Share of easy items."""


class JudgeEndpoint(Section):
    """Who decides where a rule is undecided."""

    url: str = ""
    """OpenAI-compatible endpoint; several, separated by commas, share the load."""
    model: str | None = None
    """Its name there (default: the first that the endpoint lists), hf:PATH or script:FILE."""


class GrpoRecipe(Section):
    """A run of reinforcement learning."""

    start: Start
    questions: Questions
    reward: str = "guarded"
    judge: JudgeEndpoint | None = None
    """Asked where the rule of a question is undecided; without one such answers count as not right."""
    steps: int = Field(ge=1)
    prompts: int = Field(8, ge=1)
    """Questions in each step."""
    samples: int = Field(8, ge=1)
    """Rollouts of each question."""
    turns: int = Field(4, ge=1)
    max_tokens: int = Field(256, ge=1)
    """Of one reply."""
    decode_dtype: Literal["autocast", "bfloat16", "float16", "float32"] | None = None
    """Of the weights that rollouts are drawn with, a copy; without one, those that are trained. autocast: bfloat16 where
    start.autocast computes in it."""
    temperature: float = Field(1.0, gt=0)
    optimizer: OptimizerSettings = OptimizerSettings(lr=2e-4)
    policy: PolicySettings = PolicySettings()
    seed: int = 1
    batch_tokens: int = Field(2600, ge=1)
    """Of one forward pass of the update, padding included."""
    time_s: float = Field(5.0, gt=0)
    """That one piece of code may run."""
    isolation: int = Field(3, ge=0, le=4)
    """The least isolation level of the sandbox to accept."""
    checkpoint_every: int = Field(50, ge=1)
    rollouts_every: int = Field(0, ge=0)
    """Keep the rollouts of every so many steps, as a run's folder rollouts/step-000050; 0 keeps none."""
    most_minutes: float = Field(0.0, ge=0)
    """End after so long, wherever it stands; 0 sets no limit."""
