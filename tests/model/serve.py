"""Hugging Face's own OpenAI-compatible server, started on this machine and ended again.

    with serve(make_llava(folder), scratch) as server:
        OpenAIModel(server.model, [server.base_url])

Its ways: it answers one request after the other; it takes no model name but its own; a seed holds only while nobody else asks; a
conversation past the model's context is answered all the same; unknown fields (`return_token_ids`, `top_k`) are refused with 422;
`stop` fails with 500 for every model that reads pictures, as do undecodable pictures and marks of pictures typed as text;
logprobs, n and tools are ignored without a word.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_START_S = 90.0
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class Served:
    """Where the server listens and the only model name that it takes."""

    base_url: str
    model: str


@contextmanager
def serve(model: Path, scratch: Path) -> Iterator[Served]:
    """A server that has answered once; its output goes to a file in `scratch`. Skips the test where it is not installed."""
    for needed in ("torch", "transformers", "fastapi", "uvicorn"):
        pytest.importorskip(needed, reason=f"`transformers serve` needs {needed}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (scratch / "hub").mkdir()  # the list of models fails without the folder
    alone = {"HF_HOME": str(scratch), "HF_HUB_CACHE": str(scratch / "hub"), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(model), "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    with (scratch / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            command,
            env={**os.environ, **alone, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    served = Served(f"http://127.0.0.1:{port}/v1", str(model))
    try:
        _wait(server, served, scratch / "log.txt")
        yield served
    finally:
        _end(server)


def _wait(server: subprocess.Popen[bytes], served: Served, log: Path) -> None:
    """Until it answers a question."""
    body = {"model": served.model, "messages": [{"role": "user", "content": "ready?"}], "max_tokens": 1}
    deadline = time.monotonic() + _START_S
    while True:
        request = urllib.request.Request(
            f"{served.base_url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_START_S):
                return
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"the server answers {error.code}: {log.read_text()[-2000:]}") from None
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)


def _end(server: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            os.killpg(server.pid, sign)  # a group of its own
        try:
            server.wait(_END_S)
            return
        except subprocess.TimeoutExpired:
            continue
