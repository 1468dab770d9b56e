"""Reinforcement learning with groups of rollouts (GRPO) and any of our rewards: one flat loop, resumed by the same call.

    model = train_grpo(read_config(GrpoRecipe, Path("recipes/tiny-grpo.toml")), Path("runs/tiny-grpo"))

A step: draw questions, roll each one out several times through the real loop and sandbox, reward the groups, move the weights by
the clipped policy gradient, every token weighing the same. Not covered: several devices, rollouts by a server.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from codedance.config import Section
from codedance.errors import TrainError
from codedance.model.local import LocalModel
from codedance.reward import Outcomes, Rewarded, outcome_of, reward
from codedance.rollout.settings import Settings
from codedance.sandbox import Limits, Sandbox
from codedance.tasks.synthetic import Level, make_item, to_task
from codedance.train.batch import Batch, collate, cut
from codedance.train.checkpoint import restore, save, write_model
from codedance.train.journal import Journal, Show
from codedance.train.optimizer import Optimizer, OptimizerSettings
from codedance.train.policy_loss import PolicySettings, PolicyTerms, policy_terms, token_logprobs
from codedance.train.rollouts import Shelf, rollouts
from codedance.train.start import Learner, Start, open_learner
from codedance.train.tokens import TokenSequence, of_trace
from codedance.types import Sampling, Task, Trace

MODEL = "model"


class Questions(Section):
    """What is asked."""

    families: tuple[str, ...] = Field(min_length=1)
    easy: float = Field(0.5, ge=0, le=1)
    """Share of easy items."""


class GrpoRecipe(Section):
    """A run of reinforcement learning."""

    start: Start
    questions: Questions
    reward: str = "guarded"
    steps: int = Field(ge=1)
    prompts: int = Field(8, ge=1)
    """Questions in each step."""
    samples: int = Field(8, ge=1)
    """Rollouts of each question."""
    turns: int = Field(4, ge=1)
    max_tokens: int = Field(256, ge=1)
    """Of one reply."""
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
    most_minutes: float = Field(0.0, ge=0)
    """End after so long, wherever it stands; 0 sets no limit."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One sequence of a rollout with what its tokens are worth."""

    sequence: TokenSequence
    advantage: NDArray[np.float32]


def train_grpo(recipe: GrpoRecipe, folder: Path, show: Show = lambda step, metrics: None) -> Path:
    """Train, or go on; the folder of the finished model.

    Raises:
        ConfigError: the recipe cannot be followed.
        TrainError: the model or the sandbox broke.
    """
    return asyncio.run(_Run(recipe, folder, show).train())


class _Run:
    def __init__(self, recipe: GrpoRecipe, folder: Path, show: Show) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._recipe = recipe
        self._folder = folder
        self._show = show
        self._reward = reward(recipe.reward)
        self._learner = open_learner(recipe.start)
        self._reference = open_learner(recipe.start) if recipe.policy.kl else None
        self._optimizer = Optimizer(self._learner.model, recipe.optimizer, recipe.steps)
        rule = LocalModel.of(self._learner.model, self._learner.processor).rule
        sampling = Sampling(temperature=recipe.temperature, max_tokens=recipe.max_tokens)
        self._settings = Settings(rule=rule, turns=recipe.turns, sampling=sampling)

    async def train(self) -> Path:
        recipe = self._recipe
        start = restore(self._folder, self._learner, self._optimizer)
        clock = time.monotonic()
        rollouts_at_once = recipe.prompts * recipe.samples
        async with AsyncExitStack() as stack:
            sandbox = await stack.enter_async_context(
                Sandbox(Limits(time_s=recipe.time_s), require=recipe.isolation, slots=rollouts_at_once)
            )
            model = await stack.enter_async_context(
                LocalModel.of(self._learner.model, self._learner.processor, batch=rollouts_at_once)
            )
            journal = stack.enter_context(Journal(self._folder, start, self._show))
            for step in range(start + 1, recipe.steps + 1):
                journal.write(step, await self._step(step, model, sandbox))
                is_over = bool(recipe.most_minutes) and time.monotonic() - clock > recipe.most_minutes * 60
                if step % recipe.checkpoint_every == 0 or is_over:
                    save(self._folder, step, self._learner, self._optimizer)
                if is_over:
                    break
        write_model(self._learner, self._folder / MODEL)
        return self._folder / MODEL

    async def _step(self, step: int, model: LocalModel, sandbox: Sandbox) -> Mapping[str, float]:
        """Sample, reward, move; what there is to tell."""
        began = time.perf_counter()
        tasks, shelf = self._draw(step), Shelf()
        jobs = [
            (task, (step * 1000 + number) * 1000 + sample)
            for number, task in enumerate(tasks)
            for sample in range(self._recipe.samples)
        ]
        groups = np.repeat(np.arange(len(tasks)), self._recipe.samples)
        self._learner.model.eval()
        traces = await rollouts(jobs, model, self._settings, sandbox, shelf)
        kept = [row for row, trace in enumerate(traces) if not trace.is_unfinished]
        if len(kept) * 2 < len(traces):
            raise TrainError(f"step {step}: most rollouts broke, the last one by: {traces[-1].error}; the same command goes on")
        sampled = time.perf_counter()
        traces, groups = [traces[row] for row in kept], groups[kept]
        outcomes = outcome_of(traces, [float(trace.exact_match is True) for trace in traces], groups)
        rewarded = self._reward(outcomes)
        rows = [row for index, trace in enumerate(traces) for row in _rows(trace, rewarded, index, shelf)]
        self._learner.model.train()
        moved = self._move(step, rows)
        return {
            **moved,
            **_told(traces, outcomes, rewarded),
            "sample_s": sampled - began,
            "update_s": time.perf_counter() - sampled,
        }

    def _draw(self, step: int) -> list[Task]:
        """The questions of a step."""
        rng = random.Random(f"{self._recipe.seed}/{step}")
        asked = self._recipe.questions
        tasks = []
        for number in range(self._recipe.prompts):
            family = asked.families[(step * self._recipe.prompts + number) % len(asked.families)]
            level = Level.EASY if rng.random() < asked.easy else Level.HARD
            tasks.append(to_task(make_item(family, level, rng.getrandbits(39)), f"{step}-{number}"))
        return tasks

    def _move(self, step: int, rows: Sequence[_Row]) -> dict[str, float]:
        """One step of the optimiser on the mean over all tokens that the model wrote."""
        whole = sum(int(row.sequence.mask.sum()) for row in rows)
        useful = [row for row in rows if self._reference is not None or self._recipe.policy.entropy or row.advantage.any()]
        sums = dict.fromkeys(("loss", "entropy", "kl", "clipped", "drift"), 0.0)
        seen = 0
        for group in cut([len(row.sequence.ids) for row in useful], self._recipe.batch_tokens):
            batch = self._collate([useful[i] for i in group])
            terms = self._terms(batch)
            (terms.loss / whole).backward()  # type: ignore[no-untyped-call]
            seen += int(batch.weights["mask"].sum())
            for name in sums:
                sums[name] += float(getattr(terms, name).detach())
        norm = self._optimizer.step(step - 1) if useful else 0.0
        if not np.isfinite(norm):
            raise TrainError(
                f"step {step}: the gradient is no number; take a lower optimizer.lr than {self._recipe.optimizer.lr:g}"
            )
        means = {name: value / max(1, whole if name == "loss" else seen) for name, value in sums.items()}
        return {
            **means,
            "norm": norm,
            "lr": self._optimizer.rate(step - 1),
            "tokens": whole,
            "used": len(useful) / max(1, len(rows)),
        }

    def _collate(self, rows: Sequence[_Row]) -> Batch:
        sequences = [row.sequence for row in rows]
        weights = [
            {
                "mask": row.sequence.mask.astype(np.float32),
                "advantage": row.advantage,
                "old": row.sequence.logprobs if row.sequence.logprobs is not None else np.zeros(0, np.float32),
            }
            for row in rows
        ]
        return collate(self._learner.processor, sequences, weights).to(self._learner.device)

    def _terms(self, batch: Batch) -> PolicyTerms:
        kept = batch.weights["mask"][:, 1:].bool()
        new, entropy = self._logprobs(self._learner, batch, kept)
        reference = None
        if self._reference is not None:
            with torch.no_grad():
                reference = self._logprobs(self._reference, batch, kept)[0]
        old, advantage = (batch.weights[name][:, 1:][kept] for name in ("old", "advantage"))
        return policy_terms(new, old, advantage, entropy, reference, self._recipe.policy)

    def _logprobs(self, learner: Learner, batch: Batch, kept: Tensor) -> tuple[Tensor, Tensor]:
        with learner.arithmetic():
            logits = learner.logits(batch, kept)
        return token_logprobs(logits, batch.inputs["input_ids"][:, 1:][kept], self._recipe.temperature)


def _rows(trace: Trace, rewarded: Rewarded, index: int, shelf: Shelf) -> list[_Row]:
    """The sequences of a rollout; the tokens of a turn get the advantage of that turn."""
    calls: dict[int, int] = {}
    for number, turn in enumerate(trace.turns):
        if turn.execution is not None:
            calls[number] = len(calls)
    worth = [rewarded.of_turn(index, calls.get(number)) for number in range(len(trace.turns))]
    rows = []
    for sequence in of_trace(trace, shelf.read):
        advantage = np.array([0.0, *worth], np.float32)[sequence.turns + 1]
        rows.append(_Row(sequence, advantage))
    return rows


def _told(traces: Sequence[Trace], outcomes: Outcomes, rewarded: Rewarded) -> dict[str, float]:
    """How the rollouts went, by level of difficulty."""
    uses = np.array([len(calls) > 0 for calls in outcomes.calls])
    statuses = [status for calls in outcomes.calls for status in calls]
    told = {
        "reward": float(rewarded.reward.mean()),
        "accuracy": float(outcomes.accuracy.mean()),
        "format": float(outcomes.format_ok.mean()),
        "uses_code": float(uses.mean()),
        "code_runs": float(np.mean([status in ("ok", "no_output") for status in statuses])) if statuses else 1.0,
        "turns": float(np.mean([len(trace.turns) for trace in traces])),
    }
    for level in Level:
        own = np.array([trace.category.endswith(f"/{level}") for trace in traces])
        if own.any():
            told |= {f"accuracy_{level}": float(outcomes.accuracy[own].mean()), f"uses_code_{level}": float(uses[own].mean())}
    return told
