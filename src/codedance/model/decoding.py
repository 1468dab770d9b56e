"""Generate many replies at once with a KV cache; a finished row leaves the batch.

    rows = [Row(inputs, temperature=1.0, max_tokens=512, seed=seed) for seed in range(8)]
    decode(model, rows, vocabulary)                       # fills row.token_ids, row.logprobs, row.finish_reason

Every row has its own sampling and its own random numbers, so that a reply depends on its prompt and seed and not on its
neighbours (rounding aside: a batch of another shape adds in another order). Positions are made here and not by the model, so
that rows can leave: in three dimensions where the model counts pictures so (Qwen-VL), else one by one.
Not covered: rows that join later, beam search, encoder-decoder models.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from codedance.errors import ModelError
from codedance.types import FinishReason

_PER_TOKEN = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a model may say and what ends it."""

    ends: frozenset[int]
    """Tokens that end a reply."""
    banned: Tensor
    """For each token, whether it may never be said."""
    pad: int
    to_text: Callable[[Sequence[int]], str]


@dataclass(slots=True)
class Row:
    """A prompt and the reply that grows behind it."""

    inputs: Mapping[str, Tensor]
    """As the processor gives them for one conversation."""
    max_tokens: int
    temperature: float = 0.0
    """0: always the likeliest token."""
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    """Texts that end the reply, which then includes them and the rest of their last token."""
    is_wanted: Callable[[], bool] = lambda: True
    token_ids: list[int] = field(default_factory=list)
    """Including the token that ended it."""
    logprobs: list[float] = field(default_factory=list)
    """At the temperature that was drawn with (1 for temperature 0), banned tokens left out, before top_p cuts."""
    finish_reason: FinishReason | None = None
    """None: it was left unfinished because nobody wants it any more."""
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def prompt_ids(self) -> list[int]:
        """The prompt as tokens, those of pictures included."""
        ids: list[int] = self.inputs["input_ids"][0].tolist()
        return ids

    @property
    def shape(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Rows of the same shape can share a batch."""
        return tuple(sorted((name, tuple(t.shape[1:])) for name, t in self.inputs.items() if name not in _PER_TOKEN))

    def random(self) -> float:
        """The next of the row's own random numbers."""
        return self._random.random()

    def add(self, token: int, logprob: float, vocabulary: Vocabulary) -> None:
        """Take a token and see whether it was the last.

        Raises:
            ModelError: the model computes nonsense.
        """
        if math.isnan(logprob):
            raise ModelError("the model's scores are no numbers; its weights need another dtype (bfloat16, float32)")
        self.token_ids.append(token)
        self.logprobs.append(logprob)
        if token in vocabulary.ends or self._is_stopped(vocabulary):
            self.finish_reason = FinishReason.STOP
        elif len(self.token_ids) >= self.max_tokens:
            self.finish_reason = FinishReason.LENGTH

    def _is_stopped(self, vocabulary: Vocabulary) -> bool:
        if not self.stop:
            return False
        most = max(len(text.encode()) for text in self.stop)  # a token is at least a byte
        tail = vocabulary.to_text(self.token_ids[-most - 4 :])  # and a few before it, which decode together
        return any(text in tail for text in self.stop)


@torch.no_grad()
def decode(model: Any, rows: Sequence[Row], vocabulary: Vocabulary) -> None:
    """Write the reply of each row, all of them of one `shape`."""
    live = [row for row in rows if row.is_wanted()]
    if not live:
        return
    inputs = _collate(live, model, vocabulary.pad)
    mask, positions = inputs["attention_mask"], _positions(model, inputs)
    out = model(**inputs, position_ids=positions, use_cache=True, logits_to_keep=1)
    last = positions.amax(-1, keepdim=True)
    last = last.amax(0, keepdim=True).expand_as(last) if last.ndim == 3 else last
    while True:
        tokens, logprobs = _draw(out.logits[:, -1], live, vocabulary)
        for row, token, logprob in zip(live, tokens.tolist(), logprobs.tolist(), strict=True):
            row.add(token, logprob, vocabulary)
        stay = [i for i, row in enumerate(live) if row.finish_reason is None and row.is_wanted()]
        if not stay:
            return
        if len(stay) < len(live):
            index = torch.tensor(stay, device=model.device)
            out.past_key_values.batch_select_indices(index)
            tokens, mask, last = tokens[index], mask[index], last.index_select(-2, index)
            live = [live[i] for i in stay]
        mask, last = torch.cat([mask, mask.new_ones(len(live), 1)], dim=1), last + 1
        out = model(
            input_ids=tokens[:, None],
            attention_mask=mask,
            position_ids=last,
            past_key_values=out.past_key_values,
            use_cache=True,
            logits_to_keep=1,
        )


def _collate(rows: Sequence[Row], model: Any, pad: int) -> dict[str, Tensor]:
    """One batch of many prompts: tokens padded on the left, pictures one behind the other."""
    longest = max(row.inputs["input_ids"].shape[1] for row in rows)
    batch = {}
    for name in rows[0].inputs:
        tensors = [row.inputs[name] for row in rows]
        if name in _PER_TOKEN:
            fill = pad if name == "input_ids" else 0
            tensors = [torch.nn.functional.pad(t, (longest - t.shape[1], 0), value=fill) for t in tensors]
        tensor = torch.cat(tensors)
        batch[name] = tensor.to(model.device, model.dtype if tensor.is_floating_point() else None)
    return batch


def _positions(model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    """Of each token of the prompts: (rows, tokens), or (3, rows, tokens) for models that place pictures in time and space."""
    place = getattr(model.base_model, "get_rope_index", None)
    if place is not None:
        names = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
        positions: Tensor = place(**{name: inputs[name] for name in names if name in inputs})[0]
        return positions
    return (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)


def _draw(logits: Tensor, rows: Sequence[Row], vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """The next token of each row and its log-probability."""
    heat = logits.new_tensor([row.temperature or 1.0 for row in rows], dtype=torch.float32)
    scores = logits.float().masked_fill(vocabulary.banned, -torch.inf)
    logprobs = torch.log_softmax(scores / heat[:, None], dim=-1)
    tokens = scores.argmax(-1)
    drawn = [i for i, row in enumerate(rows) if row.temperature > 0]
    if drawn:
        index = torch.tensor(drawn, device=logits.device)
        probabilities = logprobs[index].double().exp()
        top_p = probabilities.new_tensor([rows[i].top_p for i in drawn])
        chance = probabilities.new_tensor([rows[i].random() for i in drawn])
        tokens[index] = _pick(_nucleus(probabilities, top_p), chance)
    return tokens, logprobs.gather(-1, tokens[:, None])[:, 0]


def _nucleus(probabilities: Tensor, top_p: Tensor) -> Tensor:
    """Only the likeliest tokens of each row, as few as reach `top_p`."""
    cut = (top_p < 1).nonzero()[:, 0]
    if len(cut):
        some = probabilities[cut]
        falling = some.sort(dim=-1, descending=True).values
        is_in = falling.cumsum(-1) - falling < top_p[cut, None]  # what lies before it does not reach top_p
        least = falling.masked_fill(~is_in, torch.inf).amin(-1, keepdim=True)
        probabilities[cut] = some.masked_fill(some < least, 0)
    return probabilities


def _pick(weights: Tensor, chance: Tensor) -> Tensor:
    """The token at which the running sum of the weights passes a share `chance` of the whole."""
    sums = weights.cumsum(-1)
    target = chance * (1 - 1e-12) * sums[:, -1]  # below the whole, also after rounding
    return torch.searchsorted(sums, target[:, None], right=True)[:, 0].clamp(max=weights.shape[-1] - 1)
