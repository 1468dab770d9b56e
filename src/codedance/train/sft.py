"""Supervised fine-tuning: one flat loop over lessons, resumed by the same call.

    model = train_sft(read_config(SftRecipe, Path("recipes/tiny-sft.toml")), Path("runs/tiny-sft"))

The loss is the weighted cross-entropy of the model's own tokens, over the whole step and not batch by batch, so that every token
weighs the same however long its neighbours are. Not covered: several devices.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import DataLoader

from codedance.config import Section
from codedance.errors import TrainError
from codedance.rollout.settings import Settings
from codedance.tasks.synthetic import SLOTS, Level, make_item
from codedance.train.batch import Batch
from codedance.train.checkpoint import restore, save, write_model
from codedance.train.journal import Journal, Show
from codedance.train.lessons import Lessons, Scribe, Stage, write_book
from codedance.train.optimizer import Optimizer, OptimizerSettings
from codedance.train.start import Learner, Start, open_learner
from codedance.train.teacher import Teacher
from codedance.train.tiny import RULE, Sizes, make_model

ShowBook = Callable[[int, int], None]
MODEL = "model"
"""The folder of the finished model inside a training run."""
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
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(rule=RULE, turns=recipe.turns)
    learner = open_learner(recipe.start, None if recipe.start.path else _new(recipe, settings, folder))
    learner.model.train()
    scribe = Scribe(learner.processor, settings, recipe.stages, recipe.seed)
    book = write_book(scribe, recipe.stages, folder / "lessons", recipe.workers, show_book)
    lessons = Lessons(learner.processor, recipe.stages, book, seed=recipe.seed, batch_tokens=recipe.batch_tokens)
    optimizer = Optimizer(learner.model, recipe.optimizer, len(lessons))
    start = restore(folder, learner, optimizer)
    clock = time.monotonic()
    with Journal(folder, start, show) as journal:
        for step, batches in enumerate(_load(lessons, start), start=start + 1):
            begun = time.perf_counter()
            loss, tokens = _learn(learner, batches)
            norm = optimizer.step(step - 1)
            if not loss < float("inf"):
                raise TrainError(f"step {step}: the loss is {loss}; take a lower optimizer.lr than {recipe.optimizer.lr:g}")
            seconds = time.perf_counter() - begun
            journal.write(
                step,
                {
                    "loss": loss,
                    "norm": norm,
                    "lr": optimizer.rate(step - 1),
                    "tokens_per_s": tokens / seconds,
                    "seconds": seconds,
                },
            )
            is_over = bool(recipe.most_minutes) and time.monotonic() - clock > recipe.most_minutes * 60
            if step % recipe.checkpoint_every == 0 or is_over:
                save(folder, step, learner, optimizer)
            if is_over:
                break
    write_model(learner, folder / MODEL)
    return folder / MODEL


def _learn(learner: Learner, batches: list[Batch]) -> tuple[float, int]:
    """Gradients of one step; its loss and how many tokens it read."""
    whole = sum(float(batch.weights["weight"][:, 1:].sum()) for batch in batches)
    lost, tokens = 0.0, 0
    for batch in batches:
        tokens += int(batch.inputs["attention_mask"].sum())
        with learner.arithmetic():
            loss = weighted_loss(learner, batch.to(learner.device)) / whole
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


def _load(lessons: Lessons, start: int) -> Iterator[list[Batch]]:
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
