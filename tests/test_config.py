"""Settings from a file and from the command line: what is wrong is told in one line with the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from codedance.config import Section, read_config
from codedance.errors import ConfigError


class Inner(Section):
    rate: float = Field(0.5, gt=0)
    name: str = "a"


class Outer(Section):
    steps: int
    inner: Inner = Inner()
    parts: tuple[Inner, ...] = ()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text('steps = 3\n[inner]\nrate = 0.25\n[[parts]]\nname = "b"\n')
    return path


def test_a_file_fills_a_record(recipe: Path) -> None:
    assert read_config(Outer, recipe) == Outer(steps=3, inner=Inner(rate=0.25), parts=(Inner(name="b"),))


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("steps=5", Outer(steps=5, inner=Inner(rate=0.25), parts=(Inner(name="b"),))),
        ("inner.name=word", Outer(steps=3, inner=Inner(rate=0.25, name="word"), parts=(Inner(name="b"),))),
        ("inner.name='5'", Outer(steps=3, inner=Inner(rate=0.25, name="5"), parts=(Inner(name="b"),))),
        ("parts=[]", Outer(steps=3, inner=Inner(rate=0.25))),
    ],
)
def test_the_command_line_wins(recipe: Path, override: str, found: Outer) -> None:
    assert read_config(Outer, recipe, [override]) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("stepps = 3", "there is no setting 'stepps'; did you mean 'steps'?"),
        ("steps = 3\n[inner]\nrat = 1", "there is no setting 'inner.rat'; did you mean 'rate'?"),
        ("steps = 3\n[[parts]]\nnames = 1", "there is no setting 'parts.0.names'; did you mean 'name'?"),
        ("steps = 3\nzzz = 1", "there is no setting 'zzz'; known here: inner, parts, steps"),
        ("steps = 'many'", "steps is 'many'"),
        ("steps = 3\n[inner]\nrate = -1", "inner.rate is -1"),
        ("", "steps is missing"),
        ("steps = ", "it is no TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(Outer, path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none.toml: it cannot be read: No such file"):
        read_config(Outer, tmp_path / "none.toml")


@pytest.mark.parametrize("override", ["steps", "=3", "steps.more=3"])
def test_an_override_without_a_name_or_a_value_is_refused(recipe: Path, override: str) -> None:
    with pytest.raises(ConfigError, match="settings"):
        read_config(Outer, recipe, [override])
