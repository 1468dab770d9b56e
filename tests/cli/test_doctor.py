"""`codedance doctor` as a person meets it: data on stdout, talk on stderr, exit codes, one clear line for each mistake."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from codedance.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def test_doctor_reports_level_mechanisms_versions_memory_and_every_check() -> None:
    done = run("doctor", "--json")
    report = json.loads(done.stdout)
    assert set(report["mechanisms"]) == {"rlimits", "seccomp", "landlock", "namespaces", "cgroup", "notification"}
    assert report["versions"]["numpy"] and report["free_memory_mb"] > 0
    assert len(report["checks"]) >= 40
    assert [check for check in report["checks"] if check["verdict"] == "broken"] == []
    assert done.returncode == (0 if report["level"] >= 3 else 1)


def test_doctor_on_a_weaker_machine_says_what_is_missing_and_fails() -> None:
    done = run("doctor", "--no-checks", "--without", "namespaces", "--without", "cgroup")
    assert done.returncode == 1
    assert "isolation level" in done.stdout and "a watcher" in done.stdout and "leave namespaces out" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("doctor", "--wihtout", "cgroup"), "--without"),
        (("doctor", "--without", "magic"), "namespaces"),
        (("dctor",), "doctor"),
    ],
)
def test_a_mistake_is_one_line_with_a_hint_and_exit_code_2(arguments: tuple[str, ...], hint: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr and "Traceback" not in done.stderr and done.stderr.count("\n") == 1
