"""Pack a trained model to be shipped: weights in bfloat16 and a card that says what was done and what came out.

    pack(Path("runs/tiny-grpo/model"), [Path("runs/tiny-sft"), Path("runs/tiny-grpo")], Path("packed"), each=100)

The card's tables are written from an exam of the packed model itself. Not covered: uploading it anywhere.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from string import Template

import torch

from codedance.errors import ConfigError
from codedance.tasks.synthetic import FAMILIES, Level
from codedance.train.checkpoint import RECIPE, write_model
from codedance.train.exam import Exam, direct_table, paper, settings_of, sit
from codedance.train.journal import read_metrics
from codedance.train.start import Start, open_learner

_DRAWN = 30
"""Questions of every family whose code is drawn at temperature 1."""
_CARD = "README.md"


def pack(model: Path, runs: Sequence[Path], out: Path, *, each: int, seed: int = 77) -> Path:
    """Write the packed model, examine it, write its card; the card.

    Args:
        model: the folder of the trained one.
        runs: of training, in their order, for the card.
        out: where it goes.
        each: questions of every family and level.
        seed: of the exam.

    Raises:
        ConfigError: it is no vision-language model, or a run is none.
    """
    training = _training(runs)  # what is wrong is told before anything is written
    questions = paper(list(FAMILIES), each, seed)
    learner = open_learner(Start(path=model))
    learner.model.to(torch.bfloat16)
    write_model(learner, out)
    packed = open_learner(Start(path=out))
    settings = settings_of(packed, temperature=0.0, seed=seed)
    greedy = asyncio.run(sit(packed, questions, settings))
    coded = [question for question in questions if question.level is Level.HARD and not FAMILIES[question.family].composite]
    drawn = asyncio.run(sit(packed, coded[:: max(1, each // _DRAWN)], settings_of(packed, temperature=1.0, seed=seed)))
    values = {
        "date": date.today().isoformat(),
        "weights": f"{sum(weight.numel() for weight in packed.model.parameters()) / 1e6:.2f}",
        "megabytes": f"{(out / 'model.safetensors').stat().st_size / 1e6:.1f}",
        "training": training,
        "exam": Exam(tuple(s for s in greedy.sittings if not FAMILIES[s.question.family].composite)).table(),
        "composites": Exam(tuple(s for s in greedy.sittings if FAMILIES[s.question.family].composite)).table(),
        "direct": direct_table(packed, questions, settings),
        "codes": _codes(drawn),
        "each": str(each),
        "seed": str(seed),
    }
    card = resources.files("codedance.train") / "card.md"
    (out / _CARD).write_text(Template(card.read_text("utf-8")).substitute(values), "utf-8")
    return out / _CARD


def _training(runs: Sequence[Path]) -> str:
    """Seed, steps and time of each run, as Markdown."""
    lines = ["| run | seed | steps | minutes of steps |", "|---|---|---|---|"]
    for run in runs:
        metrics = read_metrics(run)
        if not (run / RECIPE).is_file():
            raise ConfigError(f"{run}: it has no {RECIPE}; name the folder that a training run was written to")
        seed = json.loads((run / RECIPE).read_text())["seed"]
        spent = sum(line.get("seconds", 0.0) + line.get("sample_s", 0.0) + line.get("update_s", 0.0) for line in metrics)
        lines.append(f"| {run.name} | {seed} | {len(metrics)} | {spent / 60:.1f} |")
    return "\n".join(lines)


def _codes(exam: Exam) -> str:
    """By which templates of code each family was answered, as Markdown."""
    lines = ["| family | n | templates | another program |", "|---|---|---|---|"]
    for family in dict.fromkeys(sitting.question.family for sitting in exam.sittings):
        own = [sitting for sitting in exam.sittings if sitting.question.family == family and sitting.code is not None]
        used = Counter(plan.template for s in own for plan in s.question.item().plans if plan.code == s.code)
        told = ", ".join(f"{template} {count}" for template, count in used.most_common()) or "-"
        lines.append(f"| {family} | {len(own)} | {told} | {len(own) - used.total()} |")
    return "\n".join(lines)
