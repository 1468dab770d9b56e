"""Looking over the questions: reference answers that their own rule does not accept are told before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codedance.errors import DataError
from codedance.evaluate import preflight
from codedance.evaluate.preflight import look_over
from codedance.tasks.selection import Selection

ENDLESS = "word " * 200  # longer than any answer that is scored


def written(path: Path, rows: list[dict[str, object]]) -> Selection:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Selection(sources=(str(path),))


def test_every_reference_answer_must_be_right_by_its_rule(tmp_path: Path) -> None:
    row = {"question": "How many?", "rule": "pixmo", "answer": ["7", ENDLESS]}
    with pytest.raises(DataError, match="known answer 'word .* wrong: an answer of"):
        look_over(written(tmp_path / "a.jsonl", [row]), skip_bad=False)
    assert look_over(written(tmp_path / "b.jsonl", [{**row, "answer": ["7", "seven"]}]), skip_bad=False).total == 1


def test_of_a_long_file_a_share_of_the_answers_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_ALL", 20)
    good, bad = ({"question": "How many?", "rule": "pixmo", "answer": answer} for answer in ("7", ENDLESS))
    census = look_over(written(tmp_path / "a.jsonl", [good] * 20 + [bad] * 30), skip_bad=True)
    assert (len(census.left_out), census.total) == (3, 47)
    assert len(look_over(written(tmp_path / "b.jsonl", [bad] + [good] * 19), skip_bad=True).left_out) == 1
