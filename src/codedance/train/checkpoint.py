"""Checkpoints that a killed run goes on from, to the same result: weights, optimiser and step, whole or not at all.

    claim(folder, recipe)                            # refused where another recipe has begun
    save(folder, step, learner, optimizer)           # folder/step-000120, which is a model's folder as well
    step = restore(folder, learner, optimizer)       # of the newest one; 0 where there is none

All randomness of training comes from the recipe's seed and the step's number, so there is no other state. Not covered: a start
that has changed since under the same path.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from codedance.config import Section
from codedance.errors import ConfigError, StoreError
from codedance.model.loading import one_line
from codedance.model.processors import save_processor
from codedance.train.optimizer import Optimizer
from codedance.train.start import Learner

MODEL = "model"
"""The folder of the finished model inside a training run."""
RECIPE = "recipe.json"
"""The settings that a run was begun with, inside its folder."""
_FREE = {"most_minutes", "checkpoint_every", "rollouts_every", "workers"}
"""Settings that do not change what a step computes."""
_STATE = "training.pt"
_KEPT = 2
_REMOVE = "remove its folder, or name another --out"


def claim(folder: Path, recipe: Section) -> None:
    """Begin a run, or go on with one of the same recipe.

    Raises:
        ConfigError: the folder holds a run of another recipe.
        StoreError: it cannot be written.
    """
    file = folder / RECIPE
    told = recipe.model_dump(mode="json", exclude=_FREE)
    try:
        if not file.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_text(json.dumps(told, indent=1))
            os.replace(part, file)
        begun = dict(_flat(json.loads(file.read_text())))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{file}: it cannot be written or read: {error}") from None
    now = dict(_flat(told))
    for name in begun | now:
        if begun.get(name) != now.get(name):
            was, is_now = (json.dumps(some.get(name)) for some in (begun, now))
            raise ConfigError(f"{folder}: this run was begun with {name} = {was}, not {is_now}; name another --out, or remove it")


def save(folder: Path, step: int, learner: Learner, optimizer: Optimizer) -> Path:
    """Keep the state after `step` steps, and drop all but the last two.

    Raises:
        StoreError: it cannot be written.
    """
    path = folder / f"step-{step:06d}"
    part = folder / ".part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        write_model(learner, part)
        torch.save({"step": step, "optimizer": optimizer.state(), "weights": _trained(learner)}, part / _STATE)
        shutil.rmtree(path, ignore_errors=True)
        os.replace(part, path)
    except OSError as error:
        raise StoreError(f"{path}: it cannot be written: {error.strerror or error}; make room or name another folder") from None
    for old in _steps(folder)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def restore(folder: Path, learner: Learner, optimizer: Optimizer) -> int:
    """Take up the newest checkpoint; the steps that it has behind it, 0 where there is none.

    Raises:
        ConfigError: it belongs to another model, or its state cannot be read without running code.
    """
    found = _steps(folder)
    if not found:
        return 0
    file = found[-1] / _STATE
    with _told(file):
        state = torch.load(file, map_location=learner.device, weights_only=True)
        step, weights, moments = int(state["step"]), dict(state["weights"]), state["optimizer"]
    own = dict(learner.model.named_parameters())
    for name, weight in weights.items():
        if name not in own or own[name].shape != getattr(weight, "shape", None):
            raise ConfigError(f"{found[-1]}: the checkpoint is of another model ({name} differs); name another --out")
        own[name].data.copy_(weight)
    with _told(file):
        optimizer.load(moments)
    return step


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Whatever is wrong with a state becomes one line."""
    try:
        yield
    except UnpicklingError:  # whose words advise to read it nevertheless
        raise ConfigError(f"{file}: it is no state of our training: it holds more than tensors and numbers; {_REMOVE}") from None
    except Exception as error:  # boundary: torch reads files of any content
        why = f"{type(error).__name__}: {one_line(error)}"
        raise ConfigError(f"{file}: it is no state of our training: {why}; {_REMOVE}") from None


def write_model(learner: Learner, folder: Path) -> None:
    """The model as a folder that transformers, `hf:` and servers open; of LoRA the adapters alone."""
    learner.model.save_pretrained(folder)
    save_processor(learner.processor, learner.model.config.model_type, folder)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted name."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if parts:
        for key, part in parts:
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _trained(learner: Learner) -> dict[str, Any]:
    return {name: weight.detach() for name, weight in learner.model.named_parameters() if weight.requires_grad}


def _steps(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if (path / _STATE).is_file())
