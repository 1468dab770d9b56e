"""`codedance tasks check` and `overlap`: what is wrong with a file, and what it shares with another."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from cli.commands import Run, write
from codedance.tasks.synthetic import Level, make_item


def row(name: str, image: Path, question: str = "How many?", **more: object) -> dict[str, object]:
    return {"id": name, "question": question, "image": image.name, "answer": "4"} | more


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    for seed in range(3):
        picture = make_item("bar", Level.HARD, seed).image
        picture.save(tmp_path / f"{seed}.png")
    Image.open(tmp_path / "0.png").resize((300, 280)).convert("RGB").save(tmp_path / "copy.jpg", quality=70)
    return tmp_path


def test_a_good_file_is_counted(desk: Path, run_here: Run) -> None:
    said = run_here("tasks", "check", write(desk / "good.jsonl", [row("a", desk / "0.png"), row("b", desk / "1.png")]))
    assert (said.returncode, said.stdout, said.stderr) == (0, "good\t2\n", "")


def test_every_bad_row_is_told_and_the_command_fails(desk: Path, run_here: Run) -> None:
    rows = (row("a", desk / "0.png"), row("b", desk / "none.png"), row("c", desk / "1.png", answer=""), row("d", desk / "2.png"))
    said = run_here("tasks", "check", write(desk / "bad.jsonl", rows))
    assert (said.returncode, said.stdout) == (1, "bad\t2\n")
    gone, empty = sorted(said.stderr.splitlines(), reverse=True)
    assert "none.png" in gone and "answer" in empty


def test_copies_and_repeated_questions_are_found(desk: Path, run_here: Run) -> None:
    train = write(desk / "train.jsonl", [row("a", desk / "0.png"), row("b", desk / "1.png")])
    test = write(desk / "test.jsonl", [row("x", desk / "copy.jpg"), row("y", desk / "2.png")])
    said = run_here("tasks", "overlap", train, "--against", test)
    assert said.returncode == 1
    assert "| picture | a | x |" in said.stdout and "| question | a | x |" in said.stdout
    assert "1 pairs of pictures and 1 of questions; 2 pictures trained on, 2 tested on" in said.stderr


def test_files_that_share_nothing_pass(desk: Path, run_here: Run) -> None:
    train, test = write(desk / "train.jsonl", [row("a", desk / "0.png")]), write(desk / "test.jsonl", [row("y", desk / "2.png")])
    said = run_here("tasks", "overlap", train, "--against", test)
    assert (said.returncode, said.stdout) == (0, "")


def test_a_file_that_cannot_be_read_is_one_line(desk: Path, run_here: Run) -> None:
    for words in (("check", desk / "none.jsonl"), ("overlap", desk / "none.jsonl", "--against", desk / "none.jsonl")):
        said = run_here("tasks", *words)
        assert said.returncode != 0 and said.stderr.count("\n") == 1 and "none.jsonl" in said.stderr
