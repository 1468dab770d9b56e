"""A vision tower that reads many pictures in one go computes what transformers' own does."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra 'local' is not installed")
import torch
from transformers import AutoModelForImageTextToText

from codedance.model.vision import read_together

GRIDS = {
    "alike": [(8, 8)] * 5,
    "one": [(6, 10)],
    "mixed": [(8, 8), (2, 4), (10, 18), (8, 8), (4, 2), (18, 10), (2, 4)],  # the larger ones have several windows
}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def tower(tiny_qwen: Path) -> Any:
    model = AutoModelForImageTextToText.from_pretrained(tiny_qwen, local_files_only=True)
    return model.model.visual


def read(tower: Any, grids: Sequence[tuple[int, int]], dtype: torch.dtype = torch.float32) -> tuple[Any, dict[str, Any]]:
    """What it sees, and the gradients of its weights for any loss."""
    tower = deepcopy(tower).to(dtype).requires_grad_(True)
    rng = torch.Generator().manual_seed(3)
    patches = torch.randn(sum(h * w for h, w in grids), 3 * 2 * 14 * 14, generator=rng).to(dtype)
    seen = tower(patches, grid_thw=torch.tensor([(1, *grid) for grid in grids])).pooler_output
    (seen.float() * torch.randn(seen.shape, generator=rng)).sum().backward()
    return seen.detach(), {name: weight.grad for name, weight in tower.named_parameters()}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", GRIDS)
def test_results_and_gradients_are_those_of_transformers(tower: Any, kind: str, attention: str) -> None:
    plain = deepcopy(tower)
    plain.set_attn_implementation(attention)
    together = deepcopy(plain)
    read_together(together)
    read_together(together)
    (theirs, their_slopes), (ours, our_slopes) = read(plain, GRIDS[kind]), read(together, GRIDS[kind])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert our_slopes.keys() == their_slopes.keys()
    for name, slope in their_slopes.items():
        torch.testing.assert_close(our_slopes[name], slope, rtol=1e-3, atol=1e-3 * float(slope.abs().max()) + 1e-5)


def test_pictures_do_not_see_each_other(tower: Any) -> None:
    together = deepcopy(tower)
    read_together(together)
    whole = read(together, [(8, 8), (4, 6), (8, 8)])[0]
    alone = read(together, [(8, 8)])[0]  # the same noise comes first
    torch.testing.assert_close(whole[: len(alone)], alone, rtol=1e-4, atol=1e-4)


def test_attention_is_called_once_for_all_pictures_of_a_size(tower: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    together = deepcopy(tower)
    together.set_attn_implementation("sdpa")
    read_together(together)
    sizes: list[tuple[int, ...]] = []
    real = torch.nn.functional.scaled_dot_product_attention

    def note(query: Any, *args: Any, **kwargs: Any) -> Any:
        sizes.append(tuple(query.shape))
        return real(query, *args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", note)
    read(together, [(16, 16)] * 5)
    assert [shape[0] for shape in sizes] == [20, 5]  # each has four windows, which the first layer looks at
