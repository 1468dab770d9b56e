"""Say when code hands an array to a function that takes its red for blue: OpenCV's pictures to Pillow, Pillow's to OpenCV.

    tell_of_swaps(lambda array: shown.order_of(array), note)      # once, in the zygote
    plt.imshow(cv2.imread("input_image.jpg"))                     # noted: "plt.imshow takes RGB, but this array is BGR ..."

The functions do what they do anywhere; only a note says so, because the picture that the model then sees does not. Not covered:
the writers of other libraries (imageio, skimage), and arrays whose order neither their history nor their colours tell.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import cv2
import matplotlib.axes
import matplotlib.image
import numpy as np
from PIL import Image

from .compat.removed import is_guest

_OF_PILLOW = (
    "{} takes RGB, but this array is BGR as OpenCV has it, so red and blue are swapped; use cv2.cvtColor(x, cv2.COLOR_BGR2RGB)"
)
_OF_OPENCV = "{} takes BGR, but this array is RGB, so red and blue are swapped; use cv2.cvtColor(x, cv2.COLOR_RGB2BGR)"


def tell_of_swaps(order_of: Callable[[Any], str | None], note: Callable[[str], None]) -> None:
    """Let the usual takers of arrays say so. `order_of` gives "RGB", "BGR" or None, where that is not clear."""

    def watch(owner: Any, name: str, shown_as: str, at: int, wrong: str, text: str) -> None:
        usual = getattr(owner, name)

        @functools.wraps(usual)
        def call(*args: Any, **given: Any) -> Any:
            array = args[at] if len(args) > at else given.get("X")
            is_wrong = isinstance(array, np.ndarray) and _is_called_for_guest(sys._getframe(1)) and order_of(array) == wrong
            result = usual(*args, **given)
            if is_wrong and result is not False:  # cv2.imwrite failed
                note(text.format(shown_as))
            return result

        setattr(owner, name, call)

    watch(Image, "fromarray", "Image.fromarray", 0, "BGR", _OF_PILLOW)
    watch(matplotlib.axes.Axes, "imshow", "plt.imshow", 1, "BGR", _OF_PILLOW)
    watch(matplotlib.image, "imsave", "plt.imsave", 1, "BGR", _OF_PILLOW)
    watch(cv2, "imwrite", "cv2.imwrite", 1, "RGB", _OF_OPENCV)
    watch(cv2, "imshow", "cv2.imshow", 1, "RGB", _OF_OPENCV)


def _is_called_for_guest(frame: Any) -> bool:
    """Whether code of the session called, itself or through pyplot."""
    return is_guest(frame) or (frame.f_globals.get("__name__") == "matplotlib.pyplot" and is_guest(frame.f_back))
