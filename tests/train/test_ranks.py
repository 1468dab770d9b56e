"""Two processes that train as one come to what one comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from codedance.errors import TrainError
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


def test_shares_are_complete_and_disjoint() -> None:
    shares = [list(Ranks(3, rank).share(range(10))) for rank in range(3)]
    assert sorted(number for share in shares for number in share) == list(range(10))
