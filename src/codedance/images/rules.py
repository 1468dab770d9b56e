"""Which sizes of pictures an image processor leaves as they are, and the size that a picture gets to be one of them.

    fit(Size(3000, 2000), QWEN25_VL).size                           # Size(width=2996, height=1988)
    fit(Size(3000, 2000), PixelRule(16, 256, 1024**2, max_side=1024)).size          # Pixtral: Size(width=1024, height=688)

Processors that round to a grid of patches have such sizes: what `fit` gives is its own fixed point and theirs. Those that
cut tiles or squeeze a picture into a square have none (`is_exact` is False); then the view is only a good size to send.
Not covered: the resampling itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from codedance.errors import ConfigError

MAX_BYTES = 5_000_000
"""Of a picture in base64: what the strictest of the common services takes (Anthropic's API and Bedrock, 5 MB)."""
_MAX_ASPECT = 200
_MOST_LEAST = 1 << 26
"""Pixels that a small picture may be enlarged to; a run's folder says its rule, and may be anybody's."""


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


class Box(NamedTuple):
    """Left, top, right, bottom in pixels; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PixelRule:
    """What an image processor accepts: sides in multiples of `step`, area in pixels between `least` and `most`.

    Raises:
        ConfigError: the bounds leave no picture.
    """

    step: int
    least: int
    most: int
    max_side: int | None = field(default=None, kw_only=True)
    """The longest side, where there is a limit beside the area."""
    fills: bool = field(default=False, kw_only=True)
    """Every picture is enlarged or shrunk until `most` leaves no room for a larger one, at any aspect (Gemma 4)."""
    is_exact: bool = field(default=True, kw_only=True)
    """The processor leaves such a picture as it is, so that the model sees exactly its pixels."""
    flat_tokens: int | None = field(default=None, kw_only=True)
    """The most tokens that a picture costs, where they do not follow from its size alone (tiles, squares)."""

    def __post_init__(self) -> None:
        if self.step < 1 or not self.step**2 <= self.most or not 0 < self.least <= self.most:
            raise ConfigError(
                f"pixel rule {self.least} to {self.most} pixels in steps of {self.step}: it needs 0 < least <= most and at least "
                "one step squared"
            )
        if self.least > _MOST_LEAST or (self.fills and self.most > _MOST_LEAST):
            raise ConfigError(
                f"pixel rule that enlarges pictures to {self.most if self.fills else self.least} pixels: at most {_MOST_LEAST} do"
            )
        if self.max_side is not None and self.max_side < self.step:
            raise ConfigError(f"pixel rule with sides of at most {self.max_side} pixels in steps of {self.step}: none fits")

    def tokens(self, size: tuple[int, int]) -> int:
        """What a view of this size costs: one token a step squared, and two marks around it; else `flat_tokens`."""
        if self.flat_tokens is not None:
            return self.flat_tokens
        return (size[0] // self.step) * (size[1] // self.step) + 2


QWEN25_VL = PixelRule(step=28, least=4 * 28 * 28, most=16384 * 28 * 28)  # Qwen2.5-VL preprocessor_config.json


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a model and its server take: sizes in pixels, and bytes of a picture."""

    rule: PixelRule = QWEN25_VL
    max_bytes: int | None = MAX_BYTES
    """Of a picture in base64, which is how it is sent; None: no limit (a model in this process)."""


@dataclass(frozen=True, slots=True)
class View:
    """The size of a resized picture and of the original it came from."""

    size: Size
    original: Size

    def to_original(self, box: Box) -> Box:
        """Map a box from view to original pixels, clipped to the picture.

        Raises:
            ValueError: the box is empty or lies wholly outside the view.
        """
        left, top, right, bottom = (min(max(v, 0), limit) for v, limit in zip(box, self.size * 2, strict=True))
        if left >= right or top >= bottom:
            raise ValueError(f"{box} covers no pixel of a {self.size.width}x{self.size.height} view")
        across, down = self.original.width / self.size.width, self.original.height / self.size.height
        return Box(left * across, top * down, right * across, bottom * down)


def fit(original: Size, rule: PixelRule) -> View:
    """The view that `rule` gives for a picture, keeping its aspect as near as the step allows.

    The arithmetic of Qwen2.5-VL's smart_resize (but for sides below half a step), so that the server's own resizing leaves the
    view alone and token counts agree. A view is its own view: `fit(fit(x)) == fit(x)`. Where no size has an area between
    `least` and `most`, `most` counts.

    Raises:
        ValueError: a side is zero, or the aspect is beyond 200:1, which the processors refuse.
    """
    short, long = sorted(original)
    if short < 1 or (long / short > _MAX_ASPECT and not rule.fills):
        how = "" if short < 1 else f" (it is {long / short:.0f}:1; cut it into pieces or pad it)"
        raise ValueError(f"{original[0]}x{original[1]} pixels: sides must be positive and within {_MAX_ASPECT}:1{how}")
    size = Size(*original)
    if rule.fills:
        return View(_filled(size, rule), size)
    return View(size if _is_left_alone(size, rule) else _grown(_within(_rounded(size, rule), rule), rule), size)


def _is_left_alone(size: Size, rule: PixelRule) -> bool:
    is_whole = size.width % rule.step == 0 == size.height % rule.step
    return is_whole and _is_possible(size, rule) and (size.width * size.height >= rule.least or not _larger(size, rule))


def _is_possible(size: Size, rule: PixelRule) -> bool:
    """Not too large and not too thin."""
    short, long = sorted(size)
    return long <= (rule.max_side or long) and short * long <= rule.most and long <= _MAX_ASPECT * short


def _larger(size: Size, rule: PixelRule) -> list[Size]:
    """The possible sizes that are one step wider or higher."""
    grown = (Size(size.width + rule.step, size.height), Size(size.width, size.height + rule.step))
    return [one for one in grown if _is_possible(one, rule)]


def _rounded(original: Size, rule: PixelRule) -> Size:
    """What smart_resize gives, which may be beyond the bounds where a picture is thin or the bounds are tight."""
    step = rule.step
    within = min(1.0, rule.max_side / max(original)) if rule.max_side else 1.0
    sides = [side * within for side in original]
    width, height = (max(step, round(side / step) * step) for side in sides)
    area = sides[0] * sides[1]
    if width * height > rule.most:  # shrink, rounding down so that the limit holds
        scale = math.sqrt(area / rule.most)
        width, height = (max(step, math.floor(side / scale / step) * step) for side in sides)
    elif width * height < rule.least:  # enlarge, rounding up
        scale = math.sqrt(rule.least / area)
        width, height = (math.ceil(side * scale / step) * step for side in sides)
    return Size(width, height)


def _within(size: Size, rule: PixelRule) -> Size:
    """The same with its sides cut to what the limits leave, the longer one first."""
    step = rule.step
    short, long = sorted(size) if rule.max_side is None else sorted(min(side, rule.max_side // step * step) for side in size)
    short = min(short, math.isqrt(rule.most) // step * step)
    long = min(long, _MAX_ASPECT * short, rule.most // short) // step * step
    return Size(long, short) if size.width > size.height else Size(short, long)


def _grown(size: Size, rule: PixelRule) -> Size:
    """The same with steps added where rounding down has left it below the least area."""
    aspect = math.log(size.width / size.height)
    while size.width * size.height < rule.least and (larger := _larger(size, rule)):
        size = min(larger, key=lambda one: abs(math.log(one.width / one.height) - aspect))
    return size


def _filled(size: Size, rule: PixelRule) -> Size:
    """Scale to the whole area and round down, until nothing changes any more: sides only grow after the first time.

    Source: `get_aspect_ratio_preserving_size` of transformers' Gemma 4.
    """
    step, longest = rule.step, rule.most // rule.step**2 * rule.step
    before = None
    while size != before:
        before = size
        scale = math.sqrt(rule.most / (size.width * size.height))
        width, height = (math.floor(side * scale / step) * step for side in size)
        if height == 0:
            width, height = min(size.width // size.height * step, longest), step
        elif width == 0:
            width, height = step, min(size.height // size.width * step, longest)
        size = Size(width, height)
    return size
