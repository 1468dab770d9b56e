"""Pictures as a Qwen-VL model reads them, bit by bit what its image processor gives, in a tenth of the time.

    inputs = read_pictures(processor.image_processor, pictures)        # pixel_values, image_grid_thw

Pictures of a rollout have their final size already, so that all that is left is a table of 256 values a channel and an order of
patches. Other image processors, and pictures that they would resize, go the usual way. Not covered: video.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from codedance.images import Picture, PixelRule, fit


def read_pictures(reader: Any, pictures: Sequence[Picture]) -> dict[str, Tensor]:
    """What an image processor makes of some pictures."""
    is_qwen = type(reader).__name__.startswith("Qwen2VL")
    if is_qwen:
        rule = PixelRule(reader.patch_size * reader.merge_size, reader.size["shortest_edge"], reader.size["longest_edge"])
    if not is_qwen or any(fit(picture.size, rule).size != picture.size for picture in pictures):
        return dict(reader(images=[picture.pixels for picture in pictures], return_tensors="pt"))
    patches = [_patches(np.asarray(picture.pixels), reader) for picture in pictures]
    grid = [(1, picture.size.height // reader.patch_size, picture.size.width // reader.patch_size) for picture in pictures]
    return {"pixel_values": torch.from_numpy(np.concatenate(patches)), "image_grid_thw": torch.tensor(grid)}


def _patches(pixels: NDArray[np.uint8], reader: Any) -> NDArray[np.float32]:
    """(patches, values of a patch) in the order in which the model merges them."""
    table, side, merged = _table(reader), reader.patch_size, reader.merge_size
    rows, columns = pixels.shape[0] // (side * merged), pixels.shape[1] // (side * merged)
    channels = np.stack([table[channel][pixels[..., channel]] for channel in range(3)])
    cut = channels.reshape(3, rows, merged, side, columns, merged, side).transpose(1, 4, 2, 5, 0, 3, 6)
    frames = np.repeat(cut[:, :, :, :, :, None], reader.temporal_patch_size, axis=5)
    return np.ascontiguousarray(frames).reshape(rows * columns * merged**2, -1)


@lru_cache(maxsize=4)
def _table(reader: Any) -> NDArray[np.float32]:
    """What the processor makes of each of 256 values, (channels, 256)."""
    step = reader.patch_size * reader.merge_size
    side = step * -(-max(16, reader.size["shortest_edge"] ** 0.5) // step)
    grey = np.resize(np.arange(256, dtype=np.uint8), (int(side), int(side)))
    values = reader(images=[Image.fromarray(np.stack([grey] * 3, -1))], return_tensors="np")["pixel_values"]
    first = values[:, :].reshape(-1, 3, reader.temporal_patch_size, reader.patch_size, reader.patch_size)[:, :, 0]
    merged, across = reader.merge_size, int(side) // step
    whole = first.reshape(across, across, merged, merged, 3, reader.patch_size, reader.patch_size)
    plane = whole.transpose(4, 0, 2, 5, 1, 3, 6).reshape(3, int(side), int(side))
    table = np.empty((3, 256), np.float32)
    for channel in range(3):
        table[channel][grey.ravel()] = plane[channel].ravel()
    return table
