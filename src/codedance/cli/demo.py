"""`codedance demo`: the whole thing in a minute, with the model that comes along."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from codedance.cli.options import ModelFlags, RolloutFlags, SandboxFlags, side_by_side
from codedance.cli.terminal import stderr_console
from codedance.errors import DataError
from codedance.plain import visible
from codedance.types import Task, Trace, Turn

_QUESTIONS = (
    ("shapes.png", "Count the blue shapes.", "3"),
    ("pompeii-coins.jpg", "How many bright coins does the picture show?", "24"),
    ("visitors.png", "The axis goes from 0 to 40. How high is the blue bar?", "31"),
    ("digits.png", "What digit does the red frame hold?", "7"),
)
_NEXT = """What next
  Ask it yourself:       codedance ask examples/visitors.png "The axis goes from 0 to 40. What is the value of the green bar?"
  It is small: it knows questions such as those of `codedance tasks list` and fills slots; it does not program.
  Ask a large model:     codedance ask PHOTO "QUESTION" --base-url http://127.0.0.1:8000/v1     (vLLM, SGLang, ...)
                         codedance ask PHOTO "QUESTION" --model hf:FOLDER                       (transformers, on this machine)
  Train it again:        make tiny"""


def demo(*, out: Path | None = None, sandbox: SandboxFlags = SandboxFlags()) -> int:  # noqa: B008 - frozen
    """Ask the model that comes along about a few pictures, show every turn, and write a report.

    Parameters
    ----------
    out
        Where traces, pictures and the report are saved (default: runs/demo-DATE-TIME).
    """
    folder = out or Path("runs") / f"demo-{datetime.now():%Y%m%d-%H%M%S}"
    talk = stderr_console()
    traces = asyncio.run(_demo(folder, talk, sandbox))

    from codedance.report import write_report

    page = write_report(folder)
    right = sum(is_right for _, is_right in traces)
    talk.rule(style="dim")
    talk.print(f"{right} of {len(traces)} answers are right. Every turn, with its pictures: {page}", markup=False, soft_wrap=True)
    talk.print(_NEXT, markup=False, highlight=False, soft_wrap=True)
    print(page)
    return 0


async def _demo(folder: Path, talk: Console, sandbox: SandboxFlags) -> list[tuple[Trace, bool]]:
    """The rollouts, and which of them are right."""
    from codedance.cli.inline import protocol
    from codedance.cli.turns import show_turn
    from codedance.reward.scorer import Scorer
    from codedance.rollout.loop import solve
    from codedance.rollout.runner import open_store
    from codedance.rollout.store import IMAGES

    how = protocol() if sys.stderr.isatty() else None
    traces = []
    async with side_by_side(ModelFlags(model="tiny").open(), sandbox.open(slots=1)) as (model, box):
        settings = RolloutFlags().settings(model)
        with open_store(folder, model, box, settings) as store, Scorer() as scorer:
            for number, (file, question, answer) in enumerate(_QUESTIONS, start=1):
                picture = _examples() / file
                talk.print(Text(f"\n{picture}: {question}", style="bold"), soft_wrap=True)
                turns = 0

                def show(turn: Turn) -> None:
                    nonlocal turns
                    turns += 1
                    show_turn(talk, turns, turn, folder / IMAGES, how)

                task = Task(id=f"{number}-{picture.stem}", question=question, images=(picture,), answer=answer, source="demo")
                trace = await solve(task, model, box, settings, images=store.images, on_turn=show)
                store.append(trace)
                is_right = scorer.grade_trace(trace).is_right is True
                traces.append((trace, is_right))
                said = visible(trace.answer) if trace.answer is not None else f"no answer ({trace.stop})"
                style = "bold green" if is_right else "bold red"
                talk.print(Text(f"answer: {said}   (known: {answer})", style=style), soft_wrap=True)
    return traces


def _examples() -> Path:
    """The folder with the pictures: in the package when it was installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / _QUESTIONS[0][0]).is_file():
            return folder
    raise DataError("the pictures of the demo are missing; install codedance again")
