"""OUT/eval.json: what an evaluation was asked for and what it met, so that it can go on, and be repeated by `--like`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codedance.cli.options import RolloutFlags, SandboxFlags, TaskFlags
from codedance.errors import ConfigError, DataError
from codedance.evaluate.probes import Probe
from codedance.untrusted import LINE_BYTES, Folder, NotThere, parsed, writing

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_FILE = "eval.json"
_MAY_GROW = ("repeats", "limit")
_IN_PROCESS = ("hf", "script")
"""Models that run here, as `open_model` has them."""
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


def again(request: Request, earlier: Evaluation, folder: Path) -> tuple[Request, tuple[str, ...]]:
    """The earlier request of a folder, with another model where one is named; and in words what is not taken from it.

    The folder may be anybody's: a model in this process, which may be code, is never taken from it, nor folders that pictures may
    lie in, and of isolation, time and memory no more than the user's own flags, or the defaults, allow.

    Raises:
        ConfigError: something else was named that the earlier one decides, or the model has to be named.
    """
    asked = dataclasses.replace(request, chosen=dataclasses.replace(request.chosen, images_from=None))
    for field in dataclasses.fields(Request):
        if field.name not in (*_FREE, "sandbox") and getattr(asked, field.name) != field.default:
            raise ConfigError(
                f"--like repeats the earlier evaluation's {field.name}; leave out what sets it, or leave out --like"
            )
    model = request.model if request.model is not None else earlier.request.model
    if request.model is None and (model or "").partition(":")[0].strip().lower() in _IN_PROCESS:
        raise ConfigError(
            f"{folder} was made with the model {model!r}, which would run in this process; that is never taken from a folder: "
            f"look at it, and name it yourself with --model {model}"
        )
    sandbox, refused = _within(earlier.request.sandbox, request.sandbox)
    own = {name: value for name in _FREE if (value := getattr(request, name)) is not None}
    chosen = dataclasses.replace(earlier.request.chosen, images_from=request.chosen.images_from or ())
    return dataclasses.replace(earlier.request, **own, chosen=chosen, sandbox=sandbox), refused


def _within(asked: SandboxFlags, own: SandboxFlags) -> tuple[SandboxFlags, tuple[str, ...]]:
    """The earlier sandbox, no weaker than our own; and in words what was not taken."""
    made = SandboxFlags(
        time_s=min(asked.time_s, own.time_s),
        memory_mb=min(asked.memory_mb, own.memory_mb),
        isolation=max(asked.isolation, own.isolation),
    )
    told = []
    for name, flag in (("time_s", "--time-s"), ("memory_mb", "--memory-mb"), ("isolation", "--isolation")):
        wanted, got = getattr(asked, name), getattr(made, name)
        if wanted != got:
            told.append(f"{name} {wanted:.12g} is not taken, it is {got:.12g} here; {flag} {wanted:.12g} allows it")
    return made, tuple(told)


def taken(request: Request) -> str:
    """What a request asks otherwise than by default, in one line."""
    plain = _requests().dump_python(request, mode="json")
    usual = _requests().dump_python(Request(), mode="json")
    return ", ".join(f"{name} {value}" for name, value in _differing(plain, usual))


def _differing(plain: dict[str, Any], usual: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in plain.items():
        if isinstance(value, dict):
            yield from _differing(value, usual[name])
        elif value not in (usual[name], []):  # an empty list names nothing
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


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


def refuse_changed_files(evaluation: Evaluation, folder: Path, *, all_known: bool = False) -> None:
    """That the files are those of the evaluation in `folder`.

    Args:
        evaluation: the new one.
        folder: of the earlier one.
        all_known: a file that the earlier one has no digest of is refused: its maker may never have seen it.

    Raises:
        DataError: one has changed since.
    """
    before = read_evaluation(folder).digests
    for source, digest in evaluation.digests.items():
        if all_known and source not in before:
            raise DataError(f"{source}: {folder} names this file without its digest, so it is not asked again from there")
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
        found = parsed(Folder(folder).read(_FILE, LINE_BYTES), _evaluations())
        if found.price is not None and min(found.price) < 0:
            raise DataError(f"price is {min(found.price)}")
        return found
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
    names = {field.name for field in dataclasses.fields(TaskFlags)} - {"images_from"}
    chosen = {name: getattr(request.chosen, name) for name in sorted(names)}
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


@cache
def _requests() -> TypeAdapter[Request]:
    from pydantic import TypeAdapter

    return TypeAdapter(Request)
