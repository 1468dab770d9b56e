"""Our own JSONL: a question a line.

    {"id": "7", "question": "How many coins?", "images": ["coins.png"], "answer": "24", "source": "mine", "category": "old"}

`image` with one path does as well; `id` is the line's number where it is missing; answer, source and category are optional, but
an answer that is there cannot be empty.
`rule` names how answers are scored (`exact` if missing), `choices` lists options that the question has already shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase

from codedance.errors import DataError
from codedance.tasks.adapters.adapter import adapter
from codedance.tasks.table import Row
from codedance.types import AnswerKey, Rule, Task

_KNOWN = {"id", "question", "image", "images", "answer", "source", "category", "rule", "choices"}


def _plain(row: Row, seed: int) -> Iterator[Task]:
    if unknown := sorted(set(row.values) - _KNOWN):
        raise DataError(f"{row.where}: unknown field {unknown[0]!r}; the fields are {', '.join(sorted(_KNOWN))}")
    rule = row.optional("rule") or Rule.EXACT
    if rule not in set(Rule):
        raise row.error("rule", f"one of {', '.join(Rule)}")
    choices = row.texts("choices")
    if len(choices) > len(ascii_uppercase):
        raise row.error("choices", f"a list of at most {len(ascii_uppercase)} options")
    images = row.paths("images") if "images" in row.values else row.paths("image") if "image" in row.values else ()
    yield Task(
        id=row.id(),
        question=row.text("question"),
        images=images,
        answer=row.text("answer") if row.values.get("answer") is not None else None,
        source=row.optional("source"),
        category=row.optional("category"),
        key=AnswerKey(rule=Rule(rule), choices=choices),
    )


ADAPTERS = (adapter("plain", "question", _plain),)
