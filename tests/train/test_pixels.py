"""Our way to read pictures gives the bits that the image processor gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from codedance.images import Picture, Size
from codedance.model.processors import load_processor
from codedance.train.pixels import read_pictures


def noise(width: int, height: int) -> Picture:
    pixels = np.random.default_rng(width + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture.of(Image.fromarray(pixels))


@pytest.mark.parametrize(
    "sizes",
    [[(112, 112)], [(56, 56), (112, 84)], [(28, 140), (280, 56), (84, 84)], [(100, 60)]],
    ids=["one", "two", "three", "odd"],
)
@pytest.mark.parametrize("model", ["tiny_qwen", "tiny_llava"])
def test_pictures_are_read_to_the_same_bits(model: str, sizes: list[tuple[int, int]], request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(model)
    reader: Any = load_processor(folder, "qwen2_5_vl" if model == "tiny_qwen" else "llava").image_processor
    pictures = [noise(*Size(*size)) for size in sizes]
    usual = reader(images=[picture.pixels for picture in pictures], return_tensors="pt")
    ours = read_pictures(reader, pictures)
    assert ours.keys() == usual.keys()
    assert all(torch.equal(ours[name], usual[name]) for name in usual)
