"""Real OpenAI-compatible servers, started on this machine and ended again.

    with serve_transformers(make_llava(folder), scratch) as server:
        OpenAIModel(server.model, [server.base_url])

`transformers serve` answers one request after the other; it takes no model name but its own; a seed holds only while nobody else
asks; a conversation past the model's context is answered all the same; unknown fields (`return_token_ids`, `top_k`) are refused
with 422; `stop` fails with 500 for every model that reads pictures, as do undecodable pictures and marks of pictures typed as
text; logprobs, n and tools are ignored without a word.

vLLM and llama.cpp need environments of their own, `make test-vllm` and `make test-llamacpp` make them. llama.cpp takes any model
name, ignores `return_token_ids` and drops tools that the chat template does not know.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_START_S = 300.0
_END_S = 30.0
_ROOT = Path(__file__).parents[2]
_VLLM = _ROOT / ".venv-vllm" / "bin" / "python"
_LLAMACPP = _ROOT / ".venv-llamacpp" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Served:
    """Where a server listens, the model's name there, and what it can do."""

    base_url: str
    model: str
    takes_pictures: bool = True
    takes_any_name: bool = False
    knows_its_context: bool = True
    """A conversation that is too long is refused."""


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_transformers(model: Path, scratch: Path) -> Iterator[Served]:
    """`transformers serve`. Skips the test where it is not installed."""
    for needed in ("torch", "transformers", "fastapi", "uvicorn"):
        pytest.importorskip(needed, reason=f"`transformers serve` needs {needed}")
    (scratch / "hub").mkdir()  # the list of models fails without the folder
    alone = {"HF_HOME": str(scratch), "HF_HUB_CACHE": str(scratch / "hub"), "TRANSFORMERS_OFFLINE": "1"}
    port = free_port()
    program = [str(Path(sys.executable).with_name("transformers")), "serve", str(model), "--device", "cpu"]
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    served = Served(f"http://127.0.0.1:{port}/v1", str(model), knows_its_context=False)
    with _running([*program, *where], served, scratch, alone):
        yield served


@contextmanager
def serve_vllm(model: Path, scratch: Path, *flags: str, port: int | None = None) -> Iterator[Served]:
    """vLLM on the CPU, in float32, with a context of 2,048 tokens. It is up after 20 to 100 s."""
    if not _VLLM.is_file():
        pytest.skip(f"there is no {_VLLM}; `make test-vllm` makes it")
    port = port or free_port()
    program = [str(_VLLM), "-m", "vllm.entrypoints.openai.api_server"]  # the wheel's own command does not start
    what = ["--model", str(model), "--served-model-name", "tiny", "--dtype", "float32", "--max-model-len", "2048"]
    how = ["--enforce-eager", "--max-num-seqs", "16", "--host", "127.0.0.1", "--port", str(port)]
    alone = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "2"}
    served = Served(f"http://127.0.0.1:{port}/v1", "tiny")
    with _running([*program, *what, *how, *flags], served, scratch, alone):
        yield served


@contextmanager
def serve_llamacpp(scratch: Path) -> Iterator[Served]:
    """llama.cpp's own server with SmolLM2-135M-Instruct, which reads no pictures."""
    if not _LLAMACPP.is_file():
        pytest.skip(f"there is no {_LLAMACPP}; `make test-llamacpp` makes it")
    port = free_port()
    served = Served(f"http://127.0.0.1:{port}/v1", "smollm2", takes_pictures=False, takes_any_name=True)
    with _running([str(_LLAMACPP), str(Path(__file__).with_name("llamacpp.py")), str(port)], served, scratch, {}):
        yield served


@contextmanager
def _running(command: Sequence[str], served: Served, scratch: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """The server's process, once it lists its models; its output goes to a file in `scratch`."""
    log = scratch / "log.txt"
    with log.open("ab") as output:
        server = subprocess.Popen(
            command,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(server, served, log)
        yield
    finally:
        _end(server)


def _wait(server: subprocess.Popen[bytes], served: Served, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with urllib.request.urlopen(f"{served.base_url}/models", timeout=_START_S):
                return
        except urllib.error.HTTPError as error:
            if error.code != 503:  # 503: it is loading
                raise RuntimeError(f"the server answers {error.code}: {log.read_text()[-2000:]}") from None
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}") from None
        time.sleep(0.1)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Politely first: killed outright, vLLM leaves its engine behind."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            os.killpg(server.pid, sign)  # a group of its own
        try:
            server.wait(_END_S)
            return
        except subprocess.TimeoutExpired:
            continue
