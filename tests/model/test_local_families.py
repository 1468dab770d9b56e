"""Processors of many families load without torchvision, know their own sizes, and cost the tokens that their rule says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra 'local' is not installed")

import transformers
from PIL import Image

from codedance.errors import ConfigError
from codedance.images import ImageLimits, Picture, PixelRule, Size, fit
from codedance.model.chat import Message, Role
from codedance.model.families import family_named
from codedance.model.processors import encode, load_processor, model_info
from codedance.types import Coordinates
from model.tiny_models import make_tokenizer


@dataclass(frozen=True)
class Kind:
    """A model folder's processor files."""

    model_type: str
    processor: str
    reader: str
    marks: tuple[str, ...]
    """The first stands for a picture in the chat template."""
    rule: PixelRule
    num_marks: int = 0
    """Tokens around a picture."""
    settings: dict[str, Any] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    """Special tokens by the names that the processor asks for."""
    whole: dict[str, Any] = field(default_factory=dict)
    """Of processor_config.json."""


INTERNVL = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
GEMMA = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
KINDS = [
    Kind(
        "qwen3_5",
        "Qwen3VLProcessor",
        "Qwen2VLImageProcessor",
        ("<|image_pad|>", "<|video_pad|>"),
        PixelRule(32, 65_536, 16_777_216),
        settings={"patch_size": 16, "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216}},
    ),
    Kind(
        "glm4v",
        "Glm4vProcessor",
        "Glm4vImageProcessor",
        ("<|image|>", "<|video|>"),
        PixelRule(28, 6_272, 4_816_896),
        settings={"size": {"shortest_edge": 12_544, "longest_edge": 9_633_792}},
    ),
    Kind("glm46v", "Glm46VProcessor", "Glm46VImageProcessor", ("<|image|>", "<|video|>"), PixelRule(28, 6_272, 5_880_000)),
    Kind(
        "internvl",
        "InternVLProcessor",
        "GotOcr2ImageProcessor",
        ("<IMG_CONTEXT>", "<img>", "</img>", "<video>"),
        family_named("internvl").rule,
        num_marks=2,
        named=INTERNVL,
    ),
    Kind(
        "llava_onevision",
        "LlavaOnevisionProcessor",
        "LlavaOnevisionImageProcessor",
        ("<image>", "<video>"),
        family_named("llava-onevision").rule,
        whole={"num_image_tokens": 729, "vision_feature_select_strategy": "full"},
    ),
    Kind(
        "gemma3",
        "Gemma3Processor",
        "Gemma3ImageProcessor",
        ("<start_of_image>", "<image_soft_token>", "<end_of_image>"),
        family_named("gemma-3").rule,
        num_marks=2,
        named=GEMMA,
    ),
]


def written(kind: Kind, folder: Path) -> Path:
    """The folder of a model as far as its processor needs it, as the hub has them."""
    tokenizer = make_tokenizer(*kind.marks)
    tokenizer.chat_template = (
        "{% for message in messages %}{% for part in message['content'] %}"
        f"{{% if part['type'] == 'image' %}}{kind.marks[0]}{{% else %}}{{{{ part['text'] }}}}{{% endif %}}"
        "{% endfor %}{% endfor %}"
    )
    tokenizer.model_max_length = 8192
    tokenizer.save_pretrained(folder)
    getattr(transformers, f"{kind.reader}Pil")(**kind.settings).save_pretrained(folder)
    changes: dict[str, dict[str, Any]] = {
        "tokenizer_config.json": {"extra_special_tokens": kind.named, "processor_class": kind.processor},
        "preprocessor_config.json": {"image_processor_type": kind.reader, "processor_class": kind.processor},
        "config.json": {"model_type": kind.model_type},
    }
    if kind.whole:
        changes["processor_config.json"] = {"processor_class": kind.processor, **kind.whole}
    for name, change in changes.items():
        file = folder / name
        before = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**before, **change}))
    return folder


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of the processors of GLM
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.model_type)
def test_a_family_loads_with_its_own_sizes(kind: Kind, tmp_path: Path) -> None:
    processor = load_processor(written(kind, tmp_path), kind.model_type)
    info = model_info(processor, kind.model_type, name="m", context=99)
    assert (info.image_limits, info.context, info.family != "") == (ImageLimits(kind.rule, None), 99, True)
    view = fit(Size(640, 480), kind.rule).size
    asked, bare = (
        encode(processor, [Message(Role.USER, ("What is this?", *pictures))])["input_ids"].shape[1]
        for pictures in ((Picture.of(Image.new("RGB", view)),), ())
    )
    assert asked - bare <= kind.rule.tokens(view)
    if kind.rule.is_exact:
        assert asked - bare == kind.rule.tokens(view) - 2 + kind.num_marks


def test_coordinates_come_from_the_table(tmp_path: Path) -> None:
    systems = {
        kind.model_type: model_info(load_processor(written(kind, tmp_path / kind.model_type), kind.model_type), kind.model_type)
        for kind in KINDS[:2]
    }
    assert {info.coordinates for info in systems.values()} == {Coordinates.PER_THOUSAND}


def test_a_model_that_nobody_knows_says_so(tiny_llava: Path) -> None:
    info = model_info(load_processor(tiny_llava, "llava"), "llava")
    assert (info.family, info.image_limits.rule) == ("", family_named("qwen2.5-vl").rule)


def test_a_processor_that_needs_torchvision_says_so(tmp_path: Path) -> None:
    if transformers.utils.is_torchvision_available():
        pytest.skip("torchvision is installed")
    pixtral = Kind("pixtral", "PixtralProcessor", "PixtralImageProcessor", ("[IMG]",), family_named("pixtral").rule)
    with pytest.raises((ConfigError, ImportError), match="[Tt]orchvision"):
        load_processor(written(pixtral, tmp_path), "pixtral")
