"""Two processes that train as one come to what one comes to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from codedance.errors import TrainError
from codedance.train import ranks as ranks_module
from codedance.train.ranks import Ranks, ranks_of


def learn(ranks: Ranks, result: Path) -> None:
    """A line through four points, by three steps of gradient descent; each rank sees its share of the points."""
    weight = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
    unused = torch.nn.Parameter(torch.zeros(3))
    points = torch.tensor([[1.0, 2.0], [2.0, 3.0], [3.0, 1.0], [0.5, 4.0]])
    for _ in range(3):
        own = torch.stack(list(ranks.share(list(points))))
        loss = ((weight[0] * own[:, 0] + weight[1] - own[:, 1]) ** 2).sum()
        loss.backward()
        ranks.sum_gradients([weight, unused])
        with torch.no_grad():
            weight -= 0.01 * weight.grad
        weight.grad = None
    whole = sum(ranks.gather(float(loss.detach())))
    (result / str(ranks.rank)).write_text(f"{weight[0]:.4f} {weight[1]:.4f} {whole:.3f}")


def test_two_ranks_learn_what_one_learns(tmp_path: Path) -> None:
    learn(Ranks(), tmp_path)
    alone = (tmp_path / "0").read_text()
    with ranks_of(2, learn, tmp_path) as ranks:
        learn(ranks, tmp_path)
    assert (tmp_path / "0").read_text() == (tmp_path / "1").read_text() == alone


def fall(ranks: Ranks) -> None:
    if not ranks.is_first:
        raise ValueError("no more")
    ranks.gather(1)


def test_a_process_that_ends_is_an_error_and_no_hang() -> None:
    with pytest.raises(TrainError, match="a training process ended"), ranks_of(2, fall) as ranks:
        fall(ranks)


UNGUARDED = """
import sys, time
from codedance.errors import TrainError
from codedance.train.ranks import ranks_of

def work(ranks): ...

start = time.monotonic()
try:
    with ranks_of(2, work):
        print("met")
except TrainError as error:
    print(f"{time.monotonic() - start:.1f} s: {error}")
"""


def test_a_script_without_its_guard_is_told_at_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100).stdout
    assert re.search(r"rank 1: its process ended with exit code 1 .*`if __name__ == \"__main__\":`", told)
    assert "met" not in told


class EndsWhenRead:
    """Its process ends while it is read, before any work."""

    def __init__(self, code: int) -> None:
        self.code, self.pid = code, os.getpid()

    def __setstate__(self, state: dict[str, int]) -> None:
        if os.getpid() != state["pid"]:
            os._exit(state["code"])


def test_a_process_that_ends_before_the_meeting_is_named() -> None:
    start = time.monotonic()
    with (
        pytest.raises(TrainError, match="rank 1: its process ended with exit code 7 before"),
        ranks_of(2, learn, EndsWhenRead(7)),
    ):
        raise AssertionError("they have met")
    assert time.monotonic() - start < 30  # not the ten minutes of the meeting


def test_a_process_that_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "_WAIT", timedelta(milliseconds=1))
    with pytest.raises(TrainError, match="rank 1, rank 2: nothing was heard"), ranks_of(3, learn):
        raise AssertionError("they have met")


def test_shares_are_complete_and_disjoint() -> None:
    shares = [list(Ranks(3, rank).share(range(10))) for rank in range(3)]
    assert sorted(number for share in shares for number in share) == list(range(10))
