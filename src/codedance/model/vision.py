"""Let the vision tower of a Qwen2.5-VL read many pictures in one go.

    read_together(model)                 # in place; the same weights, the same results, forwards and backwards

As transformers has it, attention is called once for each picture, or for each window of one, and patches go through a
convolution that is slow on CPUs. Here all parts of equal length share one call, and patches, which do not overlap, are multiplied
by a matrix. Names of weights stay, so that checkpoints fit. Flash attention, which packs pictures by itself, is left alone.
Not covered: other families; their models are left as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionPatchEmbed,
    Qwen2_5_VLVisionAttention,
    apply_rotary_pos_emb_vision,
    eager_attention_forward,
)
from transformers.utils.generic import is_flash_attention_requested


def read_together(model: torch.nn.Module) -> None:
    """Change the parts of the vision tower, if it is a Qwen2.5-VL's, for ones that compute the same faster. Twice is fine."""
    swaps: dict[type, type] = {Qwen2_5_VLVisionAttention: _Attention, Qwen2_5_VisionPatchEmbed: _PatchEmbed}
    for module in model.modules():
        if type(module) in swaps:
            module.__class__ = swaps[type(module)]  # weights, hooks and names stay as they are


class _PatchEmbed(Qwen2_5_VisionPatchEmbed):
    def forward(self, hidden_states: Tensor) -> Tensor:
        weight = self.proj.weight.view(self.embed_dim, -1)
        return torch.nn.functional.linear(hidden_states.view(-1, weight.shape[1]).to(weight.dtype), weight)


class _Attention(Qwen2_5_VLVisionAttention):
    def forward(
        self,
        hidden_states: Tensor,
        cu_seqlens: Tensor,
        position_embeddings: Any = None,
        max_seqlen: int | None = None,
        **kwargs: Any,
    ) -> Tensor:
        if is_flash_attention_requested(self.config):
            out: Tensor = super().forward(hidden_states, cu_seqlens, position_embeddings, max_seqlen, **kwargs)
            return out
        num_tokens = len(hidden_states)
        query, key, value = self.qkv(hidden_states).view(num_tokens, 3, self.num_heads, -1).unbind(1)
        query, key = apply_rotary_pos_emb_vision(query, key, *position_embeddings)
        lengths = cu_seqlens.diff()
        sizes = set(lengths.tolist())
        if len(sizes) == 1:
            seen = self._attend(query, key, value, sizes.pop())
        else:
            index = [_tokens_of(cu_seqlens[:-1][lengths == size], size) for size in sorted(sizes)]
            parts = [self._attend(query[i], key[i], value[i], size) for i, size in zip(index, sorted(sizes), strict=True)]
            seen = torch.cat(parts)[torch.cat(index).argsort()]
        projected: Tensor = self.proj(seen)
        return projected

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, size: int) -> Tensor:
        """Of parts of `size` tokens that lie one behind the other; each sees itself alone."""
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        query, key, value = (
            tensor.view(-1, size, self.num_heads, self.head_dim).transpose(1, 2) for tensor in (query, key, value)
        )
        dropout = self.attention_dropout if self.training else 0.0
        seen: Tensor = attend(
            self, query, key, value, attention_mask=None, scaling=self.scaling, dropout=dropout, is_causal=False
        )[0]
        return seen.reshape(-1, self.dim)


def _tokens_of(starts: Tensor, size: int) -> Tensor:
    """The tokens of the parts that start there."""
    return (starts[:, None] + torch.arange(size, device=starts.device)).flatten()
