"""Token sequences as the tensors that a model reads: padded on the right, pictures one behind the other.

    batch = collate(processor, sequences, weights)
    logits = model(**batch.to(device).inputs).logits

Not covered: packing several sequences into one row; sequences are cut into batches of like length instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codedance.train.pixels import read_pictures
from codedance.train.tokens import TokenSequence


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one forward pass."""

    inputs: dict[str, Tensor]
    """By the names of the model's arguments."""
    weights: dict[str, Tensor]
    """What belongs to each token, (rows, tokens), by name; 0 where a row is padded."""

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        moved = ({name: tensor.to(device) for name, tensor in part.items()} for part in (self.inputs, self.weights))
        return Batch(*moved)


def collate(processor: Any, sequences: Sequence[TokenSequence], weights: Sequence[dict[str, NDArray[np.float32]]]) -> Batch:
    """One batch of some sequences."""
    longest = max(len(sequence.ids) for sequence in sequences)
    ids = np.full((len(sequences), longest), processor.tokenizer.pad_token_id, np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    padded = {name: np.zeros((len(sequences), longest), np.float32) for name in weights[0]}
    for row, (sequence, own) in enumerate(zip(sequences, weights, strict=True)):
        ids[row, : len(sequence.ids)] = sequence.ids
        mask[row, : len(sequence.ids)] = 1
        for name, values in own.items():
            padded[name][row, : len(values)] = values
    inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    pictures = [picture for sequence in sequences for picture in sequence.pictures]
    if pictures:
        inputs |= read_pictures(processor.image_processor, pictures)
    if "image_grid_thw" in inputs or "mm_token_type_ids" in processor.model_input_names:
        inputs["mm_token_type_ids"] = (inputs["input_ids"] == processor.image_token_id).long()
    return Batch(inputs, {name: torch.from_numpy(values) for name, values in padded.items()})


def cut(lengths: Sequence[int], most_tokens: int) -> list[list[int]]:
    """Rows of like length together, as many as fit into `most_tokens` with their padding; the longest first."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    groups: list[list[int]] = []
    for row in order:
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= most_tokens:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups
