"""`codedance ask`: one question, answered before your eyes."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from codedance.cli.options import ModelFlags, RolloutFlags, SandboxFlags, side_by_side
from codedance.cli.terminal import stderr_console
from codedance.errors import ConfigError, DataError, ModelError, SandboxError
from codedance.plain import visible
from codedance.types import StopReason, Task, Trace, Turn

_TRIES = 3  # somebody is waiting


def ask(
    *words: str,
    out: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    asking: ModelFlags = ModelFlags(),  # noqa: B008 - frozen
    rollout: RolloutFlags = RolloutFlags(),  # noqa: B008
    sandbox: SandboxFlags = SandboxFlags(),  # noqa: B008
) -> int:
    """Ask a question, about pictures or without one: IMAGE... QUESTION.

    The turns are shown on stderr while they happen; the answer alone goes to stdout. Exits with 1 if there is no answer.

    Parameters
    ----------
    words
        Picture files, then the question.
    out
        Where the trace and its pictures are saved (default: runs/ask-DATE-TIME).
    as_json
        Print the whole trace as one line of JSON instead of the answer.
    """
    task = _task(words)
    folder = out or Path("runs") / f"ask-{datetime.now():%Y%m%d-%H%M%S}"
    trace = asyncio.run(_ask(task, folder, asking, rollout, sandbox))
    if as_json:
        from codedance.rollout.store import to_json

        print(to_json(trace))
    elif trace.answer is not None:
        print(trace.answer)
    talk = stderr_console()
    talk.print(Text(f"trace: {folder}   (codedance report {folder}; codedance replay {folder})", style="dim"), soft_wrap=True)
    if trace.stop is StopReason.REFUSED:
        talk.print(Text(f"no answer: {trace.model} declined: {visible(trace.error or '')}", style="bold red"), soft_wrap=True)
        return 1
    if trace.error is not None:
        kind = {StopReason.DATA_ERROR: DataError, StopReason.SANDBOX_ERROR: SandboxError}.get(trace.stop, ModelError)
        raise kind(trace.error)
    if trace.stop is not StopReason.ANSWERED:
        talk.print(Text(f"no answer: {trace.stop}", style="bold red"))
        return 1
    return 0


def _task(words: tuple[str, ...]) -> Task:
    if not words:
        raise ConfigError(
            'nothing was asked; write the question in quotes, behind the pictures if there are any: photo.jpg "What?"'
        )
    *images, question = words
    if not question.strip():
        raise ConfigError("the question is empty; write it in quotes behind the pictures")
    if _is_file(question):
        raise ConfigError(f"{question} is a file, and no question follows it; write the question last, in quotes")
    for image in images:
        if not Path(image).exists():  # a folder without permission raises, and is told by its name
            raise DataError(f"{image}: there is no such file; give picture files first and the question last, in quotes")
    return Task(id=f"{datetime.now():%Y%m%d-%H%M%S-%f}", question=question, images=tuple(images), source="ask")


def _is_file(word: str) -> bool:
    """The last word names a file: a question was forgotten."""
    try:
        return Path(word).is_file()
    except OSError:  # longer than any file's name
        return False


async def _ask(task: Task, folder: Path, asking: ModelFlags, rollout: RolloutFlags, sandbox: SandboxFlags) -> Trace:
    from codedance.cli.inline import protocol
    from codedance.cli.turns import show_turn
    from codedance.rollout.loop import solve
    from codedance.rollout.runner import open_store
    from codedance.rollout.store import IMAGES

    talk = stderr_console()
    async with side_by_side(asking.open(tries=_TRIES), sandbox.open(slots=1)) as (model, box):
        settings = rollout.settings(model)
        with open_store(folder, model, box, settings) as store:
            how = protocol() if sys.stderr.isatty() else None
            num_turns = 0
            with talk.status(Text(f"asking {model.name}")) as status:

                def show(turn: Turn) -> None:
                    nonlocal num_turns
                    num_turns += 1
                    show_turn(talk, num_turns, turn, folder / IMAGES, how)
                    status.update(Text(f"turn {num_turns + 1}: waiting for {model.name}"))

                trace = await solve(task, model, box, settings, images=store.images, on_turn=show)
            store.append(trace)
    return trace
