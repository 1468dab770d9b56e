"""Marks of pictures in questions, in the spellings of public data sets."""

from __future__ import annotations

import time

import pytest

from codedance.image_marks import ImageMark, split_at_marks, without_image_marks


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("<image>", None),
        ("<IMAGE>", None),
        ("<img>", None),
        ("<img>photos/1.jpg</img>", None),
        ("< image >", None),
        ("\uff1cimage\uff1e", None),
        ("<image 2>", 2),
        ("<image_2>", 2),
        ("<image2>", 2),
        ("<image-2>", 2),
        ("<|image_2|>", 2),
        ("<|image|>", None),
        ("<|vision_start|><|image_pad|><|vision_end|>", None),
        ("<img_start><image><img_end>", None),
        ("<start_of_image>", None),
        ("<image_placeholder>", None),
        ("<ImageHere>", None),
        ("<IMG_CONTEXT>", None),
        ("[IMG]", None),
    ],
)
def test_every_spelling_is_one_mark(question: str, number: int | None) -> None:
    assert split_at_marks(f"a {question} b") == ("a ", ImageMark(number), " b")


@pytest.mark.parametrize("question", ["a <b> c", "x < image and y > 2", "[IMG_1]", "<imagery>", "image 1", "<svg>", "[img]"])
def test_other_words_are_no_mark(question: str) -> None:
    assert split_at_marks(question) == (question,)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("<image>\nHow many cats?", "How many cats?"),
        ("<image 1> Which is older?", "Which is older?"),
        ("<image 1> and <image 2> differ. How?", "image 1 and image 2 differ. How?"),
        ("Picture 1: <image> Picture 2: <image>\nWhich?", "Picture 1: Picture 2: \nWhich?"),
        ("Look at <image 1>.", "Look at image 1."),
        ("<image_0> or <image_1>?", "image 1 or image 2?"),
        ("a  b\n\nc", "a  b\n\nc"),
    ],
)
def test_a_question_without_its_marks_still_reads_well(question: str, words: str) -> None:
    assert without_image_marks(question) == words


@pytest.mark.parametrize("unit", ["<", "<image", "< ", "<|", "<image>", "<img>a", "[IMG", "<|vision_start|>"])
def test_a_long_question_costs_no_time(unit: str) -> None:
    before = time.process_time()
    without_image_marks(unit * (100_000 // len(unit)))
    assert time.process_time() - before < 1.0
