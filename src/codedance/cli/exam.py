"""`codedance train exam`: what a model can do with fresh synthetic items."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from codedance.cli.threads import let_threads_sleep

if TYPE_CHECKING:
    from codedance.rollout.settings import Settings
    from codedance.train.exam import Exam, Question
    from codedance.train.start import Learner

_SLOTS = 128


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

    let_threads_sleep()
    from codedance.model.processors import pixel_rule
    from codedance.rollout.settings import Settings
    from codedance.train.exam import paper, read_directly, shown
    from codedance.train.start import Start, open_learner
    from codedance.types import Sampling

    learner = open_learner(Start(path=model))
    names = [name.strip() for name in families.split(",") if name.strip()] or list(FAMILIES)
    questions = paper(names, each, seed)
    sampling = Sampling(temperature=temperature, max_tokens=320, seed=seed)
    settings = Settings(turns=turns, sampling=sampling, rule=pixel_rule(learner.processor))
    print(asyncio.run(_sit(learner, questions, settings)).table())
    print("\n| family | level | n | right without code |\n|---|---|---|---|")
    for name in names:
        for level in ("easy", "hard"):
            own = [question for question in questions if question.family == name and question.level == level]
            if own:
                right = round(sum(read_directly(learner, own, settings)))
                print(f"| {name} | {level} | {len(own)} | {shown(right, len(own))} |")


async def _sit(learner: Learner, questions: list[Question], settings: Settings) -> Exam:
    from codedance.model.local import LocalModel
    from codedance.sandbox import Sandbox
    from codedance.train.exam import examine

    async with LocalModel.of(learner.model, learner.processor) as model, Sandbox(slots=_SLOTS) as sandbox:
        return await examine(model, questions, settings, sandbox)
