"""What code written for a notebook expects to be there: IPython's names, magics as functions, Colab's `cv2_imshow`.

    pretend(display, show_bgr)                     # once, in the zygote
    from IPython.display import Image, display
    display(Image(filename="crop.png"))

Lines that begin with % or ! are no Python; `repair.py` takes them out. Not covered: widgets, sound and video.
"""

from __future__ import annotations

import base64
import io
import sys
import types
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

from PIL import Image as PillowImage

_TEXTS = ("HTML", "Markdown", "Latex", "Math", "Pretty", "Code", "JSON", "SVG", "Javascript")
_NOTHING = ("Audio", "Video", "IFrame", "YouTubeVideo", "FileLink", "FileLinks")
_Display = Callable[..., None]


def pretend(display: _Display, show_bgr: Callable[[Any], None]) -> None:
    """Make the modules importable; `display` and `show_bgr` show something."""
    names: dict[str, Any] = {"display": display, "clear_output": _do_nothing, "set_matplotlib_formats": _do_nothing}
    names["Image"] = _picture_class(display)
    names |= {name: type(name, (_Text,), {}) for name in _TEXTS}
    names |= {name: type(name, (_Silent,), {}) for name in _NOTHING}
    modules = {
        "IPython": {"get_ipython": get_ipython, "version_info": (8, 0, 0), "__version__": "8.0.0"},
        "IPython.display": names,
        "IPython.core": {},
        "IPython.core.display": names,
        "IPython.core.getipython": {"get_ipython": get_ipython},
        "google": {"__path__": []},
        "google.colab": {"__path__": [], "files": _Files()},
        "google.colab.patches": {"cv2_imshow": show_bgr},
    }
    for name, contents in modules.items():
        module = types.ModuleType(name)
        module.__dict__.update(contents)
        module.__spec__ = ModuleSpec(name, None)  # for those who ask whether it is there
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)


class _Shell:
    """What `get_ipython()` gives: magics do nothing, system commands are told to be impossible."""

    def run_line_magic(self, *_: Any, **__: Any) -> None:
        """`%name`."""

    def run_cell_magic(self, *_: Any, **__: Any) -> None:
        """`%%name`."""

    magic = run_line_magic
    enable_matplotlib = run_line_magic

    def system(self, command: str) -> None:
        """`!command`."""
        raise PermissionError(f"{command!r} cannot be run: there is no shell here")

    getoutput = system


_shell = _Shell()


def get_ipython() -> _Shell:
    """The shell of the notebook that this is not."""
    return _shell


class _Text:
    def __init__(self, data: Any = None, **options: Any) -> None:
        self.data = data if data is not None else options.get("filename", options.get("url"))

    def _ipython_display_(self) -> None:
        sys.stdout.write(f"{self.data}\n")


class _Silent:
    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def _ipython_display_(self) -> None:
        sys.stdout.write(f"{type(self).__name__} cannot be shown here\n")


class _Files:
    def download(self, path: str) -> None:
        """Nobody is there to take it."""

    upload = download


def _picture_class(display: _Display) -> type:
    class Image:
        """IPython's Image: a picture from bytes or from a file, at its own size."""

        def __init__(self, data: Any = None, url: str | None = None, filename: Any = None, **_: Any) -> None:
            if data is None and filename is None:
                raise ValueError(f"no data and no file name; a picture from the web ({url}) cannot be had, there is no network")
            if isinstance(data, str) and filename is None and len(data) < 4096 and not data.startswith("data:"):
                data, filename = None, data  # IPython takes a lone text as a file name, too
            self.data, self.filename = data, filename

        def _ipython_display_(self) -> None:
            source = self.data
            if isinstance(source, str):
                source = base64.b64decode(source.partition(",")[2] if source.startswith("data:") else source)
            with PillowImage.open(self.filename if source is None else io.BytesIO(source)) as picture:
                display(picture)

    return Image


def _do_nothing(*_: Any, **__: Any) -> None:
    return None
