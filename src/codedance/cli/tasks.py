"""codedance tasks: questions with known answers, made by a program; files of others, looked over."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from codedance.cli.options import TaskFlags
from codedance.plain import in_one_line

tasks = App(name="tasks", help="Make questions with known answers, see which kinds there are, look over files.")


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


@tasks.command
def check(*files: str, chosen: TaskFlags = TaskFlags()) -> int:  # noqa: B008
    """Read files as an evaluation would: every row, and whether its own rule accepts the known answer. Bad rows are listed.

    Parameters
    ----------
    files
        As for `codedance eval`.
    """
    census = replace(chosen, skip_bad=True).look_over(files)
    for source, number in census.by_source.items():
        print(f"{source}\t{number}")
    for reason in census.left_out:
        print(f"bad: {in_one_line(reason)}", file=sys.stderr)
    return 1 if census.left_out else 0


@tasks.command
def overlap(*train: str, against: Annotated[str, Parameter(help="The file that is tested on.")], limit: int | None = None) -> int:
    """Pictures that look the same and questions in the same words, in training files and in one that is tested on.

    Parameters
    ----------
    train
        Files that are trained on, as for `codedance eval`.
    limit
        The first tasks of each file only.
    """
    from codedance.cli.progress import counted
    from codedance.evaluate.overlap import overlap as compare
    from codedance.evaluate.tables import table
    from codedance.tasks.selection import Selection

    known, tested = (Selection(sources=tuple(files), limit=limit) for files in (train, (against,)))  # none is sent
    with counted("tasks", None) as on_task:
        found = compare(known.tasks(), tested.tasks(), on_task=on_task)
    rows = [("picture", *map(str, pair)) for pair in found.pictures] + [
        ("question", pair.train, pair.test, "") for pair in found.questions
    ]
    if rows:
        print(table(("shared", "trained on", "tested on", "bits that differ"), rows))
    talk = f"{len(found.pictures)} pairs of pictures and {len(found.questions)} of questions"
    print(f"{talk}; {found.num_train} pictures trained on, {found.num_test} tested on", file=sys.stderr)
    return 1 if rows else 0
