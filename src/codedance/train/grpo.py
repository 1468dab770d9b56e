"""Reinforcement learning with groups of rollouts (GRPO) and any of our rewards: one flat loop, resumed by the same call.

    model = train_grpo(read_config(GrpoRecipe, Path("recipes/tiny-grpo.toml")), Path("runs/tiny-grpo"))

A step: draw questions, roll each one out several times through the real loop and sandbox, reward the groups, move the weights by
the clipped policy gradient, every token weighing the same. Not covered: several devices, rollouts by a server.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from codedance.config import Section
from codedance.errors import ConfigError, DataError, TrainError
from codedance.model.loading import open_processor, vocabulary
from codedance.model.local import LocalModel
from codedance.reward import Rewarded, reward
from codedance.rollout.settings import Settings
from codedance.sandbox import Limits, Sandbox
from codedance.tasks import read_tasks
from codedance.tasks.synthetic import Level, check_families, make_item, to_task
from codedance.train.batch import Batch, collate, cut
from codedance.train.checkpoint import MODEL, claim, restore, save, write_model
from codedance.train.harvest import harvest_of, joined, told_of
from codedance.train.journal import Journal, Show, quiet
from codedance.train.optimizer import Optimizer, OptimizerSettings
from codedance.train.policy_loss import PolicySettings, PolicyTerms, policy_terms, token_logprobs
from codedance.train.ranks import Ranks, ranks_of
from codedance.train.rollouts import Shelf, rollouts
from codedance.train.start import Learner, Start, open_learner
from codedance.train.tokens import TokenSequence, of_trace
from codedance.types import Sampling, Task, Trace


class Questions(Section):
    """What is asked: items of synthetic families, or the tasks of a file."""

    families: tuple[str, ...] = ()
    file: Path | None = None
    """JSONL, one task with its answer a line."""
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
    decode_dtype: Literal["bfloat16", "float16", "float32"] | None = None
    """Of the weights that rollouts are drawn with, a copy; without one, those that are trained."""
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
    reward(recipe.reward)  # what is wrong is told before the folder is claimed
    _read_questions(recipe.questions)
    open_processor(recipe.start.folder())
    claim(folder, recipe)
    with ranks_of(recipe.start.processes, _train, recipe, folder, quiet) as ranks:
        _train(ranks, recipe, folder, show)
    return folder / MODEL


def _train(ranks: Ranks, recipe: GrpoRecipe, folder: Path, show: Show) -> None:
    asyncio.run(_Run(ranks, recipe, folder).train(show))


class _Run:
    """One rank's part of a run."""

    def __init__(self, ranks: Ranks, recipe: GrpoRecipe, folder: Path) -> None:
        self._ranks = ranks
        self._recipe = recipe
        self._folder = folder
        self._reward = reward(recipe.reward)
        self._tasks = _read_questions(recipe.questions)
        self._learner = open_learner(recipe.start)
        self._banned = vocabulary(self._learner.processor, self._learner.model).banned
        self._reference = open_learner(recipe.start) if recipe.policy.kl else None
        self._optimizer = Optimizer(self._learner.model, recipe.optimizer, recipe.steps)

    async def train(self, show: Show) -> None:
        """Step by step."""
        recipe = self._recipe
        start = restore(self._folder, self._learner, self._optimizer)
        clock = time.monotonic()
        at_once = recipe.prompts * recipe.samples
        async with AsyncExitStack() as stack:
            limits = Limits(time_s=recipe.time_s)
            sandbox = await stack.enter_async_context(Sandbox(limits, require=recipe.isolation, slots=at_once))
            model = await stack.enter_async_context(
                LocalModel.of(self._learner.model, self._learner.processor, batch=at_once, dtype=recipe.decode_dtype)
            )
            sampling = Sampling(temperature=recipe.temperature, max_tokens=recipe.max_tokens)
            settings = Settings(turns=recipe.turns, sampling=sampling)
            journal = stack.enter_context(Journal(self._folder, start, show)) if self._ranks.is_first else None
            for step in range(start + 1, recipe.steps + 1):
                told = await self._step(step, model, settings, sandbox)
                late = bool(recipe.most_minutes) and time.monotonic() - clock > recipe.most_minutes * 60
                is_over = self._ranks.gather(late)[0]
                if journal is not None:
                    journal.write(step, told)
                    if step % recipe.checkpoint_every == 0 or is_over:
                        save(self._folder, step, self._learner, self._optimizer)
                if is_over:
                    break
        if self._ranks.is_first:
            write_model(self._learner, self._folder / MODEL)

    async def _step(self, step: int, model: LocalModel, settings: Settings, sandbox: Sandbox) -> dict[str, float]:
        """Sample, reward, move; what there is to tell."""
        began = time.perf_counter()
        shelf = Shelf()
        asked = self._ranks.share(list(enumerate(self._draw(step))))
        jobs = [(task, (step * 1000 + n) * 1000 + sample) for n, task in asked for sample in range(self._recipe.samples)]
        groups = np.repeat([n for n, _ in asked], self._recipe.samples)
        traces = await rollouts(jobs, model, settings, sandbox, shelf)
        sampled = time.perf_counter()
        broken = [trace for trace in traces if trace.is_unfinished]
        if len(broken) * 2 > len(traces):
            raise TrainError(f"step {step}: most rollouts broke, one of them by: {broken[0].error}; the same command goes on")
        groups = groups[[not trace.is_unfinished for trace in traces]]
        traces = [trace for trace in traces if not trace.is_unfinished]
        all_of_them = self._ranks.gather(harvest_of(traces, groups))
        outcomes = joined(all_of_them)
        rewarded = self._reward(outcomes)
        first = sum(len(harvest.outcomes) for harvest in all_of_them[: self._ranks.rank])
        rows = [row for n, trace in enumerate(traces) for row in _rows(trace, rewarded, first + n, shelf)]
        moved = self._move(step, rows, sum(harvest.tokens for harvest in all_of_them))
        spent = {"sample_s": sampled - began, "update_s": time.perf_counter() - sampled}
        return {**moved, **told_of(all_of_them, outcomes, rewarded), **spent}

    def _draw(self, step: int) -> list[Task]:
        """The questions of a step."""
        rng = random.Random(f"{self._recipe.seed}/{step}")
        asked = self._recipe.questions
        tasks = []
        for number in range(self._recipe.prompts):
            if self._tasks:
                tasks.append(replace(rng.choice(self._tasks), id=f"{step}-{number}"))
                continue
            family = asked.families[(step * self._recipe.prompts + number) % len(asked.families)]
            level = Level.EASY if rng.random() < asked.easy else Level.HARD
            tasks.append(to_task(make_item(family, level, rng.getrandbits(39)), f"{step}-{number}"))
        return tasks

    def _move(self, step: int, rows: Sequence[_Row], whole: int) -> dict[str, float]:
        """One step of the optimiser on the mean over all tokens that the model wrote, on all ranks."""
        policy = self._recipe.policy
        useful = [row for row in rows if policy.kl or policy.entropy or row.advantage.any()]
        sums = np.zeros(6)
        self._learner.model.train()
        for group in cut([len(row.sequence.ids) for row in useful], self._recipe.batch_tokens):
            batch = self._collate([useful[i] for i in group])
            terms = self._terms(batch)
            (terms.loss / whole).backward()  # type: ignore[no-untyped-call]
            parts = (terms.loss.detach(), terms.entropy, terms.kl, terms.clipped, terms.drift)
            sums += [*(float(part) for part in parts), float(batch.weights["mask"].sum())]
        self._ranks.sum_gradients(self._optimizer.weights)
        norm = self._optimizer.step(step - 1)
        if not np.isfinite(norm):
            lr = self._recipe.optimizer.lr
            raise TrainError(f"step {step}: the gradient is no number; take a lower optimizer.lr than {lr:g}")
        loss, entropy, kl, clipped, drift, seen = np.sum(self._ranks.gather(sums), axis=0)
        per_token = {"entropy": entropy, "kl": kl, "clipped": clipped, "drift": drift}
        means = {name: float(value) / max(1.0, seen) for name, value in per_token.items()}
        return {"loss": float(loss) / whole, **means, "norm": norm, "lr": self._optimizer.rate(step - 1), "tokens": whole}

    def _collate(self, rows: Sequence[_Row]) -> Batch:
        weights = []
        for row in rows:
            mask, drawn = row.sequence.mask.astype(np.float32), row.sequence.logprobs
            weights.append({"mask": mask, "advantage": row.advantage, "old": np.zeros_like(mask) if drawn is None else drawn})
        return collate(self._learner.processor, [row.sequence for row in rows], weights).to(self._learner.device)

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
        return token_logprobs(logits, batch.inputs["input_ids"][:, 1:][kept], self._recipe.temperature, self._banned)


def _read_questions(asked: Questions) -> list[Task]:
    """The tasks of the file; none where families are asked."""
    if bool(asked.families) == bool(asked.file):
        raise ConfigError("questions: name either families or a file")
    if asked.file is None:
        check_families(asked.families)
        return []
    tasks = list(read_tasks(asked.file))
    if not tasks or any(task.answer is None for task in tasks):
        raise DataError(f"{asked.file}: every question to learn from needs an answer, and there must be one at least")
    return tasks


def _rows(trace: Trace, rewarded: Rewarded, index: int, shelf: Shelf) -> list[_Row]:
    """The sequences of a rollout; the tokens of a turn get the advantage of that turn."""
    calls: dict[int, int] = {}
    for number, turn in enumerate(trace.turns):
        if turn.execution is not None:
            calls[number] = len(calls)
    worth = [rewarded.of_turn(index, calls.get(number)) for number in range(len(trace.turns))]
    context = 0.0
    by_turn = np.array([context, *worth], np.float32)
    return [_Row(sequence, by_turn[sequence.turns + 1]) for sequence in of_trace(trace, shelf.read)]
