"""Does the reward teach a model when code is worth it? The same start, several rewards, several seeds, one table.

    python benchmarks/adaptivity.py --start runs/tiny-sft/model --rewards guarded,outcome --seeds 1,2,3 --out runs/adaptivity

First the start is asked every question ten times at a glance: those that it answers right nine times or more are *readable*. Then
each reward and seed trains by recipes/tiny-grpo.toml, and the result is examined, at temperature 1 and greedily, on the readable
and on the hard questions. The same command goes on where it was interrupted. Intervals are Student's t over the seeds. The
use of code along the way is drawn into OUT/curves.png.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "0")

from codedance.config import read_config
from codedance.tasks.synthetic import Level
from codedance.train.exam import Question, paper, readable, settings_of, sit
from codedance.train.grpo import train_grpo
from codedance.train.grpo_recipe import GrpoRecipe
from codedance.train.journal import read_metrics
from codedance.train.start import Start, open_learner

RECIPE = Path(__file__).parents[1] / "recipes/tiny-grpo.toml"
READABLE = 0.9
SAMPLES = 10
SEED = 5
WINDOW = 10
"""Steps that a point of the curves is the mean of."""
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # Student's t for the mean of so many


@dataclass(frozen=True, slots=True)
class Result:
    """One model at one temperature."""

    uses_code_readable: float
    uses_code_hard: float
    right_readable: float
    right_hard: float
    right: float
    code_runs: float


def found_readable(start: Path, questions: list[Question], out: Path) -> list[Question]:
    """The easy questions that the start answers at a glance; kept in a file."""
    file = out / "readable.json"
    if file.is_file():
        return [Question(family, Level(level), seed) for family, level, seed in json.loads(file.read_text())]
    learner = open_learner(Start(path=start))
    found = readable(learner, questions, settings_of(learner, temperature=1.0, seed=SEED), share=READABLE, samples=SAMPLES)
    file.write_text(json.dumps(found))
    return found


def examine(model: Path, easy: list[Question], hard: list[Question], temperature: float, file: Path) -> Result:
    """Of one model; kept in a file."""
    if file.is_file():
        return Result(**json.loads(file.read_text()))
    learner = open_learner(Start(path=model))
    exam = asyncio.run(sit(learner, [*easy, *hard], settings_of(learner, temperature=temperature, seed=SEED)))
    parts = [exam.sittings[: len(easy)], exam.sittings[len(easy) :]]
    code = [sum(sitting.calls > 0 for sitting in part) / len(part) for part in parts]
    right = [sum(sitting.is_right for sitting in part) / len(part) for part in parts]
    calls, ok = (sum(getattr(sitting, name) for sitting in exam.sittings) for name in ("calls", "calls_ok"))
    result = Result(*code, *right, sum(right) / 2, ok / max(1, calls))
    file.write_text(json.dumps({name: getattr(result, name) for name in Result.__slots__}))
    return result


def told(values: list[float]) -> str:
    """Mean and 95 % interval over the seeds."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    half = T_95[len(values)] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.3f} [{max(0.0, mean - half):.3f}, {min(1.0, mean + half):.3f}]"


def draw(rewards: list[str], seeds: list[int], out: Path) -> None:
    """Share of rollouts with code, step by step, by the level of the item; thin lines are seeds, thick ones their mean."""
    import matplotlib.pyplot as plt
    import numpy as np

    figure, axes = plt.subplots(
        1, len(rewards), figsize=(4.2 * len(rewards), 3), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, reward in zip(axes[0], rewards, strict=True):
        for level, colour in ((Level.EASY, "tab:orange"), (Level.HARD, "tab:blue")):
            name = f"uses_code_{level}"
            runs = [[line.get(name, math.nan) for line in read_metrics(out / f"{reward}-{seed}")] for seed in seeds]
            smooth = np.array([[np.nanmean(run[max(0, at - WINDOW) : at + 1]) for at in range(len(run))] for run in runs])
            axis.plot(smooth.T, color=colour, alpha=0.3, linewidth=0.8)
            axis.plot(smooth.mean(0), color=colour, linewidth=2, label=f"{level} items")
        axis.set(title=reward, xlabel="step", ylim=(0, 1.02))
    axes[0, 0].set_ylabel("rollouts with code")
    axes[0, 0].legend(frameon=False)
    figure.savefig(out / "curves.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rewards", default="guarded,outcome")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--each", type=int, default=40, help="questions of every family and level")
    parser.add_argument("settings", nargs="*", help="of the recipe, such as steps=200")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rewards, seeds = args.rewards.split(","), [int(seed) for seed in args.seeds.split(",")]
    families = read_config(GrpoRecipe, RECIPE, [f"start.path={args.start}", *args.settings]).questions.families
    questions = paper(families, args.each, seed=31)
    easy = found_readable(args.start, questions, args.out)
    hard = [question for question in questions if question.level is Level.HARD]
    rows = {"start": {heat: [examine(args.start, easy, hard, heat, args.out / f"start-{heat}.json")] for heat in (1.0, 0.0)}}
    for reward in rewards:
        rows[reward] = {1.0: [], 0.0: []}
        for seed in seeds:
            folder = args.out / f"{reward}-{seed}"
            if not (folder / "model/model.safetensors").is_file():
                changes = [f"start.path={args.start}", f"reward={reward}", f"seed={seed}", *args.settings]
                train_grpo(read_config(GrpoRecipe, RECIPE, changes), folder)
            for heat, results in rows[reward].items():
                results.append(examine(folder / "model", easy, hard, heat, folder / f"exam-{heat}.json"))
    draw(rewards, seeds, args.out)
    print(f"{len(easy)} readable and {len(hard)} hard questions, {len(seeds)} seeds\n")
    print("| reward | temperature | code on readable | code on hard | right on readable | right on hard | right | code runs |")
    print("|---|---|---|---|---|---|---|---|")
    for reward, by_heat in rows.items():
        for heat, results in by_heat.items():
            cells = [told([getattr(result, name) for result in results]) for name in Result.__slots__]
            print(f"| {reward} | {heat:g} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
