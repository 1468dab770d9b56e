"""The colours of the input pictures, which tell the channel order of an array that `colours` knows nothing of.

    Palette([input_image]).is_bgr(array)      # True: its colours occur in the picture once red and blue are swapped

Not covered: grey pictures, and arrays whose colours do not come from the input.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]

_GRID, _SAMPLES = 32, 64
_LEAST_TELLING, _CLEAR = 8, 9


class Palette:
    """The colours of the input pictures, to tell an array of unknown order by: its colours are theirs in one order only."""

    def __init__(self, images: Iterable[Image.Image]) -> None:
        self._images = images
        self._table: Array | None = None

    def is_bgr(self, picture: Array) -> bool | None:
        """Whether an 8-bit array has red and blue the other way round than the input pictures; None where that is not clear."""
        if self._table is None:
            self._table = self._colours()
        across = max(1, picture.shape[0] // _SAMPLES), max(1, picture.shape[1] // _SAMPLES)
        red, green, blue = (np.asarray(picture[:: across[0], :: across[1], i]).ravel() // (256 // _GRID) for i in range(3))
        as_is, swapped = self._table[red, green, blue], self._table[blue, green, red]
        for_rgb, for_bgr = int((as_is & ~swapped).sum()), int((swapped & ~as_is).sum())
        if max(for_rgb, for_bgr) < _LEAST_TELLING or max(for_rgb, for_bgr) < _CLEAR * min(for_rgb, for_bgr):
            return None
        return for_bgr > for_rgb

    def _colours(self) -> Array:
        """Which cells of the colour cube occur, and their neighbours."""
        table = np.zeros((_GRID,) * 3, bool)
        for image in self._images:
            small = np.asarray(image.resize([min(side, 4 * _SAMPLES) for side in image.size], Image.Resampling.NEAREST))
            red, green, blue = (small[:, :, i].ravel() // (256 // _GRID) for i in range(3))
            table[red, green, blue] = True
        for axis in range(3):
            table = table | np.roll(table, 1, axis) | np.roll(table, -1, axis)
        return table
