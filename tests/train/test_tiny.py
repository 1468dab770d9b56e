"""The model made from nothing reads the question and the picture, and nothing that it cannot have learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from PIL import Image

from codedance.images import load_input
from codedance.model.loading import open_processor
from codedance.model.processors import encode
from codedance.rollout.codec import Codec
from codedance.rollout.settings import Format
from codedance.tasks.synthetic import SLOTS
from codedance.train.tiny import RULE, Sizes, make_model
from train.recipes import SMALL, SMALL_EYE


def test_two_sizes_of_one_picture_are_asked_in_the_same_tokens(tmp_path: Path) -> None:
    texts = ["<think>I count.</think>\n<code>\nred = 12\n</code>"] * 30
    processor = open_processor(make_model(Sizes.model_validate(SMALL | SMALL_EYE), texts, SLOTS, 1, tmp_path / "model"))

    def asked(*sizes: tuple[int, int]) -> list[int]:
        images = [load_input(Image.new("RGB", size, "red"), RULE) for size in sizes]
        ids: list[int] = encode(processor, Codec(Format.CODE_TAGS).opening("How many?\n\nCount.", images, 4, 5))["input_ids"][
            0
        ].tolist()
        return ids

    assert asked((336, 336)) == asked((672, 672))
    assert asked((336, 336), (84, 112)) == asked((112, 112), (840, 1120))
    words = processor.tokenizer.decode(asked((672, 672)))
    assert "672" not in words
    assert words.count("How many?\n\nCount.") == 1
