"""Flags about servers, and what a run says of one that refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.commands import run, write
from codedance.cli.options import ModelFlags, RolloutFlags
from codedance.errors import ConfigError
from codedance.rollout.store import read_manifest, read_traces
from model.faulty_server import FaultyServer

COMMON = ("--isolation", 0, "--model", "openai:tiny", "--concurrency", 1)


async def at(server: FaultyServer, folder: Path, *arguments: object, verb: str = "run") -> Any:
    """The command about three questions, with the server of this process."""
    tasks = write(folder / "tasks.jsonl", [{"id": str(n), "question": f"{n}?", "answer": "7"} for n in range(3)])
    command = (verb, tasks, "--out", folder / "out", "--base-url", server.url, *COMMON, *arguments)
    return await asyncio.to_thread(run, *command, OPENAI_API_KEY="sk-secret-key")


async def test_a_refusal_of_every_request_stops_the_run_in_one_line_that_names_the_flag(tmp_path: Path) -> None:
    def reply(body: Mapping[str, Any]) -> Any:
        if "0?" in body["messages"][-1]["content"]:
            return "<answer>7</answer>"
        return 400, {"error": {"message": "temperature must be in [0, 2], got 3.0"}}

    async with FaultyServer(reply=reply) as server:
        done = await at(server, tmp_path, "--temperature", 3)
    assert done.returncode == 1 and len(server.requests) == 2
    reached, told = done.stderr.splitlines()[-2:]
    assert reached.startswith("2 of 3 rollouts: 1 answered"), "the last line tells how far it came"
    assert "--temperature" in told and done.stderr.count("must be in [0, 2]") == 1


async def test_further_fields_headers_and_no_temperature_are_sent_and_stored_without_secrets(tmp_path: Path) -> None:
    fields = ("--extra-body", '{"top_k": 20}', "--header", "X-Title: mine", "--header", "X-Api-Key:hidden-value")
    async with FaultyServer(reply=lambda body: "<answer>7</answer>") as server:
        done = await at(server, tmp_path, *fields, "--temperature", "default", "--timeout", 30)
        assert done.returncode == 0, done.stderr
        sent = server.requests[0]
        other = await at(server, tmp_path, "--temperature", "default")
    assert (sent.body["top_k"], "temperature" in sent.body) == (20, False)
    assert (sent.headers["x-title"], sent.headers["x-api-key"]) == ("mine", "hidden-value")
    stored = (tmp_path / "out/run.json").read_text() + (tmp_path / "out/traces.jsonl").read_text()
    assert "top_k" in read_manifest(tmp_path / "out").variant and "hidden-value" not in stored + done.stderr
    assert other.returncode == 2 and "top_k" in other.stderr, "it is another run without them"


async def test_tokens_that_do_not_come_end_a_run_at_the_first_reply(tmp_path: Path) -> None:
    async with FaultyServer() as server:
        done = await at(server, tmp_path, "--record-tokens")
    assert done.returncode == 1 and len(server.requests) == 1
    assert "no token ids come" in done.stderr.splitlines()[-1]


async def test_a_field_that_is_left_out_is_said_once_and_noted_in_the_traces(tmp_path: Path) -> None:
    def reply(body: Mapping[str, Any]) -> Any:
        if "temperature" in body:
            return 400, {"error": {"message": "'temperature' does not support 0.0 with this model", "param": "temperature"}}
        return "<answer>7</answer>"

    async with FaultyServer(reply=reply) as server:
        done = await at(server, tmp_path)
    assert done.returncode == 0 and done.stderr.count("refuses the field temperature") == 1
    assert all("temperature" in trace.notes[0] for trace in read_traces(tmp_path / "out"))


@pytest.mark.parametrize("text", ["{", "[]", "7", "top_k=20"])
def test_further_fields_that_are_no_object_are_named(text: str) -> None:
    with pytest.raises(ConfigError, match="--extra-body is no JSON"):
        ModelFlags(extra_body=text, model="m", base_url="http://127.0.0.1:9/v1").open()


def test_a_header_without_a_colon_is_not_quoted() -> None:
    with pytest.raises(ConfigError, match="NAME:VALUE") as caught:
        ModelFlags(header=("Bearer sk-secret",)).open()
    assert "secret" not in str(caught.value)


def test_the_temperature_may_be_left_to_the_server() -> None:
    assert RolloutFlags(temperature="default").settings().sampling.temperature is None
    assert RolloutFlags().settings().sampling.temperature == 0.0
