"""Names and arguments that seaborn 0.12 and 0.13, shapely 2 and networkx 3 removed, and data sets that would be downloaded."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from .removed import (
    Hint,
    Own,
    Replacement,
    after_import,
    is_guest,
    note,
    rename_keywords,
    replace_methods,
    replace_names,
    translate_arguments,
)

_LIBRARY = "seaborn"
_XY = [
    "barplot",
    "countplot",
    "boxplot",
    "violinplot",
    "pointplot",
    "stripplot",
    "swarmplot",
    "scatterplot",
    "lineplot",
    "regplot",
    "lmplot",
    "jointplot",
    "relplot",
    "catplot",
]


def install() -> None:
    """Wait for each."""
    after_import("seaborn", _apply)
    after_import("shapely", _iterate)
    after_import("networkx", _apply_networkx)
    after_import(
        "shapely.ops", lambda m: replace_names(m, "shapely", "shapely.ops", {"cascaded_union": "shapely.ops.unary_union"})
    )


def _apply(sns: ModuleType) -> None:
    replace_names(
        sns, _LIBRARY, "sns", {"factorplot": "seaborn.catplot", "tsplot": "seaborn.lineplot", "lvplot": "seaborn.boxenplot"}
    )
    for name in _XY:
        translate_arguments(sns, name, _name_arguments)
    for name in ("kdeplot", "lineplot"):
        rename_keywords(sns, name, _LIBRARY, {"shade": "fill"} if name == "kdeplot" else {"ci": _interval})
    for name in ("lmplot", "catplot", "relplot", "jointplot", "pairplot"):
        rename_keywords(sns, name, _LIBRARY, {"size": "height"})
    rename_keywords(sns.FacetGrid, "__init__", _LIBRARY, {"size": "height"})
    rename_keywords(sns.PairGrid, "__init__", _LIBRARY, {"size": "height"})
    sns.load_dataset = _no_data  # type: ignore[attr-defined]


def _apply_networkx(networkx: ModuleType) -> None:
    names: dict[str, Replacement] = {
        "from_numpy_matrix": "networkx.from_numpy_array",
        "to_numpy_matrix": "networkx.to_numpy_array",
        "from_scipy_sparse_matrix": "networkx.from_scipy_sparse_array",
        "info": "builtins.str",
    }
    replace_names(networkx, "networkx", "nx", names)


def _interval(value: Any) -> dict[str, Any]:
    return {"errorbar": ("ci", value) if isinstance(value, (int, float)) else value}


def _iterate(shapely: Any) -> None:
    """`for polygon in multipolygon`, as shapely 1 had it."""
    base = shapely.geometry.base
    parts = base.BaseMultipartGeometry
    parts.__iter__ = lambda parts: iter(parts.geoms)
    parts.__len__ = _num_parts
    parts.__bool__ = lambda parts: not parts.is_empty
    parts.__getitem__ = lambda parts, index: parts.geoms[index]
    methods: dict[str, Replacement] = {
        "almost_equals": Own(lambda one, other, decimal=6: one.equals_exact(other, 0.5 * 10**-decimal), "equals_exact"),
        "array_interface": Own(lambda shape: np.asarray(shape.coords).__array_interface__, "np.asarray(x.coords)"),
        "ctypes": Hint("use np.asarray(x.coords)"),
    }
    replace_methods(base.BaseGeometry, "shapely", methods)
    as_shape: dict[str, Replacement] = {"asShape": "shapely.geometry.shape"}
    as_shape |= {
        f"as{kind}": f"shapely.geometry.{kind}" for kind in ("Point", "LineString", "Polygon", "MultiPoint", "MultiPolygon")
    }
    replace_names(shapely.geometry, "shapely", "shapely.geometry", as_shape)
    speedups = Own(SimpleNamespace(enable=lambda: None, disable=lambda: None, available=True, enabled=True), "nothing")
    replace_names(shapely, "shapely", "shapely", {"speedups": speedups})


def _num_parts(parts: Any) -> int:
    """For the session's code only: NumPy, and so each function of shapely, would take what has a length for a list of shapes."""
    if not is_guest(sys._getframe(1)):
        raise TypeError(f"object of type {type(parts).__name__!r} has no len()")
    return len(parts.geoms)


def _name_arguments(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Until 0.11 the first arguments were x, y and hue; today only the data come without a name."""
    if not args or len(args) > 4 or (len(args) == 1 and "data" not in given):
        return args, given
    free = iter(("x", "y", "hue", "data"))
    named = {"data" if hasattr(arg, "columns") else next(free): arg for arg in args}
    if named.keys() & given.keys():
        return args, given
    note(f"seaborn takes {', '.join(named)} by name only; {', '.join(f'{name}=...' for name in named)} was used")
    return (), {**named, **given}


def _no_data(name: str, *_: Any, **__: Any) -> Any:
    raise FileNotFoundError(
        f"seaborn downloads the data set {name!r} and there is no network here: make a DataFrame of the values that you read"
    )
