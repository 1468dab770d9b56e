"""Load a local vision-language model: processor and weights from a folder, what it may say, and a twin in another dtype.

    processor, model = load(Path("Qwen2.5-VL-3B-Instruct"), device=None, dtype=None)
    words = vocabulary(processor, model)

Nothing is fetched. Not covered: quantised weights, several accelerators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from codedance.errors import ConfigError
from codedance.images import digest_bytes
from codedance.model import folders
from codedance.model.decoding import Vocabulary
from codedance.model.processors import load_processor
from codedance.plain import in_one_line

_ATTENTION = ("sdpa", "eager")
"""The first one that a model can do."""
_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def fingerprint(folder: Path, *settings: object) -> str:
    """Changes when a file does, so that replies of a model that was trained on are not taken for those of the new one."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
    return digest_bytes(repr((settings, stats)).encode())


def load(folder: Path, device: str | None, dtype: str | None, attention: str | None = None) -> tuple[Any, Any]:
    """Processor and model of a folder, ready to be asked.

    Raises:
        ConfigError: it is no vision-language model, or cannot be loaded; one line with the reason.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = _dtype(dtype or ("bfloat16" if device.startswith("cuda") else "float32"))
    processor = open_processor(folder)
    folders.check_weights(folder)
    with told(folder):
        model, report = _weights(folder, kind, [attention] if attention else list(_ATTENTION))
        if report["missing_keys"]:
            raise ConfigError(
                f"{folder}: {len(report['missing_keys'])} weights are missing, such as {min(report['missing_keys'])}"
            )
        return processor, model.to(device).eval()


def _weights(folder: Path, kind: torch.dtype, attentions: Sequence[str]) -> Any:
    """Always with an implementation of attention that we name: one that config.json names may be code from elsewhere."""
    for attention in attentions:
        config: Any = AutoConfig.from_pretrained(folder, **_LOCAL)
        config._attn_implementation = attention  # of its parts, too; naming it below alone would leave what the folder chose
        settings = {"config": config, "attn_implementation": attention, "dtype": kind, "use_safetensors": True, **_LOCAL}
        try:
            return AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True, **settings)
        except ValueError as error:
            if attention == attentions[-1] or attention not in str(error) and "scaled_dot_product" not in str(error):
                raise
    raise AssertionError("no implementation of attention was named")


def open_processor(folder: Path) -> Any:
    """The processor of a model's folder.

    Raises:
        ConfigError: it is no vision-language model, or cannot be loaded; one line with the reason.
    """
    folders.check(folder)
    with told(folder):
        config = AutoConfig.from_pretrained(folder, **_LOCAL)
        if config.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES or config.is_encoder_decoder:
            raise ConfigError(f"{folder}: {config.model_type} is no vision-language chat model; one such is Qwen2.5-VL")
        return load_processor(folder, config.model_type)


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Whatever goes wrong in it becomes one line."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # boundary: loading runs the code of many libraries over files of any content
        raise ConfigError(f"{folder}: it cannot be loaded: {type(error).__name__}: {one_line(error)}") from None


def vocabulary(processor: Any, model: Any) -> Vocabulary:
    """Special tokens cannot be said, except those that end a reply, and neither can the rows behind the last token.

    A model that says the mark of a picture would be read as having seen one. Added tokens that are not special are text: <think>.
    """
    tokenizer = processor.tokenizer
    ends = model.generation_config.eos_token_id
    ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None}
    banned = torch.zeros(model.config.get_text_config().vocab_size, dtype=torch.bool)
    banned[len(tokenizer) :] = True
    marks = {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    marks |= set(tokenizer.convert_tokens_to_ids(tokenizer.chat_control_tokens)) | set(tokenizer.all_special_ids)
    banned[sorted(marks - ends)] = True

    def to_text(ids: Sequence[int]) -> str:
        text: str = tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    pad = tokenizer.pad_token_id
    return Vocabulary(frozenset(ends), banned.to(model.device), pad if pad is not None else 0, to_text)


def twin(model: Any, dtype: str) -> Callable[[], Any]:
    """A copy of a model with weights in another dtype, for decoding; call it for the copy with the weights of that moment.

    Raises:
        ConfigError: there is no such dtype.
    """
    kind = _dtype(dtype)
    copy = deepcopy(model).requires_grad_(False)
    for weight in copy.parameters():
        weight.grad, weight.data = None, weight.data.to(kind)  # only weights: angles of positions need their precision
    to, by = (list(one.parameters()) for one in (copy, model))

    @torch.no_grad()
    def fresh() -> Any:
        torch._foreach_copy_(to, by)
        return copy

    return fresh


def _dtype(name: str) -> torch.dtype:
    kind = getattr(torch, name, None)
    if not isinstance(kind, torch.dtype):
        raise ConfigError(f"dtype {name!r}: there is no such; take float32, bfloat16 or float16")
    return kind


def one_line(error: Exception) -> str:
    """What it says, on one line and not too long."""
    return in_one_line(str(error)[:10_000])[:300]
