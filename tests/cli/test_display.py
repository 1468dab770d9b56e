"""What a terminal shows: turns with nothing in them that could steer it, pictures where it can, progress in one line."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from codedance import ExecError, ExecStatus, Execution, Isolation, Limits, Settings, Turn, Usage
from codedance.cli.inline import Protocol, escape_sequence, protocol
from codedance.cli.options import RolloutFlags, SandboxFlags
from codedance.cli.progress import RunDisplay, figures
from codedance.cli.turns import show_turn
from codedance.images import encode_png
from codedance.rollout.runner import Progress
from codedance.types import Repair, SeenImage


def shown(turn: Turn, images: Path = Path("images"), how: Protocol | None = None, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)
    show_turn(console, 1, turn, images, how)
    return console.file.getvalue()


def execution(**changes: object) -> Execution:
    fields = {"stdout": "", "stderr": "", "images": (), "error": None, "seconds": 0.0123, "truncated": False, "state_kept": True}
    return Execution(**({"status": ExecStatus.OK, "isolation": Isolation(4)} | fields | changes))


def test_a_turn_shows_thought_code_output_time_and_pictures() -> None:
    turn = Turn(
        text="", thought="I look.", code="print(1)", execution=execution(stdout="1\n"), usage=Usage(9, 5), model_s=1.25,
        observation=("1\n", SeenImage("abc", 280, 140, 52), "\n"), repairs=(Repair.MISSING_FENCE,), note="one turn is left",
    )  # fmt: skip
    text = shown(turn)
    for words in (
        "turn 1",
        "5 tokens, 1.2 s",
        "I look.",
        "print(1)",
        "ok  12 ms",
        "images/abc.png",
        "(280x140)",
        "missing_fence",
    ):
        assert words in text
    assert "to the model: one turn is left" in text


def test_nothing_written_by_a_model_or_its_code_steers_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;title\x07[red]x[/red]\x9b31m\u202etxet\r"
    turn = Turn(
        text=evil, thought=evil, reasoning=evil, code=f"'{evil}'", note=evil,
        execution=execution(stdout=evil, stderr=evil, error=ExecError(evil, evil, 1), notes=(evil,)),
    )  # fmt: skip
    text = shown(turn)
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e", "\r"} and "[red]x[/red]" in text and "\\x1b[2J" in text


def test_long_output_is_cut_in_the_middle() -> None:
    text = shown(Turn(text="", execution=execution(stdout="\n".join(f"line {number}" for number in range(500)))))
    assert "line 0" in text and "line 499" in text and "460 lines" in text and text.count("\n") < 60


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, Protocol.KITTY),
        ({"KITTY_WINDOW_ID": "1"}, Protocol.KITTY),
        ({"TERM_PROGRAM": "iTerm.app"}, Protocol.ITERM),
        ({"TERM_PROGRAM": "WezTerm"}, Protocol.ITERM),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
    ],
)
def test_pictures_are_shown_only_where_the_terminal_can(environment: dict[str, str], expected: Protocol | None) -> None:
    assert protocol(environment) is expected


def test_the_picture_in_the_escape_sequence_is_whole() -> None:
    png = encode_png(Image.effect_noise((100, 80), 60).convert("RGB"))
    kitty = escape_sequence(png, Protocol.KITTY)
    chunks = [part.partition(";")[2] for part in kitty.replace("\n", "").split("\033\\") if part]
    assert len(chunks) > 1 and all(len(chunk) <= 4096 for chunk in chunks) and base64.b64decode("".join(chunks)) == png
    assert kitty.count("m=1;") == len(chunks) - 1 and "m=0;" in kitty
    assert base64.b64decode(escape_sequence(png, Protocol.ITERM).rstrip("\n\a").rpartition(":")[2]) == png


def test_a_picture_appears_in_a_terminal_and_never_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "abc.png").write_bytes(encode_png(Image.new("RGB", (28, 28))))
    turn = Turn(text="", execution=execution(), observation=(SeenImage("abc", 28, 28, 3),))
    assert "\033_G" in shown(turn, tmp_path, Protocol.KITTY, terminal=True)
    assert "\033_G" not in shown(turn, tmp_path, Protocol.KITTY) and "\033_G" not in shown(turn, tmp_path, terminal=True)


def test_progress_tells_what_is_worth_watching() -> None:
    progress = Progress(
        done=10,
        resumed=5,
        answered=9,
        with_gold=8,
        right=6,
        undecided=1,
        outages=1,
        cells=20,
        failed_cells=2,
        usage=Usage(100, 50),
        seconds=5.0,
    )
    assert figures(progress) == (
        "9 answered, right 75.0% of 8, 1 undecided by rules, code ok 90.0% of 20, 1 outages, 2.00/s, 10 tokens/s, 5 from before"
    )
    assert figures(Progress()) == "0 answered"


def test_a_log_file_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with RunDisplay(20) as display:
        for done in range(20):
            display(Progress(done=done, answered=done))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["0 of 20 rollouts: 0 answered"]


def test_flags_that_are_not_given_mean_the_defaults_of_the_library() -> None:
    assert RolloutFlags().settings() == Settings()
    assert SandboxFlags().open().limits == Limits()
