"""`codedance run`: many tasks into one folder, resumed by default."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from codedance.cli.options import ModelFlags, RolloutFlags, SandboxFlags, TaskFlags
from codedance.cli.rollouts import CostFlags, Part, Rollouts, report


def run(
    *tasks: str,
    out: Path,
    samples: int = 1,
    concurrency: int = 16,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    chosen: TaskFlags = TaskFlags(),  # noqa: B008
    cost: CostFlags = CostFlags(),  # noqa: B008
    asking: ModelFlags = ModelFlags(),  # noqa: B008
    rollout: RolloutFlags = RolloutFlags(),  # noqa: B008
    sandbox: SandboxFlags = SandboxFlags(),  # noqa: B008
) -> int:
    """Ask about every task of some files. The same command again does only what is missing.

    Ctrl-C lets the rollouts under way finish; a second one stops at once. Exits with 1 if some ended by
    an outage or with a picture that cannot be used, or if the budget is spent before all are done.

    Parameters
    ----------
    tasks
        Files or folders in a layout of docs/evaluate.md, FOLDER:SPLIT, LAYOUT:FILE, synthetic or composite.
    out
        The run's folder.
    samples
        Rollouts of each task; they differ with a temperature above 0, and are repeatable with a seed.
    concurrency
        Rollouts under way at once.
    as_json
        Print the final counts as JSON.
    """
    rollouts = Rollouts(samples, concurrency, chosen.prompt, cost, asking, rollout, sandbox, require_tokens=True)
    rollouts.check()
    census = chosen.look_over(tasks)  # a mistake in line 900 is told before anything is asked
    (made,) = asyncio.run(rollouts.make([Part(out, census)]))
    return report(made, as_json=as_json)
