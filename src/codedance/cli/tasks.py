"""codedance tasks: questions with known answers, made by a program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

tasks = App(name="tasks", help="Make questions with known answers, and see which kinds there are.")


@tasks.command(name="list")
def list_families() -> None:
    """The families of questions: name, ability, whether it is kept for measuring transfer, what is asked."""
    from codedance.tasks.synthetic import FAMILIES

    for family in FAMILIES.values():
        print(f"{family.name}\t{family.ability}\t{'composite' if family.composite else 'trained'}\t{family.summary}")


@tasks.command
def make(
    out: Path,
    *,
    families: Annotated[str, Parameter(help="Names, separated by commas; default: all that are not composite.")] = "",
    level: Annotated[str, Parameter(help="easy, hard or both.")] = "both",
    count: Annotated[int, Parameter(help="Questions in all.")] = 1000,
    seed: Annotated[int, Parameter(help="Another seed makes other questions.")] = 1,
    split: Annotated[str, Parameter(help="What the rows say of themselves: train, test, ...")] = "train",
) -> None:
    """Write questions with pictures and answers into a parquet file, as reinforcement-learning trainers read them."""
    from codedance.cli.progress import counted
    from codedance.errors import ConfigError
    from codedance.tasks.parquet import write_parquet
    from codedance.tasks.synthetic import FAMILIES, Level, make_items

    if out.suffix != ".parquet":
        raise ConfigError(f"{out}: the file is written as parquet; give it a name that ends in .parquet")
    if count < 1:
        raise ConfigError(f"--count is {count}; it must be at least 1")
    if level not in ("both", *Level):
        raise ConfigError(f"--level is {level!r}; it is one of both, {', '.join(Level)}")
    names = [name.strip() for name in families.split(",") if name.strip()] or [
        f.name for f in FAMILIES.values() if not f.composite
    ]
    levels = list(Level) if level == "both" else [Level(level)]
    with counted("questions", count) as on_row:
        rows = write_parquet(make_items(names, levels, count, seed), out, split=split, on_row=on_row)
    print(out)
    print(f"{rows} questions", file=sys.stderr)
