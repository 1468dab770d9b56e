"""Out of the box: no network, no endpoint, no flags."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the extra 'local' is not installed")

from cli.commands import run
from codedance.rollout.store import read_traces
from codedance.types import ExecStatus

EXAMPLES = Path(__file__).parents[2] / "examples"


def cpu_s() -> float:
    """What ended child processes have used; the clock would measure what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_demo_answers_by_looking_and_by_code_and_leaves_a_report(tmp_path: Path) -> None:
    start = cpu_s()
    said = run("demo", "--out", tmp_path / "demo", "--isolation", 0, HF_HUB_OFFLINE="1")
    assert said.returncode == 0, said.stderr
    assert cpu_s() - start < 60
    traces = {trace.task_id: trace for trace in read_traces(tmp_path / "demo")}
    assert len(traces) == 4
    assert all(trace.answer == trace.gold for trace in traces.values()), {name: trace.answer for name, trace in traces.items()}
    executions = [turn.execution for trace in traces.values() for turn in trace.turns if turn.execution is not None]
    assert len(executions) >= 2
    assert all(execution.status is ExecStatus.OK for execution in executions)
    assert Path(said.stdout.strip()).is_file()
    assert "--base-url" in said.stderr


def test_without_a_model_flag_the_bundled_one_is_asked(tmp_path: Path) -> None:
    start = cpu_s()
    picture, question = EXAMPLES / "pompeii-coins.jpg", "How many bright coins does the picture show?"
    said = run("ask", picture, question, "--out", tmp_path / "one", "--isolation", 0)
    assert (said.returncode, said.stdout) == (0, "24\n"), said.stderr
    assert cpu_s() - start < 30  # 10 on an idle machine


def test_the_bundled_model_is_small_and_has_a_card() -> None:
    folder = Path(__file__).parents[2] / "src/codedance/tiny"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 16e6
    card = (folder / "README.md").read_text()
    for word in ("cannot", "| seed |", "95 % intervals", "minutes of steps"):
        assert word in card
