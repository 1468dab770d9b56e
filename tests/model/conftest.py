"""Tiny random models, one of them behind a real server; each is made when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.serve import Served, serve


@pytest.fixture(scope="session")
def tiny_llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Llava-type model."""
    pytest.importorskip("transformers", reason="the extra 'local' is not installed")
    from model.tiny_models import make_llava

    return make_llava(tmp_path_factory.mktemp("models") / "tiny-llava")


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Qwen2.5-VL."""
    pytest.importorskip("transformers", reason="the extra 'local' is not installed")
    from model.tiny_models import make_qwen

    return make_qwen(tmp_path_factory.mktemp("models") / "tiny-qwen")


@pytest.fixture(scope="session")
def served(tiny_llava: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The Llava-type model behind `transformers serve`."""
    with serve(tiny_llava, tmp_path_factory.mktemp("server")) as server:
        yield server
