"""Tasks on disk: any of them at any time, also in another process, and no memory for their pictures."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from codedance.errors import StoreError
from codedance.tasks.spool import Spool
from codedance.types import AnswerKey, Rule, Task


def tasks(number: int, size: int = 10) -> Iterator[Task]:
    for n in range(number):
        picture = random.Random(n).randbytes(size)
        key = AnswerKey(rule=Rule.CHARTQA, alternatives=("x",))
        yield Task(id=str(n), question=f"?{n}", images=(picture, Path("a.png")) if n % 2 else (), answer="1", key=key)


def third(spool: Spool[Task]) -> Task:
    return spool[3]


def test_every_task_comes_back_whole_in_any_order(tmp_path: Path) -> None:
    spool = Spool(tasks(20), tmp_path / "new")
    assert len(spool) == 20
    assert [spool[n] for n in (19, 0, 7)] == [list(tasks(20))[n] for n in (19, 0, 7)]
    assert list((tmp_path / "new").iterdir()) == [], "the file has no name that could be left behind"
    for wrong in (20, -1):
        with pytest.raises(IndexError):
            _ = spool[wrong]


def test_another_process_reads_the_same_file(tmp_path: Path) -> None:
    spool = Spool(tasks(5), tmp_path)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as others:
        assert others.submit(third, spool).result() == spool[3]


def test_memory_holds_no_pictures(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        spool = Spool(tasks(100, 200_000), tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(spool) == 100 and peak < 2_000_000


def test_a_full_disk_is_told() -> None:
    with pytest.raises(StoreError, match="no room to keep what is drawn from"):
        Spool(tasks(5), Path("/proc/none"))
