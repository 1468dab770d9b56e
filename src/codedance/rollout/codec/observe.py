"""What a model gets to see of an execution: text and pictures in one sequence, cut together.

    observe(result, Room(images=1), QWEN25_VL)      # ('12 coins\n[image 1: 300x200 pixels, seen at 308x196]\n', Picture(), '\n')

A picture stands right behind the words that announce it, as one entry of the sequence, so that no text can speak of a picture
that was cut and no picture stays whose text was cut. Printed text is escaped. Not covered: what the whole is wrapped in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from PIL import Image

from codedance.images import MAX_BYTES, Picture, PixelRule, fit_shown
from codedance.rollout.codec.escape import escape, storable
from codedance.rollout.codec.fold import fold
from codedance.rollout.settings import Room
from codedance.types import ExecResult, ExecStatus, SeenImage

_MOST_NOTE = 500
_MOST_NOTES = 10
_HEAD = 2 / 3
_SAID_BY_STDERR = (ExecStatus.OK, ExecStatus.NO_OUTPUT, ExecStatus.ERROR)


def observe(result: ExecResult, room: Room, rule: PixelRule, max_bytes: int | None = MAX_BYTES) -> tuple[str | Picture, ...]:
    """Texts and pictures by turns; starts and ends with a text. A picture beyond `max_bytes` in base64 becomes a JPEG."""
    parts: list[str | Picture] = [_words(result, room.text_chars)]
    used, num_seen = 0, 0
    left_out: list[str] = []
    for number, pixels in enumerate(result.images, start=1):
        size = f"image {number}: {pixels.width}x{pixels.height} pixels"
        picture = None
        if num_seen < room.images:
            picture = _within(pixels, rule, max_bytes, room.image_tokens - used, may_shrink=num_seen == 0)
        if picture is None:
            left_out.append(size)
            continue
        used += rule.tokens(picture.size)
        num_seen += 1
        seen_at = "" if picture.size == pixels.size else f", seen at {picture.size.width}x{picture.size.height}"
        parts[-1] = f"{parts[-1]}[{size}{seen_at}]\n"
        parts += [picture, "\n"]
    for line in _remarks(result, left_out):
        parts[-1] = f"{parts[-1]}[{line}]\n"
    return tuple(parts)


def seen(observation: Sequence[str | Picture], rule: PixelRule) -> tuple[str | SeenImage, ...]:
    """An observation as it is stored."""
    return tuple(
        part if isinstance(part, str) else SeenImage(part.digest, *part.size, rule.tokens(part.size), part.media_type)
        for part in observation
    )


def _words(result: ExecResult, most: int) -> str:
    stdout, stderr = (escape(storable(text)) for text in (result.stdout, fold(result.stderr)))
    stderr = _cut(stderr, max(most // 3, most - len(stdout)))
    stdout = _cut(stdout, most - len(stderr))
    words = _line(stdout)
    if stderr:
        words += f"[stderr]\n{_line(stderr)}"
    if result.status is ExecStatus.NO_OUTPUT and not stderr:
        words += "[nothing was printed or shown]\n"
    if result.status not in _SAID_BY_STDERR or (result.error and not result.stderr):
        said = (result.error.message or result.error.type) if result.error else ""
        words += f"[{result.status}: {_short(said)}]\n"
    return words


def _remarks(result: ExecResult, left_out: list[str]) -> Iterator[str]:
    if left_out:
        yield f"not shown, too many or too large: {'; '.join(left_out[:20])}"
    if result.truncated:
        yield "the output was longer than can be kept"
    if not result.state_kept:
        yield "the variables of this run are lost"
    for note in result.notes[:_MOST_NOTES]:
        yield _short(note)


def _within(pixels: Image.Image, rule: PixelRule, max_bytes: int | None, tokens: int, *, may_shrink: bool) -> Picture | None:
    """The picture as the model sees it if it costs no more than `tokens`; the first one is shrunk to fit."""
    try:
        picture = fit_shown(pixels, rule, max_bytes=max_bytes)
        if rule.tokens(picture.size) <= tokens:
            return picture
        most = (tokens - 2) * rule.step**2
        if not may_shrink or most < rule.least or rule.flat_tokens is not None:
            return None
        picture = fit_shown(pixels, replace(rule, most=most), max_bytes=max_bytes)
        return picture if rule.tokens(picture.size) <= tokens else None
    except ValueError:  # sides beyond 200:1, which no view can have
        return None


def _cut(text: str, most: int) -> str:
    """Head and tail, where the text is longer; the end often holds the result or the error."""
    if len(text) <= most:
        return text
    marker = f"\n[... {len(text) - most} characters left out ...]\n"
    keep = max(0, most - len(marker))
    head = int(keep * _HEAD)
    tail = keep - head
    return text[:head] + marker + (text[-tail:] if tail else "")


def _line(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _short(text: str) -> str:
    text = escape(storable(text))
    return text if len(text) <= _MOST_NOTE else text[:_MOST_NOTE] + "..."
