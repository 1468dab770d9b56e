"""The table of model families: names find their row, and the views of exact rows are left alone by the families' processors."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import math
import random
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from codedance.cli.options import RolloutFlags
from codedance.errors import ConfigError
from codedance.images import PixelRule, Size, fit
from codedance.model.cache import CachedModel
from codedance.model.chat import info_of
from codedance.model.cost import CostMeter
from codedance.model.families import FAMILIES, Checked, Family, family_named, family_of, family_of_type
from codedance.model.named import open_model
from codedance.model.openai import OpenAIModel
from codedance.model.script import ScriptedModel
from codedance.types import Coordinates

NAMES = {
    "Qwen/Qwen2.5-VL-7B-Instruct": "qwen2.5-vl",
    "qwen2.5-vl-7b": "qwen2.5-vl",
    "qwen2.5vl:7b": "qwen2.5-vl",
    "fireworks_ai/accounts/fireworks/models/qwen2p5-vl-32b-instruct": "qwen2.5-vl",
    "CodeDance-7B": "qwen2.5-vl",
    "Qwen/Qwen2-VL-7B-Instruct": "qwen2-vl",
    "Qwen3-VL-8B": "qwen3-vl",
    "qwen/qwen3-vl-235b-a22b-instruct": "qwen3-vl",
    "qwen3.5-27b": "qwen3-vl",
    "Qwen/Qwen3_5-9B": "qwen3-vl",
    "google/gemma-4-31b-it": "gemma-4",
    "gemma3:12b": "gemma-3",
    "medgemma-4b-it": "gemma-3",
    "gemini-3-pro-preview": "gemini",
    "openrouter/google/gemini-2.5-flash": "gemini",
    "claude-sonnet-4-20250514": "claude",
    "claude-3-7-sonnet-latest": "claude",
    "anthropic/claude-opus-4.8": "claude-high",
    "us.anthropic.claude-opus-4-7-20260101-v1:0": "claude-high",
    "claude-sonnet-5": "claude-high",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": "claude",
    "gpt-5": "openai-tiles",
    "openai/o3": "openai-tiles",
    "gpt-5-mini": "openai-patches",
    "o4-mini": "openai-patches",
    "glm-4.5v": "glm-4v",
    "zai-org/GLM-4.6V-Flash": "glm-4v",
    "moonshotai/Kimi-K2.5": "kimi-k2.5",
    "OpenGVLab/InternVL3_5-8B": "internvl",
    "mistral-small-3.2": "mistral",
    "mistralai/Pixtral-12B-2409": "pixtral",
    "llama3.2-vision:11b": "llama-3.2-vision",
    "UI-TARS-7B-DPO": "qwen2-vl",
    "ByteDance-Seed/UI-TARS-1.5-7B": "qwen2.5-vl",
    "Mini-o3/Mini-o3-7B-v1": "qwen2.5-vl",
    "TIGER-Lab/PixelReasoner-RL-v1": "qwen2.5-vl",
    "Qwen3VL-8B-Instruct-Q4_K_M.gguf": "qwen3-vl",
    "hf.co/unsloth/Qwen3-VL-8B-Instruct-GGUF:Q8_0": "qwen3-vl",
    "models--Qwen--Qwen3-VL-8B-Instruct": "qwen3-vl",
    "/data/Qwen2.5-VL-7B-Instruct/checkpoint-500": "qwen2.5-vl",
    "zai-org/AutoGLM-Phone-9B": "glm-4v",
    "z-ai/glm-5v-turbo": "glm-4v",
    "glm-4.6": None,
    "internlm/Intern-S1-mini": "internvl",
    "accounts/fireworks/models/llama-v3p2-11b-vision-instruct": "llama-3.2-vision",
    "us.meta.llama3-2-11b-instruct-v1:0": "llama-3.2-vision",
    "Llama-3.2-3B-Instruct": None,
    "llava:13b-v1.6": "llava-onevision",
    "llava-v1.5-7b": None,
    "tencent/HunyuanOCR": "hunyuan-vl",
    "LiquidAI/LFM2.5-VL-1.6B": "lfm2-vl",
    "azure/o1": "openai-tiles",
    "policy": None,
    "Qwen3-8B": None,
    "gpt-oss-120b": None,
    "paligemma-3b-pt": None,
}


@pytest.mark.parametrize(("served", "name"), NAMES.items())
def test_a_served_name_finds_its_family(served: str, name: str | None) -> None:
    family = family_of(served)
    assert (family and family.name) == name


def test_every_row_has_its_own_name_and_sources() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert all(family.source and family.coordinates_source and re.compile(family.pattern) for family in FAMILIES)
    kinds = [kind for family in FAMILIES for kind in family.model_types]
    assert len(set(kinds)) == len(kinds)
    with pytest.raises(ConfigError, match="no model family 'qwen4'; known: qwen3-vl"):
        family_named("qwen4")


@pytest.mark.parametrize("kind", sorted({kind for family in FAMILIES for kind in family.model_types}))
def test_every_model_type_is_one_of_transformers(kind: str) -> None:
    auto = pytest.importorskip("transformers.models.auto.configuration_auto")
    assert kind in auto.CONFIG_MAPPING_NAMES
    assert family_of_type(kind) is not None


# The families' own processors

PROCESSORS = {  # row -> where its image processor is, and the published settings that differ from the defaults of its class
    "qwen2.5-vl": ("qwen2_vl", "Qwen2VL", {"size": {"shortest_edge": 3_136, "longest_edge": 12_845_056}}),
    "qwen2-vl": ("qwen2_vl", "Qwen2VL", {"size": {"shortest_edge": 3_136, "longest_edge": 12_845_056}}),
    "qwen3-vl": ("qwen2_vl", "Qwen2VL", {"patch_size": 16, "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216}}),
    "exaone-4.5": ("qwen2_vl", "Qwen2VL", {"size": {"shortest_edge": 3_136, "longest_edge": 3_211_264}}),
    "glm-4v": ("glm46v", "Glm46V", {"size": {"shortest_edge": 12_544, "longest_edge": 9_633_792}}),
    "glm-ga": ("glmga", "Glmga", {}),
    "glm-5-next": ("glm5_next", "Glm5Next", {}),
    "ernie-4.5-vl": ("ernie4_5_vl_moe", "Ernie4_5_VLMoe", {"size": {"shortest_edge": 3_136, "longest_edge": 4_816_896}}),
    "paddleocr-vl": ("paddleocr_vl", "PaddleOCRVL", {"size": {"shortest_edge": 147_384, "longest_edge": 2_822_400}}),
    "videollama3": ("video_llama_3", "VideoLlama3", {"size": {"shortest_edge": 3_136, "longest_edge": 3_211_264}}),
    "hunyuan-vl": ("hunyuan_vl", "HunYuanVL", {}),
    "pixtral": ("pixtral", "Pixtral", {"size": {"longest_edge": 1_024}, "patch_size": {"height": 16, "width": 16}}),
    "mistral": ("pixtral", "Pixtral", {"size": {"longest_edge": 1_540}, "patch_size": {"height": 28, "width": 28}}),
    "gemma-4": ("gemma4", "Gemma4", {}),
}
EXTREMES = [Size(3, 2), Size(90, 30), Size(33, 600), Size(1_700, 1_200), Size(5_000, 400)]


def sizes(number: int, seed: int) -> list[Size]:
    """Of pictures, from tiny to 4,000 pixels on the short side, and up to 20:1."""
    draw = random.Random(seed)
    found = []
    while len(found) < number:
        short, aspect = int(10 ** draw.uniform(0.7, 3.6)), draw.choice([1.0, draw.uniform(1, 3), draw.uniform(1, 20)])
        long = int(short * aspect)
        found.append(Size(long, short) if draw.random() < 0.5 else Size(short, long))
    return found


@pytest.mark.parametrize("name", PROCESSORS)
def test_the_real_processor_leaves_views_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, kind, published = PROCESSORS[name]
    pytest.importorskip("transformers", reason="the extra `local` is not installed")
    code = importlib.import_module(f"transformers.models.{module}.image_processing_pil_{module}")
    reader = getattr(code, f"{kind}ImageProcessorPil")(**published)
    backend = importlib.import_module("transformers.image_processing_backends").PilBackend
    usual, resized = backend.resize, []

    def resize(self: Any, image: Any, size: Any, *args: Any, **more: Any) -> Any:
        resized.append((size.width, size.height))
        return usual(self, image, size, *args, **more)

    monkeypatch.setattr(backend, "resize", resize)
    rule = family_named(name).rule
    for size in EXTREMES:
        view = fit(size, rule).size
        resized.clear()
        reader(images=[Image.new("RGB", view)], return_tensors="np")
        assert set(resized) <= {view}, size
    for size in sizes(1_000, seed=len(name)):
        view = fit(size, rule).size
        assert sized(code, reader, view) == view, size


def sized(code: Any, reader: Any, size: Size) -> tuple[int, int]:
    """What the arithmetic of an image processor makes of a size."""
    width, height = size
    bounds = {name: getattr(reader.size, name, None) for name in ("shortest_edge", "longest_edge")}
    if hasattr(code, "get_aspect_ratio_preserving_size"):
        pool = reader.pooling_kernel_size
        down, across = code.get_aspect_ratio_preserving_size(
            height, width, reader.patch_size, reader.max_soft_tokens * pool**2, pool
        )
    elif hasattr(code, "get_resize_output_image_size"):
        side, longest = reader.patch_size["height"], bounds["longest_edge"]
        image = np.broadcast_to(np.uint8(0), (height, width, 3))
        down, across = code.get_resize_output_image_size(image, (longest, longest), (side, side), "channels_last")
    else:
        step = reader.patch_size * reader.merge_size
        least, most = bounds["shortest_edge"], bounds["longest_edge"]
        if hasattr(reader, "max_image_tokens"):
            least, most = reader.min_image_tokens, reader.max_image_tokens
        frames = {"num_frames": 2} if "num_frames" in inspect.signature(code.smart_resize).parameters else {}
        down, across = code.smart_resize(height=height, width=width, factor=step, min_pixels=least, max_pixels=most, **frames)
    return across, down


# Processors that need torchvision: only their arithmetic is run


@cache
def arithmetic(module: str, function: str) -> Callable[..., Any]:
    """A function of a module of transformers that cannot be imported here."""
    package = pytest.importorskip("transformers", reason="the extra `local` is not installed")
    path = Path(package.__file__).parent / "models" / module / f"image_processing_{module}.py"
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function]
    names: dict[str, Any] = {"math": math, "itertools": importlib.import_module("itertools")}
    exec(compile(tree, str(path), "exec"), names)
    found: Callable[..., Any] = names[function]
    return found


def minimax(size: Size) -> tuple[int, int]:
    return tuple(arithmetic("minimax_m3_vl", "smart_resize")(size.height, size.width, 28, 3_136, 451_584))[::-1]  # type: ignore[return-value]


def nemotron(size: Size) -> tuple[int, int]:
    down, across = arithmetic("nemotron_h_omni", "get_patch_grid_size")(size.height, size.width, 16, 2, 1_024, 13_312)
    return across * 16, down * 16


def muse(size: Size) -> tuple[int, int]:
    return tuple(arithmetic("muse_glimmer", "smart_resize")(size.height, size.width, 28, 4_096))[::-1]  # type: ignore[return-value]


def kimi(size: Size) -> tuple[int, int]:
    content, padded = arithmetic("kimi_k25", "navit_resize")(size.height, size.width, 14, 2, 16_384, 512)
    assert content == padded
    return padded[1], padded[0]


ARITHMETIC = {"minimax-m3": minimax, "nemotron-omni": nemotron, "muse": muse, "kimi-k2.5": kimi}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_the_real_arithmetic_leaves_views_alone(name: str) -> None:
    for size in sizes(1_000, seed=len(name)):
        view = fit(size, family_named(name).rule).size
        assert ARITHMETIC[name](view) == view, size


def test_every_exact_row_that_was_checked_has_a_check() -> None:
    tried = set(PROCESSORS) | set(ARITHMETIC) | {"inkling-2", "lfm2-vl"}  # their steps and bounds are all that there is
    checked = {family.name for family in FAMILIES if family.rule.is_exact and family.checked is not Checked.DOCUMENTS}
    assert checked == tried


@pytest.mark.parametrize("name", ["claude", "claude-high"])
def test_claude_sees_views_of_its_own_limits(name: str) -> None:
    longest, tokens = {"claude": (1_568, 1_568), "claude-high": (2_000, 4_784)}[name]
    rule = family_named(name).rule
    for size in sizes(500, seed=1):
        view = fit(size, rule).size
        assert max(view) <= longest and math.ceil(view.width / 28) * math.ceil(view.height / 28) <= tokens
        assert view.width % 28 == view.height % 28 == 0  # nothing is padded
    assert fit(Size(4000, 3000), rule).size == {"claude": (1_260, 952), "claude-high": (1_988, 1_512)}[name]


# Who uses it


async def test_a_model_behind_an_endpoint_is_described_by_its_name(tmp_path: Path) -> None:
    async with OpenAIModel("Qwen3-VL-8B", ["http://127.0.0.1:9/v1"]) as model, CachedModel(CostMeter(model), tmp_path) as wrapped:
        for one in (model, wrapped):
            info = info_of(one)
            assert (info.name, info.family, info.coordinates) == ("Qwen3-VL-8B", "qwen3-vl", Coordinates.PER_THOUSAND)
            assert info.image_limits.rule == PixelRule(32, 65_536, 16_777_216)


ALIASES = {"mine": "Qwen/Qwen3-VL-8B-Instruct", "other": None, "third": 7}


@pytest.fixture
def vllm() -> Iterator[str]:
    """The address of a server that lists aliases as vLLM does."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            data = json.dumps({"data": [{"id": name, "root": root} for name, root in ALIASES.items()]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.mark.parametrize(("alias", "family"), [("mine", "qwen3-vl"), ("other", ""), ("third", ""), ("absent", "")])
async def test_an_alias_is_looked_up_in_the_servers_list(vllm: str, alias: str, family: str) -> None:
    async with open_model(f"openai:{alias}", [vllm]) as model:
        info = info_of(model)
        assert (info.name, info.family) == (alias, family)


async def test_a_server_that_does_not_answer_is_no_obstacle() -> None:
    async with open_model("openai:mine", ["http://127.0.0.1:9/v1"]) as model:
        assert info_of(model).family == ""


def test_a_model_that_says_nothing_has_the_defaults() -> None:
    info = info_of(ScriptedModel([]))
    assert (info.family, info.coordinates, info.context) == ("", Coordinates.PIXELS, None)


async def test_flags_go_before_the_family_and_the_family_before_the_name(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        OpenAIModel("Qwen3-VL-8B", ["http://127.0.0.1:9/v1"]) as model,
        OpenAIModel("mine", ["http://127.0.0.1:9/v1"]) as other,
    ):
        named = RolloutFlags().settings(model)
        assert (named.coordinates, named.rule) == (Coordinates.PER_THOUSAND, family_named("qwen3-vl").rule)
        changed = RolloutFlags(family="pixtral", coordinates="unit", max_pixels=500_000).settings(model)
        assert changed.coordinates is Coordinates.UNIT
        assert changed.rule == PixelRule(16, 256, 500_000, max_side=1_024)
        assert not caplog.messages
        unknown = RolloutFlags().settings(other)
    assert unknown.rule == family_named("qwen2.5-vl").rule
    assert "mine: nothing is known of this model's pictures" in caplog.text and "--family" in caplog.text


def test_rows_whose_view_is_resized_again_say_so() -> None:
    families: list[Family] = [family for family in FAMILIES if not family.rule.is_exact]
    assert {"gemma-3", "internvl", "gemini", "openai-tiles"} <= {family.name for family in families}
    assert all(family.rule.flat_tokens or family.rule.step > 1 for family in families)
