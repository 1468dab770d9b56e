"""Names, arguments and leniencies of pandas that 1.0 to 2.0 removed. Applied when a session imports pandas."""

from __future__ import annotations

import datetime
import functools
import re
import sys
from types import ModuleType
from typing import Any

from .removed import (
    Hint,
    Keywords,
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
_OPTIONS = {
    "precision": "display.precision",
    "max_rows": "display.max_rows",
    "max_columns": "display.max_columns",
    "max_colwidth": "display.max_colwidth",
    "width": "display.width",
    "float_format": "display.float_format",
    "expand_frame_repr": "display.expand_frame_repr",
}
_BY_NAME = ("mean", "median", "std", "var", "sem", "prod", "skew", "quantile")
"""What `agg` and `transform` may be told by name or as a function, and that leaves out text."""
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
    _take_levels(series, frame)  # before the next, which goes by who calls
    grouped: Any = pd.core.groupby.DataFrameGroupBy
    window: Any = pd.core.window.rolling.Rolling
    for owner in (frame, grouped, window):
        for name in _NUMERIC:
            if hasattr(owner, name):
                _leave_out_text(owner, name)
    for owner in (frame, grouped):
        for name in ("agg", "aggregate", "transform"):
            _aggregate_numbers(owner, name)
    _aggregate_numbers(pd, "pivot_table")
    _aggregate_numbers(frame, "pivot_table")
    _take_old_arguments(pd)
    _take_old_attributes(pd)
    _select_by_tuple(grouped)
    _set_old_options(pd)
    _replace_patterns(pd.core.strings.accessor.StringMethods)
    pd.options.mode.chained_assignment = None


def _take_old_arguments(pd: Any) -> None:
    frame, series = pd.DataFrame, pd.Series
    for kind in (frame, series):
        rename_keywords(kind, "to_csv", _LIBRARY, {"line_terminator": "lineterminator"})
    rename_keywords(frame, "info", _LIBRARY, {"null_counts": "show_counts"})
    closed: Keywords = {"closed": lambda value: {"inclusive": "both" if value is None else value}}
    rename_keywords(pd, "date_range", _LIBRARY, closed)
    for name in ("read_csv", "read_table"):
        rename_keywords(pd, name, _LIBRARY, {"prefix": None, "tupleize_cols": None})
    plotting = pd.plotting._core.PlotAccessor
    rename_keywords(plotting, "__call__", _LIBRARY, {"sort_columns": None})
    text = pd.core.strings.accessor.StringMethods
    for name in ("split", "rsplit"):
        allow_positional(text, name, _LIBRARY, ("n", "expand"), 2)
    usual_to_dict = frame.to_dict

    @functools.wraps(usual_to_dict)
    def to_dict(table: Any, orient: str = "dict", *args: Any, **more: Any) -> Any:
        full = {"record": "records", "r": "records", "l": "list", "s": "series", "sp": "split", "i": "index", "d": "dict"}
        return usual_to_dict(table, full.get(orient, orient), *args, **more)

    frame.to_dict = to_dict


def _take_old_attributes(pd: Any) -> None:
    dates = pd.core.indexes.accessors.DatetimeProperties
    week = Own(property(lambda values: values.isocalendar().week), "isocalendar().week")
    day = Own(property(lambda values: values.day_name()), "day_name()")
    for owner in (dates, pd.DatetimeIndex):
        replace_methods(owner, _LIBRARY, {"week": week, "weekofyear": week, "weekday_name": day})
    replace_methods(pd.Timestamp, _LIBRARY, {"weekday_name": day})
    replace_methods(pd.Index, _LIBRARY, {"is_monotonic": "is_monotonic_increasing", "get_values": "to_numpy"})
    replace_methods(pd.core.groupby.DataFrameGroupBy, _LIBRARY, {"mad": Own(_mean_deviation_of_groups, "agg")})
    _name_aggregates(pd.core.groupby.SeriesGroupBy)
    styler: dict[str, Replacement] = {
        "set_precision": Own(lambda style, precision: style.format(precision=precision), "format(precision=...)"),
        "hide_index": Own(lambda style: style.hide(axis="index"), "hide(axis='index')"),
        "hide_columns": Own(lambda style, subset=None: style.hide(subset, axis="columns"), "hide(axis='columns')"),
        "render": "to_html",
        "set_na_rep": Own(lambda style, na_rep: style.format(na_rep=na_rep), "format(na_rep=...)"),
    }
    after_import("pandas.io.formats.style", lambda module: replace_methods(module.Styler, _LIBRARY, styler))
    frame = pd.DataFrame
    frame.from_items = classmethod(lambda cls, items, *_, **__: cls(dict(items)))
    add_module("pandas.util.testing", _LIBRARY, "pd.util.testing", {
        name: f"pandas.testing.{name}" for name in ("assert_frame_equal", "assert_series_equal", "assert_index_equal")
    })  # fmt: skip
    frame.to_markdown = _to_markdown(frame.to_markdown)
    pd.Series.to_markdown = _to_markdown(pd.Series.to_markdown)


def _mean_deviation_of_groups(groups: Any) -> Any:
    return _numbers_of(groups, {}).agg(lambda values: (values - values.mean()).abs().mean())


def _name_aggregates(grouped: Any) -> None:
    """`groups["value"].agg({"total": "sum"})`, the names of the columns to be, until 1.0."""
    usual = grouped.agg

    @functools.wraps(usual)
    def agg(groups: Any, func: Any = None, *args: Any, **more: Any) -> Any:
        if isinstance(func, dict):
            note("agg({name: function}) of a column was removed from pandas; agg(name=function) was used")
            return usual(groups, **func)
        return usual(groups, func, *args, **more)

    grouped.agg = grouped.aggregate = agg


def _to_markdown(usual: Any) -> Any:
    """`frame.to_markdown()` without the package tabulate."""

    @functools.wraps(usual)
    def to_markdown(table: Any, buf: Any = None, mode: str = "wt", index: bool = True, **more: Any) -> Any:
        try:
            return usual(table, buf, mode, index, **more)
        except ImportError:
            shown = table.to_frame() if table.ndim == 1 else table
            shown = shown.reset_index() if index else shown
            if index:
                shown.columns = ["", *shown.columns[1:]]
        rows = [list(shown.columns), ["---"] * shown.shape[1], *shown.itertuples(index=False)]
        return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)

    return to_markdown


def _aggregate_numbers(owner: Any, name: str) -> None:
    """`frame.agg("mean")` of a table with columns of text, which were left out until pandas 2.0."""
    usual = getattr(owner, name)

    def wanted(value: Any) -> bool:
        values = value if isinstance(value, (list, tuple)) else [value]
        return bool(values) and any(getattr(each, "__name__", each) in _BY_NAME for each in values)

    @functools.wraps(usual)
    def call(*args: Any, **given: Any) -> Any:
        try:
            return usual(*args, **given)
        except (TypeError, ValueError):
            functions = (*args[1:], *given.values())
            if not is_guest(sys._getframe(1)) or not (name == "pivot_table" or any(map(wanted, functions))):
                raise
            numbers = _numbers_of(args[0], given)
            if numbers is None:
                raise
            result = usual(numbers, *args[1:], **given)
        note(f"{name}() does not leave out columns that are not numbers in this pandas; the columns with numbers were used")
        return result

    setattr(owner, name, call)


def _numbers_of(table: Any, given: dict[str, Any]) -> Any:
    """A table or a grouped table with the columns of numbers, and those that `given` names."""
    inside = getattr(table, "obj", table)
    if getattr(inside, "ndim", 1) != 2:
        return None
    kept = set(inside.select_dtypes(["number", "bool"]).columns)
    if inside is not table:  # grouped
        return table[[column for column in inside.columns if column in kept]]
    for value in (given.get("index"), given.get("columns"), given.get("values")):
        kept |= {value} if isinstance(value, str) else set(value) if isinstance(value, list) else set()
    return inside[[column for column in inside.columns if column in kept]]


def _take_levels(*owners: Any) -> None:
    """`series.sum(level=0)`."""
    for owner in owners:
        for name in ("sum", "mean", "median", "min", "max", "std", "var", "count", "prod"):
            _take_level(owner, name)


def _take_level(owner: Any, name: str) -> None:
    usual = getattr(owner, name)

    @functools.wraps(usual)
    def call(table: Any, *args: Any, **given: Any) -> Any:
        level = given.pop("level", None)
        if level is None:
            return usual(table, *args, **given)
        note(f"{name}(level=...) was removed from pandas; groupby(level=...).{name}() was used")
        return getattr(table.groupby(level=level), name)(*args, **given)

    setattr(owner, name, call)


def _select_by_tuple(grouped: Any) -> None:
    """`frame.groupby("kind")["value", "year"]`."""
    usual = grouped.__getitem__

    @functools.wraps(usual)
    def __getitem__(groups: Any, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) > 1 and key not in groups.obj.columns:
            note("columns of groups are chosen by a list in this pandas; groupby(...)[[...]] was used")
            key = list(key)
        return usual(groups, key)

    grouped.__getitem__ = __getitem__


def _set_old_options(pd: Any) -> None:
    """`pd.set_option("precision", 2)`: the short name fits several options today."""
    usual = pd.set_option

    @functools.wraps(usual)
    def set_option(*args: Any, **given: Any) -> Any:
        pairs = [_OPTIONS.get(value, value) if at % 2 == 0 else value for at, value in enumerate(args)]
        for at in range(0, len(pairs) - 1, 2):
            if pairs[at] == "display.max_colwidth" and pairs[at + 1] == -1:
                pairs[at + 1] = None
        return usual(*pairs, **given)

    pd.set_option = set_option


def _replace_patterns(text: Any) -> None:
    """`series.str.replace("[a-z]", "")`: patterns were regular expressions until 2.0, and are not by default now."""
    usual = text.replace

    @functools.wraps(usual)
    def replace(strings: Any, pat: Any, repl: Any = None, n: int = -1, case: Any = None, flags: int = 0, **more: Any) -> Any:
        if "regex" not in more and is_guest(sys._getframe(1)) and isinstance(pat, str) and _is_meant_as_pattern(strings, pat):
            note(f"str.replace takes patterns only with regex=True in this pandas; regex=True was used for {pat!r}")
            more["regex"] = True
        return usual(strings, pat, repl, n, case, flags, **more)

    text.replace = replace


def _is_meant_as_pattern(strings: Any, pattern: str) -> bool:
    """Whether the text itself occurs nowhere, but would as a regular expression."""
    if len(pattern) < 2 or not any(sign in pattern for sign in "[\\|(*+?^$."):
        return False
    try:
        values = [value for value in strings._orig if isinstance(value, str)]
        found = re.compile(pattern)
    except re.error:
        return False
    return not any(pattern in value for value in values) and any(found.search(value) for value in values)


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

    parts: list[Any]
    if isinstance(other, list) and table.ndim == 2 and other and isinstance(other[0], dict):
        parts = [pd.DataFrame(other)]
    elif isinstance(other, (list, tuple)):
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
    "reindex_axis": Own(lambda table, labels, axis=0, **more: table.reindex(labels, axis=axis, **more), "reindex"),
    "select": Own(
        lambda table, crit, axis=0: (
            table.loc[table.index.map(crit)] if axis in (0, "index") else table.loc[:, table.columns.map(crit)]
        ),
        "loc",
    ),
    "set_value": Own(lambda table, row, column, value: table.at.__setitem__((row, column), value), "at[row, column] = value"),
}
_SERIES: dict[str, Any] = {
    **_BOTH,
    "order": "sort_values",
    "clip_lower": Own(lambda values, threshold: values.clip(lower=threshold), "clip(lower=...)"),
    "clip_upper": Own(lambda values, threshold: values.clip(upper=threshold), "clip(upper=...)"),
    "nonzero": Own(lambda values: values.to_numpy().nonzero(), "to_numpy().nonzero()"),
    "ptp": Own(lambda values: values.max() - values.min(), "max() - min()"),
    "sort": "sort_values",
    "is_monotonic": "is_monotonic_increasing",
}


def _data_error() -> type[Exception]:
    error: type[Exception] = sys.modules["pandas"].errors.DataError
    return error


def _leave_out_text(owner: Any, name: str) -> None:
    usual = getattr(owner, name)

    @functools.wraps(usual)
    def call(*args: Any, **given: Any) -> Any:
        try:
            return usual(*args, **given)
        except (TypeError, ValueError, _data_error()):
            if "numeric_only" in given or not is_guest(sys._getframe(1)):
                raise
            result = usual(*args, **given, numeric_only=True)
        note(f"{name}() does not leave out columns that are not numbers in this pandas; {name}(numeric_only=True) was used")
        return result

    setattr(owner, name, call)
