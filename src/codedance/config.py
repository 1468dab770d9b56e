"""Settings from three places, the later ones win: defaults in a record, a TOML file, `dotted.name=value` from the command line.

    recipe = read_config(GrpoRecipe, Path("recipes/tiny-grpo.toml"), ["optimizer.lr=1e-4", "reward=outcome"])

An unknown key is an error that names the nearest known one. Not covered: environment variables.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from codedance.errors import ConfigError


class Section(BaseModel):
    """A part of a configuration: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Config = TypeVar("Config", bound=Section)


def read_config(kind: type[Config], path: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration in a file, with some values replaced.

    Raises:
        ConfigError: the file cannot be read, a key is unknown, or a value is not allowed; one line with the key.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: it cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: it is no TOML: {error}") from None
    for override in overrides:
        _set(values, override)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")  # a typo explains what is missing
        raise ConfigError(f"{path}: {_complaint(kind, first['loc'], first['type'], first['msg'], first['input'])}") from None


def _set(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{override!r}: settings are given as name=value, such as optimizer.lr=1e-4")
    *sections, key = name.strip().split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{override!r}: {section} is no section of settings")
    try:
        values[key] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        values[key] = text.strip()  # a word without quotes


def _complaint(kind: type[BaseModel], where: tuple[int | str, ...], what: str, message: str, value: object) -> str:
    name = ".".join(str(part) for part in where)
    if what != "extra_forbidden":
        return f"{name} is {value!r}: {message}" if what != "missing" else f"{name} is missing"
    known = sorted(_section(kind, where[:-1]).model_fields)
    near = difflib.get_close_matches(str(where[-1]), known, 1)
    return f"there is no setting {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}")


def _section(kind: type[BaseModel], where: tuple[int | str, ...]) -> type[BaseModel]:
    """The record that a path of keys leads to."""
    for part in where:
        if isinstance(part, str) and part in kind.model_fields:
            kind = next((t for t in _types(kind.model_fields[part].annotation) if issubclass(t, BaseModel)), kind)
    return kind


def _types(annotation: Any) -> list[type]:
    """The classes inside an annotation such as tuple[Stage, ...] | None."""
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _types(inner)]
