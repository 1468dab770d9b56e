"""Marks that stand for a picture inside of a question, as data sets write them: `<image>`, `<image 2>`, `<|image_1|>`, ...

    split_at_marks("Compare <image 1> with <image 2>.")        # ('Compare ', ImageMark(1), ' with ', ImageMark(2), '.')
    without_image_marks("<image>\\nHow many cats?")             # 'How many cats?'

Sources: LLaVA, ms-swift and verl write `<image>`; MMMU `<image 1>`; Phi-3-vision `<|image_1|>`; Qwen2-VL
`<|vision_start|><|image_pad|><|vision_end|>`; Gemma 3 `<start_of_image>`; DeepSeek-VL `<image_placeholder>`; InternVL
`<IMG_CONTEXT>`; InternLM-XComposer `<ImageHere>`; Pixtral `[IMG]`.
Not covered: marks of videos and sound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LESS, _MORE = "[<\uff1c]", "[>\uff1e]"
_SPACE = r"[ \t]{0,4}"
_WORD = "(?:image|img|picture|image_placeholder|imagehere|image_pad|image_soft_token|img_context|start_of_image)"
_MARK = re.compile(
    rf"(?:{_LESS}\|?(?:vision|im|img)_start\|?{_MORE}(?={_LESS}))?"
    rf"{_LESS}{_SPACE}[|\uff5c]?{_SPACE}{_WORD}[ _\-#]{{0,4}}(?P<number>\d{{1,3}})?{_SPACE}[|\uff5c]?{_SPACE}/?{_MORE}"
    rf"(?:[^<>\n]{{0,200}}{_LESS}/(?:image|img){_MORE})?(?:{_LESS}\|?(?:vision|im|img)_end\|?{_MORE})?"
    r"|(?-i:\[IMG\](?:\[IMG_END\])?)",
    re.IGNORECASE,
)
_SENTENCE_GOES_ON = re.compile(r"[ \t]{0,8}[a-z,;.?)]")


@dataclass(frozen=True, slots=True)
class ImageMark:
    """One mark."""

    number: int | None
    """From 1, as the question counts; None where it only says "a picture"."""


def split_at_marks(question: str) -> tuple[str | ImageMark, ...]:
    """The words and the marks between them, in order; starts and ends with words."""
    found = list(_MARK.finditer(question))
    numbers = [int(mark["number"]) for mark in found if mark["number"]]
    first = 0 if 0 in numbers else 1  # some data sets count from 0
    parts: list[str | ImageMark] = []
    at = 0
    for mark in found:
        number = int(mark["number"]) + 1 - first if mark["number"] else None
        parts += [question[at : mark.start()], ImageMark(number)]
        at = mark.end()
    return (*parts, question[at:])


def has_image_marks(question: str) -> bool:
    """Whether a question marks a place for a picture."""
    return _MARK.search(question) is not None


def without_image_marks(question: str) -> str:
    """The question without its marks; a numbered one inside a sentence becomes words ("image 2")."""
    parts = split_at_marks(question)
    if len(parts) == 1:
        return question.strip()
    words = ""
    for part, following in zip(parts, (*parts[1:], ""), strict=True):
        if isinstance(part, ImageMark):
            goes_on = isinstance(following, str) and _SENTENCE_GOES_ON.match(following)
            words += f"image {part.number}" if part.number and (words.strip() or goes_on) else ""
        elif words and not words[-1].isspace():
            words += part
        else:
            words += part.lstrip(" \t")
    return words.strip()
