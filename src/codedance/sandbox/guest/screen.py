"""A screen that is not there: the usual ways to show something lead to the pictures of the running cell.

    patch_libraries(lambda: shown)      # once, in the zygote
    plt.show(); cv2.imshow("w", array); cv2.waitKey(0)

`plt.show`, `Image.show`, `cv2.imshow` and `display` show; windows, trackbars and mice do nothing; nobody presses a key or selects
a region. Not covered: other toolkits (tkinter, pygame).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cv2
import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from . import colours, notebook
from .show import Shown


def patch_libraries(current: Callable[[], Shown]) -> None:
    """Point the usual ways to show something at `current()`, and make the usual window calls harmless.

    Done once in the zygote: changing classes in every session would copy thousands of shared pages.
    """

    def show_image(image: Image.Image, *_: Any, **__: Any) -> None:
        current().add_image(image)

    def show_figures(*_: Any, **__: Any) -> None:
        current().show_figures()

    def show_figure(figure: Figure, *_: Any, **__: Any) -> None:
        current().add_figure(figure)

    def save_figure(figure: Figure, *args: Any, **options: Any) -> None:
        current().about_to_save(figure)
        really_save(figure, *args, **options)

    def show_window(_: Any, array: Any) -> None:
        current().add_bgr(array)

    def show_window_of(array: Any) -> None:
        current().add_bgr(array)

    def display(*values: Any, **options: Any) -> None:
        current().display(*values, **options)

    def no_key(*_: Any, **__: Any) -> int:
        return current().wait_for_key()

    def no_region(*_: Any, **__: Any) -> None:
        raise RuntimeError("nobody is there to select a region: write the box into the code")

    def nothing(*_: Any, **__: Any) -> None:
        return None

    really_save = Figure.savefig
    colours.prepare_opencv()
    _replace(Image.Image, "show", show_image)
    _replace(plt, "show", show_figures)
    _replace(Figure, "show", show_figure)
    _replace(Figure, "savefig", functools.wraps(really_save)(save_figure))
    _replace(matplotlib, "use", nothing)  # there is one backend here
    _replace(cv2, "imshow", show_window)
    for name in ("waitKey", "waitKeyEx", "pollKey"):
        _replace(cv2, name, no_key)
    for name in ("namedWindow", "destroyWindow", "destroyAllWindows", "moveWindow", "resizeWindow", "startWindowThread",
                 "createTrackbar", "setTrackbarPos", "setMouseCallback", "setWindowProperty", "setWindowTitle"):  # fmt: skip
        _replace(cv2, name, nothing)
    for name in ("selectROI", "selectROIs"):
        _replace(cv2, name, no_region)
    notebook.pretend(display, show_window_of)


def _replace(owner: Any, name: str, function: Callable[..., Any]) -> None:
    function.__name__ = name
    setattr(owner, name, function)
