"""A small vision-language model made from nothing: the classes of Qwen2.5-VL, three million weights, a vocabulary of its own.

    make_model(Sizes(), texts, {"red", "left"}, seed=1, folder=Path("tiny"))    # `hf:tiny` opens it; it knows nothing yet

The vocabulary is learnt from texts that the model is to write: byte-level, pieces of up to a line, digits and the words that fill
slots one by one, our tags as single tokens that are ordinary text. Its chat template leaves system messages out: the model learns
how to act from examples, and a thousand letters that are always the same would cost more than the rest of the conversation. It
leaves out the sizes of pictures as well: numbers that were never seen in training derail so small a model.
Not covered: teaching it anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from codedance.config import Section
from codedance.images import PixelRule
from codedance.model.processors import ImagesOnlyQwen, save_processor

RULE = PixelRule(step=28, least=8 * 28 * 28, most=16 * 28 * 28)
"""What the model sees of a picture: 16 tokens at most, 112x112 pixels of a square one."""
_TAGS = tuple(f"<{slash}{name}>" for name in ("think", "code", "answer", "interpreter") for slash in ("", "/"))
_FENCES = ("```python", "```")
_PAD, _START, _END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_VISION = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] != 'system' %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['text'].startswith('\\n(input_image') %}{{ part['text'].partition(')\\n')[2] }}"
    "{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Sizes(Section):
    """How large the model is. Heads of the text part have 32 numbers each."""

    hidden: int = 192
    layers: int = 4
    heads: int = 6
    key_value_heads: int = 2
    feed_forward: int = 512
    vision_hidden: int = 128
    vision_layers: int = 4
    vision_heads: int = 4
    vision_feed_forward: int = 320
    vocabulary: int = 1600
    """Tokens, at most."""
    context: int = 2048
    text_spread: float = 0.07
    """Standard deviation of the text part's first weights; the usual 0.02 learns to copy far more slowly."""


def make_model(sizes: Sizes, texts: Iterable[str], slots: Iterable[str], seed: int, folder: Path) -> Path:
    """Write an untrained model into a folder.

    Args:
        sizes: of the model.
        texts: what it will have to write; its vocabulary is learnt from them.
        slots: words that change from text to text, which stay tokens of their own, as digits do.
        seed: of the first weights.
        folder: where it is written.
    """
    tokenizer = _tokenizer(texts, slots, sizes)
    size = {"shortest_edge": RULE.least, "longest_edge": RULE.most}
    processor = ImagesOnlyQwen(Qwen2VLImageProcessorPil(size=size), tokenizer, chat_template=_TEMPLATE)
    save_processor(processor, "qwen2_5_vl", folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2_5_VLForConditionalGeneration(_config(sizes, tokenizer))
        _spread(model, sizes)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    model.generation_config = GenerationConfig(**ends)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    return folder


def _tokenizer(texts: Iterable[str], slots: Iterable[str], sizes: Sizes) -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE())
    single = Regex("|".join([r"\d+x\d+", r"(?<![A-Za-z_])\d", *(rf"\b{word}\b" for word in slots)]))
    split = [
        pre_tokenizers.Split("\n", "merged_with_previous"),
        pre_tokenizers.Split(single, "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    raw.pre_tokenizer = pre_tokenizers.Sequence(split)
    raw.decoder = decoders.ByteLevel()
    marks = [_PAD, _START, _END, *_VISION]
    trainer = trainers.BpeTrainer(
        vocab_size=sizes.vocabulary - len(marks) - len(_TAGS + _FENCES),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    raw.add_special_tokens(marks)
    raw.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in _TAGS + _FENCES])
    settings: dict[str, Any] = {"eos_token": _END, "pad_token": _PAD, "model_max_length": sizes.context}
    return PreTrainedTokenizerFast(tokenizer_object=raw, **settings)  # type: ignore[no-untyped-call]


def _config(sizes: Sizes, tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLConfig:
    marks = ("image_pad", "video_pad", "vision_start", "vision_end")
    ids: dict[str, Any] = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in marks}
    text: dict[str, Any] = {
        "vocab_size": math.ceil(len(tokenizer) / 8) * 8,
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.feed_forward,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.key_value_heads,
        "max_position_embeddings": sizes.context,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
    }
    vision = {
        "depth": sizes.vision_layers,
        "hidden_size": sizes.vision_hidden,
        "intermediate_size": sizes.vision_feed_forward,
        "num_heads": sizes.vision_heads,
        "out_hidden_size": sizes.hidden,
        "fullatt_block_indexes": list(range(sizes.vision_layers)),
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=True,
    )


def _spread(model: Any, sizes: Sizes) -> None:
    """First weights of the text part, those that write into the residual stream at half the spread."""
    for name, weight in model.model.language_model.named_parameters():
        if weight.ndim == 2:
            halved = name.endswith(("o_proj.weight", "down_proj.weight"))
            torch.nn.init.normal_(weight, std=sizes.text_spread / (2 if halved else 1))
