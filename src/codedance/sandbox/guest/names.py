"""Names that code finds without importing them, because the sandboxes in which models were trained had them bound.

    namespace.update(usual_names())          # np, plt, cv2, Image, os, math, ...
    bind_late(code, namespace)               # pd, sns, ... when a cell uses them: importing them takes a while

Sources, read on 2026-11-27: CodeDance `verl/tools/code_tool.py` (plt, input_image_path), Thyme `swift/trainers/sandbox.py` (os,
random, string, math, Image, UnidentifiedImageError, numpy, np, json, re, cv2, image_path, temp_output_dir), PyVision
`safe_persis_shared_vis_python_exe.py` (matplotlib, plt, Image, io, base64, np, image_clue_0, ...), DeepEyesV2 `inference_demo.py`
(Image, base64, BytesIO, image_1, ...). The others are those that code of this kind most often forgets.
"""

from __future__ import annotations

import base64
import collections
import copy
import datetime
import functools
import glob
import io
import itertools
import json
import math
import os
import random
import re
import shutil
import statistics
import string
import sys
import time
import typing
import uuid
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import Any

import cv2
import matplotlib
import matplotlib.patches
import matplotlib.pyplot as plt
import numpy
import PIL
import scipy
import sympy
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps, ImageStat

_OUTPUT = "/mnt/data/temp_processed_images/"
"""Where Thyme's code saves pictures."""
_LATE = {
    **{
        name: name
        for name in [
            "asyncio",
            "bisect",
            "colorsys",
            "contextlib",
            "csv",
            "dataclasses",
            "decimal",
            "enum",
            "fractions",
            "hashlib",
            "heapq",
            "imageio",
            "inspect",
            "logging",
            "networkx",
            "operator",
            "pickle",
            "shapely",
            "struct",
            "tempfile",
            "textwrap",
            "threading",
            "traceback",
            "urllib",
            "warnings",
        ]
    },
    "cv": "cv2",
    "mpl": "matplotlib",
    "mpimg": "matplotlib.image",
    "ndimage": "scipy.ndimage",
    "nx": "networkx",
    "pd": "pandas",
    "pandas": "pandas",
    "sns": "seaborn",
    "seaborn": "seaborn",
    "skimage": "skimage",
    "sklearn": "sklearn",
}


def usual_names() -> dict[str, Any]:
    """Made once in the zygote; a session takes a copy."""
    modules = (base64, collections, copy, cv2, datetime, functools, glob, io, itertools, json, math, matplotlib, numpy, os,
               random, re, scipy, shutil, statistics, string, sympy, sys, time, uuid)  # fmt: skip
    pillow = (Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps, ImageStat)
    named = (collections.Counter, collections.defaultdict, collections.deque, collections.namedtuple, itertools.combinations,
             itertools.permutations, itertools.product, io.BytesIO, io.StringIO, Path, Fraction, uuid.uuid4,
             PIL.UnidentifiedImageError)  # fmt: skip
    return {
        **{module.__name__: module for module in modules},
        **{module.__name__.rpartition(".")[2]: module for module in pillow},
        **{thing.__name__: thing for thing in named},
        **{name: getattr(typing, name) for name in ("Any", "Dict", "List", "Optional", "Tuple", "Union")},
        "PIL": PIL,
        "np": numpy,
        "plt": plt,
        "patches": matplotlib.patches,
        "reduce": functools.reduce,
        "partial": functools.partial,
        "lru_cache": functools.lru_cache,
        "true": True,
        "false": False,
        "null": None,
    }


def input_names(images: list[Image.Image], path: str) -> dict[str, Any]:
    """The input pictures under the names that other sandboxes give them."""
    if not images:
        return {}
    names: dict[str, Any] = {f"image_clue_{index}": image for index, image in enumerate(images)}
    names |= {f"image_{index}": image for index, image in enumerate(images, start=1)}
    return names | {"image_path": path, "input_image_path": path, "temp_output_dir": _OUTPUT}


def bind_late(code: CodeType, namespace: dict[str, Any]) -> None:
    """Import what `code` uses by its usual name without having bound it."""
    for name in set(_names_in(code)) & _LATE.keys() - namespace.keys():
        with suppress(ImportError):
            namespace[name] = import_module(_LATE[name])


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
