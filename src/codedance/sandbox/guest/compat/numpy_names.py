"""Names of NumPy that 1.20 to 2.0 removed, the integer rules of NumPy 1, and numbers printed as NumPy 1 prints them.

`np.uint8(200) + 100` is 300 in NumPy 1 and 44 in NumPy 2, `sum(pixel)` likewise (NEP 50); code written for the former is wrong
in the latter without an exception. NumPy 2.0 and 2.1 can still follow the old rules, hence the ceiling on NumPy. With a
newer NumPy (Python 3.14) the new rules stay.
"""

from __future__ import annotations

import ast
import ctypes
import functools
import gc
import math
import threading
from typing import Any

import numpy as np

from .removed import Hint, Own, RemovedMethod, Replacement, add_module, rename_keywords, replace_names


def install() -> None:
    """Old promotion, old printing, old names."""
    follow_old_rules = getattr(np, "_set_promotion_state", None)
    if follow_old_rules is not None:
        follow_old_rules("legacy")
        _follow_in_threads(follow_old_rules)
    printing: Any = {"legacy": "1.25"}
    np.set_printoptions(**printing)
    replace_names(np, "NumPy", "np", _NAMES)
    for name in ("histogram", "histogram2d", "histogramdd"):
        rename_keywords(np, name, "NumPy", {"normed": "density"})
    replace_names(np.lib, "NumPy", "np.lib", {"pad": "numpy.pad"})
    for name in ("index_tricks", "arraysetops", "function_base", "shape_base", "twodim_base", "polynomial", "type_check"):
        if name in np.lib.__dict__:
            continue
        inside: Any = vars(np.lib).get(f"_{name}_impl")
        public = [each for each in getattr(inside, "__all__", ()) if hasattr(np, each)]
        add_module(f"numpy.lib.{name}", "NumPy", f"np.lib.{name}", {each: f"numpy.{each}" for each in public})
    _give_back_methods()
    _copy_where_needed()


def _follow_in_threads(follow: Any) -> None:
    """NumPy keeps the rules per thread, and a new thread begins with those of NumPy 2."""
    kind: Any = threading.Thread
    usual = kind._bootstrap_inner

    def _bootstrap_inner(thread: threading.Thread) -> None:
        follow("legacy")
        usual(thread)

    kind._bootstrap_inner = _bootstrap_inner


def _give_back_methods() -> None:
    """`a.ptp()`, `a.itemset(...)`, `a.newbyteorder()`. C code owns the class, so its dictionary is changed directly."""
    attributes = gc.get_referents(np.ndarray.__dict__)[0]
    methods: dict[str, Replacement] = {
        "ptp": Own(lambda array, *args, **more: np.ptp(array, *args, **more), "np.ptp"),
        "itemset": Own(_itemset, "a[index] = value"),
        "newbyteorder": Own(lambda array, order="S": array.view(array.dtype.newbyteorder(order)), "a.view(dtype)"),
        "tostring": "tobytes",
    }
    for name, replacement in methods.items():
        attributes[name] = RemovedMethod(np.ndarray, name, "NumPy", replacement)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))


def _itemset(array: Any, *args: Any) -> None:
    *index, value = args
    if len(index) == 1 and not isinstance(index[0], tuple):
        array.flat[index[0]] = value
    else:
        array[tuple(index[0]) if len(index) == 1 else tuple(index) if index else ...] = value


def _copy_where_needed() -> None:
    """`np.array(x, copy=False)` copies where it must, as in NumPy 1; in NumPy 2 it fails then. Matplotlib 3.10 has it too."""
    usual: Any = np.array

    @functools.wraps(usual)
    def array(*args: Any, **given: Any) -> Any:
        if given.get("copy", True) is False:
            given["copy"] = None
        return usual(*args, **given)

    np.array = array


class _Casts(dict[Any, Any]):
    """`np.cast[dtype](values)`."""

    def __missing__(self, dtype: Any) -> Any:
        return lambda values: np.asarray(values, dtype)


def _find_common_type(array_types: Any, scalar_types: Any = ()) -> Any:
    return np.result_type(*array_types, *scalar_types)


def _asfarray(values: Any, dtype: Any = np.float64) -> Any:
    return np.asarray(values, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


_SCTYPES: dict[str, list[Any]] = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
    "complex": [np.complex64, np.complex128, np.clongdouble],
    "others": [bool, object, bytes, str, np.void],
}

_NAMES: dict[str, Replacement] = {
    **{name: f"builtins.{name}" for name in ("float", "int", "bool", "object", "str", "complex")},
    "unicode": "builtins.str",
    "long": "builtins.int",
    "float_": "numpy.float64",
    "complex_": "numpy.complex128",
    "singlecomplex": "numpy.complex64",
    "cfloat": "numpy.complex128",
    "longfloat": "numpy.longdouble",
    "longcomplex": "numpy.clongdouble",
    "clongfloat": "numpy.clongdouble",
    "unicode_": "numpy.str_",
    "string_": "numpy.bytes_",
    "int0": "numpy.intp",
    "uint0": "numpy.uintp",
    "bool8": "numpy.bool_",
    "object0": "numpy.object_",
    "str0": "numpy.str_",
    "bytes0": "numpy.bytes_",
    "void0": "numpy.void",
    "Inf": "numpy.inf",
    "Infinity": "numpy.inf",
    "infty": "numpy.inf",
    "PINF": "numpy.inf",
    "NINF": Own(-np.inf, "-np.inf"),
    "PZERO": Own(0.0, "0.0"),
    "NZERO": Own(-0.0, "-0.0"),
    "NaN": "numpy.nan",
    "NAN": "numpy.nan",
    "product": "numpy.prod",
    "cumproduct": "numpy.cumprod",
    "alltrue": "numpy.all",
    "sometrue": "numpy.any",
    "in1d": "numpy.isin",
    "trapz": "numpy.trapezoid",
    "row_stack": "numpy.vstack",
    "round_": "numpy.round",
    "mat": "numpy.asmatrix",
    "rank": "numpy.ndim",
    "alen": "builtins.len",
    "math": Own(math, "the module math"),
    "msort": Own(lambda a: np.sort(a, axis=0), "np.sort(a, axis=0)"),
    "asfarray": Own(_asfarray, "np.asarray(a, float)"),
    "asscalar": Own(lambda a: np.asarray(a).item(), "a.item()"),
    "find_common_type": Own(_find_common_type, "np.result_type"),
    "cast": Own(_Casts(), "np.asarray(values, dtype)"),
    "sctypes": Own(_SCTYPES, "a table of types"),
    "typeDict": "numpy.sctypeDict",
    "obj2sctype": Own(lambda kind, default=None: np.dtype(kind).type, "np.dtype(x).type"),
    "sctype2char": Own(lambda kind: np.dtype(kind).char, "np.dtype(x).char"),
    "maximum_sctype": Own(lambda kind: np.result_type(kind, "u8" if np.dtype(kind).kind == "u" else "i8").type, "np.result_type"),
    "issubclass_": "builtins.issubclass",
    "issubsctype": "numpy.issubdtype",
    "nbytes": Own({kind: np.dtype(kind).itemsize for kinds in _SCTYPES.values() for kind in kinds}, "np.dtype(x).itemsize"),
    "safe_eval": Own(ast.literal_eval, "ast.literal_eval"),
    "byte_bounds": "numpy.lib.array_utils.byte_bounds",
    "recfromcsv": Own(
        lambda file, **more: np.genfromtxt(file, **{"delimiter": ",", "names": True, "dtype": None, **more}), "np.genfromtxt"
    ),
    "recfromtxt": Own(lambda file, **more: np.genfromtxt(file, **{"dtype": None, **more}), "np.genfromtxt"),
    "DataSource": "numpy.lib.npyio.DataSource",
    **{
        name: f"numpy.exceptions.{name}"
        for name in (
            "AxisError",
            "ComplexWarning",
            "RankWarning",
            "TooHardError",
            "VisibleDeprecationWarning",
            "ModuleDeprecationWarning",
        )
    },
    "loads": Hint("use pickle.loads"),
    "lookfor": Hint("there is no search in docstrings any more"),
    "set_string_function": Hint("use np.set_printoptions"),
    "source": Hint("use inspect.getsource"),
    "disp": Own(print, "print"),
    "who": Hint("print the shapes that you need"),
    "deprecate": Hint("use warnings.warn"),
    "fastCopyAndTranspose": Own(lambda a: np.array(a).T.copy(), "a.T.copy()"),
}
