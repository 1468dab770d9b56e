"""Keys and values of the rows under way, as columns of one table: rows join and leave, and nothing is copied to grow by a token.

    columns = Columns()
    columns.join(prefilled, lengths)             # a DynamicCache of prompts that are padded on the left
    mask = columns.open()                        # room for one more token; give both to the model's forward
    columns.close()                              # it is written
    order = columns.keep([0, 2, 3])              # the others leave; which row now stands where

Every row ends at the same column, as with padding on the left, so that one slice of the table is what attention reads; columns
that are padding for all are outside of it. Not covered: layers with another memory than keys and values of every token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import DynamicLayer

_ROOM = 256
"""Columns for tokens to come, at least, when a table is made; half as many to its left are for longer prompts."""


class Columns(Cache):
    """A cache for steps of one token."""

    def __init__(self) -> None:
        super().__init__(layers=[])
        self._starts: list[int] = []
        """The column of the first token of each row."""
        self._first = 0
        self._end = 0
        self._num_columns = 0
        self._lefts = torch.empty(0)
        self._tables: list[_Layer] = []

    @property
    def rows(self) -> slice:
        """Of the table, those that are in use."""
        return slice(len(self._starts))

    def join(self, newcomers: Any, lengths: Sequence[int]) -> None:
        """Take in the rows of a DynamicCache, which end with it."""
        if not self._tables:
            self._tables = [_Layer(self, layer) for layer in newcomers.layers]
            self.layers = [*self._tables]
        before, width = len(self._starts), newcomers.get_seq_length()
        if before + len(lengths) > len(self._tables[0].keys) or self._end < width:
            self._rebuild(before + len(lengths), width)
        here = slice(before, before + len(lengths)), slice(None), slice(self._end - width, self._end)
        for layer, other in zip(self._tables, newcomers.layers, strict=True):
            layer.keys[here] = other.keys
            layer.values[here] = other.values
        self._settle([*self._starts, *(self._end - length for length in lengths)])

    def open(self) -> Tensor:
        """Make room for a token of each row; the attention mask that holds it already."""
        if self._end == self._num_columns:
            self._rebuild(len(self._starts), 0)
        places = torch.arange(self._first, self._end + 1, device=self._lefts.device)
        return places >= self._lefts[:, None]

    def close(self) -> None:
        """The token of each row has been written."""
        self._end += 1

    def keep(self, stay: Sequence[int]) -> list[int]:
        """Let all other rows leave; which of the rows before now stands in each place."""
        order = list(range(len(stay)))
        holes = sorted(set(order) - set(stay))
        movers = [row for row in stay if row >= len(stay)]
        if holes:
            device = self._lefts.device
            to, by, used = torch.tensor(holes, device=device), torch.tensor(movers, device=device), self.window(0)
            for layer in self._tables:
                layer.keys[to, :, used] = layer.keys[by, :, used]
                layer.values[to, :, used] = layer.values[by, :, used]
        for hole, mover in zip(holes, movers, strict=True):
            order[hole] = mover
        self._settle([self._starts[row] for row in order])
        return order

    def window(self, more: int) -> slice:
        """The columns in use, and some more."""
        return slice(self._first, self._end + more)

    @property
    def length(self) -> int:
        """Columns in use."""
        return self._end - self._first

    def _settle(self, starts: list[int]) -> None:
        self._starts = starts
        self._first = min(starts, default=self._end)
        self._lefts = torch.tensor(starts, device=self._tables[0].keys.device)

    def _rebuild(self, num_rows: int, width: int) -> None:
        """A table with room for so many rows and a prompt of `width` tokens; the columns in use move to its left."""
        used = self.window(0)
        end = max(self.length, width) + _ROOM // 2
        num_rows = 1 << (num_rows - 1).bit_length()
        self._num_columns = end + max(_ROOM, end // 2)
        for layer in self._tables:
            layer.resize(num_rows, self._num_columns, used, end)
        shift = end - self._end
        self._end = end
        self._settle([start + shift for start in self._starts])


class _Layer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's part of the table: (rows, heads, columns, channels)."""

    keys: Any
    values: Any

    def __init__(self, columns: Columns, like: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._columns = columns
        self.keys, self.values = like.keys[:0, :, :0], like.values[:0, :, :0]
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write one token of each row; all tokens of the rows so far."""
        rows, window = self._columns.rows, self._columns.window(1)
        keys, values = self.keys[rows, :, window], self.values[rows, :, window]
        keys[:, :, -1:] = key_states
        values[:, :, -1:] = value_states
        return keys, values

    def get_seq_length(self) -> int:
        """Columns in use."""
        return self._columns.length

    def resize(self, num_rows: int, num_columns: int, used: slice, end: int) -> None:
        """Another table; the columns in use come to end before `end`."""
        self.keys, self.values = (self._moved(table, num_rows, num_columns, used, end) for table in (self.keys, self.values))

    def _moved(self, table: Tensor, num_rows: int, num_columns: int, used: slice, end: int) -> Tensor:
        _, num_heads, _, num_channels = table.shape
        other = table.new_zeros(num_rows, num_heads, num_columns, num_channels)  # padding must be numbers, too
        rows = self._columns.rows
        other[rows, :, end - (used.stop - used.start) : end] = table[rows, :, used]
        return other
