"""In every environment: the level, what the level promises, ordinary work, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from containers.engines import ROOT, Engine, Engines, missing, opened
from containers.environments import ENVIRONMENTS, REFUSED, Environment

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]
INSIDE = Path(__file__).with_name("inside.py")
CONTAINERS = ROOT / ".containers"


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    if not (CONTAINERS / "root" / "etc" / "debian_version").exists():
        pytest.skip(f"there is no root directory in {CONTAINERS}; `make test-containers` makes it")
    with opened(CONTAINERS / "root") as engines:
        yield engines


def report(engines: Engines, environment: Environment) -> dict[str, Any]:
    """What `inside.py` says there; skips where the engine cannot run."""
    if reason := missing(environment.engine):
        pytest.skip(reason)
    if environment.engine in (Engine.DOCKER, Engine.GVISOR) and engines.docker is None:
        pytest.skip("dockerd did not start here")
    command = [sys.executable, str(INSIDE), *(["--checks"] if environment.checked else [])]
    words = engines.command(environment.engine, environment.flags, command)
    done = subprocess.run(words, capture_output=True, text=True, timeout=250, env={"USER": "root", **os.environ})
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert done.returncode == 0 and done.stdout, f"{done.returncode}: {done.stderr[-2000:]}"
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name.replace(",", "").replace(" ", "-"))
def test_the_level_holds_and_ordinary_work_is_done(engines: Engines, environment: Environment, record_property: Any) -> None:
    said = report(engines, environment)
    record_property(environment.name, said)
    assert "refused" not in said, said
    assert said["level"] >= environment.level, said["missing"]
    assert said["crop"] == ["ok", 1, "(200, 150)\n"] and said["late"] == ["ok", "3\n"], said
    assert said["large"] == "out_of_memory", said
    assert int(said["threads"]) <= 32 or any(line.startswith("threads: ") for line in said["missing"]), said
    assert said["left"] == []
    if environment.hint and said["level"] < 3:
        assert environment.hint in said["advice"], said["advice"]
    if environment.checked:
        assert said["loop"] == "timeout" and said["broken"] == [], said["broken"]


@pytest.mark.parametrize("environment", REFUSED, ids=lambda environment: environment.name.replace(",", "").replace(" ", "-"))
def test_where_little_can_run_one_message_says_what_to_do(engines: Engines, environment: Environment) -> None:
    said = report(engines, environment)
    assert said["left"] == []
    if "refused" in said:
        assert environment.hint in said["refused"] and "Traceback" not in said["refused"], said
    else:
        assert said["crop"][0] == "ok", said
