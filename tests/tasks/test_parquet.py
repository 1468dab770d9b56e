"""Written questions: every row holds what it needs, in the layout that trainers read."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from codedance.errors import StoreError
from codedance.tasks import parquet
from codedance.tasks.parquet import write_parquet
from codedance.tasks.synthetic import Level, make_items


def test_rows_hold_question_picture_and_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_GROUP", 16)
    items = list(make_items(["count", "digit"], list(Level), 40, seed=3))
    assert write_parquet(items, tmp_path / "t.parquet", split="test") == 40
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == 3
    rows = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert len(rows) == 40
    for number, (row, item) in enumerate(zip(rows, items, strict=True)):
        (picture,) = row["images"]
        assert Image.open(io.BytesIO(picture["bytes"])).tobytes() == item.image.tobytes()
        assert row["prompt"] == [{"role": "user", "content": f"<image>\n{item.question}"}]
        assert row["reward_model"] == {"style": "rule", "ground_truth": item.answer}
        assert row["data_source"] == f"synthetic/{item.family}"
        assert row["extra_info"]["index"] == number
        assert (row["extra_info"]["level"], row["extra_info"]["split"]) == (item.level, "test")


def test_the_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield from make_items(["count"], [Level.EASY], 3, seed=1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_parquet(broken(), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="it cannot be written"):
        write_parquet(make_items(["count"], [Level.EASY], 1, seed=1), tmp_path / "file" / "t.parquet")
