"""Copies are found, scaled, compressed or tinted; other pictures are not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from codedance import DataError
from codedance.evaluate.overlap import MOST_BITS, fingerprint, overlap
from codedance.tasks import read_tasks
from codedance.tasks.synthetic import FAMILIES, Level, make_item
from codedance.types import Task

DATA = Path(__file__).parents[3] / "shared/data"


def item(family: str, seed: int) -> Image.Image:
    return make_item(family, Level.HARD, seed).image


def task(name: str, *images: Image.Image | bytes, question: str = "How many?") -> Task:
    return Task(id=name, question=question, images=images)


def jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.mark.parametrize("family", ["photo", "bar", "count"])
def test_copies_are_found_whatever_was_done_to_them(family: str) -> None:
    image = item(family, 1)
    copies = [
        image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.LANCZOS),
        jpeg(image, 60),
        ImageEnhance.Brightness(image).enhance(0.9),
    ]
    test = [task(f"copy{n}", copy) for n, copy in enumerate(copies)]
    found = overlap([task("own", image), task("other", item(family, 2))], test)
    assert {(pair.train, pair.test) for pair in found.pictures} == {("own", f"copy{n}") for n in range(3)}
    assert len(found.questions) == 3


def test_different_pictures_are_not_alike() -> None:
    train = [task(f"{family}/{seed}", item(family, seed)) for family in FAMILIES for seed in range(10)]
    test = [task(f"{family}/{seed}", item(family, seed + 100)) for family in FAMILIES for seed in range(5)]
    found = overlap(train, test)
    assert (len(found.pictures), found.num_train, found.num_test) == (0, len(train), len(test))


def test_blank_pictures_are_like_none() -> None:
    white = Image.new("RGB", (50, 40), "white")
    assert not overlap([task("a", white)], [task("b", white, question="Which?")]).pictures


def test_the_same_words_count_where_there_is_no_picture() -> None:
    found = overlap([task("a", question="What is 2  + 2?")], [task("b", question="what is 2 + 2?"), task("c", question="Why?")])
    assert [(pair.train, pair.test) for pair in found.questions] == [("a", "b")]


def test_a_broken_picture_is_told() -> None:
    with pytest.raises(DataError, match="t: its picture cannot be read"):
        fingerprint(b"no picture", "t")


def every_real_picture() -> Iterator[Task]:
    for file in sorted(DATA.glob("*_dev.parquet")):
        for one in read_tasks(file):
            yield replace(one, id=f"{file.stem}-{one.id}")


@pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real benchmark items is absent")
def test_real_pictures_are_told_apart() -> None:
    """A copy is nearer than any other picture of the benchmarks."""
    tasks = [one for one in every_real_picture() if isinstance(one.images[0], bytes)]
    copies = []
    for one in tasks:
        with Image.open(io.BytesIO(one.images[0])) as image:  # type: ignore[arg-type]
            half = image.convert("RGBA").convert("RGB").resize((max(64, image.width // 2), max(64, image.height // 2)))
        copies.append(task(one.id, jpeg(half, 75)))
    found = overlap(tasks, copies, most_bits=MOST_BITS)
    assert len({pair.train for pair in found.pictures if pair.train == pair.test}) >= 0.97 * len(tasks)
    others = [pair for pair in found.pictures if pair.train.partition("-")[0] != pair.test.partition("-")[0]]
    assert not others, "pictures of different benchmarks are different"
