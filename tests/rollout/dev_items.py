"""The benchmark questions in shared/data beside the repository, as tasks. For tests only; skips where the folder is absent."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from codedance.types import Task

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no benchmark items here: {FOLDER} is missing")

_COLUMNS = ["images", "extra_info.id", "extra_info.question", "extra_info.answer", "extra_info.category"]


@cache
def dev_items() -> dict[str, Task]:
    """Every question by its id."""
    from pyarrow import parquet

    tasks = {}
    for path in sorted(FOLDER.glob("*_dev.parquet")):
        for row in parquet.ParquetFile(path).read(_COLUMNS).to_pylist():
            info, images = row["extra_info"], tuple(image["bytes"] for image in row["images"])
            texts = {"answer": info["answer"], "category": info["category"], "source": path.stem.removesuffix("_dev")}
            tasks[info["id"]] = Task(id=info["id"], question=info["question"], images=images, **texts)
    return tasks
