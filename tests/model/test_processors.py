"""Processors are written as transformers' AutoProcessor and servers expect them."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra 'local' is not installed")

from transformers import Qwen2_5_VLProcessor

from codedance.model.named import TINY
from codedance.model.processors import load_processor, pixel_rule, save_processor

QWEN = "qwen2_5_vl"


def settings(folder: Path, name: str = "processor_config.json") -> dict[str, Any]:
    return dict(json.loads((folder / name).read_text()))


def test_a_written_qwen_processor_has_its_video_half_and_upstreams_names(tiny_qwen: Path, tmp_path: Path) -> None:
    processor = load_processor(tiny_qwen, QWEN)
    save_processor(processor, QWEN, tmp_path)
    written = settings(tmp_path)
    assert written["processor_class"] == settings(tmp_path, "tokenizer_config.json")["processor_class"] == "Qwen2_5_VLProcessor"
    assert written["video_processor"]["video_processor_type"] == "Qwen2VLVideoProcessor"
    assert written["video_processor"]["size"] == written["image_processor"]["size"]
    assert pixel_rule(load_processor(tmp_path, QWEN)) == pixel_rule(processor)


@pytest.mark.parametrize("is_inside", [True, False], ids=["in processor_config.json", "in a file of its own"])
def test_the_video_half_that_a_model_came_with_is_kept(tiny_qwen: Path, tmp_path: Path, is_inside: bool) -> None:
    source = copytree(tiny_qwen, tmp_path / "source")
    own = {"size": {"shortest_edge": 1568, "longest_edge": 999600}, "fps": 3, "video_processor_type": "Qwen2VLVideoProcessor"}
    whole = settings(source)
    del whole["video_processor"]
    if is_inside:
        whole["video_processor"] = own
    else:
        (source / "video_preprocessor_config.json").write_text(json.dumps(own))
    (source / "processor_config.json").write_text(json.dumps(whole))
    save_processor(load_processor(source, QWEN), QWEN, tmp_path / "again")
    assert settings(tmp_path / "again")["video_processor"] == own


def test_the_bundled_model_names_every_part_that_upstream_asks_for() -> None:
    parts = {"image_processor", "video_processor", "tokenizer"}
    assert set(Qwen2_5_VLProcessor.get_attributes()) == parts
    assert {"image_processor", "video_processor"} <= set(settings(TINY))
