"""Generate many replies at once with a KV cache; rows join the batch at any step, and leave it when they end.

    batch = Batch(model, vocabulary)
    batch.join([Row(inputs, temperature=1.0, max_tokens=512, seed=seed) for seed in range(8)])
    while batch.rows:
        for row in batch.step():                          # those that have ended: token_ids, logprobs, finish_reason
            ...

Every row has its own sampling and its own random numbers, so that a reply depends on its prompt and seed and not on its
neighbours (rounding aside: a batch of another shape adds in another order). Positions are made here and not by the model, so
that rows can come and go: in three dimensions where the model counts pictures so (Qwen-VL), else one by one.
Not covered: beam search, encoder-decoder models, layers with another memory than keys and values (Mamba and its like).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from codedance.errors import ModelError
from codedance.model.columns import Columns
from codedance.model.drawing import Choice, draw
from codedance.model.stops import StopTexts
from codedance.types import FinishReason

_PER_TOKEN = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}


class Vocabulary:
    """What a model may say and what ends it."""

    def __init__(self, ends: frozenset[int], banned: Tensor, pad: int, to_text: Callable[[Sequence[int]], str]) -> None:
        self.ends = ends
        """Tokens that end a reply."""
        self.banned = banned
        """For each token, whether it may never be said."""
        self.pad = pad
        self.to_text = to_text
        self._stops: dict[tuple[str, ...], StopTexts] = {}

    def stops(self, texts: tuple[str, ...]) -> StopTexts:
        """How to see that one of these texts was said; what is learnt of the tokens is shared by all who ask."""
        if texts not in self._stops:
            self._stops[texts] = StopTexts(texts, self.to_text)
        return self._stops[texts]


@dataclass(slots=True, eq=False)
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
    def shape(self) -> dict[str, tuple[int, ...]]:
        """Of its pictures: rows whose inputs of the same name have the same shape can be read together."""
        return {name: tuple(tensor.shape[1:]) for name, tensor in self.inputs.items() if name not in _PER_TOKEN}

    @property
    def is_over(self) -> bool:
        """It has ended, or nobody waits for it."""
        return self.finish_reason is not None or not self.is_wanted()

    def choose(self) -> Choice:
        """How to draw the next token, with the next of its own random numbers."""
        return Choice(self.temperature, self.top_p, self._random.random() if self.temperature > 0 else 0.0)

    def add(self, token: int, logprob: float, vocabulary: Vocabulary) -> None:
        """Take a token and see whether it was the last.

        Raises:
            ModelError: the model computes nonsense.
        """
        if math.isnan(logprob):
            raise ModelError("the model's scores are no numbers; its weights need another dtype (bfloat16, float32)")
        self.token_ids.append(token)
        self.logprobs.append(logprob)
        if token in vocabulary.ends or (self.stop and vocabulary.stops(self.stop).are_said(self.token_ids)):
            self.finish_reason = FinishReason.STOP
        elif len(self.token_ids) >= self.max_tokens:
            self.finish_reason = FinishReason.LENGTH


class Batch:
    """Replies under way. After an error it is of no use any more."""

    def __init__(self, model: Any, vocabulary: Vocabulary) -> None:
        self.rows: list[Row] = []
        """Under way."""
        self._model = model
        self._vocabulary = vocabulary
        self._place = next((m.get_rope_index for m in model.modules() if hasattr(m, "get_rope_index")), None)
        self._columns = Columns()
        self._tokens = torch.empty(0, dtype=torch.long, device=model.device)
        """The last of each row, which the model has not read yet."""
        self._positions: Tensor | None = None
        """Of these tokens: (rows, 1), or (3, rows, 1) for models that place pictures in time and space."""

    @torch.no_grad()
    def join(self, rows: Sequence[Row]) -> list[Row]:
        """Read the prompts of more rows and write the first token of each; the rows that have left the batch."""
        left = [row for row in rows if row.is_over]
        for group in _alike([row for row in rows if not row.is_over]):
            self._read(group)
        return left + self._leave()

    @torch.no_grad()
    def step(self) -> list[Row]:
        """Write a token of each row; the rows that have left the batch."""
        left = self._leave()  # those that nobody wants any more
        if not self.rows:
            return left
        out = self._model(
            input_ids=self._tokens[:, None],
            attention_mask=self._columns.open(),
            position_ids=self._positions,
            past_key_values=self._columns,
            use_cache=True,
            logits_to_keep=1,
        )
        self._columns.close()
        assert self._positions is not None
        self._positions = self._positions + 1
        self._tokens = self._write(self.rows, out.logits)
        return left + self._leave()

    def _read(self, rows: Sequence[Row]) -> None:
        inputs = _collate(rows, self._model, self._vocabulary.pad)
        positions = self._place_tokens(inputs)
        out = self._model(**inputs, position_ids=positions, past_key_values=DynamicCache(), use_cache=True, logits_to_keep=1)
        tokens = self._write(rows, out.logits)
        after = positions.amax(-1, keepdim=True) + 1
        if after.ndim == 3:  # text goes on behind the largest of the three
            after = after.amax(0, keepdim=True).expand_as(after)
        self._columns.join(out.past_key_values, [row.inputs["input_ids"].shape[1] for row in rows])
        self._tokens = torch.cat([self._tokens, tokens])
        self._positions = after if self._positions is None else torch.cat([self._positions, after], dim=-2)
        self.rows += rows

    def _write(self, rows: Sequence[Row], logits: Tensor) -> Tensor:
        tokens, logprobs = draw(logits[:, -1], [row.choose() for row in rows], self._vocabulary.banned)
        both = torch.stack([tokens.double(), logprobs.double()]).tolist()  # one wait for the device, not two
        for row, token, logprob in zip(rows, *both, strict=True):
            row.add(int(token), logprob, self._vocabulary)
        return tokens

    def _leave(self) -> list[Row]:
        stay = [i for i, row in enumerate(self.rows) if not row.is_over]
        if len(stay) == len(self.rows):
            return []
        left = [self.rows[i] for i in sorted({*range(len(self.rows))} - {*stay})]
        order = self._columns.keep(stay)
        index = torch.tensor(order, dtype=torch.long, device=self._tokens.device)
        assert self._positions is not None
        self._tokens, self._positions = self._tokens[index], self._positions.index_select(-2, index)
        self.rows = [self.rows[i] for i in order]
        return left

    def _place_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Positions of the tokens of the prompts: (rows, tokens), or (3, rows, tokens)."""
        if self._place is None:
            return (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        names = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
        positions: Tensor = self._place(**{name: inputs[name] for name in names if name in inputs})[0]
        return positions


def decode(model: Any, rows: Sequence[Row], vocabulary: Vocabulary) -> None:
    """Write the reply of each row."""
    batch = Batch(model, vocabulary)
    batch.join(rows)
    while batch.rows:
        batch.step()


def _alike(rows: Sequence[Row]) -> list[list[Row]]:
    """As few groups as can be, of rows that can be read together."""
    groups: list[tuple[dict[str, tuple[int, ...]], list[Row]]] = []
    for row in sorted(rows, key=lambda row: not row.shape):  # those without pictures last: they fit to any others
        for shape, members in groups:
            if all(shape.get(name, size) == size for name, size in row.shape.items()):
                members.append(row)
                break
        else:
            groups.append((row.shape, [row]))
    return [members for _, members in groups]


def _collate(rows: Sequence[Row], model: Any, pad: int) -> dict[str, Tensor]:
    """One batch of many prompts: tokens padded on the left, pictures one behind the other."""
    longest = max(row.inputs["input_ids"].shape[1] for row in rows)
    batch = {}
    for name in {name: None for row in rows for name in row.inputs}:
        tensors = [row.inputs[name] for row in rows if name in row.inputs]
        if name in _PER_TOKEN:
            fill = pad if name == "input_ids" else 0
            tensors = [torch.nn.functional.pad(t, (longest - t.shape[1], 0), value=fill) for t in tensors]
        tensor = torch.cat(tensors)
        batch[name] = tensor.to(model.device, model.dtype if tensor.is_floating_point() else None)
    return batch
