"""Names and arguments of Matplotlib that 3.0 to 3.10 removed, and windows that nobody sees."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cm, colors, dates, font_manager, patches, style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import FigureCanvasBase, FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.rcsetup import cycler
from matplotlib.scale import LogScale, SymmetricalLogScale

from .removed import (
    Keywords,
    Own,
    Replacement,
    allow_positional,
    note,
    rename_keywords,
    replace_methods,
    replace_names,
    translate_arguments,
)

_LIBRARY = "Matplotlib"
_OLD_MAPS = {
    "spectral": "nipy_spectral",
    "Vega10": "tab10",
    "Vega20": "tab20",
    "Vega20b": "tab20b",
    "Vega20c": "tab20c",
}

_OLD_SETTINGS = {
    "savefig.frameon",
    "savefig.jpeg_quality",
    "text.latex.preview",
    "text.latex.unicode",
    "animation.avconv_path",
    "backend.qt4",
    "mathtext.fallback_to_cm",
    "examples.directory",
    "verbose.level",
    "axes.hold",
}


def install() -> None:
    """Functions, methods, arguments, styles and windows."""
    _replace_functions()
    _replace_methods()
    _rename_arguments()
    _take_old_styles()
    _take_old_positions()
    _take_old_settings()
    _ignore_windows()


def _replace_functions() -> None:
    register = Own(_register_map, "matplotlib.colormaps.register")
    maps: dict[str, Replacement] = {old: f"matplotlib.cm.{new}" for old, new in _OLD_MAPS.items()}
    replace_names(
        cm,
        _LIBRARY,
        "plt.cm",
        {**maps, "register_cmap": register, "cmap_d": "matplotlib.colormaps", "get_cmap": "matplotlib.colormaps"},
    )
    replace_names(colors, _LIBRARY, "colors", {"DivergingNorm": "matplotlib.colors.TwoSlopeNorm"})
    nothing = Own(lambda *_, **__: None, "nothing")
    pyplot: dict[str, Replacement] = {
        "register_cmap": register,
        "hold": nothing,
        "ishold": Own(lambda: True, "True"),
        "spectral": "matplotlib.pyplot.nipy_spectral",
        "plot_date": Own(lambda *args, **more: plt.gca().plot(*args, **more), "plt.plot"),
    }
    replace_names(plt, _LIBRARY, "plt", pyplot)
    replace_names(dates, _LIBRARY, "dates", {"epoch2num": Own(lambda seconds: np.asarray(seconds) / 86400, "seconds / 86400")})
    replace_names(font_manager, _LIBRARY, "font_manager", {"_rebuild": Own(lambda: None, "nothing (fonts are listed already)")})


def _register_map(name: Any = None, cmap: Any = None, **_: Any) -> None:
    if not isinstance(name, str):
        name, cmap = name.name, name
    matplotlib.colormaps.register(cmap, name=name, force=True)


def _replace_methods() -> None:
    rgb = Own(lambda canvas: np.asarray(canvas.buffer_rgba())[..., :3].tobytes(), "buffer_rgba()")
    replace_methods(FigureCanvasAgg, _LIBRARY, {"tostring_rgb": rgb})
    replace_methods(FigureCanvasBase, _LIBRARY, {"set_window_title": Own(lambda *_: None, "nothing (there is no window)")})
    replace_methods(ContourSet, _LIBRARY, {"collections": Own(property(lambda contours: [contours]), "the contour set itself")})
    replace_methods(Legend, _LIBRARY, {"legendHandles": "legend_handles", "draggable": Own(lambda *_, **__: None, "nothing")})
    anywhere: Any = Axes  # Matplotlib looks at every set_... of a class, so this one cannot be absent for libraries
    anywhere.set_color_cycle = _set_color_cycle
    old_axes: dict[str, Replacement] = {
        "hold": Own(lambda *_: None, "nothing"),
    }
    replace_methods(Axes, _LIBRARY, old_axes)
    lists: Any = Axes.ArtistList
    for name in ("remove", "pop", "clear"):
        replace_methods(lists, _LIBRARY, {name: Own(getattr(_Emptying, name), "Artist.remove()")})


class _Emptying:
    """What `ax.lines` and its like could do while they were lists."""

    @staticmethod
    def remove(artists: Any, artist: Any) -> None:
        artist.remove()

    @staticmethod
    def pop(artists: Any, index: int = -1) -> Any:
        artist = artists[index]
        artist.remove()
        return artist

    @staticmethod
    def clear(artists: Any) -> None:
        for artist in list(artists):
            artist.remove()


def _set_color_cycle(axes: Any, clist: Any) -> None:
    """Colours of the lines to come, as a list."""
    note("Axes.set_color_cycle was removed from Matplotlib; set_prop_cycle(color=...) was used")
    axes.set_prop_cycle(color=clist)


def _rename_arguments() -> None:
    rename_keywords(Axes, "hist", _LIBRARY, {"normed": lambda value: {"density": bool(value)}})
    for owner in (Axes, Axis):
        rename_keywords(owner, "grid", _LIBRARY, {"b": "visible"})
    for either in (Axes, plt):
        rename_keywords(either, "annotate", _LIBRARY, {"s": "text"})
        rename_keywords(either, "stem", _LIBRARY, {"use_line_collection": None})
    rename_keywords(Axes, "hist2d", _LIBRARY, {"normed": lambda value: {"density": bool(value)}})
    for name in ("add_subplot", "add_axes"):
        rename_keywords(Figure, name, _LIBRARY, {"axisbg": "facecolor"})
    rename_keywords(plt, "bar", _LIBRARY, {"left": "x"})
    rename_keywords(plt, "barh", _LIBRARY, {"bottom": "y"})
    rename_keywords(Axes, "bar", _LIBRARY, {"left": "x"})
    rename_keywords(Axes, "barh", _LIBRARY, {"bottom": "y"})
    rename_keywords(Axes, "boxplot", _LIBRARY, {"manage_xticks": "manage_ticks"})
    old_savefig: Keywords = dict.fromkeys(("quality", "papertype", "frameon", "optimize", "progressive"))
    rename_keywords(Figure, "savefig", _LIBRARY, old_savefig)
    for scale in (LogScale, SymmetricalLogScale):
        names = ("base", "subs", "linthresh", "linscale", "nonpositive")
        old: Keywords = {f"{name}{axis}": name for name in names for axis in "xy"}
        rename_keywords(scale, "__init__", _LIBRARY, {**old, "nonposx": "nonpositive", "nonposy": "nonpositive"})
    for which in (plt, Figure):
        _take_projection(which)


def _take_old_positions() -> None:
    """Arguments of patches that came by position until 3.8, `whis="range"`, and a colour bar without axes to take room from."""
    allow_positional(patches.Polygon, "__init__", _LIBRARY, ("closed",), 2)
    allow_positional(patches.Rectangle, "__init__", _LIBRARY, ("angle",), 4)
    allow_positional(patches.RegularPolygon, "__init__", _LIBRARY, ("radius", "orientation"), 3)
    allow_positional(patches.Ellipse, "__init__", _LIBRARY, ("angle",), 4)
    allow_positional(patches.Arc, "__init__", _LIBRARY, ("angle", "theta1", "theta2"), 4)

    def whole_range(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if isinstance(given.get("whis"), str):
            note("boxplot(whis='range') was removed from Matplotlib; whis=(0, 100) was used")
            given = {**given, "whis": (0, 100)}
        return args, given

    def own_axes(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        mappable = args[1] if len(args) > 1 else given.get("mappable")
        if (
            mappable is not None
            and getattr(mappable, "axes", None) is None
            and len(args) < 3
            and given.get("ax") is None
            and given.get("cax") is None
        ):
            note("colorbar() needs the axes to take room from in this Matplotlib; ax=plt.gca() was used")
            given = {**given, "ax": args[0].gca()}
        return args, given

    translate_arguments(Axes, "boxplot", whole_range)
    translate_arguments(Figure, "colorbar", own_axes)


def _take_old_settings() -> None:
    """`rcParams["savefig.frameon"] = ...`: settings that were removed are told and left out."""
    kind: Any = matplotlib.RcParams
    usual = kind.__setitem__

    @functools.wraps(usual)
    def __setitem__(settings: Any, key: Any, value: Any) -> None:
        if key == "axes.color_cycle":
            note("rcParams['axes.color_cycle'] was removed from Matplotlib; axes.prop_cycle was used")
            key, value = "axes.prop_cycle", cycler(color=value)
        elif key in _OLD_SETTINGS:
            note(f"rcParams[{key!r}] was removed from Matplotlib; it was left out")
            return
        usual(settings, key, value)

    kind.__setitem__ = __setitem__


def _take_projection(owner: Any) -> None:
    """`gca(projection="3d")` made axes until 3.6."""
    usual = owner.gca

    @functools.wraps(usual)
    def gca(*args: Any, **more: Any) -> Any:
        if not more:
            return usual(*args)
        note("gca() takes no arguments in this Matplotlib; add_subplot() was used")
        figure = args[0] if args else plt.gcf()
        return figure.add_subplot(**more)

    owner.gca = gca


def _take_old_styles() -> None:
    """`plt.style.use("seaborn-whitegrid")`: Matplotlib 3.6 renamed these styles."""

    def renamed(wanted: Any) -> Any:
        if isinstance(wanted, list):
            return [renamed(each) for each in wanted]
        if not isinstance(wanted, str) or wanted in style.library or not wanted.startswith("seaborn"):
            return wanted
        new = wanted.replace("seaborn", "seaborn-v0_8", 1)
        if new not in style.library:
            return wanted
        note(f"the style {wanted!r} was renamed in Matplotlib; {new!r} was used")
        return new

    usual_use, usual_context = style.use, style.context

    @functools.wraps(usual_use)
    def use(style: Any) -> None:
        usual_use(renamed(style))

    @functools.wraps(usual_context)
    def context(style: Any, after_reset: bool = False) -> AbstractContextManager[None]:
        return usual_context(renamed(style), after_reset)

    modules: Any = (style, style.core)
    for module in modules:
        module.use, module.context = use, context


class _NoWindow:
    """Takes every call to a window."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


def _ignore_windows() -> None:
    """Nobody sees a window here, clicks into it or waits for it."""
    manager: Any = FigureManagerBase
    manager.window = manager.frame = _NoWindow()

    def nobody(*_: Any, **__: Any) -> list[Any]:
        note("nobody sees the figure or clicks into it: the call returned at once")
        return []

    figure: Any = Figure
    figure.ginput = figure.waitforbuttonpress = nobody
    pyplot: Any = plt
    pyplot.switch_backend = lambda newbackend: None  # there is one backend here
    pyplot.pause = lambda interval: None
    canvas: Any = FigureCanvasBase
    canvas._fix_ipython_backend2gui = classmethod(lambda cls: None)  # the IPython here is no IPython
    pyplot.install_repl_displayhook = pyplot.uninstall_repl_displayhook = lambda: None  # for plt.ion() and plt.ioff()
