"""Model folders of others: nothing of them runs, hangs or fills the memory, and what is wrong is said in one line."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra 'local' is not installed")

from codedance.errors import ConfigError, ModelError
from codedance.model import folders
from codedance.model.loading import load
from codedance.model.local import LocalModel
from codedance.types import Sampling
from model.local_models import ask


class Ran:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def _edit(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def _sparse(file: Path, size: int) -> None:
    with open(file, "wb") as opened:
        opened.truncate(size)


def _pickled(path: Path) -> None:
    (path / "model.safetensors").unlink()
    (path / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Ran(path / "ran")}))


def _fifo(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def _link(file: Path, target: str) -> None:
    file.unlink(missing_ok=True)
    file.symlink_to(target)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled weights": (_pickled, "no weights as safetensors"),
    "a gigabyte of settings": (lambda path: _sparse(path / "config.json", 1 << 30), "1,024 MB; no such file"),
    "a gigabyte of tokens": (lambda path: _sparse(path / "tokenizer.json", 1 << 30), "1,024 MB; no such file"),
    "a gigabyte of template": (lambda path: _sparse(path / "chat_template.jinja", 1 << 30), "1,024 MB; no such file"),
    "deep settings": (lambda path: (path / "config.json").write_text('{"a":' * 60 + "1" + "}" * 60), "nested too deeply"),
    "bottomless settings": (lambda path: (path / "config.json").write_text("[" * 200_000), "nested too deeply"),
    "settings that are a list": (lambda path: (path / "config.json").write_text("[]"), "no JSON object"),
    "a million layers": (lambda path: _edit(path / "config.json", text_config={"num_hidden_layers": 10**6}), "no model has more"),
    "a pipe": (lambda path: _fifo(path / "tokenizer.json"), "no regular file"),
    "a pipe of another name": (lambda path: _fifo(path / "special_tokens_map.json"), "no regular file"),
    "a link to a device": (lambda path: _link(path / "generation_config.json", "/dev/zero"), "no regular file"),
    "a link to nothing": (lambda path: _link(path / "tokenizer.json", "nowhere"), "cannot be read"),
    "an adapter": (lambda path: (path / "adapter_config.json").write_text('{"base_model_name_or_path": "/"}'), "from elsewhere"),
    "quantisation": (lambda path: _edit(path / "config.json", quantization_config={"quant_method": "awq"}), "chooses the code"),
    "experts": (lambda path: _edit(path / "config.json", text_config={"experts_implementation": "x/y"}), "chooses the code"),
    "parts elsewhere": (
        lambda path: (path / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../b.safetensors"}}'),
        "files of this folder",
    ),
    "an end that is no token": (lambda path: _edit(path / "generation_config.json", eos_token_id={"a": 1}), "cannot be loaded"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_folder_that_may_not_be_opened_is_told(what: str, tiny_llava: Path, tmp_path: Path) -> None:
    change, words = BROKEN[what]
    path = shutil.copytree(tiny_llava, tmp_path / "copy")
    change(path)
    start = time.monotonic()
    with pytest.raises(ConfigError, match=words) as caught:
        LocalModel(path)
    assert time.monotonic() - start < 20 and not (path / "ran").exists()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("name", ["attn_implementation", "_attn_implementation"])
def test_the_folder_does_not_choose_the_implementation_of_attention(name: str, tiny_llava: Path, tmp_path: Path) -> None:
    path = shutil.copytree(tiny_llava, tmp_path / "copy")
    text = json.loads((path / "config.json").read_text())["text_config"]
    _edit(path / "config.json", **{name: "someone/kernel", "text_config": {**text, name: "someone/kernel"}})
    _, model = load(path, "cpu", "float32")
    assert {model.config._attn_implementation, model.config.text_config._attn_implementation} <= {"sdpa", "eager"}


def test_code_of_the_folder_does_not_run(tiny_llava: Path, tmp_path: Path) -> None:
    path = shutil.copytree(tiny_llava, tmp_path / "copy")
    (path / "evil.py").write_text(f"import os; os.mkdir({str(path / 'ran')!r})\nclass Evil: ...\n")
    for name in ("config.json", "tokenizer_config.json", "processor_config.json"):
        _edit(path / name, auto_map=dict.fromkeys(("AutoConfig", "AutoModelForImageTextToText", "AutoProcessor"), "evil.Evil"))
    load(path, "cpu", "float32")
    assert not (path / "ran").exists()


def test_links_of_a_cache_are_followed(tiny_llava: Path, tmp_path: Path) -> None:
    blobs = shutil.copytree(tiny_llava, tmp_path / "blobs")
    snapshot = tmp_path / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    load(snapshot, "cpu", "float32")


async def test_a_template_that_never_ends_is_ended(tiny_llava: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shutil.copytree(tiny_llava, tmp_path / "copy")
    (path / "chat_template.jinja").write_text("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
    monkeypatch.setattr("codedance.model.processors.in_time", lambda: folders.in_time(0.3))
    async with LocalModel(path) as model:
        start = time.monotonic()
        with pytest.raises(ModelError, match="the chat template ran for more than 0.3 s"):
            await model.generate(ask("?"), Sampling(max_tokens=1))
        assert time.monotonic() - start < 10
