"""Which channel of an array is red: known per array, so that what code shows has the colours that it means.

    prepare_opencv()                       # once, in the zygote
    picture = cv2.imread("input_image.jpg")
    channels_of(picture)                   # ("B", "G", "R")
    channels_of(picture[:, :, ::-1])       # ("R", "G", "B")

OpenCV's functions return arrays that carry the names of their channels. numpy carries them on: views find them by their address
in the memory that they look at, copies and results of arithmetic take them over when they are made, `concatenate` and the like
when all their arrays agree. OpenCV's functions hand them from their arguments to their results; `cvtColor` goes by the name of
its code (`COLOR_RGB2BGR` and `COLOR_BGR2RGB` are one number, but here two names); a code that does not fit the array still swaps.
`np.array`, `np.ascontiguousarray` and assignments into a new array lose them. Then `palette` compares the array's colours with
those of the input pictures, and where that says nothing an array is RGB.

Not covered: channels swapped in place by assignment (`show.py` asks the palette where code looks like it), `UMat`, other modules
of OpenCV (`cv2.dnn`, ...).
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import BuiltinFunctionType
from typing import Any

import cv2
import numpy as np

Array = np.ndarray[Any, Any]
Channels = tuple[str, ...]

_BGR: Channels = ("B", "G", "R")
_RGB: Channels = ("R", "G", "B")
_CODE = re.compile(r"COLOR_([A-Za-z]\w*?)2(m?RGBA|BGRA|RGB|BGR|GRAY|HSV|HLS|LAB|Lab|LUV|Luv|YUV|YCrCb|YCR_CB|XYZ)(?:_\w+)?")
_NAMES = {"LAB": ("L", "a", "b"), "Lab": ("L", "a", "b"), "LUV": ("L", "u", "v"), "Luv": ("L", "u", "v"),
          "YCrCb": ("Y", "Cr", "Cb"), "YCR_CB": ("Y", "Cr", "Cb"), "mRGBA": ("R", "G", "B", "A")}  # fmt: skip
_SWAPPED = "~"
"""Before the name of a channel of HSV and the like: made with red and blue taken for one another."""
_IMREAD_COLOR_RGB, _IMREAD_UNCHANGED = 256, -1

_roots: dict[int, tuple[weakref.ref[Array], Channels]] = {}
"""Plain arrays that OpenCV allocated, by identity; views of them that are not ours lead here."""
_has_made_bgr = False


class Coloured(np.ndarray[Any, Any]):
    """An array that knows its channels. To code it is numpy's ndarray, by name, `repr` and pickle too."""

    channels: Channels | None = None

    def __array_finalize__(self, source: Any) -> None:
        if self.ndim < 2 or type(source) is not Coloured or type(self.base) is Coloured or source.ndim != self.ndim:
            return  # a view: looked up by its address when somebody asks
        channels = channels_of(source)
        if channels is None or (self.ndim == 3 and self.shape[2] != len(channels)):
            return
        # only indexing by a list of channels, such as [:, :, [2, 1, 0]], leaves the channels outermost in memory
        is_picked = self.ndim == 3 and self.strides[2] > self.strides[1]
        self.channels = _reversed(channels) if is_picked else channels

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else array.view(Coloured) if array.ndim < 2 else super().__array_wrap__(array, context)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(function, types, args, kwargs)
        if isinstance(result, np.ndarray):
            return _carry_through_numpy(function, result, args, kwargs)
        return result

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()

    def __repr__(self) -> str:
        return np.array_repr(self.view(np.ndarray))


Coloured.__name__ = Coloured.__qualname__ = "ndarray"
Coloured.__module__ = "numpy"


def has_made_bgr() -> bool:
    """Whether this process has made any array whose first channel is blue."""
    return _has_made_bgr


def channels_of(array: Array) -> Channels | None:
    """The names of an array's channels, first to last, as far as they are known; one name for a single channel."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        known = owner.channels if type(owner) is Coloured else _root_channels(owner)
        if known is not None:
            return known if owner is array else _of_view(array, owner, known)
        owner = owner.base
    return None


def _root_channels(owner: Array) -> Channels | None:
    entry = _roots.get(id(owner))
    return entry[1] if entry is not None and entry[0]() is owner else None


def _of_view(view: Array, owner: Array, known: Channels) -> Channels | None:
    if owner.ndim == 2:
        return known if view.ndim == 2 else None
    pixel = owner.itemsize * owner.shape[2]
    if view.ndim < 2 or view.itemsize != owner.itemsize or owner.strides[2] != owner.itemsize:
        return None
    if owner.shape[2] != len(known) or any(step % pixel for step in (*view.strides[:2], *owner.strides[:2])):
        return None
    start = view.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    offsets = [start] if view.ndim == 2 else [start + i * view.strides[2] for i in range(view.shape[2])] if view.ndim == 3 else []
    return tuple(known[offset // owner.itemsize % len(known)] for offset in offsets) or None


def named(array: Any, channels: Channels | None) -> Any:
    """`array` with `channels`, if it is an array that can have them."""
    global _has_made_bgr
    if channels is None or not isinstance(array, np.ndarray):
        return array
    if array.ndim not in (2, 3) or (1 if array.ndim == 2 else array.shape[2]) != len(channels):
        return array
    _has_made_bgr = _has_made_bgr or channels[0] == "B"
    if type(array) is Coloured:
        if array.channels != channels:
            array = array.view()
            array.channels = channels
        return array
    if array.base is None:
        key = id(array)
        _roots[key] = (weakref.ref(array, lambda _: _roots.pop(key, None)), channels)
    coloured = array.view(Coloured)
    coloured.channels = channels
    return coloured


def _reversed(channels: Channels) -> Channels:
    return (*channels[2::-1], *channels[3:])


def _swap_red_and_blue(channels: Channels) -> Channels:
    return tuple({"R": "B", "B": "R"}.get(name, name) for name in channels)


# -- numpy ------------------------------------------------------------------------------------------------------------


def _carry_through_numpy(function: Any, result: Array, args: Any, kwargs: Any) -> Array:
    if function is np.take:
        return np.array(result)
    if result.ndim not in (2, 3) or channels_of(result) is not None:
        return result
    sources = [array for array in _flat((*args, *kwargs.values())) if isinstance(array, np.ndarray) and array.ndim in (2, 3)]
    known = [channels_of(array) for array in sources]
    if function in (np.dstack, np.stack, np.concatenate) and result.ndim == 3 and None not in known:
        joined = tuple(name for channels in known if channels is not None for name in channels)
        if len(joined) == result.shape[2]:
            return _named(result, joined)
    kinds = {c for c, array in zip(known, sources, strict=True) if c is not None and array.ndim == result.ndim}
    return _named(result, kinds.pop()) if len(kinds) == 1 else result


def _named(result: Array, channels: Channels) -> Array:
    coloured: Array = named(result, channels)
    return coloured


def _flat(values: Iterable[Any], depth: int = 2) -> Iterable[Any]:
    for value in values:
        if depth and isinstance(value, (list, tuple)):
            yield from _flat(value, depth - 1)
        else:
            yield value


# -- OpenCV -----------------------------------------------------------------------------------------------------------


class _Code(int):
    """A code of `cvtColor` that remembers by which name it was called."""

    source: str
    target: str


def prepare_opencv() -> None:
    """Let OpenCV's functions name the channels of what they return; done once, in the zygote."""
    for name in dir(cv2):
        value = getattr(cv2, name)
        if name.startswith("COLOR_") and (match := _CODE.fullmatch(name)):
            code = _Code(value)
            code.source, code.target = match.groups()
            setattr(cv2, name, code)
        elif isinstance(value, BuiltinFunctionType):
            setattr(cv2, name, _like(value, _handing_on(value)))
    codes = {int(c): c for n in sorted(dir(cv2), reverse=True) if isinstance(c := getattr(cv2, n), _Code)}
    special: dict[str, Callable[[Any], Any]] = {
        "imread": _reading, "imdecode": _reading, "cvtColor": lambda function: _converting(function, codes),
        "demosaicing": lambda function: _converting(function, codes), "split": _splitting, "merge": _merging,
        "extractChannel": _extracting, "applyColorMap": lambda function: lambda *a, **k: named(function(*a, **k), _BGR),
    }  # fmt: skip
    for name, make in special.items():
        function = getattr(cv2, name).__wrapped__
        setattr(cv2, name, _like(function, make(function)))
    for name in ("read", "retrieve"):
        setattr(cv2.VideoCapture, name, _like(getattr(cv2.VideoCapture, name), _framing(getattr(cv2.VideoCapture, name))))


def _like(function: Any, wrapper: Any) -> Any:
    wrapper.__name__ = wrapper.__qualname__ = function.__name__
    wrapper.__doc__, wrapper.__module__, wrapper.__wrapped__ = function.__doc__, "cv2", function
    return wrapper


def _handing_on(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        for value in (*args, *kwargs.values()):
            if type(value) is Coloured or (type(value) in (list, tuple) and value and type(value[0]) is Coloured):
                return _hand_on(result, (*args, *kwargs.values()))
        return result

    return call


def _hand_on(result: Any, args: Sequence[Any]) -> Any:
    if type(result) is tuple and len(result) < 5:
        return tuple(_hand_on(part, args) for part in result)
    if type(result) is not np.ndarray or result.ndim not in (2, 3):
        return result
    for array in _flat(args, 1):
        if isinstance(array, np.ndarray) and array.ndim == result.ndim and (channels := channels_of(array)) is not None:
            named_result = named(result, channels)
            if named_result is not result:
                return named_result
    return result


def _reading(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        flags = kwargs.get("flags", args[1] if len(args) > 1 else 1)
        is_rgb = isinstance(flags, int) and flags != _IMREAD_UNCHANGED and flags & _IMREAD_COLOR_RGB
        return _named_by_depth(function(*args, **kwargs), _RGB if is_rgb else _BGR)

    return call


def _named_by_depth(picture: Any, colour: Channels) -> Any:
    if isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[2] in (3, 4):
        return named(picture, colour if picture.shape[2] == 3 else (*colour, "A"))
    return picture


def _framing(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        is_read, frame = function(*args, **kwargs)
        return is_read, _named_by_depth(frame, _BGR)

    return call


def _converting(function: Any, codes: dict[int, _Code]) -> Any:
    def call(src: Any, code: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(src, code, *args, **kwargs)
        named_code = code if isinstance(code, _Code) else codes.get(code) if isinstance(code, int) else None
        if named_code is None or not isinstance(result, np.ndarray):
            return result
        is_swapped = isinstance(src, np.ndarray) and _is_swapped(channels_of(src), named_code.source)
        channels = _target(named_code.target, is_swapped)
        if type(result) is Coloured:  # `dst`, which keeps its identity
            result.channels = channels
        return named(result, channels)

    return call


def _is_swapped(known: Channels | None, source: str) -> bool:
    """Whether a code for `source` takes the red of an array with these channels for blue."""
    if known is None:
        return False
    if source.startswith(("RGB", "BGR")):
        return len(known) > 2 and known[0] in "RB" and known[0] != source[0]
    return known[0].startswith(_SWAPPED)


def _target(name: str, is_swapped: bool) -> Channels | None:
    if name == "GRAY":
        return None
    channels = _NAMES.get(name, tuple(name))
    if not is_swapped:
        return channels
    return _swap_red_and_blue(channels) if "G" in channels else tuple(_SWAPPED + channel for channel in channels)


def _splitting(function: Any) -> Any:
    def call(m: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(m, *args, **kwargs)
        channels = channels_of(m) if isinstance(m, np.ndarray) else None
        if channels is None or len(channels) != len(result):
            return result
        return type(result)(named(part, (channel,)) for part, channel in zip(result, channels, strict=True))

    return call


def _extracting(function: Any) -> Any:
    def call(src: Any, coi: Any, *args: Any, **kwargs: Any) -> Any:
        channels = channels_of(src) if isinstance(src, np.ndarray) else None
        return named(function(src, coi, *args, **kwargs), channels and (channels[coi],))

    return call


def _merging(function: Any) -> Any:
    def call(mv: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(mv, *args, **kwargs)
        parts = [channels_of(part) if isinstance(part, np.ndarray) and part.ndim == 2 else None for part in mv]
        return named(result, _completed([part[0] if part else None for part in parts]))

    return call


def _completed(parts: list[str | None]) -> Channels | None:
    """The channels of a merged array, some of which may be unknown: what is known must leave one order only."""
    orders = (_RGB, _BGR, (*_RGB, "A"), (*_BGR, "A"), *_NAMES.values(), tuple("HSV"), tuple("HLS"), tuple("YUV"))
    orders += tuple(tuple(_SWAPPED + name for name in order) for order in orders)
    fitting = {
        order for order in orders if len(order) == len(parts) and all(p in (None, n) for p, n in zip(parts, order, strict=True))
    }
    return fitting.pop() if len(fitting) == 1 and any(parts) else None
