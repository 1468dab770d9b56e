"""`codedance ask` as a person meets it, and every mistake as one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from PIL import Image

from cli.commands import run
from codedance.rollout.store import read_traces
from codedance.types import StopReason

CODE = "<think>Look [bold]closer[/bold] \x1b[2J</think><code>\n```python\nprint(input_image.size)\ndisplay(input_image)\n```\n</code>"
ANYWHERE = ("--isolation", 0)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a picture and a script, as somebody's desk."""
    Image.effect_noise((300, 200), 50).convert("RGB").save(tmp_path / "photo.png")
    (tmp_path / "good.json").write_text(json.dumps([CODE, "<answer>seven\nred</answer>"]))
    (tmp_path / "plain.json").write_text(json.dumps(["<answer>six</answer>"]))
    (tmp_path / "mute.json").write_text(json.dumps(["Hm.", "Hm."]))
    return tmp_path


def test_the_answer_goes_to_stdout_and_the_turns_to_stderr(desk: Path) -> None:
    done = run("ask", desk / "photo.png", "What?", "--model", f"script:{desk}/good.json", "--out", desk / "out", *ANYWHERE)
    assert (done.returncode, done.stdout) == (0, "seven\nred\n")
    for words in ("turn 1", "Look [bold]closer[/bold] \\x1b[2J", "print(input_image.size)", "(308, 196)", "turn 2", "ok"):
        assert words in done.stderr
    (trace,) = read_traces(desk / "out")
    assert trace.stop is StopReason.ANSWERED and trace.source == "ask" and trace.question == "What?"
    shown = trace.turns[0].observation[1]
    path = desk / "out/images" / f"{shown.digest}.png"
    assert path.exists() and path.name in done.stderr.replace("\n", "")


def test_json_is_the_trace(desk: Path, run_here: Callable[..., CompletedProcess[str]]) -> None:
    done = run_here(
        "ask", desk / "photo.png", "What?", "--model", f"script:{desk}/good.json", "--out", desk / "out", "--json", *ANYWHERE
    )
    assert json.loads(done.stdout)["answer"] == "seven\nred"
    assert [trace.answer for trace in read_traces(desk / "out")] == ["seven\nred"]


def test_a_question_needs_no_picture(desk: Path, run_here: Callable[..., CompletedProcess[str]]) -> None:
    done = run_here("ask", "How many sides has a cube?", "--model", f"script:{desk}/plain.json", "--out", desk / "out", *ANYWHERE)
    assert (done.returncode, done.stdout) == (0, "six\n")


def test_no_answer_is_exit_code_1_and_says_why(desk: Path, run_here: Callable[..., CompletedProcess[str]]) -> None:
    done = run_here("ask", desk / "photo.png", "What?", "--model", f"script:{desk}/mute.json", "--out", desk / "out", *ANYWHERE)
    assert (done.returncode, done.stdout) == (1, "") and "no answer: no_action" in done.stderr


def test_asking_twice_adds_to_the_folder_and_other_settings_are_refused(
    desk: Path, run_here: Callable[..., CompletedProcess[str]]
) -> None:
    asking = ("ask", desk / "photo.png", "What?", "--model", f"script:{desk}/good.json", "--out", desk / "out", *ANYWHERE)
    assert run_here(*asking).returncode == run_here(*asking).returncode == 0
    assert len(list(read_traces(desk / "out"))) == 2
    other = run_here(*asking, "--turns", 3)
    assert other.returncode == 2 and "turns was 10, is 3" in other.stderr and other.stderr.count("\n") == 1


def test_replay_and_report_take_what_ask_has_left(desk: Path, run_here: Callable[..., CompletedProcess[str]]) -> None:
    run_here("ask", desk / "photo.png", "What?", "--model", f"script:{desk}/good.json", "--out", desk / "out", *ANYWHERE)
    audit = run_here("replay", desk / "out", *ANYWHERE)
    assert (audit.returncode, audit.stdout) == (0, "1 cells: 1 bit-equal\n")
    verdict = json.loads(run_here("replay", desk / "out", "--json", *ANYWHERE).stdout)
    assert (verdict["turn"], verdict["verdict"]) == (1, "bit-equal")
    report = run_here("report", desk / "out")
    assert (report.returncode, report.stdout) == (0, f"{desk}/out/report.html\n")
    traces = desk / "out/traces.jsonl"
    traces.write_text(traces.read_text().replace('"stdout":"(308, 196)', '"stdout":"(1, 1)'))
    audit = run_here("replay", desk / "out", *ANYWHERE)
    assert audit.returncode == 1 and "turn 1: different: stdout" in audit.stdout


def test_a_spent_budget_is_told_after_the_counts(desk: Path, run_here: Callable[..., CompletedProcess[str]]) -> None:
    (desk / "tasks.jsonl").write_text('{"question": "a?"}\n{"question": "b?"}\n')
    asking = (
        "run",
        desk / "tasks.jsonl",
        "--out",
        desk / "out",
        "--model",
        f"script:{desk}/good.json",
        "--isolation",
        0,
        "--json",
    )
    none = run_here(*asking, "--most-tokens", 0)
    assert none.returncode == 1 and json.loads(none.stdout)["missing"] == 2 and "the budget is spent (0 tokens)" in none.stderr


MISTAKES = [
    (("ask", "{desk}/none.png", "What?", "--model", "script:{desk}/good.json"), 1, "no such file"),
    (("ask", "{desk}/photo.png", "", "--model", "script:{desk}/good.json"), 2, "question is empty"),
    (("ask", "{desk}/photo.png", "--model", "script:{desk}/good.json"), 2, "no question follows it"),
    (("ask",), 2, "nothing was asked"),
    (("ask", "{desk}/good.json", "What?", "--model", "script:{desk}/good.json", "--out", "{desk}/o", "--isolation", "0"), 1, "not in an image format"),
    (("ask", "{desk}/photo.png", "What?", "--model", "gpt-9"), 2, "'gpt-9' is no model here"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/none.json"), 2, "cannot be read"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/photo.png"), 2, "script"),
    (("ask", "{desk}/photo.png", "What?", "--model", "hf:{desk}/none"), 2, "none"),
    (("ask", "{desk}/photo.png", "What?", "--base-url", "http://127.0.0.1:9/v1", "--out", "{desk}/o", "--isolation", "0"), 1, "127.0.0.1:9"),
    (("ask", "{desk}/photo.png", "What?", "--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--out", "{desk}/o", "--isolation", "0"), 1, "127.0.0.1:9"),
    (("ask", "{desk}/photo.png", "What?", "--base-url", "nonsense"), 2, "nonsense"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/good.json", "--formt", "tool_call"), 2, "--format"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/good.json", "--format", "xml"), 2, "code_tags"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/good.json", "--turns", "0"), 2, "turns is 0"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/good.json", "--turns", "many"), 2, "many"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/good.json", "--max-pixels", "10"), 2, "pixel rule"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/good.json", "--time-s", "0"), 2, "time_s"),
    (("ask", "{desk}/photo.png", "What?", "--model", "script:{desk}/good.json", "--out", "{desk}/photo.png/x", "--isolation", "0"), 1, "cannot be written"),
    (("run", "{desk}/none.jsonl", "--out", "{desk}/o", "--model", "script:{desk}/good.json"), 1, "none.jsonl"),
    (("run", "{desk}/good.json", "--out", "{desk}/o", "--model", "script:{desk}/good.json", "--isolation", "0"), 1, "it is a str, not an object with fields"),
    (("run", "{desk}/none.jsonl", "--model", "script:{desk}/good.json"), 2, "--out"),
    (("replay", "{desk}/none"), 1, "no run here"),
    (("report", "{desk}/none"), 1, "no run here"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "words"), MISTAKES, ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else ""
)
def test_a_mistake_is_one_clear_line(
    desk: Path, run_here: Callable[..., CompletedProcess[str]], arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run_here(*(argument.format(desk=desk) for argument in arguments))
    complaint = [line for line in done.stderr.splitlines() if line and not line.startswith("trace: ")]
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr and "Traceback" not in done.stderr and len(complaint) == 1, done.stderr
