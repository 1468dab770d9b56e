"""Catch everything that a cell shows, in the order in which it is shown.

    shown = Shown(outbox, 0, caps)
    shown.display(value)            # what the guest knows as display(x); `screen.py` leads plt.show and the others here

Pixels go into the outbox, a memory file of fixed size shared with the caller, as raw RGB; nothing is encoded. Lists, tuples and
dictionaries that hold pictures are shown item by item. Which channel of an array is red, `colours.py` knows; `cv2.imshow` is
always BGR, PIL images and figures are shown as they are.

Not covered: animations, audio.
"""

from __future__ import annotations

import mmap
import pprint
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from . import colours, palette, pictures

if TYPE_CHECKING:
    from .settings import Caps

_PRINT_WIDTH = 79
_MOST_ITEMS = 256
"""Of a list with pictures; a longer one is printed."""
_MOST_NOTES = 32
_MOST_WAITS, _ESCAPE = 32, 27
_MOST_SAVED = 4
"""Saved pictures that are shown unasked."""
_TURNS = ("::-1", "2, 1, 0", "2,1,0")
"""What code looks like that turns RGB into BGR without OpenCV."""
_SWAPS = re.compile(r"\[(?:0, ?2|2, ?0)\]|\[(?:: ?, ?:|\.\.\.), ?[02]\] ?(?:=|,[^=\n]{0,80}=)")
"""What code looks like that swaps channels in place, which an array does not notice."""

_ORDERS: dict[tuple[str, ...], str] = {("R", "G", "B"): "RGB", ("B", "G", "R"): "BGR"}
_ORDER_OF_PALETTE: dict[bool | None, str | None] = {True: "BGR", False: "RGB", None: None}


class Shown:
    """The pictures of the running cell."""

    def __init__(self, outbox: mmap.mmap, first_byte: int, caps: Caps) -> None:
        self._outbox = outbox
        self._first_byte = first_byte
        self._caps = caps
        self._palette = palette.Palette(())
        self._may_be_bgr = self._may_be_swapped = False
        self.start_cell("")

    def set_inputs(self, images: Sequence[Image.Image]) -> None:
        """The session's input pictures, by whose colours arrays of unknown order are told."""
        self._palette = palette.Palette(images)

    def start_cell(self, source: str) -> None:
        """Forget the pictures of the cell before; `source` is what it will run."""
        self.images: list[tuple[int, int, int]] = []  # (offset in the outbox, width, height)
        self.notes: list[str] = []
        self._sizes: list[tuple[int, int]] = []  # of the pictures as code has them
        self._end = self._first_byte
        self._num_over = self._num_waits = 0
        self._saved_empty: set[Figure] = set()
        self._window: Image.Image | None = None  # what cv2.imshow showed last
        self._may_be_bgr = self._may_be_bgr or any(turn in source for turn in _TURNS)
        self._may_be_swapped = self._may_be_swapped or _SWAPS.search(source) is not None

    def add(self, picture: Image.Image) -> None:
        """Append one RGB picture, within the caps."""
        if len(self.images) >= self._caps.images:
            self._num_over += 1
            if self._num_over == 1:
                self.notes.append("")
            plural = "picture was" if self._num_over == 1 else "pictures were"
            self.notes[-1] = f"{self._num_over} {plural} dropped: at most {self._caps.images} are shown by one cell"
            return
        self._sizes.append(picture.size)
        fitted, note = pictures.fit_for_model(picture, self._caps)
        if note is not None:
            self.note(note)
        if fitted is None:
            return
        pixels = fitted.tobytes()
        if self._end + len(pixels) > len(self._outbox):
            self.note(
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
                self.note(f"a figure of {dots:.3g} pixels was drawn at fewer dots per inch")
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
        """Show and close every figure that a cell left open, in the order of their numbers."""
        for number in plt.get_fignums():
            figure = plt.figure(number)
            if figure in self._saved_empty and _is_empty(figure):
                plt.close(figure)
            else:
                self.add_figure(figure)

    def show_figures(self) -> None:
        """What plt.show() does."""
        if not plt.get_fignums() and not self.images:
            self.note("plt.show() had no figure to show: a figure is closed once it was shown; display(figure) shows it again")
        for number in plt.get_fignums():
            self.add_figure(plt.figure(number))

    def about_to_save(self, figure: Figure) -> None:
        """Code saves a figure: `plt.savefig` after `plt.show` gets a new one with nothing in it."""
        if _is_empty(figure):
            self._saved_empty.add(figure)
            self.note("the figure that was saved has nothing in it: plt.show() closes figures, so plt.savefig comes before it")

    def add_saved(self, saved: list[str]) -> None:
        """Show pictures that the cell saved where it showed none; where it showed some, only tell of those that are others."""
        sizes = set(self._sizes)
        shown: list[str] = []
        others: list[str] = []
        for path in saved:
            try:
                with Image.open(path) as picture:
                    if not sizes and len(shown) < _MOST_SAVED:
                        self.add_image(picture)
                        shown.append(path)
                    elif picture.size not in sizes:
                        others.append(path)
            except Exception:  # boundary: a file that only looks like a picture by its name
                continue
        if shown:
            self.note(f"the code saved pictures and showed none, so these are shown: {_few(shown)}")
        if len(others) > len(self._sizes) - len(shown):
            self.note(f"saved, not shown: {_few(others)}; display(Image.open(...)) shows a picture")

    def add_bgr(self, array: Any) -> None:
        """Show an OpenCV picture, once where a loop keeps showing it."""
        picture = pictures.array_to_rgb(np.asarray(array), bgr=True)
        if picture != self._window:
            self._window = picture
            self.add(picture)

    def wait_for_key(self) -> int:
        """What `cv2.waitKey` gives: no key, but in the end those that leave a loop, in turn."""
        self._num_waits += 1
        if self._num_waits <= _MOST_WAITS:
            return -1
        self.note(f"nobody is there to press a key: after {_MOST_WAITS} waits cv2.waitKey gave q and Esc")
        return (ord("q"), _ESCAPE)[self._num_waits % 2]

    def display(self, *values: Any, **_: Any) -> None:
        """Show pictures, arrays that are pictures, and figures, also those in a list; print the rest as a notebook would."""
        for value in values:
            if isinstance(value, Image.Image):
                self.add_image(value)
            elif isinstance(value, Figure):
                self.add_figure(value)
            elif _is_picture(value):
                self.add(pictures.array_to_rgb(value, bgr=self._is_bgr(value)))
            elif hasattr(type(value), "_ipython_display_"):
                value._ipython_display_()
            elif isinstance(value, np.ndarray) and value.ndim == 4 and len(value) <= _MOST_ITEMS and all(map(_is_picture, value)):
                self.display(*value)
            elif _holds_pictures(value):
                self._display_items(value)
            elif value is not None:
                print(_as_text(value))

    def note(self, text: str) -> None:
        """Tell the caller something about this cell, once."""
        if len(self.notes) < _MOST_NOTES and text not in self.notes:
            self.notes.append(text)

    def _display_items(self, value: Any) -> None:
        if not isinstance(value, Mapping):
            self.display(*value)
            return
        for key, item in value.items():
            if _is_picture(item) or _holds_pictures(item):
                print(f"{key}:")
                self.display(item)
            else:
                print(f"{key}: {_as_text(item)}")

    def order_of(self, array: np.ndarray[Any, Any]) -> str | None:
        """ "RGB" or "BGR" for a picture in colour, None where neither its channels nor its colours tell."""
        if array.ndim != 3 or array.shape[2] not in (3, 4):
            return None
        channels = colours.channels_of(array)
        if channels is not None and not self._may_be_swapped:
            return _ORDERS.get(channels[:3])
        return None if array.dtype != np.uint8 else _ORDER_OF_PALETTE[self._palette.is_bgr(np.asarray(array))]

    def _is_bgr(self, array: np.ndarray[Any, Any]) -> bool:
        channels = colours.channels_of(array)
        by_channels = channels is not None and channels[:3] == ("B", "G", "R")
        if array.ndim != 3 or array.shape[2] < 3 or (channels is not None and not self._may_be_swapped):
            return by_channels
        if not (self._may_be_bgr or self._may_be_swapped or colours.has_made_bgr()):
            return False
        is_bgr = self._palette.is_bgr(pictures.eight_bits(array))
        if is_bgr is not None and is_bgr != by_channels:
            self.note(f"an array was taken as {_ORDER_OF_PALETTE[is_bgr]}, because so its colours are those of the input picture")
        return by_channels if is_bgr is None else is_bgr


def _few(paths: list[str]) -> str:
    """Some of the paths, as code knows them."""
    names = [path[:200] for path in paths[:_MOST_SAVED]]
    return ", ".join(names) + (f" and {len(paths) - len(names)} more" if len(paths) > len(names) else "")


def _is_empty(figure: Figure) -> bool:
    return len(figure.get_children()) == 1  # the background


def _is_picture(value: Any) -> bool:
    return isinstance(value, Image.Image) or (isinstance(value, np.ndarray) and pictures.looks_like_image(value))


def _holds_pictures(value: Any, depth: int = 3) -> bool:
    """Whether a list, tuple, set or dictionary has a picture in it, at any depth up to `depth`."""
    if depth == 0 or not isinstance(value, (list, tuple, set, frozenset, dict)) or len(value) > _MOST_ITEMS:
        return False
    return any(_is_picture(item) or _holds_pictures(item, depth - 1) for item in _items(value))


def _items(value: Any) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value)


def _as_text(value: Any) -> str:
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return pprint.pformat(value, width=_PRINT_WIDTH, sort_dicts=False)
    return repr(value)
