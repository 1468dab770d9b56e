"""Model and sandbox are opened together; whichever fails, the other is closed again and the failure is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from codedance.cli.options import side_by_side
from codedance.errors import CodeDanceError, ConfigError, SandboxError
from codedance.model.script import ScriptedModel


class Part:
    """Something to be opened: slowly, and perhaps in vain."""

    def __init__(self, takes_s: float, error: CodeDanceError | None = None) -> None:
        self.is_open = False
        self._takes_s, self._error = takes_s, error

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        await asyncio.sleep(self._takes_s)
        if self._error is not None:
            raise self._error
        self.is_open = True
        try:
            yield ScriptedModel([])
        finally:
            self.is_open = False


@pytest.mark.parametrize("slower", ["model", "sandbox"])
@pytest.mark.parametrize("broken", ["model", "sandbox"])
async def test_what_opened_is_closed_where_the_other_failed(slower: str, broken: str) -> None:
    errors: dict[str, CodeDanceError] = {"model": ConfigError("no such model"), "sandbox": SandboxError("no walls")}
    parts = {name: Part(0.05 if name == slower else 0.0, error if name == broken else None) for name, error in errors.items()}
    with pytest.raises(type(errors[broken]), match="no "):
        async with side_by_side(parts["model"].opened(), parts["sandbox"].opened()):  # type: ignore[arg-type]
            raise AssertionError("both are needed")
    assert not any(part.is_open for part in parts.values())


async def test_a_wrong_model_is_told_without_waiting_for_the_sandbox() -> None:
    model, sandbox = Part(0.0, ConfigError("no such model")), Part(60.0)
    async with asyncio.timeout(2):
        with pytest.raises(ConfigError, match="no such model"):
            async with side_by_side(model.opened(), sandbox.opened()):  # type: ignore[arg-type]
                raise AssertionError("both are needed")
    assert not sandbox.is_open


async def test_both_open_at_the_same_time() -> None:
    model, sandbox = Part(0.2), Part(0.2)
    began = asyncio.get_running_loop().time()
    async with side_by_side(model.opened(), sandbox.opened()):  # type: ignore[arg-type]
        assert asyncio.get_running_loop().time() - began < 0.35
        assert model.is_open
        assert sandbox.is_open
    assert not model.is_open
    assert not sandbox.is_open
