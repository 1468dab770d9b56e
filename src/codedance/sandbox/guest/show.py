"""Catch everything that a cell shows, in the order in which it is shown.

    shown = Shown(outbox, 0, caps)
    patch_libraries(current)        # plt.show, Figure.show, Image.show, cv2.imshow, IPython.display
    shown.display(value)            # what the guest knows as display(x)

Pixels go into the outbox, a memory file of fixed size shared with the caller, as raw RGB; nothing is encoded.
An array without a colour order of its own is taken as RGB, unless the session's cells read pictures with OpenCV
(`cv2.imread`, `cv2.imdecode`, `COLOR_RGB2BGR`) and never turn them with `COLOR_BGR2RGB`: then it is taken as BGR. This is a
guess; `cv2.imshow` is always BGR, PIL images and figures are never guessed.

Not covered: animations, audio, HTML.
"""

from __future__ import annotations

import mmap
import pprint
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from . import pictures

if TYPE_CHECKING:
    from .settings import Caps

_PRINT_WIDTH = 79


class Shown:
    """The pictures of the running cell."""

    def __init__(self, outbox: mmap.mmap, first_byte: int, caps: Caps) -> None:
        self._outbox = outbox
        self._first_byte = first_byte
        self._caps = caps
        self._bgr = False
        self.start_cell("")

    def start_cell(self, source: str) -> None:
        """Forget the pictures of the cell before; learn from `source` which colour order its arrays have."""
        self.images: list[tuple[int, int, int]] = []  # (offset in the outbox, width, height)
        self.notes: list[str] = []
        self._end = self._first_byte
        self._num_over = 0
        if "COLOR_BGR2RGB" in source:
            self._bgr = False
        elif any(word in source for word in ("cv2.imread", "cv2.imdecode", "COLOR_RGB2BGR")):
            self._bgr = True

    def add(self, picture: Image.Image) -> None:
        """Append one RGB picture, within the caps."""
        if len(self.images) >= self._caps.images:
            self._num_over += 1
            if self._num_over == 1:
                self.notes.append("")
            plural = "picture was" if self._num_over == 1 else "pictures were"
            self.notes[-1] = f"{self._num_over} {plural} dropped: at most {self._caps.images} are shown by one cell"
            return
        fitted, note = pictures.fit_for_model(picture, self._caps)
        if note is not None:
            self._note(note)
        if fitted is None:
            return
        pixels = fitted.tobytes()
        if self._end + len(pixels) > len(self._outbox):
            self._note(
                f"a picture of {fitted.width}x{fitted.height} pixels was dropped: all of a cell's pictures have "
                f"{self._caps.shown_mb} MB together"
            )
            return
        self._outbox[self._end : self._end + len(pixels)] = pixels
        self.images.append((self._end, fitted.width, fitted.height))
        self._end += len(pixels)

    def add_image(self, image: Image.Image) -> None:
        """Show a PIL image of any mode."""
        self.add(pictures.upright_rgb(image))

    def add_figure(self, figure: Figure) -> None:
        """Draw a figure at its own resolution, less where it would be larger than the cap, and close it."""
        try:
            dots = figure.get_figwidth() * figure.get_figheight() * figure.dpi**2
            if dots > self._caps.image_pixels:
                self._note(f"a figure of {dots:.3g} pixels was drawn at fewer dots per inch")
                figure.set_dpi(figure.dpi * (self._caps.image_pixels / dots) ** 0.5 * 0.99)
            canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
            canvas.draw()  # type: ignore[no-untyped-call]
            pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
            drawn = Image.frombuffer("RGBA", canvas.get_width_height(), pixels, "raw", "RGBA", 0, 1)
            is_opaque = drawn.getchannel("A").getextrema()[0] == 255
            self.add(drawn.convert("RGB") if is_opaque else pictures.upright_rgb(drawn))
        finally:
            plt.close(figure)

    def add_open_figures(self) -> None:
        """Show and close every figure that pyplot knows, in the order of their numbers."""
        for number in plt.get_fignums():
            self.add_figure(plt.figure(number))

    def add_bgr(self, array: Any) -> None:
        """Show an OpenCV picture."""
        self.add(pictures.array_to_rgb(np.asarray(array), bgr=True))

    def display(self, *values: Any) -> None:
        """Show pictures, arrays that are pictures, and figures; print anything else as a notebook would."""
        for value in values:
            if isinstance(value, Image.Image):
                self.add_image(value)
            elif isinstance(value, Figure):
                self.add_figure(value)
            elif isinstance(value, np.ndarray) and pictures.looks_like_image(value):
                self.add(pictures.array_to_rgb(value, bgr=self._bgr))
            elif value is not None:
                print(_as_text(value))

    def _note(self, text: str) -> None:
        if len(self.notes) < self._caps.images:
            self.notes.append(text)


def _as_text(value: Any) -> str:
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return pprint.pformat(value, width=_PRINT_WIDTH, sort_dicts=False)
    return repr(value)


def patch_libraries(current: Callable[[], Shown]) -> None:
    """Point the usual ways to show something at `current()`, and make the usual window calls harmless.

    Done once in the zygote: changing classes in every session would copy thousands of shared pages.
    """

    def show_image(image: Image.Image, *_: Any, **__: Any) -> None:
        current().add_image(image)

    def show_figures(*_: Any, **__: Any) -> None:
        current().add_open_figures()

    def show_figure(figure: Figure, *_: Any, **__: Any) -> None:
        current().add_figure(figure)

    def show_window(_: Any, array: Any) -> None:
        current().add_bgr(array)

    def display(*values: Any) -> None:
        current().display(*values)

    def no_key(*_: Any, **__: Any) -> int:
        return -1

    def nothing(*_: Any, **__: Any) -> None:
        return None

    _replace(Image.Image, "show", show_image)
    _replace(plt, "show", show_figures)
    _replace(Figure, "show", show_figure)
    _replace(matplotlib, "use", nothing)  # there is one backend here
    _replace(cv2, "imshow", show_window)
    for name in ("waitKey", "waitKeyEx", "pollKey"):
        _replace(cv2, name, no_key)
    for name in ("namedWindow", "destroyWindow", "destroyAllWindows", "moveWindow", "resizeWindow", "startWindowThread"):
        _replace(cv2, name, nothing)
    _pretend_ipython(display)


def _replace(owner: Any, name: str, function: Callable[..., Any]) -> None:
    function.__name__ = name
    setattr(owner, name, function)


def _pretend_ipython(display: Callable[..., None]) -> None:
    """Let `from IPython.display import display` work; code written for notebooks begins with it."""
    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    module.display = display  # type: ignore[attr-defined]
    package.display = module  # type: ignore[attr-defined]
    sys.modules.update({"IPython": package, "IPython.display": module})
