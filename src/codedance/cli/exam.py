"""`codedance train exam` and `pack`: what a model can do with fresh synthetic items, and how it is shipped."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def exam(
    model: Path,
    *,
    families: Annotated[str, Parameter(help="Names, separated by commas; default: all.")] = "",
    each: Annotated[int, Parameter(help="Questions of every family and level.")] = 100,
    seed: Annotated[int, Parameter(help="Another seed asks other questions.")] = 1,
    temperature: Annotated[float, Parameter(help="0 takes the likeliest token.")] = 0.0,
    turns: Annotated[int, Parameter(help="Replies of the model, at most.")] = 4,
) -> None:
    """Ask a model fresh questions of every kind; print tables of accuracy, use of code, and what it reads without code.

    Parameters
    ----------
    model
        A folder with a transformers vision-language model.
    """
    from codedance.tasks.synthetic import FAMILIES
    from codedance.train.exam import direct_table, paper, settings_of, sit
    from codedance.train.start import Start, open_learner

    names = [name.strip() for name in families.split(",") if name.strip()] or list(FAMILIES)
    questions = paper(names, each, seed)
    learner = open_learner(Start(path=model))
    settings = settings_of(learner, temperature=temperature, seed=seed, turns=turns)
    print(asyncio.run(sit(learner, questions, settings)).table())
    print("\nRight without code:\n")
    print(direct_table(learner, questions, settings))


def pack(
    model: Path,
    *runs: Annotated[Path, Parameter(help="Folders of the training runs that led to it, for the card.")],
    out: Annotated[Path, Parameter(help="Where the packed model goes.")],
    each: Annotated[int, Parameter(help="Questions of every family and level in the exam.")] = 100,
) -> None:
    """Write a model in bfloat16 with a card that says how it was made and what it can do.

    Parameters
    ----------
    model
        A folder with a transformers vision-language model.
    """
    from codedance.train.pack import pack as write

    print(write(model, runs, out, each=each))
