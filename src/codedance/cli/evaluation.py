"""OUT/eval.json: what an evaluation was asked for and what it met, so that it can go on, and be repeated by `--like`."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codedance.cli.options import RolloutFlags, SandboxFlags, TaskFlags
from codedance.errors import ConfigError, DataError
from codedance.evaluate.probes import Probe
from codedance.untrusted import LINE_BYTES, Folder, NotThere, parsed, writing

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_FILE = "eval.json"
_MAY_GROW = ("repeats", "limit")
_FREE = ("model", "detail", "extra_body")
"""Of a request: they may be others when it is repeated."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an evaluation was asked for."""

    tasks: tuple[str, ...] = ()
    repeats: int = 1
    chosen: TaskFlags = TaskFlags()
    probe: tuple[Probe, ...] = ()
    rollout: RolloutFlags = RolloutFlags()
    sandbox: SandboxFlags = SandboxFlags()
    model: str | None = None
    detail: str | None = None
    extra_body: str | None = None
    mode: str = "default"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The request, and what it met."""

    request: Request
    digests: dict[str, str]
    """SHA-256 of the files with tasks."""
    total: int
    left_out: tuple[str, ...]
    """Rows that were not asked, and why."""
    judge: str | None = None
    """Its name, and the digest of the words that it is asked with."""
    price: tuple[float, float] | None = None
    """Dollars for a million prompt tokens and a million completion tokens."""


def again(request: Request, earlier: Evaluation) -> Request:
    """The earlier request, with another model where one is named.

    Raises:
        ConfigError: something else was named that the earlier one decides.
    """
    for field in dataclasses.fields(Request):
        if field.name not in _FREE and getattr(request, field.name) != field.default:
            raise ConfigError(
                f"--like repeats the earlier evaluation's {field.name}; leave out what sets it, or leave out --like"
            )
    own = {name: value for name in _FREE if (value := getattr(request, name)) is not None}
    return dataclasses.replace(earlier.request, **own)


def refuse_another(evaluation: Evaluation, folder: Path) -> None:
    """That the evaluation in `folder`, if there is one, can go on as this one.

    Raises:
        ConfigError: it asked other tasks, or the same in other words, or more of them.
        DataError: a file has changed since.
    """
    if not has_evaluation(folder):
        return
    old, new = (_asked(one.request) for one in (read_evaluation(folder), evaluation))
    for name, value in old.items():
        if value != new[name] and not (name in _MAY_GROW and _grows(value, new[name])):
            raise ConfigError(f"{folder} was evaluated with {name} {value!r}, not {new[name]!r}; name another folder with --out")
    refuse_changed_files(evaluation, folder)


def refuse_changed_files(evaluation: Evaluation, folder: Path) -> None:
    """That the files are those of the evaluation in `folder`.

    Raises:
        DataError: one has changed since.
    """
    before = read_evaluation(folder).digests
    for source, digest in evaluation.digests.items():
        if before.get(source, digest) != digest:
            raise DataError(f"{source}: the file has changed since {folder} was made; name another folder with --out")


def has_evaluation(folder: Path) -> bool:
    """It was evaluated, not only run."""
    return Folder(folder).has(_FILE)


def read_evaluation(folder: Path) -> Evaluation:
    """What an evaluation was asked for.

    Raises:
        DataError: there is none, or its file is damaged.
    """
    try:
        return parsed(Folder(folder).read(_FILE, LINE_BYTES), _evaluations())
    except NotThere:
        raise DataError(f"{folder}: there is no evaluation here ({_FILE} cannot be read: No such file or directory)") from None
    except DataError as error:
        raise DataError(
            f"{folder / _FILE}: it is no evaluation of this version ({error}); repeat it with its flags instead"
        ) from None


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Keep it beside the run.

    Raises:
        DataError: it cannot be written.
    """
    try:
        with writing(folder / _FILE) as file:
            file.write(_evaluations().dump_json(evaluation, indent=1) + b"\n")
    except OSError as error:
        raise DataError(f"{folder / _FILE}: it cannot be written: {error.strerror}; name another folder with --out") from None


def _asked(request: Request) -> dict[str, object]:
    """What decides which questions are asked in which words, apart from the settings that the run itself keeps."""
    chosen = {field.name: getattr(request.chosen, field.name) for field in dataclasses.fields(TaskFlags)}
    return {
        "tasks": request.tasks,
        "repeats": request.repeats,
        "detail": request.detail,
        "extra_body": request.extra_body,
        **chosen,
    }


def _grows(old: object, new: object) -> bool:
    """No limit is the highest."""
    return new is None or (isinstance(old, int) and isinstance(new, int) and new >= old)


@cache
def _evaluations() -> TypeAdapter[Evaluation]:
    from pydantic import TypeAdapter

    return TypeAdapter(Evaluation)
