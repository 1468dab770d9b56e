"""CountBench, CountBenchQA and PixmoCount: how many are there.

CountBenchQA (vikhyatk/CountBenchQA, parquet), a row:

    image: {bytes: ..., path: null}    question: "How many headsets are there in the image?"    number: 10
    text: "We review the ten best gaming headsets in the market"

CountBench itself (CountBench.json) has no question but a caption that says the number; it is asked with the number left out:

    image_url: "http://.../headsets.jpg"    text: "We review the ten best gaming headsets in the market"    number: 10

PixmoCount (allenai/pixmo-count), a row:

    image_url: "https://.../1.jpg"    image_sha256: "8a..."    label: "people"    count: 4    points: {x: [...], y: [...]}

Pictures that the source has by address only are looked for in a folder `images` beside the file: under the digest, where there is
one, which is then checked, else under the last part of the address. The mirror kcz358/pixmo-count (image, question, answer) has
to be named: pixmo-mirror:FILE.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from codedance.errors import DataError
from codedance.image_marks import without_image_marks
from codedance.tasks.adapters.adapter import Reading, adapter, sign
from codedance.tasks.table import Row
from codedance.types import AnswerKey, ImageSource, Rule, Task
from codedance.untrusted import PICTURE_BYTES, read_named

_ANSWERED = "answer answers index A options choices"
_ASKED = f"{_ANSWERED} question prompt"
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _countbenchqa(row: Row, reading: Reading) -> Iterator[Task]:
    yield _task(row, "countbenchqa", Rule.COUNTBENCHQA, row.text("question"), row.number("number"), row.picture("image"))


def _countbench(row: Row, reading: Reading) -> Iterator[Task]:
    number, caption = row.number("number"), row.text("text")
    word = _WORDS[number] if 0 <= number < len(_WORDS) else str(number)
    cloze, hits = re.subn(rf"\b({word}|{number})\b", "___", caption, flags=re.IGNORECASE)
    if not hits:
        raise row.error("text", f"a caption that says {word}")
    question = f'The caption of this picture is: "{cloze}". Which number is left out?'
    image = row.picture("image") if row.has("image") else row.fetched(urlsplit(row.text("image_url")).path.rpartition("/")[2])
    yield _task(row, "countbench", Rule.COUNTBENCH, question, number, image)


def _pixmo(row: Row, reading: Reading) -> Iterator[Task]:
    digest = row.optional("image_sha256")
    image = row.picture("image") if row.has("image") else row.fetched(digest or row.text("image_url").rpartition("/")[2])
    if digest and not row.has("image"):
        file = row.fetched(digest)
        if (found := hashlib.sha256(read_named(file, PICTURE_BYTES)).hexdigest()) != digest:
            raise DataError(f"{row.where}: the picture {file} has the digest {found}, not {digest}; fetch it again")
    question = f"How many {row.text('label')} are there in the picture?"
    yield _task(row, "pixmo", Rule.PIXMO, question, row.number("count"), image)


def _pixmo_mirror(row: Row, reading: Reading) -> Iterator[Task]:
    question = without_image_marks(row.text("question"))
    yield _task(row, "pixmo", Rule.PIXMO, question, row.number("answer"), row.picture("image"))


def _task(row: Row, source: str, rule: Rule, question: str, answer: int, image: ImageSource) -> Task:
    return Task(
        id=row.id(),
        question=question,
        images=(image,),
        answer=str(answer),
        source=source,
        category=str(answer),
        key=AnswerKey(rule=rule),
    )


ADAPTERS = (
    adapter("countbenchqa", _countbenchqa, sign("image question number", without=_ANSWERED)),
    adapter("countbench", _countbench, *(sign(f"text number {image}", without=_ASKED) for image in ("image_url", "image"))),
    adapter("pixmo", _pixmo, *(sign(f"label count {image}", without=_ASKED) for image in ("image_url", "image_sha256", "image"))),
    adapter("pixmo-mirror", _pixmo_mirror),
)
