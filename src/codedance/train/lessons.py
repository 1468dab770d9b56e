"""What the small model is taught: a book of examples written once by several processes, and each step's pages of it.

    book = write_book(processor, settings, stages, seed=1, folder=Path("runs/tiny-sft/lessons"))
    lessons = Lessons(processor, book, batch_tokens=2600)
    lessons[1200]                         # the batches of step 1200; the same on every call

- copy: an interpreter's output stands there, the answer is said. Text alone.
- write: a question, and the code for it. Text alone.
- solve: whole conversations, with code or at a glance.
- stored: the conversations of runs that lie on disk.

Examples are told by their number, so a book that was cut off is continued. Not covered: choosing among stored conversations.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, model_validator

from codedance.config import Section
from codedance.images import Picture
from codedance.model.chat import Message, Role
from codedance.rollout.settings import Settings
from codedance.tasks.synthetic import SLOTS, Item, Level, Plan, check_families, make_item
from codedance.train.batch import Batch, collate, cut
from codedance.train.ranks import Ranks
from codedance.train.stored import Conversations
from codedance.train.teacher import Teacher
from codedance.train.tokens import TokenSequence, of_messages

_CHAPTER = 250
"""Examples in a file."""


class Stage(Section):
    """A stretch of steps with one mixture."""

    kind: Literal["copy", "write", "solve", "stored"]
    steps: int = Field(ge=1)
    examples: int = Field(36, ge=1)
    """In each step."""
    pool: int = Field(1000, ge=1)
    """Different examples; a stage that needs more goes through them again in another order."""
    families: tuple[str, ...] = ()
    """Of synthetic items, in turn; one that is named twice comes twice as often."""
    runs: tuple[Path, ...] = ()
    """Folders of stored runs."""
    only_right: bool = True
    """Of stored conversations, those with the right answer."""
    easy: float = Field(0.5, ge=0, le=1)
    """Share of easy items."""
    code_easy: float = Field(0.5, ge=0, le=1)
    """Share of easy items that are solved by code."""
    code_hard: float = Field(0.9, ge=0, le=1)
    answer_weight: float = Field(4.0, ge=0)
    """Of the tokens between the answer's tags; the others weigh 1."""
    slot_weight: float = Field(1.0, ge=0)
    """Of the other digits and slot words that the model writes: what changes from program to program."""
    guess_weight: float = Field(0.0, ge=0)
    """Of the same tokens where a hard item is answered at a glance, which nobody can."""

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        wanted, other = ("runs", "families") if self.kind == "stored" else ("families", "runs")
        if not getattr(self, wanted) or getattr(self, other):
            raise ValueError(f"a stage of kind {self.kind} needs {wanted} and no {other}")
        check_families(self.families)
        return self


@dataclass(frozen=True, slots=True)
class Example:
    """A sequence and what each of its tokens weighs."""

    sequence: TokenSequence
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One step's examples, as far as they are ours."""

    batches: list[Batch]
    weight: float
    """Of all tokens of the step, those of other ranks included."""


class Scribe:
    """Makes examples. Cheap to send to another process."""

    def __init__(self, processor: Any, settings: Settings, stages: Sequence[Stage], seed: int) -> None:
        self._processor = processor
        self._teacher = Teacher(settings)
        self._stages = stages
        self._seed = seed

    def example(self, stage_number: int, number: int) -> Example:
        """Example `number` of a stage."""
        stage = self._stages[stage_number]
        if stage.kind == "stored":
            told = _stored(stage.runs, stage.only_right)
            sequence = of_messages(self._processor, told[number % len(told)])
            return Example(sequence, self._weights(sequence, stage.answer_weight))
        rng = random.Random(f"{self._seed}/{stage_number}/{number}")
        level = Level.EASY if rng.random() < stage.easy else Level.HARD
        family = stage.families[number % len(stage.families)]
        item = make_item(family, level, rng.getrandbits(39))  # below the seeds of examinations
        share = stage.code_easy if level is Level.EASY else stage.code_hard
        plan = rng.choice(item.plans) if stage.kind != "solve" or rng.random() < share else None
        sequence = of_messages(self._processor, self._messages(stage.kind, item, plan, rng))
        is_guess = plan is None and level is Level.HARD
        return Example(sequence, self._weights(sequence, stage.guess_weight if is_guess else stage.answer_weight))

    def _messages(self, kind: str, item: Item, plan: Plan | None, rng: random.Random) -> list[Message]:
        if kind == "solve":
            return self._teacher.show(item, plan)
        assert plan is not None
        if kind == "copy":
            number = str(rng.randint(0, 10 ** rng.randint(1, 3)))
            outcome = Message(Role.USER, (f"<interpreter>\n{number}\n</interpreter>",))
            return [outcome, Message(Role.ASSISTANT, (f"<think>{plan.conclusion}</think>\n<answer>{number}</answer>",))]
        told = [Message(m.role, tuple(p for p in m.content if isinstance(p, str))) for m in self._teacher.show(item, plan)]
        return told[:3]

    def _weights(self, sequence: TokenSequence, answer: float) -> NDArray[np.float32]:
        weights = sequence.mask.astype(np.float32)
        own = np.flatnonzero(sequence.turns == sequence.turns.max())
        end = close = int(own[-1]) + 1
        for at in range(end - 1, int(own[0]) - 1, -1):
            text = self._processor.tokenizer.decode(sequence.ids[at:end])
            if "</answer>" in text and close == end:
                close = at
            if "<answer>" in text:
                weights[at + 1 : close] = answer
                break
        return weights


class Lessons:
    """Step number -> batches, out of a book."""

    def __init__(
        self, processor: Any, stages: Sequence[Stage], book: Path, ranks: Ranks, *, seed: int, batch_tokens: int
    ) -> None:
        self._processor = processor
        self._ranks = ranks
        self._stages = stages
        self._book = book
        self._slots = np.array([processor.tokenizer.convert_tokens_to_ids(word) for word in (*SLOTS, *"0123456789")])
        self._seed = seed
        self._batch_tokens = batch_tokens

    def __len__(self) -> int:
        return sum(stage.steps for stage in self._stages)

    def __getitem__(self, step: int) -> Lesson:
        ends = list(accumulate(stage.steps for stage in self._stages))
        number = next(i for i, end in enumerate(ends) if step < end)
        stage, at = self._stages[number], (step - ends[number] + self._stages[number].steps) * self._stages[number].examples
        examples = [self._example(number, stage.pool, at + k) for k in range(stage.examples)]
        weight = sum(float(example.weights[1:].sum()) for example in examples)
        examples.sort(key=lambda example: len(example.sequence.ids))
        own = self._ranks.share(examples)
        groups = cut([len(example.sequence.ids) for example in own], self._batch_tokens)
        batches = [
            collate(self._processor, [own[i].sequence for i in group], [{"weight": own[i].weights} for i in group])
            for group in groups
        ]
        return Lesson(batches, weight)

    def _example(self, stage: int, pool: int, count: int) -> Example:
        turn, place = divmod(count, pool)
        chapter, row = divmod(_order(f"{self._seed}/{stage}/{turn}", pool)[place], _CHAPTER)
        example = _read_chapter(self._book / f"{stage}-{chapter:04d}.npz")[row]
        is_slot = np.isin(example.sequence.ids, self._slots) & (example.weights == 1)
        weights = np.where(is_slot, np.float32(self._stages[stage].slot_weight), example.weights)
        return Example(example.sequence, weights)


def write_book(scribe: Scribe, stages: Sequence[Stage], folder: Path, workers: int, show: Callable[[int, int], None]) -> Path:
    """Write what is missing of the book; `show` is told how many chapters of how many are there."""
    folder.mkdir(parents=True, exist_ok=True)
    chapters = [(n, start) for n, stage in enumerate(stages) for start in range(0, stage.pool, _CHAPTER)]
    missing = [(n, start) for n, start in chapters if not _chapter(folder, n, start).is_file()]
    jobs = [(scribe, n, start, min(_CHAPTER, stages[n].pool - start), _chapter(folder, n, start)) for n, start in missing]
    if workers == 1:
        for done, job in enumerate(jobs, start=1):
            _write_chapter(*job)
            show(len(chapters) - len(jobs) + done, len(chapters))
    elif jobs:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
            for done, _ in enumerate(processes.map(_write_chapter, *zip(*jobs, strict=True)), start=1):
                show(len(chapters) - len(jobs) + done, len(chapters))
    return folder


def _chapter(folder: Path, stage: int, start: int) -> Path:
    return folder / f"{stage}-{start // _CHAPTER:04d}.npz"


def _write_chapter(scribe: Scribe, stage: int, start: int, count: int, path: Path) -> None:
    import cv2

    cv2.setNumThreads(1)
    examples = [scribe.example(stage, number) for number in range(start, start + count)]
    arrays: dict[str, NDArray[Any]] = {}
    for row, example in enumerate(examples):
        arrays |= {
            f"{row}i": example.sequence.ids.astype(np.int32),
            f"{row}t": example.sequence.turns,
            f"{row}w": example.weights,
        }
        arrays |= {f"{row}p{k}": np.asarray(picture.pixels) for k, picture in enumerate(example.sequence.pictures)}
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    os.replace(part, path)


@lru_cache(maxsize=1)
def _stored(runs: tuple[Path, ...], only_right: bool) -> Conversations:
    return Conversations(runs, only_right=only_right)


@cache
def _read_chapter(path: Path) -> list[Example]:
    with np.load(path) as arrays:
        examples = []
        for row in range(sum(name.endswith("i") for name in arrays.files)):
            found = sum(name.startswith(f"{row}p") for name in arrays.files)
            pictures = tuple(Picture.of(Image.fromarray(arrays[f"{row}p{k}"])) for k in range(found))
            sequence = TokenSequence(arrays[f"{row}i"].astype(np.int64), arrays[f"{row}t"], pictures)
            examples.append(Example(sequence, arrays[f"{row}w"]))
        return examples


@lru_cache(maxsize=4)
def _order(seed: str, size: int) -> list[int]:
    order = list(range(size))
    random.Random(seed).shuffle(order)
    return order
