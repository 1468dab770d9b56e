"""Was the test trained on? Pictures that look the same, and questions in the same words, in two sets of tasks.

    found = overlap(train.tasks(), test.tasks())
    found.pictures[0].train, found.pictures[0].test, found.pictures[0].bits         # "train/17", "test/3", 2

A picture is told by the signs of the 16x16 lowest frequencies of its grey values (a perceptual hash of 256 bits), which survive
scaling, compression and slight changes of colour, but not cropping, turning or mirroring. Not covered: the same question in
other words.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from codedance.errors import DataError
from codedance.images.reading import opened, rgb
from codedance.images.rules import Size
from codedance.types import ImageSource, Task
from codedance.untrusted import open_named

MOST_BITS = 40
"""Of 256 that may differ in pictures that look the same; of two different ones about 128 do."""
_SIDE = 64
_FREQUENCIES = 16
_ROWS = 128
_FLAT = 3.0
"""Grey values within so few steps of each other are a blank picture, which is like every other blank one."""

Print = NDArray[np.uint64]


class Pair(NamedTuple):
    """Two tasks that share something."""

    train: str
    test: str
    bits: int
    """In which their pictures differ; 0 for questions."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two sets have in common."""

    pictures: tuple[Pair, ...]
    questions: tuple[Pair, ...]
    """The same words about pictures that look the same, or about none."""
    num_train: int
    num_test: int
    """Pictures that were compared."""


@dataclass(slots=True)
class _Side:
    """The pictures of one set."""

    names: list[str]
    prints: list[Print]
    words: list[str]


def overlap(
    train: Iterable[Task], test: Iterable[Task], *, most_bits: int = MOST_BITS, on_task: Callable[[int], None] = lambda n: None
) -> Overlap:
    """What both have; memory grows by 32 bytes a picture.

    Raises:
        DataError: a picture cannot be read.
    """
    count = 0
    sides = []
    for tasks in (train, test):
        side = _Side([], [], [])
        for task in tasks:
            count += 1
            for source in task.images:
                side.names.append(task.id)
                side.prints.append(fingerprint(source, task.id))
                side.words.append(_plain(task.question))
            if not task.images:
                side.names.append(task.id)
                side.prints.append(np.zeros(4, np.uint64))
                side.words.append(_plain(task.question))
            on_task(count)
        sides.append(side)
    first, second = sides
    pairs = _alike(first, second, most_bits)
    same_words = {(first.names[a], second.names[b]) for a, b, _ in pairs if first.words[a] == second.words[b]}
    same_words |= _wordy(first, second)
    return Overlap(
        pictures=tuple(sorted(Pair(first.names[a], second.names[b], bits) for a, b, bits in pairs)),
        questions=tuple(sorted(Pair(a, b, 0) for a, b in same_words)),
        num_train=sum(bool(own.any()) for own in first.prints),
        num_test=sum(bool(own.any()) for own in second.prints),
    )


def fingerprint(source: ImageSource, name: str) -> Print:
    """256 bits of a picture; all 0 for a blank one.

    Raises:
        DataError: it cannot be read.
    """
    from scipy.fft import dctn

    if isinstance(source, Image.Image):
        picture = source
    else:
        try:
            file = io.BytesIO(source) if isinstance(source, bytes) else open_named(source)
            with file, opened(file) as image:
                image.draft("RGB", (_SIDE * 2, _SIDE * 2))
                picture, _ = rgb(image, needs=lambda size: Size(_SIDE * 2, _SIDE * 2))
        except Exception as error:  # boundary: decoders raise anything on damaged files
            raise DataError(f"{name}: its picture cannot be read: {error}") from None
    grey = picture.convert("RGB").convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    values = np.asarray(grey, np.float64)
    if np.ptp(values) < _FLAT:
        return np.zeros(4, np.uint64)
    waves = dctn(values - values.mean(), norm="ortho")[:_FREQUENCIES, :_FREQUENCIES]
    return np.packbits(waves.ravel() > 0).view(np.uint64)


def _alike(first: _Side, second: _Side, most_bits: int) -> list[tuple[int, int, int]]:
    """Places of pictures that differ in few bits."""
    found = []
    if not first.prints or not second.prints:
        return []
    own, others = np.stack(first.prints), np.stack(second.prints)
    told, told_others = (own != 0).any(axis=1), (others != 0).any(axis=1)
    for start in range(0, len(own), _ROWS):
        rows = own[start : start + _ROWS]
        bits = np.zeros((len(rows), len(others)), np.uint16)
        for word in range(rows.shape[1]):
            bits += np.bitwise_count(rows[:, word, None] ^ others[None, :, word])
        alike = (bits <= most_bits) & told[start : start + _ROWS, None] & told_others
        found += [(start + int(a), int(b), int(bits[a, b])) for a, b in zip(*np.nonzero(alike), strict=True)]
    return found


def _wordy(first: _Side, second: _Side) -> set[tuple[str, str]]:
    """Tasks without pictures in the same words."""
    known: dict[str, list[str]] = defaultdict(list)
    for name, own, words in zip(first.names, first.prints, first.words, strict=True):
        if not own.any():
            known[words].append(name)
    blank = zip(second.names, second.prints, second.words, strict=True)
    return {(other, name) for name, own, words in blank if not own.any() for other in known.get(words, ())}


def _plain(question: str) -> str:
    return " ".join(question.casefold().split())
