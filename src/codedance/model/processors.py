"""From a conversation to what a local model reads: token ids and pixels.

    processor = load_processor(Path("Qwen2.5-VL-3B-Instruct"), "qwen2_5_vl")
    inputs = encode(processor, messages)          # one row of input_ids, attention_mask, pixel_values, ...

Texts are only ever text: a special token that somebody typed (`<image>`, `<|im_end|>`, ...) is spelled out in pieces, so that it
neither ends a turn nor stands for a picture. Pictures are resized with Pillow on every machine, so that the same picture is the
same numbers. Not covered: video, native tool calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoProcessor, BatchFeature, ProcessorMixin
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor

from codedance.errors import ConfigError, ModelError
from codedance.model.chat import Message, Role

_QWEN = {"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"}
_SPOKEN = {Role.SYSTEM, Role.USER, Role.ASSISTANT}


class ImagesOnlyQwen(Qwen2_5_VLProcessor):
    """The processor of the Qwen-VL family without its video half, which cannot be made without torchvision."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
        # transformers reads off this signature which parts a processor has
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)  # type: ignore[no-untyped-call]


def load_processor(folder: Path, model_type: str) -> Any:
    """The processor of a model folder.

    Raises:
        ConfigError: it reads no pictures, or has no chat template.
    """
    kind = ImagesOnlyQwen if model_type in _QWEN else AutoProcessor
    processor = kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise ConfigError(f"{folder}: its processor reads no pictures; a vision-language model needs preprocessor_config.json")
    processor.chat_template = processor.chat_template or processor.tokenizer.chat_template
    if not processor.chat_template:
        raise ConfigError(f"{folder}: it has no chat template; take an instruction-tuned model, or add chat_template.jinja")
    marks = [getattr(processor, f"{kind}_token", None) for kind in ("image", "video", "audio")]
    processor.tokenizer.chat_control_tokens = [mark for mark in marks if mark]  # beside all that are marked as special
    return processor


def encode(processor: Any, messages: Sequence[Message]) -> BatchFeature:
    """One row of inputs that ends where the assistant's next words begin.

    Raises:
        ModelError: a message holds a native tool call or the answer to one.
    """
    chat = []
    for message in messages:
        if message.role not in _SPOKEN or message.tool_calls:
            raise ModelError("a local model takes no native tool calls; use the format code_tags or tool_call")
        parts = [
            {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.pixels}
            for part in message.content
        ]
        chat.append({"role": message.role.value, "content": parts})
    inputs: BatchFeature = processor.apply_chat_template(
        chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", sanitize_control_tokens=True
    )
    return inputs
