"""From a conversation to what a local model reads: token ids and pixels.

    processor = load_processor(Path("Qwen2.5-VL-3B-Instruct"), "qwen2_5_vl")
    inputs = encode(processor, messages)          # one row of input_ids, attention_mask, pixel_values, ...

Texts are only ever text: a special token that somebody typed (`<image>`, `<|im_end|>`, ...) is spelled out in pieces, so that it
neither ends a turn nor stands for a picture. Pictures are resized with Pillow on every machine, so that the same picture is the
same numbers. Not covered: video, native tool calls.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoProcessor, BatchEncoding, BatchFeature, ProcessorMixin
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES  # type: ignore[attr-defined]
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor

from codedance.errors import ConfigError, ModelError
from codedance.images import ImageLimits, PixelRule
from codedance.model.chat import Message, ModelInfo, Role
from codedance.model.families import family_of_type
from codedance.model.folders import in_time

_QWEN = {
    "qwen2_vl": ("Qwen2VLProcessor", "Qwen2VLVideoProcessor"),
    "qwen2_5_vl": ("Qwen2_5_VLProcessor", "Qwen2VLVideoProcessor"),
    "qwen3_vl": ("Qwen3VLProcessor", "Qwen3VLVideoProcessor"),
    "qwen3_vl_moe": ("Qwen3VLProcessor", "Qwen3VLVideoProcessor"),
    "qwen3_5": ("Qwen3VLProcessor", "Qwen3VLVideoProcessor"),
    "qwen3_5_moe": ("Qwen3VLProcessor", "Qwen3VLVideoProcessor"),
}
"""Model types whose processor is loaded without its video half: the upstream classes of the processor and of that half."""
_VIDEO_FILE = "video_preprocessor_config.json"
_OTHER_PARTS = ("video_processor", "feature_extractor")
_SPOKEN = {Role.SYSTEM, Role.USER, Role.ASSISTANT}
_PRIVATE = range(0xF0010, 0xFFFFE)  # Unicode gives these no meaning; the first few serve transformers
_BREAK = "\U000f0000"  # transformers drops it, and then puts no space in front, as some tokenizers do where a text starts


class ImagesOnlyQwen(Qwen2_5_VLProcessor):
    """The processor of the Qwen-VL family without its video half, which cannot be made without torchvision."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
        # transformers reads off this signature which parts a processor has
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        self.video_settings: dict[str, Any] = {}
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)  # type: ignore[no-untyped-call]


class _OtherPartsDropped(ProcessorMixin):
    """Takes whatever the processor of a family hands over, and keeps what reads pictures and text."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        kept = {name: part for name, part in named.items() if name not in _OTHER_PARTS}
        super().__init__(*parts, **kept)  # type: ignore[no-untyped-call]


def _images_only(model_type: str) -> Any:
    """The processor class of a family, without the halves for video and sound: of Pillow's image processors there is none."""
    name = PROCESSOR_MAPPING_NAMES.get(model_type)
    kind: Any = getattr(transformers, name, None) if isinstance(name, str) else None
    try:
        parts = kind.get_attributes() if kind is not None else []
    except ImportError:  # it needs torchvision even for pictures; AutoProcessor says so
        return AutoProcessor
    missing = {part: None for part in parts if part in _OTHER_PARTS}
    if not missing:
        return AutoProcessor

    def make(self: Any, image_processor: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        kind.__init__(self, image_processor=image_processor, tokenizer=tokenizer, **missing, **settings)

    accepted = [name for name in inspect.signature(kind.__init__).parameters if name not in missing]

    def settings_of(processor_config: dict[str, Any], valid_kwargs: Any) -> Any:  # else they are of `make`
        return kind.validate_init_kwargs(processor_config=processor_config, valid_kwargs=accepted)

    own_parts = classmethod(lambda cls: [part for part in parts if part not in missing])
    own = {"__init__": make, "get_attributes": own_parts, "validate_init_kwargs": staticmethod(settings_of)}
    return type(kind.__name__, (kind, _OtherPartsDropped), own)


def load_processor(folder: Path, model_type: str) -> Any:
    """The processor of a model folder.

    Raises:
        ConfigError: it reads no pictures, or has no chat template.
    """
    kind = ImagesOnlyQwen if model_type in _QWEN else _images_only(model_type)  # `save_processor` puts the video half back
    processor = kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise ConfigError(f"{folder}: its processor reads no pictures; a vision-language model needs preprocessor_config.json")
    if isinstance(processor, ImagesOnlyQwen):
        processor.video_settings = _read(folder / "processor_config.json").get("video_processor") or _read(folder / _VIDEO_FILE)
    processor.chat_template = processor.chat_template or processor.tokenizer.chat_template
    if not processor.chat_template:
        raise ConfigError(f"{folder}: it has no chat template; take an instruction-tuned model, or add chat_template.jinja")
    marks = [getattr(processor, f"{kind}_token", None) for kind in ("image", "video", "audio")]
    processor.tokenizer.chat_control_tokens = [mark for mark in marks if mark]  # beside all that are marked as special
    return processor


def save_processor(processor: Any, model_type: str, folder: Path) -> None:
    """Write a processor so that transformers' AutoProcessor and servers such as vLLM open the folder as it is.

    Where torchvision is installed, they insist on the video half of a Qwen processor. It is the one that the processor came with,
    or written from the image half, whose fields it shares.
    """
    processor.save_pretrained(folder)
    if not isinstance(processor, ImagesOnlyQwen):
        return
    processor_class, video_class = _QWEN[model_type]
    settings = _read(folder / "processor_config.json")
    image = {name: value for name, value in settings["image_processor"].items() if name != "image_processor_type"}
    settings["video_processor"] = {**(processor.video_settings or image), "video_processor_type": video_class}
    for name, values in (("processor_config.json", settings), ("tokenizer_config.json", _read(folder / "tokenizer_config.json"))):
        _write(folder / name, {**values, "processor_class": processor_class})


def _read(file: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is no file."""
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}


def _write(file: Path, values: dict[str, Any]) -> None:
    file.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")


def model_info(processor: Any, model_type: str, *, name: str = "", context: int | None = None) -> ModelInfo:
    """What a processor, and the table of families for what it leaves open, tell about a model in this process."""
    family = family_of_type(model_type)
    info = ModelInfo(name=name, image_limits=ImageLimits(max_bytes=None), context=context)
    info = family.describe(info) if family else info
    rule = _own_rule(processor)
    return info if rule is None else replace(info, family=info.family or model_type, image_limits=ImageLimits(rule, None))


def pixel_rule(processor: Any, model_type: str = "") -> PixelRule:
    """The sizes of pictures that an image processor leaves as they are; those of Qwen2.5-VL where nobody knows."""
    return model_info(processor, model_type).image_limits.rule


def _own_rule(processor: Any) -> PixelRule | None:
    """What the settings of an image processor say, of the kinds whose arithmetic we know."""
    reader = processor.image_processor
    kind = type(reader).__name__.removesuffix("Pil").removesuffix("Fast").removesuffix("ImageProcessor")
    match kind:
        case "Qwen2VL" | "Ernie4_5_VLMoe" | "Ernie4_5_VL_Moe" | "PaddleOCRVL" | "HunYuanVL" | "VideoLlama3":
            frames = 1
        case "Glm4v" | "Glm46V" | "Glmga" | "Cosmos3Edge":
            frames = reader.temporal_patch_size  # the limits count each picture as so many frames
        case "Pixtral":
            return _pixtral_rule(processor)
        case "Gemma4":
            step = reader.patch_size * reader.pooling_kernel_size
            return PixelRule(step, step**2, reader.max_soft_tokens * step**2, fills=True)
        case _:
            return None
    step = reader.patch_size * reader.merge_size
    return PixelRule(step, reader.size["shortest_edge"] // frames, reader.size["longest_edge"] // frames)


def _pixtral_rule(processor: Any) -> PixelRule:
    """Of Pixtral, and of Mistral 3, which merges patches."""
    longest = processor.image_processor.size["longest_edge"]
    step = processor.patch_size * processor.spatial_merge_size
    return PixelRule(step, step**2, longest**2, max_side=longest)


def encode(processor: Any, messages: Sequence[Message]) -> BatchFeature:
    """One row of inputs that ends where the assistant's next words begin.

    Raises:
        ModelError: a message holds a native tool call or the answer to one.
    """
    return _encode(processor, messages, will_go_on=True)[0]


def encode_whole(processor: Any, messages: Sequence[Message]) -> tuple[BatchFeature, list[tuple[int, int]]]:
    """One row of inputs of a conversation that is over, and where the words of each assistant message stand in it.

    A half-open span of tokens holds the reply and the end-of-turn token right behind it.

    Raises:
        ModelError: a message holds a native tool call, or the chat template rewrites what the assistant says.
    """
    inputs, spans = _encode(processor, messages, will_go_on=False)
    if len(spans) < sum(message.role is Role.ASSISTANT for message in messages):
        raise ModelError("the chat template rewrites what the assistant says, so its tokens cannot be told; take another one")
    return inputs, spans


def _encode(processor: Any, messages: Sequence[Message], *, will_go_on: bool) -> tuple[BatchFeature, list[tuple[int, int]]]:
    chat = [_entry(message) for message in messages]
    fence = _unused(messages)
    with in_time():
        replies = _fence(processor, messages, chat, fence)
        reader = copy(processor)
        reader.tokenizer = splicer = _Splicer(processor.tokenizer, fence, replies)
        inputs: BatchFeature = reader.apply_chat_template(
            chat,
            add_generation_prompt=will_go_on,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sanitize_control_tokens=True,
        )
    return inputs, splicer.spans


def _entry(message: Message) -> dict[str, Any]:
    if message.role not in _SPOKEN or message.tool_calls:
        raise ModelError("a local model takes no native tool calls; use the format code_tags or tool_call")
    parts = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.pixels}
        for part in message.content
    ]
    return {"role": message.role.value, "content": parts}


def _unused(messages: Sequence[Message]) -> str:
    """A character of no meaning that nobody has written."""
    written = "".join(message.text for message in messages)
    return next(mark for mark in map(chr, _PRIVATE) if mark not in written)


def _fence(processor: Any, messages: Sequence[Message], chat: list[dict[str, Any]], fence: str) -> list[tuple[int, ...] | None]:
    """Put fences around what the assistant says, where the template leaves it as it is; the recorded ids of each fenced reply."""
    spoken = [i for i, message in enumerate(messages) if message.role is Role.ASSISTANT and not message.pictures]
    if not spoken:
        return []

    def render(changes: dict[int, str]) -> str:
        entries = [_said(changes[i]) if i in changes else entry for i, entry in enumerate(chat)]
        rendered: str = processor.apply_chat_template(entries, tokenize=False)
        return rendered

    def is_kept(words: dict[int, str]) -> bool:
        marked = render({i: f"{fence}{text}{fence}" for i, text in words.items()})
        return marked.split(fence)[1::2] == list(words.values()) and marked.replace(fence, "") == plain

    plain = render({})
    fenced = {i: messages[i].text for i in spoken}
    if not is_kept(fenced):
        choices = [(i, text) for i in spoken for text in (messages[i].text.strip(), messages[i].text)]
        fenced = {i: text for i, text in choices if is_kept({i: text})}
    for i, text in fenced.items():
        chat[i] = _said(f"{fence}{text}{fence}")
    return [messages[i].token_ids if text == messages[i].text else None for i, text in fenced.items()]


def _said(text: str) -> dict[str, Any]:
    return {"role": Role.ASSISTANT.value, "content": [{"type": "text", "text": text}]}


class _Splicer:
    """A tokenizer for one conversation that reads each fenced reply by itself, or takes its recorded ids."""

    def __init__(self, tokenizer: Any, fence: str, replies: Sequence[tuple[int, ...] | None]) -> None:
        self._tokenizer = tokenizer
        self._fence = fence
        self._replies = replies
        self.spans: list[tuple[int, int]] = []
        """Of the replies, once the text has been read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, text: str | list[str], *, return_tensors: str | None = None, **settings: Any) -> BatchEncoding:
        (whole,) = [text] if isinstance(text, str) else text
        before, *pieces = whole.split(self._fence)
        special = {index for index, token in self._tokenizer.added_tokens_decoder.items() if token.special}
        ids: list[int] = self._read(before, **settings)
        for recorded, words, after in zip(self._replies, pieces[::2], pieces[1::2], strict=True):
            start = len(ids)
            ids += self._read(_BREAK + words, **settings) if recorded is None else recorded
            behind = self._read(_BREAK + after, **settings)
            if behind and behind[0] in special:
                if recorded is None or not recorded or recorded[-1] != behind[0]:
                    ids.append(behind[0])
                del behind[0]
            self.spans.append((start, len(ids)))
            ids += behind
        return BatchEncoding({"input_ids": [ids], "attention_mask": [[1] * len(ids)]}, tensor_type=return_tensors)

    def _read(self, text: str, *, sanitize_control_tokens: bool, add_special_tokens: bool = True, **_: Any) -> list[int]:
        ids: list[int] = self._tokenizer(
            text, sanitize_control_tokens=sanitize_control_tokens, add_special_tokens=add_special_tokens
        )["input_ids"]
        return ids
