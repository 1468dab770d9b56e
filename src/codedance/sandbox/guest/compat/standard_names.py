"""Names of the standard library that Python 3.9 to 3.12 removed, and warnings about removals to come, which help nobody here."""

from __future__ import annotations

import collections
import fractions
import inspect
import time
import warnings

from .removed import Replacement, replace_names


def install() -> None:
    """Warnings off, old names on."""
    for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.simplefilter("ignore", kind)
    warnings.filterwarnings("ignore", ".*joblib will operate in serial mode", UserWarning)
    abstract = (
        "Iterable Iterator Mapping MutableMapping Sequence MutableSequence Set MutableSet Callable Hashable Sized Container"
    )
    kinds: dict[str, Replacement] = {name: f"collections.abc.{name}" for name in abstract.split()}
    replace_names(collections, "Python", "collections", kinds)
    replace_names(fractions, "Python", "fractions", {"gcd": "math.gcd"})
    replace_names(time, "Python", "time", {"clock": "time.perf_counter"})
    replace_names(inspect, "Python", "inspect", {"getargspec": "inspect.getfullargspec"})
