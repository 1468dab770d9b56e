"""Recipes on the command line: what is wrong is one line; what is right leaves a model that can be asked."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

import codedance
from cli.commands import Run

TINY = str(Path(codedance.__file__).parent / "tiny")
SFT = '[[stages]]\nkind = "solve"\nsteps = 2\nexamples = 4\npool = 4\nfamilies = ["count"]\n'
GRPO = 'steps = 1\n[start]\npath = "none"\n[questions]\nfamilies = ["count"]\n'


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    (tmp_path / "sft.toml").write_text(SFT)
    (tmp_path / "grpo.toml").write_text(GRPO)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("sft", "sft.toml", "optimiser.lr=1"), "there is no setting 'optimiser'; did you mean 'optimizer'?"),
        (("sft", "sft.toml", "optimizer.lr=-1"), "optimizer.lr is -1"),
        (("sft", "sft.toml", "optimizer.lr"), "settings are given as name=value"),
        (("sft", "none.toml"), "none.toml: it cannot be read: No such file or directory"),
        (("sft", "sft.toml", "stages=[]"), "stages is []"),
        (("sft", "sft.toml", "start.path=nowhere"), "nowhere: it is no folder"),
        (("sft", "grpo.toml"), "there is no setting"),
        (("grpo", "grpo.toml"), "none: it is no folder"),
        (("grpo", "grpo.toml", "reward=gaurded"), "did you mean 'guarded'?"),
        (("grpo", "grpo.toml", "questions.families=['cont']"), "there is no family 'cont'"),
        (("grpo", "grpo.toml", "questions.file='none.jsonl'", "questions.families=[]"), "none.jsonl: it cannot be read"),
        (("grpo", "grpo.toml", "questions.families=[]"), "name either families or a file"),
        (("grpo", "grpo.toml", "policy.clip_low=2"), "policy.clip_low is 2"),
        (("exam", "nowhere"), "nowhere: it is no folder"),
        (("exam", TINY, "--families", "cuont"), "there is no family 'cuont'"),
        (("exam", TINY, "--each", "0"), "an exam of 0 questions"),
        (("grpo", "grpo.toml", "start={}"), "start.path is missing"),
        (("pack", TINY, "nowhere", "--out", "packed"), "nowhere: it has no recipe.json"),
    ],
)
def test_a_mistake_is_one_line(
    run_here: Run, recipes: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.chdir(recipes)
    said = run_here("train", *words)
    assert said.returncode == (1 if "none.jsonl" in complaint else 2)
    assert complaint in said.stderr
    assert said.stderr.startswith("codedance: ")
    assert said.stderr.count("\n") == 1


def test_questions_are_listed_and_made(run_here: Run, tmp_path: Path) -> None:
    listed = run_here("tasks", "list").stdout.splitlines()
    assert {line.split("\t")[0] for line in listed} >= {"count", "photo", "count_half"}
    made = run_here("tasks", "make", tmp_path / "q.parquet", "--count", 12, "--families", "count,digit", "--level", "hard")
    assert made.stdout.strip() == str(tmp_path / "q.parquet")
    assert pq.read_table(tmp_path / "q.parquet").num_rows == 12


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("q.jsonl",), "give it a name that ends in .parquet"),
        (("q.parquet", "--families", "cont"), "there is no family 'cont'"),
        (("q.parquet", "--level", "medium"), "--level is 'medium'; it is one of both, easy, hard"),
        (("q.parquet", "--count", "0"), "--count is 0"),
        (("q.parquet", "--families", "count_half", "--level", "easy"), "no family of"),
    ],
)
def test_questions_that_cannot_be_made_are_one_line(
    run_here: Run, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    said = run_here("tasks", "make", tmp_path / words[0], *words[1:])
    assert said.returncode == 2
    assert complaint in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_leaves_a_model_that_can_be_asked(run_here: Run, recipes: Path) -> None:
    trained = run_here("train", "sft", recipes / "sft.toml", "workers=1", "--out", recipes / "out")
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.strip() == str(recipes / "out" / "model")
    assert "step 2 of 2: loss" in trained.stderr
    picture = Path(__file__).parents[2] / "examples" / "shapes.png"
    asked = run_here(
        "ask", picture, "Count the blue shapes.", "--model", f"hf:{recipes}/out/model", "--max-tokens", 8, "--isolation", 0
    )
    assert asked.returncode in (0, 1), asked.stderr
    assert "no answer" in asked.stderr or asked.stdout
