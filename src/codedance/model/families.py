"""Which pictures the known families of vision-language models see, and how they write coordinates: one table.

    family = family_of("Qwen/Qwen3-VL-8B-Instruct")     # by the name under which a model is served; None for unknown names
    family.rule, family.coordinates                     # PixelRule(step=32, least=65536, ...), Coordinates.PER_THOUSAND
    family_named("qwen3-vl")                            # by its own name, as --family takes it

Figures of published checkpoints, as their processors in transformers 5.23 apply them; a server may be set to others
(`--mm-processor-kwargs` of vLLM), hence the flags. `docs/models.md` shows the table. Not covered: sound, video.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from codedance.errors import ConfigError
from codedance.images import QWEN25_VL, PixelRule
from codedance.model.chat import ModelInfo
from codedance.types import Coordinates

_BY_ASSUMPTION = "none found; pixels are assumed"


class Checked(StrEnum):
    """Against what a row's limits were held."""

    PROCESSOR = "processor"
    """The family's own image processor was run: it leaves exact views as they are; for others the figures are its own."""
    ARITHMETIC = "arithmetic"
    """Only the size arithmetic of the family's own processor was run in tests, which as a whole needs torchvision."""
    DOCUMENTS = "documents"
    """Only what is written about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models that see pictures alike."""

    name: str
    """As `--family` takes it."""
    title: str
    pattern: str
    """Found in a served name in lower case, with `-` for spaces and underscores."""
    model_types: tuple[str, ...] = ()
    """Of config.json."""
    rule: PixelRule
    source: str
    """Of the rule."""
    checked: Checked
    coordinates: Coordinates = Coordinates.PIXELS
    coordinates_source: str = _BY_ASSUMPTION

    def describe(self, info: ModelInfo) -> ModelInfo:
        """What is known of a model, with this family's limits and coordinates."""
        limits = replace(info.image_limits, rule=self.rule)
        return replace(info, family=self.name, image_limits=limits, coordinates=self.coordinates)


def _grid(step: int, least: int, most: int, *, max_side: int | None = None) -> PixelRule:
    return PixelRule(step, least, most, max_side=max_side)


def _cut(max_side: int, most: int, tokens: int) -> PixelRule:
    """Of processors that cut tiles or squeeze: any size may be sent, and is resized there."""
    return PixelRule(1, 1, most, max_side=max_side, is_exact=False, flat_tokens=tokens)


_PREPROCESSOR = "preprocessor_config.json of the published checkpoints"
_CLASS = "defaults of its image processor in transformers 5.23"
_SWIFT = "ms-swift, templates (norm_bbox)"
_THOUSAND = Coordinates.PER_THOUSAND
_Y_FIRST = Coordinates.PER_THOUSAND_Y_FIRST

FAMILIES = (
    Family(
        name="qwen3-vl",
        title="Qwen3-VL, Qwen3.5",
        pattern=r"qwen-?3(-?vl|[.p][5-9])",
        model_types=("qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"),
        rule=_grid(32, 65_536, 16_777_216),
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
        coordinates=_THOUSAND,
        coordinates_source="QwenLM/Qwen3-VL, cookbooks (spatial_understanding, mobile_agent)",
    ),
    Family(
        name="qwen2-vl",
        title="Qwen2-VL, QVQ, UI-TARS",
        pattern=r"qwen-?2-?vl|\bqvq\b|ui-?tars(?!-?1[.p]5)",
        model_types=("qwen2_vl",),
        rule=QWEN25_VL,
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
        coordinates=_THOUSAND,
        coordinates_source=_SWIFT,
    ),
    Family(
        name="qwen2.5-vl",
        title="Qwen2.5-VL, Qwen2.5-Omni, MiMo-VL, UI-TARS 1.5; CodeDance, Thyme, DeepEyes, PyVision, Mini-o3, Pixel-Reasoner",
        pattern=r"qwen-?2[-.p]?5-?(vl|omni)|mimo-?vl|ui-?tars-?1[.p]5|codedance|thyme|deepeyes|pyvision|mini-?o3|pixel-?reasoner",
        model_types=("qwen2_5_vl",),
        rule=QWEN25_VL,
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
        coordinates_source=_SWIFT,
    ),
    Family(
        name="exaone-4.5",
        title="EXAONE 4.5",
        pattern=r"exaone-?4[.p]5",
        model_types=("exaone4_5",),
        rule=_grid(28, 3_136, 3_211_264),
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="glm-5-next",
        title="GLM-5-Next",
        pattern=r"glm-?5-?next",
        model_types=("glm5_next",),
        rule=_grid(28, 12_544, 6_272_000),
        source=_CLASS,
        checked=Checked.PROCESSOR,
        coordinates=_THOUSAND,
        coordinates_source="assumed from GLM-4.xV",
    ),
    Family(
        name="glm-4v",
        title="GLM-4.1V, GLM-4.5V, GLM-4.6V, GLM-OCR, AutoGLM-Phone; GLM-5V is assumed to be like them",
        pattern=r"glm-?[4-9]([.p]\d+)?v|glm-?ocr|autoglm-?phone",
        model_types=("glm4v", "glm4v_moe", "glm46v", "glm_ocr"),
        rule=_grid(28, 6_272, 4_816_896),
        source=f"{_PREPROCESSOR}; its limits count two frames",
        checked=Checked.PROCESSOR,
        coordinates=_THOUSAND,
        coordinates_source="zai-org, glmv-grounding",
    ),
    Family(
        name="glm-ga",
        title="GLM-GA",
        pattern=r"glm-?ga\b",
        model_types=("glmga",),
        rule=_grid(28, 6_272, 5_880_000),
        source=_CLASS,
        checked=Checked.PROCESSOR,
        coordinates=_THOUSAND,
        coordinates_source="assumed from GLM-4.xV",
    ),
    Family(
        name="ernie-4.5-vl",
        title="ERNIE 4.5 VL",
        pattern=r"ernie-?4[.p]5.*vl",
        model_types=("ernie4_5_vl_moe",),
        rule=_grid(28, 3_136, 4_816_896),
        source="the checkpoint's own processing code",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="paddleocr-vl",
        title="PaddleOCR-VL",
        pattern=r"paddleocr-?vl",
        model_types=("paddleocr_vl",),
        rule=_grid(28, 147_384, 2_822_400),
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="videollama3",
        title="VideoLLaMA3",
        pattern=r"video-?llama-?3",
        model_types=("video_llama_3",),
        rule=_grid(14, 3_136, 3_211_264),
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="minimax-m3",
        title="MiniMax M3",
        pattern=r"minimax-?m3",
        model_types=("minimax_m3_vl",),
        rule=_grid(28, 3_136, 451_584),
        source=_CLASS,
        checked=Checked.ARITHMETIC,
    ),
    Family(
        name="hunyuan-vl",
        title="HunYuan-VL, HunyuanOCR",
        pattern=r"hunyuan-?(vl|vision|ocr)",
        model_types=("hunyuan_vl",),
        rule=_grid(32, 262_144, 4_194_304),
        source=_CLASS,
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="nemotron-omni",
        title="Nemotron-H Omni",
        pattern=r"nemotron.*omni",
        model_types=("nemotron_h_omni",),
        rule=_grid(32, 262_144, 3_407_872),
        source=_CLASS,
        checked=Checked.ARITHMETIC,
    ),
    Family(
        name="muse",
        title="Muse Glimmer, Muse Spark",
        pattern=r"muse-?(glimmer|spark)",
        model_types=("muse_glimmer", "muse_spark"),
        rule=_grid(28, 784, 3_211_264),
        source=_CLASS,
        checked=Checked.ARITHMETIC,
    ),
    Family(
        name="kimi-k2.5",
        title="Kimi K2.5 and later",
        pattern=r"kimi-?k(2[.p][5-9]|3)",
        model_types=("kimi_k25",),
        rule=_grid(28, 784, 3_211_264, max_side=7_168),
        source=f"{_CLASS}; sides that are multiples of 28 are not padded",
        checked=Checked.ARITHMETIC,
        coordinates=Coordinates.UNIT,
        coordinates_source="OSWorld runs; askui/python-sdk#282",
    ),
    Family(
        name="inkling-2",
        title="Inkling 2",
        pattern=r"inkling-?2",
        model_types=("inkling2",),
        rule=_grid(40, 1_600, 16_777_216),
        source=f"{_CLASS}; it has no upper limit, ours keeps requests small",
        checked=Checked.ARITHMETIC,
    ),
    Family(
        name="lfm2-vl",
        title="LFM2-VL, without its tiles",
        pattern=r"lfm2([.p]5)?-?vl",
        model_types=("lfm2_vl",),
        rule=_grid(32, 65_536, 262_144),
        source=f"{_PREPROCESSOR}; larger ones are cut into tiles",
        checked=Checked.ARITHMETIC,
    ),
    Family(
        name="mistral",
        title="Mistral Small 3.1 and later, Ministral 3, Mistral Large 4, Magistral",
        pattern=r"mistral-?(small|medium|large)|ministral|magistral",
        model_types=("mistral3", "mistral_large4"),
        rule=_grid(28, 784, 1_540**2, max_side=1_540),
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="pixtral",
        title="Pixtral 12B",
        pattern=r"pixtral",
        model_types=("pixtral",),
        rule=_grid(16, 256, 1_024**2, max_side=1_024),
        source=_PREPROCESSOR,
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="gemma-4",
        title="Gemma 4",
        pattern=r"(?<!med)gemma-?4(?!b)",
        model_types=("gemma4", "gemma4_unified"),
        rule=PixelRule(48, 2_304, 645_120, fills=True),
        source=f"{_PREPROCESSOR}; 280 tokens a picture",
        checked=Checked.PROCESSOR,
        coordinates=_Y_FIRST,
        coordinates_source="as Gemini's; Google's page names detection, not the order",
    ),
    Family(
        name="gemma-3",
        title="Gemma 3",
        pattern=r"(?<!pali)gemma-?3(?!n)|medgemma",
        model_types=("gemma3",),
        rule=_cut(1_792, 896 * 896 * 2, 262),
        source=f"{_PREPROCESSOR}; squeezed into a square of 896",
        checked=Checked.PROCESSOR,
        coordinates=_Y_FIRST,
        coordinates_source="assumed from Gemini",
    ),
    Family(
        name="internvl",
        title="InternVL 2.5, 3, 3.5, Intern-S1",
        pattern=r"intern-?(vl|s1)",
        model_types=("internvl",),
        rule=_cut(5_376, 12 * 448 * 448, 3_330),
        source=f"{_PREPROCESSOR}; up to 12 tiles of 448 and a square",
        checked=Checked.PROCESSOR,
        coordinates=_THOUSAND,
        coordinates_source="open-compass/VLMEvalKit, internvl_chat.py",
    ),
    Family(
        name="smolvlm",
        title="SmolVLM, SmolVLM2, Idefics3",
        pattern=r"smol-?vlm|idefics-?3",
        model_types=("smolvlm", "idefics3"),
        rule=_cut(2_048, 2_048**2, 2_913),
        source=f"{_PREPROCESSOR}; tiles and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="llava-onevision",
        title="LLaVA-OneVision, LLaVA-NeXT",
        pattern=r"llava-?(onevision|ov|next)|llava.*1[.p]6",
        model_types=("llava_onevision", "llava_next"),
        rule=_cut(2_304, 2_304**2, 7_329),
        source=f"{_PREPROCESSOR}; tiles of 384 or 336 and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="llama-4",
        title="Llama 4",
        pattern=r"llama-?4",
        model_types=("llama4",),
        rule=_cut(5_376, 16 * 336 * 336, 2_467),
        source=f"{_PREPROCESSOR}; tiles of 336 and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="llama-3.2-vision",
        title="Llama 3.2 Vision",
        pattern=r"llama-?(v?3[-.p]2.*vision|3[-.p]2-(11|90)b)|llama-?3[.p]2v",
        model_types=("mllama",),
        rule=_cut(2_240, 4 * 560 * 560, 6_404),
        source=f"{_PREPROCESSOR}; up to 4 tiles of 560",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="aya-vision",
        title="Aya Vision",
        pattern=r"aya-?vision",
        model_types=("aya_vision",),
        rule=_cut(4_368, 12 * 364 * 364, 2_212),
        source=f"{_PREPROCESSOR}; up to 12 tiles of 364 and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="command-a-vision",
        title="Command A Vision",
        pattern=r"command-?a-?vision",
        model_types=("cohere2_vision",),
        rule=_cut(6_144, 12 * 512 * 512, 3_343),
        source=f"{_PREPROCESSOR}; up to 12 tiles of 512 and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="ovis2",
        title="Ovis2",
        pattern=r"ovis-?2(?![.p]5)",
        model_types=("ovis2",),
        rule=_cut(5_376, 12 * 448 * 448, 3_342),
        source=f"{_PREPROCESSOR}; up to 12 tiles of 448 and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="minicpm-v",
        title="MiniCPM-V 4.6, 4.7",
        pattern=r"minicpm-?v",
        model_types=("minicpmv4_6", "minicpmv4_7"),
        rule=_cut(6_664, 10 * 448 * 448, 839),
        source=f"{_PREPROCESSOR}; an overview of about 448x448 and slices",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="molmo2",
        title="Molmo2",
        pattern=r"molmo-?2",
        model_types=("molmo2",),
        rule=_cut(2_240, 12 * 378 * 378, 1_349),
        source=f"{_CLASS}; tiles of 378 and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="phi-4-multimodal",
        title="Phi-4-multimodal",
        pattern=r"phi-?4-?(multimodal|mm)",
        model_types=("phi4_multimodal",),
        rule=_cut(16_128, 36 * 448 * 448, 8_748),
        source=f"{_CLASS}; tiles of 448 and a square",
        checked=Checked.PROCESSOR,
    ),
    Family(
        name="claude-high",
        title="Claude, high resolution (4.7 and later)",
        pattern=r"claude-([a-z]+-)?(4[-.]([7-9]|\d\d)|[5-9])(?!\d)",
        rule=_grid(28, 784, 4_784 * 784, max_side=2_000),
        source="platform.claude.com, vision; requests with more than 20 pictures refuse sides above 2,000",
        checked=Checked.DOCUMENTS,
        coordinates_source="platform.claude.com, vision-coordinates",
    ),
    Family(
        name="claude",
        title="Claude",
        pattern=r"claude",
        rule=_grid(28, 784, 1_568 * 784, max_side=1_568),
        source="platform.claude.com, vision",
        checked=Checked.DOCUMENTS,
        coordinates_source="platform.claude.com, vision-coordinates",
    ),
    Family(
        name="gemini",
        title="Gemini",
        pattern=r"gemini",
        rule=_cut(3_072, 3_072**2, 3_098),
        source="ai.google.dev, media resolution; tiles of 768, or 280 to 1,120 tokens (Gemini 3)",
        checked=Checked.DOCUMENTS,
        coordinates=_Y_FIRST,
        coordinates_source="ai.google.dev, image-understanding",
    ),
    Family(
        name="openai-patches",
        title="OpenAI, patches of 32 (o4-mini, gpt-4.1-mini and -nano, gpt-5-mini and -nano)",
        pattern=r"o4-mini|gpt-4\.1-(mini|nano)|gpt-5(\.\d)?-(mini|nano)",
        rule=PixelRule(32, 1_024, 1_536 * 1_024, max_side=2_048, is_exact=False),
        source="platform.openai.com, images and vision; 1,536 patches",
        checked=Checked.DOCUMENTS,
    ),
    Family(
        name="openai-tiles",
        title="OpenAI, tiles of 512 (gpt-4o, gpt-4.1, gpt-5, o1, o3)",
        pattern=r"gpt-(4o|4\.\d|4-turbo|4-vision|5)|chatgpt|(?<![a-z0-9-])o[13](?![a-z0-9])",
        rule=_cut(2_048, 2_048**2, 1_445),
        source="platform.openai.com, images and vision; within 2048x2048, the short side to 768",
        checked=Checked.DOCUMENTS,
    ),
)
"""The first row whose pattern is found counts."""

_BY_NAME = {family.name: family for family in FAMILIES}
_BY_MODEL_TYPE = {kind: family for family in FAMILIES for kind in family.model_types}
_PATTERNS = [(re.compile(family.pattern), family) for family in FAMILIES]


def family_of(name: str) -> Family | None:
    """The family of a model by the name under which it is served, whatever stands in front ("openrouter/qwen/...")."""
    plain = re.sub(r"[\s_]+", "-", re.sub(r"(?<=\d)_(?=\d)", ".", name.lower()))
    for part in (plain.rsplit("/", 1)[-1], plain):  # the model itself first: a folder may be named for something else
        for pattern, family in _PATTERNS:
            if pattern.search(part):
                return family
    return None


def family_of_type(model_type: str) -> Family | None:
    """The family of a model by the `model_type` of its config.json."""
    return _BY_MODEL_TYPE.get(model_type)


def family_named(name: str) -> Family:
    """The row of the table with this name.

    Raises:
        ConfigError: there is none; lists them.
    """
    if name not in _BY_NAME:
        raise ConfigError(f"there is no model family {name!r}; known: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def info_by_name(name: str) -> ModelInfo:
    """What the name of a served model tells about it; the defaults for an unknown one, with an empty family."""
    family = family_of(name)
    return family.describe(ModelInfo(name=name)) if family else ModelInfo(name=name)
