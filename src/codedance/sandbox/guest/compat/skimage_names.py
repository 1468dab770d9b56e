"""Names and arguments of scikit-image that 0.16 to 0.25 removed. Applied to each subpackage when a session imports it."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

import numpy as np

from .removed import (
    Hint,
    Keywords,
    Own,
    Replacement,
    add_module,
    after_import,
    note,
    replace_methods,
    replace_names,
    with_old_keywords,
)

_LIBRARY = "scikit-image"


def install() -> None:
    """Wait for each subpackage."""
    after_import("skimage.metrics._structural_similarity", _guess_range)
    after_import("skimage.feature.peak", _mark_peaks)
    after_import("skimage.color.colorconv", _take_any_picture)
    after_import("skimage.measure._regionprops", _take_old_keys)
    after_import("skimage", _add_modules)
    for name in sorted(_NAMES.keys() | _KEYWORDS.keys()):
        after_import(f"skimage.{name}" if name else "skimage", _apply)


def _apply(module: ModuleType) -> None:
    name = module.__name__.removeprefix("skimage").removeprefix(".")
    _take_keywords(module, _KEYWORDS.get(name, {}))
    replace_names(module, _LIBRARY, module.__name__, _NAMES.get(name, {}))


def _take_keywords(module: ModuleType, keywords: dict[str, Keywords]) -> None:
    for function in keywords.keys() & module.__dict__.keys():
        module.__dict__[function] = with_old_keywords(module.__dict__[function], function, _LIBRARY, keywords[function])
    usual = module.__dict__.get("__getattr__")
    if usual is None:
        return

    def __getattr__(name: str) -> Any:
        found = usual(name)
        if name in keywords and callable(found):  # lazily loaded: from now on it is there
            found = module.__dict__[name] = with_old_keywords(found, name, _LIBRARY, keywords[name])
        return found

    module.__dict__["__getattr__"] = __getattr__


def _channels(value: Any) -> dict[str, Any]:
    return {"channel_axis": -1 if value else None}


def _guess_range(metrics: Any) -> None:
    """The similarity of pictures of floats takes the range of their values if none is given, as it did until 0.19."""
    usual = metrics.structural_similarity

    @functools.wraps(usual)
    def structural_similarity(im1: Any, im2: Any, **more: Any) -> Any:
        if np.issubdtype(np.asarray(im1).dtype, np.floating) and more.get("data_range") is None:
            more["data_range"] = max(float(np.ptp(im1)), float(np.ptp(im2)), 1e-12)
            note(f"structural_similarity needs data_range for floats; {more['data_range']:.3g} was used")
        return usual(im1, im2, **more)

    metrics.structural_similarity = structural_similarity


def _mark_peaks(peak: Any) -> None:
    """`peak_local_max(..., indices=False)` gave a mask until 0.19."""
    usual = peak.peak_local_max

    @functools.wraps(usual)
    def peak_local_max(image: Any, *args: Any, **more: Any) -> Any:
        wants_places = more.pop("indices", None)
        places = usual(image, *args, **more)
        if wants_places is not False:
            return places
        note("peak_local_max(indices=False) was removed from scikit-image; the peaks were set in a mask")
        mask = np.zeros(np.shape(image), bool)
        mask[tuple(places.T)] = True
        return mask

    peak.peak_local_max = peak_local_max


def _take_any_picture(colorconv: Any) -> None:
    """`rgb2gray` of a picture that is grey already, or has an alpha channel, as it did until 0.18."""
    usual = colorconv.rgb2gray

    @functools.wraps(usual)
    def rgb2gray(rgb: Any, **more: Any) -> Any:
        picture = np.asanyarray(rgb)
        if not more and picture.ndim == 2:
            note("rgb2gray takes pictures of three channels; the array is grey already and was left as it is")
            return picture
        if not more and picture.ndim == 3 and picture.shape[2] == 4:
            note("rgb2gray takes pictures of three channels; rgba2rgb was used first")
            picture = colorconv.rgba2rgb(picture)
        return usual(picture, **more)

    colorconv.rgb2gray = rgb2gray


def _take_old_keys(regionprops: Any) -> None:
    """`region.Area` as until 0.14; the names in brackets are known to scikit-image itself."""
    old: dict[str, Replacement] = {key: new for key, new in regionprops.PROPS.items() if key[0].isupper() and key.isidentifier()}
    replace_methods(regionprops.RegionProperties, _LIBRARY, old)


def _add_modules(_: ModuleType) -> None:
    names = {name: f"skimage.filters.{name}" for name in ("threshold_otsu", "sobel", "prewitt", "roberts", "rank", "median")}
    blurred = {"gaussian_filter": "skimage.filters.gaussian", "canny": "skimage.feature.canny"}
    add_module("skimage.filter", _LIBRARY, "skimage.filter", {**names, **blurred})
    graph = {
        name: f"skimage.graph.{name}" for name in ("rag_mean_color", "cut_threshold", "cut_normalized", "merge_hierarchical")
    }
    add_module("skimage.future.graph", _LIBRARY, "skimage.future.graph", graph)


def _circle(r: float, c: float, radius: float, shape: Any = None) -> Any:
    draw: Any = importlib.import_module("skimage.draw")
    return draw.disk((r, c), radius, shape=shape)


def _compare_with_max(name: str) -> Any:
    """`data_range` is required for floats today and was guessed before."""

    def compare(X: Any, Y: Any, *args: Any, **more: Any) -> Any:
        metrics = importlib.import_module("skimage.metrics")
        if np.issubdtype(np.asarray(X).dtype, np.floating) and "data_range" not in more:
            more["data_range"] = max(float(np.ptp(X)), float(np.ptp(Y)), 1e-12)
        if more.pop("multichannel", False):
            more["channel_axis"] = -1
        return getattr(metrics, name)(X, Y, *args, **more)

    return Own(compare, f"skimage.metrics.{name}")


def _shift(src_image: Any, target_image: Any, upsample_factor: int = 1, **more: Any) -> Any:
    registration: Any = importlib.import_module("skimage.registration")
    return registration.phase_cross_correlation(src_image, target_image, upsample_factor=upsample_factor)


def _threshold_adaptive(image: Any, block_size: int, *args: Any, **more: Any) -> Any:
    filters: Any = importlib.import_module("skimage.filters")
    return image > filters.threshold_local(image, block_size, *args, **more)


_FOOTPRINT: Keywords = {"selem": "footprint"}
_MULTI: Keywords = {"multichannel": _channels}
_GREY_MORPHOLOGY = ["erosion", "dilation", "opening", "closing", "white_tophat", "black_tophat"]
_BINARY_MORPHOLOGY = ["binary_erosion", "binary_dilation", "binary_opening", "binary_closing"]
_NAMES: dict[str, dict[str, Replacement]] = {
    "": {
        "external": Hint("import tifffile or imageio"),
        "novice": Hint("use skimage.io.imread"),
        "viewer": Hint("use display(image)"),
    },
    "measure": {
        "compare_ssim": _compare_with_max("structural_similarity"),
        "compare_psnr": _compare_with_max("peak_signal_noise_ratio"),
        "structural_similarity": _compare_with_max("structural_similarity"),
        "compare_mse": "skimage.metrics.mean_squared_error",
        "compare_nrmse": "skimage.metrics.normalized_root_mse",
        "marching_cubes_lewiner": "skimage.measure.marching_cubes",
        "marching_cubes_classic": "skimage.measure.marching_cubes",
        "correct_mesh_orientation": Hint("marching_cubes orients its meshes"),
    },
    "morphology": {
        "watershed": "skimage.segmentation.watershed",
        "greyreconstruct": "skimage.morphology.reconstruction",
        "skeletonize_3d": "skimage.morphology.skeletonize",
    },
    "filters": {
        "threshold_adaptive": Own(_threshold_adaptive, "image > skimage.filters.threshold_local(...)"),
        "gaussian_filter": "skimage.filters.gaussian",
        "canny": "skimage.feature.canny",
        "denoise_bilateral": "skimage.restoration.denoise_bilateral",
    },
    "color": {"rgb2grey": "skimage.color.rgb2gray", "grey2rgb": "skimage.color.gray2rgb"},
    "data": {
        "imread": "skimage.io.imread",
        "lena": Own(lambda: importlib.import_module("skimage.data").astronaut(), "skimage.data.astronaut()"),
    },
    "draw": {"circle": Own(_circle, "skimage.draw.disk")},
    "feature": {
        "greycomatrix": "skimage.feature.graycomatrix",
        "greycoprops": "skimage.feature.graycoprops",
        "register_translation": Own(_shift, "skimage.registration.phase_cross_correlation"),
    },
    "util": {"montage2d": "skimage.util.montage", "pad": "numpy.pad"},
    "future": {"graph": "skimage.graph"},
    "transform": {"seam_carve": Hint("the method is patented and was removed")},
}
_KEYWORDS: dict[str, dict[str, Keywords]] = {
    "filters": {
        **dict.fromkeys(("gaussian", "unsharp_mask", "difference_of_gaussians"), _MULTI),
        "median": {"selem": "footprint"},
    },
    "filters.rank": dict.fromkeys(
        ("mean", "median", "entropy", "minimum", "maximum", "otsu", "gradient", "equalize", "enhance_contrast", "autolevel"),
        {"selem": "footprint"},
    ),
    "transform": {
        **dict.fromkeys(
            ("rescale", "warp_polar", "pyramid_reduce", "pyramid_expand", "pyramid_gaussian", "pyramid_laplacian"), _MULTI
        ),
        "iradon": {"filter": "filter_name"},
    },
    "restoration": {
        **dict.fromkeys(
            ["denoise_bilateral", "denoise_nl_means", "denoise_wavelet", "estimate_sigma", "inpaint_biharmonic"], _MULTI
        ),
        "denoise_tv_chambolle": {**_MULTI, "n_iter_max": "max_num_iter"},
        "denoise_tv_bregman": {**_MULTI, "max_iter": "max_num_iter"},
    },
    "draw": {"random_shapes": _MULTI},
    "io": {"imread": {"as_grey": "as_gray"}},
    "util": {"montage": _MULTI},
    "feature": {
        "hog": {**_MULTI, "visualise": "visualize", "normalise": None},
    },
    "segmentation": {
        **dict.fromkeys(("felzenszwalb", "random_walker"), _MULTI),
        "slic": {**_MULTI, "max_iter": "max_num_iter"},
        "chan_vese": {"max_iter": "max_num_iter"},
        "quickshift": {"multichannel": None},
        "active_contour": {"coordinates": None, "max_iterations": "max_num_iter"},
    },
    "metrics": {"structural_similarity": _MULTI, "normalized_root_mse": {"norm_type": "normalization"}},
    "exposure": {"match_histograms": _MULTI},
    "measure": {
        "label": {"neighbors": lambda value: {"connectivity": 2 if value == 8 else 1}},
        "regionprops": {"coordinates": None},
        "regionprops_table": {"coordinates": None},
        "profile_line": {"multichannel": None},
    },
    "morphology": {
        **dict.fromkeys(
            (*_GREY_MORPHOLOGY, *_BINARY_MORPHOLOGY, "reconstruction", "local_maxima", "local_minima", "h_maxima"), _FOOTPRINT
        ),
        "flood_fill": _FOOTPRINT,
        "thin": {"max_iter": "max_num_iter"},
        "remove_small_objects": {"in_place": None},
        "remove_small_holes": {"in_place": None, "min_size": "area_threshold"},
    },
}
