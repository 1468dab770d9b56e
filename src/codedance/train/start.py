"""Where training starts from: a model's folder or one made from nothing, on which device, in which numbers, whole or by LoRA.

    learner = open_learner(Start(path=Path("runs/tiny-sft")))
    learner.model, learner.processor, learner.device

Weights are kept in float32 unless told otherwise; the arithmetic may be bfloat16 (autocast). Not covered: several devices,
quantised weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from codedance.config import Section
from codedance.errors import ConfigError
from codedance.model.loading import load
from codedance.model.vision import read_together
from codedance.train.batch import Batch
from codedance.train.bfloat16 import is_fast


class Start(Section):
    """What is trained, and in which arithmetic."""

    path: Path | None = None
    """A folder with a transformers vision-language model; without one, a small model is made from nothing."""
    device: str = "auto"
    """As torch names it; auto: cuda where there is one, else cpu."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the weights."""
    autocast: bool | None = None
    """Compute in bfloat16. By default so where the device has instructions for it; other processors are faster in float32."""
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "eager"
    """On CPUs eager is faster in bfloat16, on accelerators sdpa."""
    lora_rank: int = Field(0, ge=0)
    """Train low-rank adapters of this rank instead of the weights; 0 trains the weights."""
    lora_alpha: int = Field(32, ge=1)
    processes: int = Field(1, ge=1)
    """That train as one, on the CPU; each takes one thread where there are several."""

    def folder(self) -> Path:
        """Of the model.

        Raises:
            ConfigError: none is named.
        """
        if self.path is None:
            raise ConfigError("start.path is missing; name the folder of a transformers vision-language model to start from")
        return self.path


@dataclass(frozen=True, slots=True)
class Learner:
    """A model under training."""

    model: Any
    processor: Any
    device: torch.device
    is_autocast: bool
    """Whether forward passes compute in bfloat16."""

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """In which forward passes run."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_autocast):
            yield

    def logits(self, batch: Batch, kept: Tensor) -> Tensor:
        """What the model expects at the tokens that matter, and only there: a vocabulary is wide.

        Args:
            batch: the rows.
            kept: (rows, tokens - 1) for each token but the first whether its logits are wanted.
        """
        whole = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        hidden = whole.model(**batch.inputs, use_cache=False).last_hidden_state
        logits: Tensor = whole.lm_head(hidden[:, :-1][kept])
        return logits


def open_learner(start: Start, made: Path | None = None) -> Learner:
    """Load what is trained.

    Args:
        start: where from.
        made: the folder of a model made from nothing, where `start` names none.

    Raises:
        ConfigError: it is no vision-language model, its weights do not fit its configuration, or peft is missing.
    """
    if start.processes > 1:
        torch.set_num_threads(1)
    device = None if start.device == "auto" else start.device
    processor, model = load(made or start.folder(), device, start.dtype, start.attention)
    if start.lora_rank:
        model = _with_lora(model, start)
    read_together(model)
    is_autocast = is_fast(model.device) if start.autocast is None else start.autocast
    return Learner(model, processor, model.device, is_autocast)


def _with_lora(model: Any, start: Start) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise ConfigError("start.lora_rank needs peft: pip install 'codedance[train]'") from None
    settings = LoraConfig(r=start.lora_rank, lora_alpha=start.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, settings)
