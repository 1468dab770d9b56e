"""Supervised fine-tuning: one flat loop over lessons, resumed by the same call.

    model = train_sft(read_config(SftRecipe, Path("recipes/tiny-sft.toml")), Path("runs/tiny-sft"))

The loss is the weighted cross-entropy of the model's own tokens, over the whole step and not batch by batch, so that every token
weighs the same however long its neighbours are. Not covered: several devices.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import cv2
import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import DataLoader

from codedance.config import Section
from codedance.errors import TrainError
from codedance.model.loading import open_processor
from codedance.rollout.settings import Settings
from codedance.rollout.store import read_manifest
from codedance.tasks.synthetic import SLOTS, Level, make_item
from codedance.train.batch import Batch
from codedance.train.checkpoint import MODEL, claim, restore, save, write_model
from codedance.train.journal import Journal, Show, quiet
from codedance.train.lessons import Lesson, Lessons, Scribe, Stage, write_book
from codedance.train.optimizer import Optimizer, OptimizerSettings
from codedance.train.ranks import Ranks, ranks_of
from codedance.train.start import Learner, Start, open_learner
from codedance.train.teacher import Teacher
from codedance.train.tiny import RULE, Sizes, make_model

ShowBook = Callable[[int, int], None]
BOOK = "lessons"
_SAMPLE_TEXTS = 200


class SftRecipe(Section):
    """A run of supervised fine-tuning."""

    start: Start = Start()
    new: Sizes = Sizes()
    """The model that is made where `start` names none."""
    stages: tuple[Stage, ...] = Field(min_length=1)
    optimizer: OptimizerSettings = OptimizerSettings()
    seed: int = 1
    turns: int = Field(4, ge=1)
    """Of a rollout, as the prompt tells."""
    batch_tokens: int = Field(2600, ge=1)
    """Of one forward pass, padding included."""
    checkpoint_every: int = Field(500, ge=1)
    most_minutes: float = Field(0.0, ge=0)
    """End after so long, wherever it stands; 0 sets no limit."""
    workers: int = Field(2, ge=1)
    """Processes that write the examples."""


def train_sft(
    recipe: SftRecipe, folder: Path, show: Show = lambda step, metrics: None, show_book: ShowBook = lambda done, of: None
) -> Path:
    """Train, or go on; the folder of the finished model.

    Raises:
        ConfigError: the recipe cannot be followed.
        TrainError: the loss is no number.
    """
    settings = Settings(rule=RULE, turns=recipe.turns)
    for run in {run for stage in recipe.stages for run in stage.runs}:
        read_manifest(run)  # a missing one is told before anything is loaded
    given = open_processor(recipe.start.path) if recipe.start.path else None
    claim(folder, recipe)
    made = None if given else _new(recipe, settings, folder)
    processor = given if made is None else open_processor(made)
    write_book(Scribe(processor, settings, recipe.stages, recipe.seed), recipe.stages, folder / BOOK, recipe.workers, show_book)
    with ranks_of(recipe.start.processes, _train, recipe, folder, made, quiet) as ranks:
        _train(ranks, recipe, folder, made, show)
    return folder / MODEL


def _train(ranks: Ranks, recipe: SftRecipe, folder: Path, made: Path | None, show: Show) -> None:
    learner = open_learner(recipe.start, made)
    learner.model.train()
    stages = recipe.stages
    lessons = Lessons(learner.processor, stages, folder / BOOK, ranks, seed=recipe.seed, batch_tokens=recipe.batch_tokens)
    optimizer = Optimizer(learner.model, recipe.optimizer, len(lessons))
    start = restore(folder, learner, optimizer)
    clock = time.monotonic()
    with Journal(folder, start, show) if ranks.is_first else nullcontext() as journal:
        for step, lesson in enumerate(_load(lessons, start), start=start + 1):
            begun = time.perf_counter()
            loss, tokens = _learn(learner, lesson)
            ranks.sum_gradients(optimizer.weights)
            norm = optimizer.step(step - 1)
            told = ranks.gather((loss, tokens, bool(recipe.most_minutes) and time.monotonic() - clock > recipe.most_minutes * 60))
            loss, tokens = sum(part[0] for part in told), sum(part[1] for part in told)
            is_over = told[0][2]
            if not loss < float("inf"):
                raise TrainError(f"step {step}: the loss is {loss}; take a lower optimizer.lr than {recipe.optimizer.lr:g}")
            seconds = time.perf_counter() - begun
            if journal is not None:
                lr = optimizer.rate(step - 1)
                journal.write(step, {"loss": loss, "norm": norm, "lr": lr, "tokens_per_s": tokens / seconds, "seconds": seconds})
                if step % recipe.checkpoint_every == 0 or is_over:
                    save(folder, step, learner, optimizer)
            if is_over:
                break
    if ranks.is_first:
        write_model(learner, folder / MODEL)


def _learn(learner: Learner, lesson: Lesson) -> tuple[float, int]:
    """Gradients of one step; our share of its loss, and how many tokens we read."""
    lost, tokens = 0.0, 0
    for batch in lesson.batches:
        tokens += int(batch.inputs["attention_mask"].sum())
        with learner.arithmetic():
            loss = weighted_loss(learner, batch.to(learner.device)) / lesson.weight
        loss.backward()  # type: ignore[no-untyped-call]
        lost += float(loss.detach())
    return lost, tokens


def weighted_loss(learner: Learner, batch: Batch) -> Tensor:
    """Sum over the tokens of weight * cross-entropy."""
    weight = batch.weights["weight"][:, 1:]
    kept = weight != 0
    logits = learner.logits(batch, kept)
    losses = torch.nn.functional.cross_entropy(logits.float(), batch.inputs["input_ids"][:, 1:][kept], reduction="none")
    return (losses * weight[kept]).sum()


def _load(lessons: Lessons, start: int) -> Iterator[Lesson]:
    """The steps from `start` on, collated ahead in a process of its own."""
    yield from DataLoader(
        lessons,  # type: ignore[arg-type]
        batch_size=None,
        sampler=range(start, len(lessons)),
        num_workers=1,
        prefetch_factor=4,
        worker_init_fn=_settle,
    )


def _settle(worker: int) -> None:
    """One thread for a worker; the others belong to the model."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _new(recipe: SftRecipe, settings: Settings, folder: Path) -> Path:
    """A model made from nothing, once, that knows the words of the lessons."""
    path = folder / "untrained"
    if not (path / "model.safetensors").is_file():
        families = sorted({family for stage in recipe.stages for family in stage.families})
        make_model(recipe.new, _texts(families, Teacher(settings)), SLOTS, recipe.seed, path)
    return path


def _texts(families: list[str], teacher: Teacher) -> Iterator[str]:
    rng = random.Random(0)
    for number in range(_SAMPLE_TEXTS):
        for family in families:
            item = make_item(family, Level.HARD if number % 3 else Level.EASY, 2**41 + number)
            for message in teacher.show(item, rng.choice(item.plans) if number % 4 else None)[1:]:
                yield f"{message.role}\n{message.text}"
