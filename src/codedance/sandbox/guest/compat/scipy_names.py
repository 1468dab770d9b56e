"""Names of SciPy that 1.0 to 1.15 removed. `scipy.ndimage` is loaded in the zygote, the rest when a session imports it."""

from __future__ import annotations

import functools
import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np
import scipy
from PIL import Image

from .removed import Hint, Own, Replacement, after_import, is_guest, note, rename_keywords, replace_methods, replace_names

_LIBRARY = "SciPy"
_FROM_NUMPY = [
    "interp",
    "mean",
    "median",
    "std",
    "var",
    "sum",
    "sqrt",
    "log",
    "log10",
    "log2",
    "exp",
    "sin",
    "cos",
    "tan",
    "arctan",
    "arctan2",
    "pi",
    "inf",
    "nan",
    "array",
    "asarray",
    "zeros",
    "ones",
    "arange",
    "linspace",
    "floor",
    "ceil",
    "dot",
    "cross",
    "reshape",
    "where",
    "unique",
    "histogram",
    "polyfit",
    "polyval",
    "poly1d",
    "random",
    "absolute",
    "sort",
    "argsort",
    "cumsum",
    "diff",
    "prod",
    "power",
    "hstack",
    "vstack",
    "eye",
    "identity",
    "argmax",
    "argmin",
    "amax",
    "amin",
    "real",
    "imag",
    "isnan",
    "nanmean",
    "transpose",
    "matrix",
    "ndarray",
    "float64",
    "int32",
    "uint8",
    "nonzero",
    "meshgrid",
    "loadtxt",
    "vectorize",
    "e",
]


def install() -> None:
    """NumPy's functions under `scipy`, and what waits for its import."""
    names: dict[str, Replacement] = {name: f"numpy.{name}" for name in _FROM_NUMPY}
    replace_names(scipy, _LIBRARY, "scipy", {**names, "rand": "numpy.random.rand", "randn": "numpy.random.randn"})
    after_import("scipy.ndimage", lambda m: replace_names(m, _LIBRARY, "scipy.ndimage", {"imread": _IMREAD}))
    after_import("scipy.misc", lambda m: replace_names(m, _LIBRARY, "scipy.misc", _MISC))
    after_import("scipy.integrate", lambda m: replace_names(m, _LIBRARY, "scipy.integrate", _INTEGRATE))
    after_import("scipy.signal", lambda m: replace_names(m, _LIBRARY, "scipy.signal", _SIGNAL))
    after_import("scipy.stats", _apply_stats)
    after_import("scipy.interpolate", _apply_interpolate)
    after_import("scipy.sparse._base", _apply_sparse)
    after_import("scipy.linalg", lambda m: replace_names(m, _LIBRARY, "scipy.linalg", _LINALG))
    after_import("scipy.spatial._kdtree", _apply_trees)
    after_import(
        "scipy.spatial.distance",
        lambda m: replace_names(m, _LIBRARY, "scipy.spatial.distance", {"wminkowski": "scipy.spatial.distance.minkowski"}),
    )
    after_import("scipy.integrate", lambda m: rename_keywords(m, "simpson", _LIBRARY, {"even": None}))


def _imread(name: Any, flatten: bool = False, mode: str | None = None) -> Any:
    image = Image.open(name)
    return np.asarray(image.convert("F" if flatten else mode or image.mode))


def _as_image(values: Any, *_: Any, **__: Any) -> Image.Image:
    values = np.asarray(values)
    if values.dtype != np.uint8:
        low, high = float(values.min()), float(values.max())
        values = ((values - low) * (255 / max(high - low, 1e-12))).round().astype(np.uint8)
    return Image.fromarray(values)


def _imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> Any:
    """A whole number is a percentage, a float a fraction, a pair (height, width)."""
    image = _as_image(arr)
    if isinstance(size, (int, np.integer)):
        size = size / 100
    if isinstance(size, (float, np.floating)):
        wanted = (int(image.width * size), int(image.height * size))
    else:
        wanted = (int(size[1]), int(size[0]))
    filters = {"nearest": "NEAREST", "lanczos": "LANCZOS", "bilinear": "BILINEAR", "bicubic": "BICUBIC", "cubic": "BICUBIC"}
    return np.asarray(image.resize(wanted, Image.Resampling[filters[interp]]))


def _imrotate(arr: Any, angle: float, interp: str = "bilinear") -> Any:
    return np.asarray(
        _as_image(arr).rotate(angle, Image.Resampling.BILINEAR if interp != "nearest" else Image.Resampling.NEAREST)
    )


def _picture_of(name: str) -> Any:
    """`face()`, `ascent()`: SciPy downloads them today."""

    def load(gray: bool = False) -> Any:
        data: Any = importlib.import_module("skimage.data")
        picture = data.astronaut() if name == "face" else data.camera()
        return picture.mean(axis=2).astype(np.uint8) if gray and picture.ndim == 3 else picture

    return Own(load, f"skimage.data.{'astronaut' if name == 'face' else 'camera'}()")


def _derivative(func: Any, x0: Any, dx: float = 1.0, n: int = 1, args: Any = (), order: int = 3) -> Any:
    if n == 1:
        return (func(x0 + dx, *args) - func(x0 - dx, *args)) / (2 * dx)
    return (_derivative(func, x0 + dx, dx, n - 1, args) - _derivative(func, x0 - dx, dx, n - 1, args)) / (2 * dx)


def _ricker(points: int, a: float) -> Any:
    x = np.arange(points) - (points - 1) / 2
    scaled = (x / a) ** 2
    return 2 / (np.sqrt(3 * a) * np.pi**0.25) * (1 - scaled) * np.exp(-scaled / 2)


def _cwt(data: Any, wavelet: Any, widths: Any, **more: Any) -> Any:
    rows = [
        np.convolve(data, np.conj(wavelet(min(int(10 * width), len(data)), width, **more)[::-1]), mode="same") for width in widths
    ]
    return np.array(rows)


def _apply_interpolate(interpolate: ModuleType) -> None:
    module: Any = interpolate

    class interp2d:
        """Values on a grid, or at as many points, as `interp2d(x, y, z)` took them until SciPy 1.13."""

        def __init__(self, x: Any, y: Any, z: Any, kind: str = "linear", *_: Any, **__: Any) -> None:
            note("scipy.interpolate.interp2d was removed from SciPy; RectBivariateSpline was used")
            degree = {"linear": 1, "cubic": 3, "quintic": 5}[kind]
            x, y, z = np.ravel(x), np.ravel(y), np.asarray(z)
            if z.size == len(x) * len(y):
                xs, ys = np.argsort(x), np.argsort(y)
                grid = z.reshape(len(y), len(x))[np.ix_(ys, xs)].T
                self._at = module.RectBivariateSpline(x[xs], y[ys], grid, kx=degree, ky=degree)
            else:
                self._at = module.SmoothBivariateSpline(x, y, z.ravel(), kx=degree, ky=degree, s=0)

        def __call__(self, x: Any, y: Any, *_: Any, **__: Any) -> Any:
            values = self._at(np.atleast_1d(x), np.atleast_1d(y)).T
            return values[0] if len(values) == 1 else values

    module.interp2d = interp2d
    spline = Own(lambda xk, yk, xnew, order=3, **_: module.make_interp_spline(xk, yk, k=order)(xnew), "make_interp_spline")
    replace_names(interpolate, _LIBRARY, "scipy.interpolate", {"spline": spline})


def _apply_sparse(base: Any) -> None:
    matrix: dict[str, Replacement] = {
        "A": Own(property(lambda values: values.toarray()), "toarray()"),
        "A1": Own(property(lambda values: values.toarray().ravel()), "toarray().ravel()"),
        "H": Own(property(lambda values: values.T.conj()), "T.conj()"),
    }
    replace_methods(base._spbase, _LIBRARY, matrix)


def _apply_trees(module: Any) -> None:
    for kind in (module.KDTree, module.cKDTree):
        try:
            rename_keywords(kind, "query", _LIBRARY, {"n_jobs": "workers"})
        except TypeError:  # a class of C code
            continue


def _quadrature(func: Any, a: float, b: float, args: Any = (), *_: Any, **__: Any) -> Any:
    integrate: Any = importlib.import_module("scipy.integrate")
    return integrate.quad(func, a, b, args=args)


_LINALG: dict[str, Replacement] = {
    "pinv2": "scipy.linalg.pinv",
    "tri": "numpy.tri",
    "triu": "numpy.triu",
    "tril": "numpy.tril",
    "kron": "numpy.kron",
}
_IMREAD = Own(_imread, "PIL.Image.open")
_MISC: dict[str, Replacement] = {
    "imread": _IMREAD,
    "imsave": Own(lambda name, arr, format=None: _as_image(arr).save(name, format), "PIL.Image.save"),
    "imresize": Own(_imresize, "PIL.Image.resize"),
    "imrotate": Own(_imrotate, "PIL.Image.rotate"),
    "imshow": Own(lambda arr: _as_image(arr).show(), "PIL.Image.show"),
    "toimage": Own(_as_image, "PIL.Image.fromarray"),
    "fromimage": Own(lambda image, flatten=False, mode=None: np.asarray(image.convert("F") if flatten else image), "np.asarray"),
    "bytescale": Own(lambda data, *_, **__: np.asarray(_as_image(data)), "scaling to 0..255"),
    "face": _picture_of("face"),
    "lena": _picture_of("face"),
    "ascent": _picture_of("ascent"),
    "derivative": Own(_derivative, "a central difference"),
    **{name: f"scipy.special.{name}" for name in ("factorial", "factorial2", "comb", "logsumexp")},
}
_INTEGRATE: dict[str, Replacement] = {
    "trapz": "scipy.integrate.trapezoid",
    "simps": "scipy.integrate.simpson",
    "cumtrapz": "scipy.integrate.cumulative_trapezoid",
    "quadrature": Own(_quadrature, "scipy.integrate.quad"),
    "romberg": Own(lambda *args, **more: _quadrature(*args, **more)[0], "scipy.integrate.quad"),
}
_WINDOWS = [
    "gaussian",
    "hann",
    "hamming",
    "blackman",
    "bartlett",
    "kaiser",
    "boxcar",
    "triang",
    "parzen",
    "bohman",
    "flattop",
    "nuttall",
    "tukey",
    "cosine",
    "blackmanharris",
]
_SIGNAL: dict[str, Replacement] = {
    **{name: f"scipy.signal.windows.{name}" for name in _WINDOWS},
    "hanning": "scipy.signal.windows.hann",
    "morlet": Hint("write the wavelet with numpy: np.exp(1j * w * x) * np.exp(-x**2 / 2)"),
    "morlet2": Hint("write the wavelet with numpy: np.exp(1j * w * x) * np.exp(-x**2 / 2)"),
    "lsim2": "scipy.signal.lsim",
    "impulse2": "scipy.signal.impulse",
    "step2": "scipy.signal.step",
    "bspline": Hint("use scipy.interpolate.BSpline"),
    "ricker": Own(_ricker, "an own ricker wavelet"),
    "cwt": Own(_cwt, "an own wavelet transform"),
}


def _apply_stats(stats: ModuleType) -> None:
    names: dict[str, Replacement] = {
        "binom_test": Own(
            lambda x, n=None, p=0.5, alternative="two-sided": stats.binomtest(x, n, p, alternative).pvalue,
            "binomtest(...).pvalue",
        ),
        "median_absolute_deviation": Own(
            lambda x, axis=0, scale=1.4826, **more: stats.median_abs_deviation(x, axis, **more) * scale, "median_abs_deviation"
        ),
        "threshold": "numpy.clip",
        "itemfreq": Own(lambda a: np.array(np.unique(a, return_counts=True)).T, "np.unique(a, return_counts=True)"),
    }
    names |= {name: f"numpy.{name}" for name in ("nanmean", "nanmedian", "nanstd")}
    names["chisqprob"] = "scipy.stats.chi2.sf"
    names["signaltonoise"] = Own(lambda a, axis=0: np.mean(a, axis) / np.std(a, axis), "mean / std")
    replace_names(stats, _LIBRARY, "scipy.stats", names)
    usual = stats.mode

    @functools.wraps(usual)
    def mode(*args: Any, **more: Any) -> Any:
        found = usual(*args, **more)
        if np.ndim(found.mode) == 0 and is_guest(sys._getframe(1)):
            return type(found)(*map(_indexable, found))
        return found

    stats.mode = mode  # type: ignore[attr-defined]


@functools.cache
def _indexable_kind(kind: Any) -> Any:
    """A NumPy number that gives itself for [0]: until SciPy 1.11 `mode` kept the axis."""

    def first(self: Any, index: Any) -> Any:
        if index not in (0, -1):
            raise IndexError(index)
        note("scipy.stats.mode gives a number, not an array, in this SciPy; [0] was left out")
        return kind(self)

    return type(kind.__name__, (kind,), {"__getitem__": first})


def _indexable(value: Any) -> Any:
    number: Any = np.asarray(value)[()]
    kind: Any = type(number)
    return _indexable_kind(kind)(number)
