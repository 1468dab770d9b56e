"""The real servers that the same list of tests is run against, each started when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codedance.model.named import TINY
from servers.processes import Served, serve_llamacpp, serve_transformers, serve_vllm

TOOLS = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes")
LOGPROBS = ("--logprobs-mode", "processed_logprobs")


@pytest.fixture(scope="session")
def served(tiny_llava: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The Llava-type model behind `transformers serve`."""
    with serve_transformers(tiny_llava, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The bundled model behind vLLM."""
    with serve_vllm(TINY, tmp_path_factory.mktemp("vllm"), *TOOLS, *LOGPROBS) as server:
        yield server


@pytest.fixture(scope="session")
def llamacpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A language model with real weights behind llama.cpp."""
    with serve_llamacpp(tmp_path_factory.mktemp("llamacpp")) as server:
        yield server


@pytest.fixture(
    scope="session",
    params=[
        "served",
        pytest.param("vllm", marks=[pytest.mark.vllm, pytest.mark.timeout(600)]),
        pytest.param("llamacpp", marks=[pytest.mark.llamacpp, pytest.mark.timeout(600)]),
    ],
)
def real_server(request: pytest.FixtureRequest) -> Served:
    """Each of them in turn."""
    server: Served = request.getfixturevalue(request.param)
    return server
