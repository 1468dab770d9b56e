"""Names of OpenCV that 3.0 and 4.0 removed, three values of `findContours` where the code wants three, what only contrib has."""

from __future__ import annotations

import dis
import functools
import importlib
import sys
from types import FrameType, SimpleNamespace
from typing import Any

import cv2
import numpy as np

from .removed import Hint, Own, Replacement, add_module, note, replace_names

_UNPACK = dis.opmap["UNPACK_SEQUENCE"]
_CONTRIB = "the package here is opencv-python-headless, without the contrib modules"


def install() -> None:
    """Constants and functions of OpenCV 2 and 3, and the usual names of the contrib modules."""
    replace_names(cv2, "OpenCV", "cv2", _NAMES)
    add_module("cv2.cv", "OpenCV", "cv2.cv", {**_OLD_CONSTANTS, "BoxPoints": "cv2.boxPoints"})
    sift: dict[str, Replacement] = {
        "SIFT_create": "cv2.SIFT_create",
        "SURF_create": Hint("SURF is not in this build; use cv2.SIFT_create() or cv2.ORB_create()"),
    }
    add_module("cv2.xfeatures2d", "OpenCV", "cv2.xfeatures2d", sift)
    replace_names(cv2.aruco, "OpenCV", "cv2.aruco", _ARUCO)
    add_module(
        "cv2.ximgproc", "OpenCV", "cv2.ximgproc", {**_XIMGPROC, "thinning": Own(_thinning, "skimage.morphology.skeletonize")}
    )
    cv2.findContours = _find_contours(cv2.findContours)
    cv2.putText = _put_text(cv2.putText)


def _find_contours(usual: Any) -> Any:
    """OpenCV 3 returned (image, contours, hierarchy), OpenCV 2 and 4 return (contours, hierarchy)."""

    @functools.wraps(usual)
    def findContours(image: Any, *args: Any, **options: Any) -> Any:
        found = usual(image, *args, **options)
        if _num_wanted(sys._getframe(1)) != 3:
            return found
        note("cv2.findContours returns (contours, hierarchy) in OpenCV 4; the image was put in front as in OpenCV 3")
        return image, *found

    return findContours


def _num_wanted(frame: FrameType) -> int | None:
    """Into how many names `frame` unpacks the value of the call that it is in, read from its bytecode; None if it does not."""
    code = frame.f_code.co_code
    for at in range(frame.f_lasti + 2, len(code) - 1, 2):
        if code[at] != dis.opmap["CACHE"]:
            return code[at + 1] if code[at] == _UNPACK else None
    return None


def _put_text(usual: Any) -> Any:
    @functools.wraps(usual)
    def putText(image: Any, text: Any, *args: Any, **options: Any) -> Any:
        if isinstance(text, str) and not text.isascii():
            note(
                "cv2.putText can only draw ASCII, other characters become '?'; ImageDraw.text with ImageFont.truetype draws them"
            )
        return usual(image, text, *args, **options)

    return putText


def _thinning(image: Any, dst: Any = None, thinningType: int = 0) -> Any:
    morphology: Any = importlib.import_module("skimage.morphology")
    return morphology.skeletonize(np.asarray(image) > 0).astype(np.uint8) * 255


def _estimate_rigid(src: Any, dst: Any, fullAffine: bool = True) -> Any:
    return (cv2.estimateAffine2D if fullAffine else cv2.estimateAffinePartial2D)(src, dst)[0]


def _old_constants() -> dict[str, Replacement]:
    """CV_NAME for each constant of today that had the prefix in OpenCV 2, and those that were renamed."""
    renamed = {
        "CV_AA": "LINE_AA",
        "CV_FILLED": "FILLED",
        "CV_CAP_PROP_FPS": "CAP_PROP_FPS",
        "CV_LOAD_IMAGE_COLOR": "IMREAD_COLOR",
        "CV_LOAD_IMAGE_GRAYSCALE": "IMREAD_GRAYSCALE",
        "CV_LOAD_IMAGE_UNCHANGED": "IMREAD_UNCHANGED",
        "CV_LOAD_IMAGE_ANYDEPTH": "IMREAD_ANYDEPTH",
        "CV_LOAD_IMAGE_ANYCOLOR": "IMREAD_ANYCOLOR",
        "CV_COMP_CORREL": "HISTCMP_CORREL",
        "CV_COMP_CHISQR": "HISTCMP_CHISQR",
        "CV_COMP_INTERSECT": "HISTCMP_INTERSECT",
        "CV_COMP_BHATTACHARYYA": "HISTCMP_BHATTACHARYYA",
        "CV_CONTOURS_MATCH_I1": "CONTOURS_MATCH_I1",
        "CV_WINDOW_NORMAL": "WINDOW_NORMAL",
    }
    same = (
        "THRESH_",
        "RETR_",
        "CHAIN_APPROX_",
        "INTER_",
        "HOUGH_",
        "MORPH_",
        "TM_",
        "FONT_HERSHEY_",
        "ADAPTIVE_THRESH_",
        "DIST_",
        "IMWRITE_",
    )
    names = {f"CV_{name}": name for name in dir(cv2) if name.startswith(same)}
    names |= {f"CV_{name.removeprefix('COLOR_')}": name for name in dir(cv2) if name.startswith("COLOR_")}
    return {old: f"cv2.{new}" for old, new in {**names, **renamed}.items() if hasattr(cv2, new)}


def _detect_markers(image: Any, dictionary: Any, *_: Any, parameters: Any = None, **__: Any) -> Any:
    return cv2.aruco.ArucoDetector(dictionary, parameters or cv2.aruco.DetectorParameters()).detectMarkers(image)


_XIMGPROC: dict[str, Replacement] = {
    "createFastLineDetector": Hint(f"{_CONTRIB}; use cv2.createLineSegmentDetector() or cv2.HoughLinesP"),
    "anisotropicDiffusion": Hint(f"{_CONTRIB}; use cv2.bilateralFilter"),
    "guidedFilter": Hint(f"{_CONTRIB}; use cv2.bilateralFilter"),
    "niBlackThreshold": Hint(f"{_CONTRIB}; use skimage.filters.threshold_niblack"),
    "createStructuredEdgeDetection": Hint(f"{_CONTRIB}; use cv2.Canny"),
    "createSuperpixelSLIC": Hint(f"{_CONTRIB}; use skimage.segmentation.slic"),
    "createSuperpixelSEEDS": Hint(f"{_CONTRIB}; use skimage.segmentation.slic"),
    "createSelectiveSearchSegmentation": Hint(f"{_CONTRIB}; use skimage.segmentation.felzenszwalb"),
}
_ARUCO: dict[str, Replacement] = {
    "Dictionary_get": "cv2.aruco.getPredefinedDictionary",
    "DetectorParameters_create": "cv2.aruco.DetectorParameters",
    "detectMarkers": Own(_detect_markers, "cv2.aruco.ArucoDetector(...).detectMarkers"),
}
_OLD_CONSTANTS = _old_constants()
_NAMES: dict[str, Replacement] = {
    **_OLD_CONSTANTS,
    "estimateRigidTransform": Own(_estimate_rigid, "cv2.estimateAffinePartial2D"),
    "createBackgroundSubtractorMOG": "cv2.createBackgroundSubtractorMOG2",
    "SURF": Hint("SURF is not in this build; use cv2.SIFT_create() or cv2.ORB_create()"),
    "FeatureDetector_create": Hint("use cv2.SIFT_create(), cv2.ORB_create() or cv2.SimpleBlobDetector_create()"),
    "DescriptorMatcher": "cv2.BFMatcher",
    "text": Hint(f"{_CONTRIB}, and nothing here reads text: enlarge the crop and read it yourself, display(crop.resize(...))"),
    "xfeatures2d_SIFT": "cv2.SIFT",
    "cuda": Own(SimpleNamespace(getCudaEnabledDeviceCount=lambda: 0), "a machine without a GPU"),
    **{
        name: Hint(_CONTRIB)
        for name in [
            "face",
            "saliency",
            "freetype",
            "legacy",
            "bgsegm",
            "xphoto",
            "dnn_superres",
            "img_hash",
            "structured_light",
            "optflow",
            "plot",
            "rgbd",
            "tracking",
            "bioinspired",
            "TrackerMOSSE_create",
            "TrackerMedianFlow_create",
            "TrackerBoosting_create",
            "TrackerTLD_create",
            "TrackerCSRT_create",
            "TrackerKCF_create",
        ]
    },
}
