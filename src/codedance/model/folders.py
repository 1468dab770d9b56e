"""The folder of a model may be anybody's: what it may hold before libraries open it, and how long its chat template may run.

    check(Path("Qwen2.5-VL-3B-Instruct"))        # ConfigError where it is no folder that may be opened
    with in_time():                              # a template that loops for ever is ended
        processor.apply_chat_template(...)

Weights are read from safetensors only, nothing is unpickled, no code of the folder runs, and no setting of it chooses code,
neither the implementation of attention or experts nor quantisation. Links are followed, since the caches of Hugging Face consist
of them; what they lead to must be regular files. Not covered: weights that were trained to deceive; a template that asks for
gigabytes, or loops for long, within one expression.
"""

from __future__ import annotations

import json
import re
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from codedance.errors import ConfigError, ModelError

_MB = 1 << 20
_LARGE_FILES = ("tokenizer.json", "vocab.json", "added_tokens.json")
_MOST_LARGE = 512 * _MB
_MOST_SETTINGS = 16 * _MB
"""Of any other JSON file and of templates."""
_DEEPEST = 50
_MOST_LAYERS = 2000
_COUNTS_LAYERS = re.compile("layers$|^depth$|^n_layer")
_INDEX = "model.safetensors.index.json"
_ADAPTER = "adapter_config.json"
_CHOOSES_CODE = {"experts_implementation", "_experts_implementation", "quantization_config"}
_MOST_TEMPLATE_S = 10.0
_TEMPLATE = "<template>"  # what Jinja calls the file of a template that has none


def check(folder: Path) -> None:
    """That it may be opened.

    Raises:
        ConfigError: it holds something that is no regular file, is larger than such a file is, or chooses code.
    """
    if not (folder / "config.json").is_file():
        what = "has no config.json" if folder.is_dir() else "is no folder"
        raise ConfigError(f"{folder}: it {what}; give the folder of a transformers vision-language model")
    for file in sorted(folder.iterdir()):
        _check_file(file)
    if (folder / _ADAPTER).exists():
        raise ConfigError(f"{folder}: {_ADAPTER} would load a model from elsewhere; merge the adapter into its model")
    _check_settings(folder / "config.json", _read(folder / "config.json"))
    if (folder / _INDEX).exists():
        parts = _read(folder / _INDEX).get("weight_map")
        if not isinstance(parts, dict) or any(not isinstance(n, str) or Path(n).name != n for n in parts.values()):
            raise ConfigError(f"{folder / _INDEX}: its weight_map names something else than files of this folder")


def check_weights(folder: Path) -> None:
    """That there are weights that can be read without running anything.

    Raises:
        ConfigError: there are none.
    """
    if not any(folder.glob("*.safetensors")):
        raise ConfigError(f"{folder}: it has no weights as safetensors, the only form that is read; convert them")


@contextmanager
def in_time(most_s: float = _MOST_TEMPLATE_S) -> Iterator[None]:
    """End templates that run for longer, in this thread.

    Raises:
        ModelError: one did.
    """
    deadline = time.monotonic() + most_s
    before = sys.gettrace()

    def line(frame: FrameType, event: str, value: Any) -> Any:
        if event == "line" and time.monotonic() > deadline:
            raise ModelError(f"the chat template ran for more than {most_s:g} s; take another one")
        return line

    def call(frame: FrameType, event: str, value: Any) -> Any:
        return line if frame.f_code.co_filename == _TEMPLATE else None

    if before is not None:  # a debugger or a measurement of coverage, which would be lost
        yield
        return
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)


def _check_file(file: Path) -> None:
    try:
        found = file.stat()
    except OSError as error:
        raise ConfigError(f"{file}: it cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(found.st_mode):
        return
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{file}: it is no regular file; a model's folder has no other ones")
    most = _MOST_LARGE if file.name in _LARGE_FILES else _MOST_SETTINGS
    if file.suffix in (".json", ".jinja") and found.st_size > most:
        raise ConfigError(f"{file}: it has {found.st_size / _MB:,.0f} MB; no such file of a model has more than {most // _MB}")


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_bytes())
    except RecursionError:
        raise ConfigError(f"{file}: it is nested too deeply") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: it cannot be loaded: {str(error)[:200]}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: it cannot be loaded: it is no JSON object")
    return values


def _check_settings(file: Path, values: dict[str, Any]) -> None:
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        pairs = [pair for outer in level for pair in (outer.items() if isinstance(outer, dict) else enumerate(outer))]
        for name, value in pairs:
            if name in _CHOOSES_CODE:
                raise ConfigError(
                    f"{file}: it sets {name}, which chooses the code that runs; leave it out, or take another model"
                )
            if isinstance(name, str) and _COUNTS_LAYERS.search(name) and isinstance(value, (int, float)) and value > _MOST_LAYERS:
                raise ConfigError(f"{file}: its {name} is {value}; no model has more than {_MOST_LAYERS}")
        level = [value for _, value in pairs if isinstance(value, (dict, list))]
        if not level:
            return
    raise ConfigError(f"{file}: it is nested too deeply")
