"""Examine a model on fresh synthetic items: what it gets right, when it writes code, whether that runs, what it reads unaided.

    exam = await examine(model, paper(families, each=100, seed=9), settings, sandbox)
    exam.table()                                           # Markdown, one line a family and level
    read_directly(learner, items, settings, samples=10)    # the share of right answers of each item, without code

Every rollout goes through the real loop and sandbox. Not covered: benchmarks of others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from codedance.errors import ConfigError
from codedance.evaluate.intervals import wilson
from codedance.model.chat import ChatModel
from codedance.model.decoding import Row, decode
from codedance.model.loading import vocabulary
from codedance.model.local import LocalModel
from codedance.model.processors import encode, pixel_rule
from codedance.reward.scorer import Scorer
from codedance.rollout.loop import solve
from codedance.rollout.settings import Settings
from codedance.sandbox import Sandbox
from codedance.tasks.synthetic import FAMILIES, FRESH_SEEDS, Item, Level, check_families, make_item, to_task
from codedance.train.start import Learner
from codedance.train.teacher import Teacher
from codedance.types import Sampling

_ANSWER_TOKENS = 12
_REPLY_TOKENS = 320
_SLOTS = 128
_ROWS = 64


class Question(NamedTuple):
    """One item of an exam, by what makes it."""

    family: str
    level: Level
    seed: int

    def item(self) -> Item:
        """The item itself."""
        return make_item(*self)


@dataclass(frozen=True, slots=True)
class Sitting:
    """One question asked and how it went."""

    question: Question
    is_right: bool
    calls: int
    """Pieces of code that were run."""
    calls_ok: int
    """Of those, the ones that ran to their end."""
    code: str | None
    """The first of them."""


@dataclass(frozen=True, slots=True)
class Exam:
    """All sittings of one model."""

    sittings: tuple[Sitting, ...]

    def table(self) -> str:
        """Accuracy with its 95 % interval, use of code and its success, by family and level, as Markdown."""
        lines = ["| family | level | n | right | uses code | code runs |", "|---|---|---|---|---|---|"]
        cells: dict[tuple[str, str], list[Sitting]] = {}
        for sitting in self.sittings:
            level = str(sitting.question.level)
            for key in ((sitting.question.family, level), ("all", level), ("all", "all")):
                cells.setdefault(key, []).append(sitting)
        for (family, level), some in sorted(cells.items(), key=lambda cell: (cell[0][0] == "all", cell[0])):
            right, coded = sum(s.is_right for s in some), sum(s.calls > 0 for s in some)
            calls, ok = sum(s.calls for s in some), sum(s.calls_ok for s in some)
            runs = f"{ok / calls:.3f}" if calls else "-"
            lines.append(f"| {family} | {level} | {len(some)} | {wilson(right, len(some))} | {coded / len(some):.2f} | {runs} |")
        return "\n".join(lines)

    def uses_code(self, questions: Iterable[Question]) -> tuple[int, int]:
        """How many of these questions were answered with code, and of how many."""
        wanted = set(questions)
        some = [sitting for sitting in self.sittings if sitting.question in wanted]
        return sum(sitting.calls > 0 for sitting in some), len(some)


def paper(families: Sequence[str], each: int, seed: int) -> list[Question]:
    """`each` questions of every family and level, none of which was ever trained on.

    Raises:
        ConfigError: there is no such family, or nothing to ask.
    """
    check_families(families)
    if each < 1:
        raise ConfigError(f"an exam of {each} questions of every family and level; it takes at least 1")
    start = FRESH_SEEDS + seed * 1_000_000
    cells = [(f, level) for f in families for level in Level if level is Level.HARD or not FAMILIES[f].composite]
    return [Question(family, level, start + number) for family, level in cells for number in range(each)]


async def examine(
    model: ChatModel, questions: Sequence[Question], settings: Settings, sandbox: Sandbox, *, concurrency: int = 64
) -> Exam:
    """Ask every question once."""
    gate = asyncio.Semaphore(concurrency)

    async def sit(number: int, question: Question, scorer: Scorer) -> Sitting:
        async with gate:
            task = to_task(question.item(), "/".join(map(str, question)))
            trace = await solve(task, model, sandbox, settings, sample=number)
        is_right = scorer.grade_trace(trace).is_right is True
        ran = [turn for turn in trace.turns if turn.execution is not None]
        ok = sum(turn.execution is not None and turn.execution.ok for turn in ran)
        return Sitting(question, is_right, len(ran), ok, ran[0].code if ran else None)

    with Scorer() as scorer:
        return Exam(tuple(await asyncio.gather(*(sit(number, question, scorer) for number, question in enumerate(questions)))))


def settings_of(learner: Learner, *, temperature: float, seed: int, turns: int = 4) -> Settings:
    """How a model is examined that sees pictures by the rule of its own processor."""
    sampling = Sampling(temperature=temperature, max_tokens=_REPLY_TOKENS, seed=seed)
    return Settings(turns=turns, sampling=sampling, rule=pixel_rule(learner.processor))


async def sit(learner: Learner, questions: Sequence[Question], settings: Settings) -> Exam:
    """Examine a model that is in memory."""
    async with LocalModel.of(learner.model, learner.processor) as model, Sandbox(slots=_SLOTS) as sandbox:
        return await examine(model, questions, settings, sandbox)


def read_directly(learner: Learner, questions: Sequence[Question], settings: Settings, *, samples: int = 1) -> list[float]:
    """For each question the share of right answers when the model has to answer at a glance.

    Args:
        learner: the model; the words before the answer are put into its mouth.
        questions: what is asked.
        settings: of rollouts.
        samples: drawn at temperature 1; for 1 the likeliest answer counts.
    """
    says = vocabulary(learner.processor, learner.model)
    teacher = Teacher(settings)
    learner.model.eval()
    shares = []
    with Scorer() as scorer:
        for start in range(0, len(questions), max(1, _ROWS // samples)):
            items = [question.item() for question in questions[start : start + max(1, _ROWS // samples)]]
            rows = [_reader(learner, teacher, item, None if samples == 1 else seed) for item in items for seed in range(samples)]
            decode(learner.model, rows, says)
            answers = [says.to_text(row.token_ids).partition("<")[0] for row in rows]
            golds = [to_task(item, "") for item in items for _ in range(samples)]
            right = [scorer.grade(t.answer, said, t.key).is_right is True for t, said in zip(golds, answers, strict=True)]
            shares += [sum(right[n : n + samples]) / samples for n in range(0, len(right), samples)]
    return shares


def readable(
    learner: Learner, questions: Sequence[Question], settings: Settings, *, share: float, samples: int
) -> list[Question]:
    """The easy ones among some questions that are answered right at a glance in this share of the draws or more."""
    easy = [question for question in questions if question.level is Level.EASY]
    shares = read_directly(learner, easy, settings, samples=samples)
    return [question for question, found in zip(easy, shares, strict=True) if found >= share]


def direct_table(learner: Learner, questions: Sequence[Question], settings: Settings) -> str:
    """What the model reads without code, by family, as Markdown."""
    lines = ["| family | easy | hard |", "|---|---|---|"]
    for family in dict.fromkeys(question.family for question in questions):
        cells = []
        for level in Level:
            own = [question for question in questions if question[:2] == (family, level)]
            cells.append(str(wilson(sum(read_directly(learner, own, settings)), len(own))) if own else "-")
        lines.append(f"| {family} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _reader(learner: Learner, teacher: Teacher, item: Item, seed: int | None) -> Row:
    """A reply that has come as far as the answer's opening tag."""
    inputs = dict(encode(learner.processor, teacher.ask(item)))
    begun = f"<think>{item.look}</think>\n<answer>"
    words = learner.processor.tokenizer(begun, add_special_tokens=False, return_tensors="pt")["input_ids"]
    for name, more in (("input_ids", words), ("attention_mask", torch.ones_like(words)), ("mm_token_type_ids", words * 0)):
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], more], 1)
    heat = 0.0 if seed is None else 1.0
    return Row(inputs, max_tokens=_ANSWER_TOKENS, temperature=heat, seed=seed, stop=("</answer>",))
