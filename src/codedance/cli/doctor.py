"""`codedance doctor`: how well this machine can lock code in."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from codedance.cli.terminal import stderr_console, stdout_console

if TYPE_CHECKING:
    from codedance.sandbox.doctor import Diagnosis


def doctor(
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    checks: bool = True,
    without: tuple[str, ...] = (),
) -> int:
    """Say how well this machine can lock code in, and check for real that it does.

    Prints the isolation level, each wall as a session measured it, each mechanism with yes or no, why, and the next command
    for this machine or container, guest library versions, free memory, and the outcome of every named self-check. Exits with
    1 if a promise is broken or level 3 is not to be had.

    Parameters
    ----------
    as_json
        Print one JSON object instead of tables.
    checks
        Run the self-check battery.
    without
        A mechanism not to use (namespaces, landlock, seccomp, cgroup), to see how a weaker machine does. Repeatable.
    """
    from codedance.sandbox.doctor import examine

    talk = stderr_console()
    with talk.status("starting the sandbox") as status:
        diagnosis = asyncio.run(examine(checks, without, say=lambda text: status.update(text)))
    if as_json:
        print(json.dumps(dataclasses.asdict(diagnosis), indent=2))
    else:
        _print_diagnosis(diagnosis)
    return 0 if diagnosis.is_healthy else 1


def _print_diagnosis(diagnosis: Diagnosis) -> None:
    console = stdout_console()
    style = "bold green" if diagnosis.level >= 3 else "bold red"
    console.print(Text(f"isolation level {diagnosis.level} of 4 ({diagnosis.place})", style=style))
    console.print()
    walls = Table("wall", "", "by", "measured", box=None, pad_edge=False)
    for wall in diagnosis.walls:
        verdict = Text("holds", style="green") if wall.enforced else Text("does not hold", style="yellow")
        walls.add_row(wall.name.value, verdict, wall.by, wall.measured)
    console.print(walls)
    for name, text in diagnosis.advice.items():
        console.print(Text(f"{name}: {text}", style="yellow"))
    console.print()
    mechanisms = Table("mechanism", "in force", box=None, pad_edge=False)
    for name, answer in diagnosis.mechanisms.items():
        mechanisms.add_row(name, Text(answer, style="green" if answer == "yes" else "yellow"))
    console.print(mechanisms)
    for line in diagnosis.missing:
        console.print(Text(f"missing: {line}", style="yellow"))
    console.print()
    versions = ", ".join(f"{name} {version}" for name, version in diagnosis.versions.items())
    console.print(Text(f"inside: {versions}"))
    console.print(Text(f"memory: {diagnosis.free_memory_mb} MB free of {diagnosis.total_memory_mb} MB"))
    if not diagnosis.checks:
        return
    console.print()
    styles = {"kept": "green", "broken": "bold red", "not promised": "dim"}
    outcomes = Table("self-check", "", "s", "", box=None, pad_edge=False)
    for outcome in diagnosis.checks:
        verdict = Text(outcome.verdict.value, style=styles[outcome.verdict.value])
        outcomes.add_row(Text(outcome.name), verdict, f"{outcome.seconds:.2f}", Text(outcome.detail))
    console.print(outcomes)
    kept = sum(outcome.verdict.value == "kept" for outcome in diagnosis.checks)
    console.print(Text(f"{kept} of {len(diagnosis.checks)} promises kept, {len(diagnosis.broken)} broken"))
