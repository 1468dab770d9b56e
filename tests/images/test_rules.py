"""A view is its own view for every rule, within the limits, and within the bytes that servers take."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from codedance.images import MAX_BYTES, QWEN25_VL, PixelRule, Size, digest_bytes, fit, fit_shown, load_input

RULES = [
    QWEN25_VL,
    PixelRule(32, 1 << 16, 1 << 24),
    PixelRule(28, 6272, 12544),
    PixelRule(28, 12544, 12544),
    PixelRule(28, 500_000, 500_000),
    PixelRule(28, 784, 784),
    PixelRule(28, 3136, 4000),
    PixelRule(16, 256, 1024**2, max_side=1024),
    PixelRule(28, 784, 1540**2, max_side=1540),
    PixelRule(28, 784, 1568 * 784, max_side=1568),
    PixelRule(28, 50_000, 60_000, max_side=200),
    PixelRule(48, 2304, 645_120, fills=True),
    PixelRule(1, 1, 4_000_000, max_side=2048),
]


@st.composite
def sizes(draw: st.DrawFn) -> Size:
    """Up to 200:1, thin ones as often as others."""
    short = draw(st.one_of(st.integers(1, 60), st.integers(1, 3000)))
    long = round(short * draw(st.one_of(st.floats(1, 4), st.floats(1, 200), st.sampled_from([1.0, 200.0]))))
    long = min(max(long, short), 200 * short)
    return Size(long, short) if draw(st.booleans()) else Size(short, long)


@settings(max_examples=600)
@given(sizes(), st.sampled_from(RULES))
def test_a_view_is_its_own_view_and_within_the_limits(size: Size, rule: PixelRule) -> None:
    view = fit(size, rule).size
    area, step = view.width * view.height, rule.step
    assert fit(view, rule).size == view
    assert view.width % step == view.height % step == 0 and step**2 <= area <= rule.most
    assert max(view) <= min(rule.max_side or max(view), (400 if rule.fills else 200) * min(view))
    short, long = sorted(view)
    room = max(rule.max_side or 0, long) >= long + step if rule.max_side else True
    assert area >= rule.least or area + step * short > rule.most or not room


@settings(max_examples=200)
@given(sizes(), st.integers(1, 40), st.integers(1, 400_000), st.floats(1, 8))
def test_any_rule_has_views_that_stay_as_they_are(size: Size, step: int, least: int, ratio: float) -> None:
    rule = PixelRule(step, least, max(step**2, int(least * ratio)))
    view = fit(size, rule).size
    assert fit(view, rule).size == view and view.width * view.height <= rule.most


def test_a_thin_picture_stays_within_a_small_limit() -> None:
    assert fit(Size(2000, 10), PixelRule(28, 6272, 12544)).size == (448, 28)


def test_a_limit_on_the_long_side_holds_and_nothing_is_enlarged() -> None:
    pixtral = PixelRule(16, 256, 1024**2, max_side=1024)
    assert [fit(size, pixtral).size for size in (Size(3000, 2000), Size(1280, 960), Size(4000, 200), Size(100, 40))] == [
        (1024, 688),
        (1024, 768),
        (1024, 48),
        (96, 32),
    ]


# Bytes


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def in_base64(data: bytes) -> int:
    return -(-len(data) // 3) * 4


@pytest.mark.parametrize("max_bytes", [3_000_000, 1_000_000, 200_000, 60_000])
def test_a_shown_picture_is_sent_within_the_bytes(max_bytes: int) -> None:
    picture = fit_shown(noise(1120, 840), QWEN25_VL, max_bytes=max_bytes)
    assert in_base64(picture.encoded) <= max_bytes
    assert picture.media_type == "image/jpeg" and picture.file == f"{digest_bytes(picture.encoded)}.jpg"
    assert Image.open(io.BytesIO(picture.encoded)).size == picture.size == fit(picture.size, QWEN25_VL).size
    assert (picture.size == (1120, 840)) is (max_bytes >= 1_000_000)


def test_a_shown_picture_with_few_bytes_is_sent_without_loss() -> None:
    drawing = Image.new("RGB", (2800, 2100), "white")
    assert fit_shown(drawing, QWEN25_VL).media_type == "image/png"
    assert fit_shown(noise(1120, 840), QWEN25_VL, max_bytes=None).media_type == "image/png"


@pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("JPEG", {"quality": 100, "subsampling": 0})])
def test_a_view_within_the_bytes_has_the_pixels_that_are_sent(form: str, options: dict[str, int]) -> None:
    file = io.BytesIO()
    noise(1120, 840).save(file, form, **options)
    image = load_input(file.getvalue(), QWEN25_VL, max_bytes=400_000)
    assert image.is_resized and in_base64(image.view.encoded) <= 400_000
    assert Image.open(io.BytesIO(image.view.encoded)).convert("RGB").tobytes() == image.view.pixels.tobytes()
    assert image.tokens == QWEN25_VL.tokens(image.view.size)


def test_an_original_within_the_bytes_is_still_sent_byte_for_byte() -> None:
    file = io.BytesIO()
    noise(1120, 840).save(file, "PNG")
    image = load_input(file.getvalue(), QWEN25_VL)
    assert in_base64(file.getvalue()) <= MAX_BYTES and not image.is_resized
