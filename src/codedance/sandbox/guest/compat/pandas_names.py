"""Names, arguments and leniencies of pandas that 1.0 to 2.0 removed. Applied when a session imports pandas."""

from __future__ import annotations

import datetime
import functools
import sys
from types import ModuleType
from typing import Any

from .removed import (
    Hint,
    Own,
    Replacement,
    add_module,
    after_import,
    allow_positional,
    is_guest,
    note,
    rename_keywords,
    replace_methods,
    replace_names,
)

_LIBRARY = "pandas"
_POSITIONAL = {
    "drop": (("axis", "index", "columns", "level", "inplace"), 2),
    "dropna": (("axis", "how", "thresh", "subset", "inplace"), 1),
    "fillna": (("method", "axis", "inplace", "limit"), 2),
    "pivot": (("index", "columns", "values"), 1),
    "sort_values": (("axis", "ascending", "inplace"), 2),
    "sort_index": (("axis", "level", "ascending"), 1),
    "set_index": (("drop", "append", "inplace"), 2),
    "reset_index": (("drop", "inplace"), 2),
    "drop_duplicates": (("keep", "inplace"), 2),
    "any": (("axis",), 1),
    "all": (("axis",), 1),
}
_NUMERIC = ("mean", "median", "std", "var", "sem", "skew", "kurt", "quantile", "corr", "cov", "prod")
"""Until pandas 2.0 these left out columns that are not numbers."""


def install() -> None:
    """Wait for pandas."""
    after_import("pandas", _apply)


def _apply(pd: ModuleType) -> None:
    frame, series = pd.DataFrame, pd.Series
    replace_names(pd, _LIBRARY, "pd", _module_names(pd))
    for name, names in {
        "pandas.tools": {},
        "pandas.tools.plotting": {"scatter_matrix": "pandas.plotting.scatter_matrix"},
    }.items():
        add_module(name, _LIBRARY, name.replace("pandas", "pd"), names)
    replace_names(pd.io.json, _LIBRARY, "pd.io.json", {"json_normalize": "pandas.json_normalize"})
    replace_methods(frame, _LIBRARY, _FRAME)
    replace_methods(series, _LIBRARY, _SERIES)
    for name, (parameters, free) in _POSITIONAL.items():
        allow_positional(frame, name, _LIBRARY, parameters, free)
    allow_positional(pd, "concat", _LIBRARY, ("axis", "join", "ignore_index"), 1)
    for kind in (frame, series):
        rename_keywords(kind, "set_axis", _LIBRARY, {"inplace": None})
    reading: Any = {
        "error_bad_lines": lambda value: {"on_bad_lines": "error" if value else "skip"},
        "warn_bad_lines": None,
        "squeeze": None,
        "mangle_dupe_cols": None,
    }
    for name in ("read_csv", "read_table"):
        rename_keywords(pd, name, _LIBRARY, reading)
    grouped = pd.core.groupby.DataFrameGroupBy
    for owner in (frame, grouped):
        for name in _NUMERIC:
            if hasattr(owner, name):
                _leave_out_text(owner, name)
    pd.options.mode.chained_assignment = None


def _module_names(pd: ModuleType) -> dict[str, Replacement]:
    return {
        "np": "numpy",
        "datetime": Own(datetime.datetime, "datetime.datetime"),
        "scatter_matrix": "pandas.plotting.scatter_matrix",
        "TimeGrouper": Own(lambda freq: pd.Grouper(freq=freq), "pd.Grouper"),
        "Panel": Hint("use a DataFrame with a MultiIndex"),
        "rolling_mean": Own(lambda values, window, **more: values.rolling(window, **more).mean(), "rolling(window).mean()"),
        "rolling_std": Own(lambda values, window, **more: values.rolling(window, **more).std(), "rolling(window).std()"),
        "ewma": Own(lambda values, **more: values.ewm(**more).mean(), "ewm(...).mean()"),
        "value_counts": Own(lambda values, **more: pd.Series(values).value_counts(**more), "pd.Series(values).value_counts()"),
        **dict.fromkeys(("Int64Index", "UInt64Index", "Float64Index"), "pandas.Index"),
    }


def _append(table: Any, other: Any, ignore_index: bool = False, verify_integrity: bool = False, sort: bool = False) -> Any:
    import pandas as pd

    if isinstance(other, (list, tuple)):
        parts = [each if isinstance(each, (pd.DataFrame, pd.Series)) else pd.Series(each) for each in other]
    else:
        parts = [other]
    if table.ndim == 2:
        parts = [_as_rows(part, ignore_index) for part in parts]
        kept = [part for part in (table, *parts) if not part.empty] or [table]
        return pd.concat(kept, ignore_index=ignore_index, verify_integrity=verify_integrity, sort=sort)
    return pd.concat([table, *parts], ignore_index=ignore_index, verify_integrity=verify_integrity)


def _as_rows(part: Any, ignore_index: bool) -> Any:
    import pandas as pd

    if isinstance(part, pd.DataFrame):
        return part
    row = pd.Series(part)
    if row.name is None and not ignore_index:
        raise TypeError("Can only append a Series or a dict if ignore_index=True or if the Series has a name")
    return row.to_frame().T.infer_objects()


class _Ix:
    """`df.ix[rows, columns]`: by label where there are such labels, else by position."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __getitem__(self, key: Any) -> Any:
        try:
            return self._table.loc[key]
        except (KeyError, TypeError, ValueError):
            return self._table.iloc[key] if not isinstance(key, tuple) else self._mixed(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._table.loc[key] = value

    def _mixed(self, key: tuple[Any, ...]) -> Any:
        rows, columns = key
        columns = self._table.columns[columns] if isinstance(columns, (int, slice)) else columns
        rows = self._table.index[rows] if isinstance(rows, (int, slice)) else rows
        return self._table.loc[rows, columns]


def _mean_deviation(table: Any, axis: int = 0) -> Any:
    numbers = table.select_dtypes("number") if table.ndim == 2 else table
    if table.ndim == 1:
        return (numbers - numbers.mean()).abs().mean()
    return numbers.sub(numbers.mean(axis=axis), axis=1 - axis).abs().mean(axis=axis)


_BOTH: dict[str, Any] = {
    "append": Own(_append, "pd.concat"),
    "iteritems": "items",
    "ix": Own(property(_Ix), "loc or iloc"),
    "mad": Own(_mean_deviation, "(x - x.mean()).abs().mean()"),
    "as_matrix": "to_numpy",
    "get_value": Own(lambda table, *key: table.at[key if len(key) > 1 else key[0]], "at[...]"),
    "get_values": "to_numpy",
    "convert_objects": Own(lambda table, **_: table.infer_objects(), "infer_objects()"),
}
_FRAME: dict[str, Any] = {
    **_BOTH,
    "sort": Own(lambda table, columns=None, **more: table.sort_values(columns, **more), "sort_values"),
    "lookup": Own(
        lambda table, rows, columns: table.to_numpy()[table.index.get_indexer(rows), table.columns.get_indexer(columns)],
        "indexing",
    ),
    "get_dtype_counts": Own(lambda table: table.dtypes.value_counts(), "dtypes.value_counts()"),
    "set_value": Own(lambda table, row, column, value: table.at.__setitem__((row, column), value), "at[row, column] = value"),
}
_SERIES: dict[str, Any] = {
    **_BOTH,
    "order": "sort_values",
    "sort": "sort_values",
    "is_monotonic": "is_monotonic_increasing",
}


def _leave_out_text(owner: Any, name: str) -> None:
    usual = getattr(owner, name)

    @functools.wraps(usual)
    def call(*args: Any, **given: Any) -> Any:
        try:
            return usual(*args, **given)
        except (TypeError, ValueError):
            if "numeric_only" in given or not is_guest(sys._getframe(1)):
                raise
            result = usual(*args, **given, numeric_only=True)
        note(f"{name}() does not leave out columns that are not numbers in this pandas; {name}(numeric_only=True) was used")
        return result

    setattr(owner, name, call)
