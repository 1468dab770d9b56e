"""`codedance run`: many tasks into one folder, resumed by default."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from codedance.cli.options import ModelFlags, RolloutFlags, SandboxFlags
from codedance.errors import ConfigError
from codedance.types import Task


def run(
    tasks: Path,
    *,
    out: Path,
    samples: int = 1,
    concurrency: int = 16,
    limit: int | None = None,
    cache: Path | None = None,
    price: tuple[float, float] | None = None,
    most_tokens: int | None = None,
    most_dollars: float | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    asking: ModelFlags = ModelFlags(),  # noqa: B008 - frozen
    rollout: RolloutFlags = RolloutFlags(),  # noqa: B008
    sandbox: SandboxFlags = SandboxFlags(),  # noqa: B008
) -> int:
    """Ask about every task of a file. The same command again does only what is missing.

    Ctrl-C lets the rollouts under way finish; a second one stops at once. Exits with 1 if some ended by an outage.

    Parameters
    ----------
    tasks
        A .jsonl file: one object with id, question, images, answer a line; see docs/rollout.md.
    out
        The run's folder.
    samples
        Rollouts of each task; needs a temperature above 0 to differ, and a seed to be repeatable.
    concurrency
        Rollouts under way at once.
    limit
        Take only the first tasks.
    cache
        Keep replies in this folder and never ask the same twice.
    price
        Dollars for a million prompt tokens and a million completion tokens.
    most_tokens
        Start no further rollout when this many tokens are used.
    most_dollars
        The same with money; needs --price.
    as_json
        Print the final counts as JSON.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit is {limit}; it must be at least 1")
    return asyncio.run(_run())
