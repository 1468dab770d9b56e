"""Reinforcement learning with groups of rollouts (GRPO) and any of our rewards: one flat loop, resumed by the same call.

    model = train_grpo(read_config(GrpoRecipe, Path("recipes/tiny-grpo.toml")), Path("runs/tiny-grpo"))

A step: draw questions, roll each one out several times through the real loop and sandbox, reward the groups, move the weights by
the clipped policy gradient, every token weighing the same. Not covered: several devices, rollouts by a server.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codedance.errors import ConfigError, DataError, TrainError
from codedance.evaluate.preflight import look_over
from codedance.model.loading import open_processor, vocabulary
from codedance.model.local import LocalModel
from codedance.reward import Rewarded, reward
from codedance.reward.judge import Judge, open_judge
from codedance.reward.scorer import Scorer
from codedance.rollout.settings import Settings
from codedance.sandbox import Limits, Sandbox
from codedance.tasks.selection import Selection
from codedance.tasks.spool import Spool
from codedance.tasks.synthetic import Level, check_families, make_item, to_task
from codedance.train.batch import Batch, collate, cut
from codedance.train.checkpoint import MODEL, claim, restore, save, write_model
from codedance.train.grpo_recipe import GrpoRecipe, Questions
from codedance.train.harvest import BrokenLimit, harvest_of, joined, told_of
from codedance.train.journal import Journal, Show, quiet
from codedance.train.optimizer import Optimizer
from codedance.train.policy_loss import PolicyTerms, policy_terms, token_logprobs
from codedance.train.ranks import Ranks, ranks_of
from codedance.train.rollouts import Shelf, keep, rollouts
from codedance.train.start import Learner, open_learner
from codedance.train.tokens import TokenSequence, of_trace
from codedance.types import Sampling, Task, Trace


@dataclass(frozen=True, slots=True)
class _Row:
    """One sequence of a rollout with what its tokens are worth."""

    sequence: TokenSequence
    advantage: NDArray[np.float32]


def train_grpo(
    recipe: GrpoRecipe,
    folder: Path,
    show: Show = lambda step, metrics: None,
    tell: Callable[[str], None] = lambda words: None,
) -> Path:
    """Train, or go on; the folder of the finished model.

    Args:
        recipe: what to do.
        folder: where the run lies, or will lie.
        show: called with the metrics of each step.
        tell: called with what should be known before the first step, such as rows that are left out.

    Raises:
        ConfigError: the recipe cannot be followed.
        DataError: a row of the questions cannot be used.
        TrainError: the model or the sandbox broke, or too many pictures cannot be used.
    """
    reward(recipe.reward)  # what is wrong is told before the folder is claimed
    tasks = _read_questions(recipe.questions, folder, tell)
    open_processor(recipe.start.folder())
    claim(folder, recipe)
    with ranks_of(recipe.start.processes, _train, recipe, folder, tasks, quiet) as ranks:
        _train(ranks, recipe, folder, tasks, show)
    return folder / MODEL


def _train(ranks: Ranks, recipe: GrpoRecipe, folder: Path, tasks: Spool[Task] | None, show: Show) -> None:
    asyncio.run(_Run(ranks, recipe, folder, tasks).train(show))


class _Run:
    """One rank's part of a run."""

    def __init__(self, ranks: Ranks, recipe: GrpoRecipe, folder: Path, tasks: Spool[Task] | None) -> None:
        self._ranks = ranks
        self._recipe = recipe
        self._folder = folder
        self._reward = reward(recipe.reward)
        self._tasks = tasks
        self._limit = BrokenLimit(recipe.questions.file)
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
                LocalModel.of(self._learner.model, self._learner.processor, batch=at_once, dtype=self._decode_dtype())
            )
            scorer = stack.enter_context(Scorer(judge=await self._open_judge(stack)))
            sampling = Sampling(temperature=recipe.temperature, max_tokens=recipe.max_tokens)
            settings = Settings(turns=recipe.turns, sampling=sampling).for_model(model.info)
            journal = stack.enter_context(Journal(self._folder, start, show)) if self._ranks.is_first else None
            for step in range(start + 1, recipe.steps + 1):
                told = await self._step(step, model, settings, sandbox, scorer)
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

    def _decode_dtype(self) -> str | None:
        if self._recipe.decode_dtype != "autocast":
            return self._recipe.decode_dtype
        return "bfloat16" if self._learner.is_autocast else None

    async def _open_judge(self, stack: AsyncExitStack) -> Judge | None:
        named = self._recipe.judge
        if named is None:
            return None
        urls = [url.strip() for url in named.url.split(",") if url.strip()]
        return await stack.enter_async_context(open_judge(named.model, urls, self._folder / "judgements"))

    async def _step(self, step: int, model: LocalModel, settings: Settings, sandbox: Sandbox, scorer: Scorer) -> dict[str, float]:
        """Sample, reward, move; what there is to tell."""
        began = time.perf_counter()
        shelf = Shelf()
        asked = self._ranks.share(list(enumerate(self._draw(step))))
        jobs = [(task, (step * 1000 + n) * 1000 + sample) for n, task in asked for sample in range(self._recipe.samples)]
        groups = np.repeat([n for n, _ in asked], self._recipe.samples)
        made = await rollouts(jobs, model, settings, sandbox, shelf)
        traces = [replace(trace, sample=n % self._recipe.samples) for n, trace in enumerate(made)]
        sampled = time.perf_counter()
        verdicts = await asyncio.gather(*(scorer.score(trace) for trace in traces))
        own = harvest_of(traces, groups, verdicts)
        all_of_them = self._ranks.gather(own)
        self._keep(step, traces, shelf, model, sandbox, settings)
        self._limit.check(step, self._recipe.prompts, all_of_them)
        outcomes = joined(all_of_them)
        rewarded = self._reward(outcomes)
        first = sum(len(harvest.outcomes) for harvest in all_of_them[: self._ranks.rank])
        rows = [row for n, place in enumerate(own.kept) for row in _rows(traces[place], rewarded, first + n, shelf)]
        moved = self._move(step, rows, sum(harvest.tokens for harvest in all_of_them))
        spent = {"sample_s": sampled - began, "update_s": time.perf_counter() - sampled}
        return {**moved, **told_of(all_of_them, outcomes, rewarded), **spent}

    def _keep(
        self, step: int, traces: Sequence[Trace], shelf: Shelf, model: LocalModel, sandbox: Sandbox, settings: Settings
    ) -> None:
        """Write the rollouts of all ranks, where those of this step are wanted."""
        every = self._recipe.rollouts_every
        if not every or step % every:
            return
        parts = self._ranks.gather((traces, shelf))
        if self._ranks.is_first:
            all_of_them = [trace for part, _ in parts for trace in part]
            folder = self._folder / "rollouts" / f"step-{step:06d}"
            keep(all_of_them, [own for _, own in parts], folder, model, sandbox, settings)

    def _draw(self, step: int) -> list[Task]:
        """The questions of a step."""
        rng = random.Random(f"{self._recipe.seed}/{step}")
        asked = self._recipe.questions
        tasks = []
        for number in range(self._recipe.prompts):
            if self._tasks is not None:
                task = self._tasks[rng.choice(range(len(self._tasks)))]
                tasks.append(replace(task, id=f"{step}-{number}/{task.id}"))
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


def _read_questions(
    asked: Questions, folder: Path | None = None, tell: Callable[[str], None] = lambda words: None
) -> Spool[Task] | None:
    """The tasks of the file, looked over; None where families are asked."""
    if bool(asked.families) == bool(asked.file):
        raise ConfigError("questions: name either families or a file")
    if asked.file is None:
        check_families(asked.families)
        return None
    census = look_over(Selection(sources=(str(asked.file),), rule=asked.rule), skip_bad=True)
    rows = census.total + len(census.left_out)
    if census.left_out and not asked.skip_bad:
        raise DataError(
            f"{asked.file}: {len(census.left_out)} of {rows} rows cannot be used, the first one: {census.left_out[0]}; "
            "mend them, or leave them out with questions.skip_bad=true"
        )
    if census.unknown == census.total or (census.unknown and not asked.skip_bad):
        raise DataError(f"{asked.file}: every question to learn from needs an answer; {census.unknown} of {rows} have none")
    tasks = Spool((task for task in census.tasks() if task.answer is not None), folder)
    if len(tasks) < rows:
        why = census.left_out[0] if census.left_out else "it has no known answer"
        tell(f"{asked.file}: {rows - len(tasks)} of {rows} rows are left out, the first one: {why}")
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
