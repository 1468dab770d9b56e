"""Names and arguments of seaborn and shapely that 0.12, 0.13 and 2.0 removed, and data sets that would be downloaded."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .removed import after_import, note, rename_keywords, replace_names, translate_arguments

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
    """Wait for both."""
    after_import("seaborn", _apply)
    after_import("shapely", _iterate)
    after_import(
        "shapely.ops", lambda m: replace_names(m, "shapely", "shapely.ops", {"cascaded_union": "shapely.ops.unary_union"})
    )


def _apply(sns: ModuleType) -> None:
    replace_names(sns, _LIBRARY, "sns", {"factorplot": "seaborn.catplot", "tsplot": "seaborn.lineplot"})
    for name in _XY:
        translate_arguments(sns, name, _name_arguments)
    for name in ("kdeplot", "lineplot"):
        rename_keywords(sns, name, _LIBRARY, {"shade": "fill"} if name == "kdeplot" else {"ci": _interval})
    for name in ("lmplot", "catplot", "relplot", "jointplot", "pairplot"):
        rename_keywords(sns, name, _LIBRARY, {"size": "height"})
    sns.load_dataset = _no_data  # type: ignore[attr-defined]


def _interval(value: Any) -> dict[str, Any]:
    return {"errorbar": ("ci", value) if isinstance(value, (int, float)) else value}


def _iterate(shapely: Any) -> None:
    """`for polygon in multipolygon`, as shapely 1 had it."""
    shapely.geometry.base.BaseMultipartGeometry.__iter__ = lambda parts: iter(parts.geoms)


def _name_arguments(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Until 0.11 the first arguments were x, y and hue; today only the data come without a name."""
    if len(args) < 2 or len(args) > 4:
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
