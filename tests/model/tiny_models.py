"""Vision-language models of a few thousand weights, made at random in a second: real classes, real files, no meaning.

    path = make_llava(folder / "tiny-llava")       # what `transformers serve` can serve without torchvision
    path = make_qwen(folder / "tiny-qwen")         # patch 14, merge 2, positions in three dimensions, as in the large ones

Their text is noise, so what is tested with them must hold whatever a model says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from codedance.model.processors import ImagesOnlyQwen, save_processor

CONTEXT = 2048
"""Tokens that the models can read."""
LLAVA_IMAGE_TOKENS = 16
TAGS = ("<think>", "</think>", "<code>", "</code>", "<answer>", "</answer>")
"""Tokens of their own, but ordinary text."""
_IM_START, _IM_END, _PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
_TEXT = """How many red pixels are in the left half? The code counts them, crops the picture and prints the sum.
from PIL import Image
import numpy as np
print(np.asarray(input_image).shape)
The bar is taller than the other one, so the answer is two. Look at the picture again and measure."""
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_llava(folder: Path) -> Path:
    """CLIP and Llama of two layers each; every picture is resized and cropped to 16 tokens."""
    tokenizer = make_tokenizer("<image>")
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14
    )
    text = LlamaConfig(**_text_sizes(tokenizer))
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=image_token, tie_word_embeddings=True)
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_TEMPLATE.replace("IMAGE", "<image>\n"),
    )
    processor.save_pretrained(folder)
    return _save(LlavaForConditionalGeneration, config, tokenizer, folder)


def make_qwen(folder: Path) -> Path:
    """The real Qwen2.5-VL class: a token for each 28x28 pixels, window attention in the first vision layer."""
    tokenizer = make_tokenizer("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad")}
    config = Qwen2_5_VLConfig(
        text_config={
            **_text_sizes(tokenizer),
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
        },
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    template = _TEMPLATE.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    save_processor(ImagesOnlyQwen(Qwen2VLImageProcessorPil(), tokenizer, chat_template=template), "qwen2_5_vl", folder)
    return _save(Qwen2_5_VLForConditionalGeneration, config, tokenizer, folder)


def make_tokenizer(*vision: str) -> PreTrainedTokenizerFast:
    """A tokenizer: byte-level, a few words, the chat marks, the marks of pictures, and our tags as text."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator([_TEXT], trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False))
    raw.add_special_tokens([_PAD, _IM_START, _IM_END, *vision])
    raw.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=_IM_END, pad_token=_PAD, model_max_length=CONTEXT)


def _text_sizes(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer) + 8,  # real models have rows without a token, too
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": 0.5,  # far from uniform, so that greedy replies are stable and pictures matter
        "tie_word_embeddings": True,
    }


def _save(kind: type[PreTrainedModel], config: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = kind(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=True
    )
    model.save_pretrained(folder)
    return folder
