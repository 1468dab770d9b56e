"""Lets code as models of 2023 to 2025 write it run with the libraries that are installed.

    install()                  # once, in the zygote
    notes = take_notes()       # after each cell: "np.product was removed from NumPy; np.prod was used", ...

One table a library says which names are gone and what stands for them; `removed.py` has the mechanism. Only code of the
session sees the old names: libraries that probe for them (`hasattr(np, "float")`) find what is really there. Tables of libraries
that sessions import themselves are applied when that happens. `missing.py` tells what there is instead of a package that is
not installed, `fonts.py` gives fonts by the names that code asks for.

Not covered: names that changed before 2018 unless they are common, and methods of classes that C code owns, NumPy's arrays apart.
"""

from __future__ import annotations

from . import (
    fonts,
    matplotlib_names,
    missing,
    numpy_names,
    opencv_names,
    pandas_names,
    pillow_names,
    scipy_names,
    seaborn_names,
    skimage_names,
    sklearn_names,
    standard_names,
)
from .removed import take_notes

__all__ = ["install", "take_notes"]


def install() -> None:
    """Apply every table; those of libraries that are not loaded yet wait for their import."""
    for names in (
        standard_names,
        numpy_names,
        pillow_names,
        opencv_names,
        matplotlib_names,
        pandas_names,
        scipy_names,
        skimage_names,
        sklearn_names,
        seaborn_names,
    ):
        names.install()
    fonts.install()
    missing.install()
