"""A language model that says whether two answers mean the same, where rules cannot tell.

    async with open_judge("qwen", ["http://127.0.0.1:8001/v1"], Path.home() / ".cache/judgements") as judge: ...
    judge = Judge(model)                                       # or any ChatModel: a cache, a script
    verdict = await judge.compare("Which line?", gold="green line", answer="Green")
    verdict.is_right, verdict.why

Question and answers reach the judge as JSON strings, so that words in an answer ("Judgement: 1") are data. It sees no picture,
but what the data set says of it: text in the picture, and what the letters of options stand for. What cannot be read is asked a
second time, in other words, with more room and another draw; after that, as with an outage, it is a JudgeError, never a wrong
answer. Not covered: pictures, shares of a point.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template, ascii_uppercase
from typing import Any

from codedance.errors import ConfigError, JudgeError, ModelError
from codedance.images import digest_bytes
from codedance.model.cache import CachedModel
from codedance.model.chat import ChatModel, Message, Reply, Role
from codedance.model.named import open_model
from codedance.reward.judgement import Judgement, read_judgement
from codedance.types import AnswerKey, FinishReason, Sampling

__all__ = ["Judge", "Judgement", "is_readable", "open_judge"]

_TRIES = (
    Sampling(temperature=0.0, max_tokens=4096, seed=0),
    Sampling(temperature=0.7, max_tokens=16384),  # without a seed: asked again later, it may say something else
)
_REMINDER = "\n\nThink briefly. The last thing you write must be that one JSON object, with yes or no for same."
_CONTEXT = "Text that only the picture shows: "
_OPTIONS = "Options that the letters stand for: "
_ALTERNATIVES = "Further known answers, any of them is right: "
_RUBRICS = {
    "text-in-chart": "The student's text must name the same term as the known one; case and slips of spelling do not matter.",
    "text-in-general": "The student's text must mean the same as the known one.",
    "number-in-chart": "The numbers must be exactly equal; how they are written does not matter.",
    "number-in-general": "The numbers must be equal to the decimals that the known answer has.",
}
"""What CharXiv wants of its four kinds of answers, by `AnswerKey.part`."""
_LONGEST = 4000
_LONGEST_OPTION = 500
_KNOWN = (("How many cups?", "4", "four cups", True), ("How many cups?", "4", "There are 5.", False))


class Judge:
    """Asks a model; safe to call many times at once."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """Of the model."""
        return self._model.name

    @property
    def signature(self) -> str:
        """The model's name and the digest of the words that it is asked with."""
        words = (_template(), _CONTEXT, _OPTIONS, _ALTERNATIVES, _REMINDER, *_RUBRICS.values())
        return f"{self.name} {digest_bytes(json.dumps(words).encode())}"

    async def compare(self, question: str, gold: str, answer: str, key: AnswerKey = AnswerKey()) -> Judgement:  # noqa: B008
        """Whether an answer means the same as the known one.

        Args:
            question: as it was asked.
            gold: the known answer.
            answer: the model's.
            key: options, further known answers, text in the picture, and which rubric of the benchmark holds.

        Raises:
            JudgeError: the judge could not be asked, or neither of its two replies can be read.
        """
        words = _words(question, gold, answer, key)
        reply = Reply(text="")
        for sampling, more in zip(_TRIES, ("", _REMINDER), strict=True):
            try:
                reply = await self._model.generate([Message(Role.USER, (words + more,))], sampling)
            except ModelError as error:
                raise JudgeError(f"the judge {self.name} could not be asked: {error}") from None
            if (judgement := _read(reply, judged=f"{question}\n{answer}")) is not None:
                return judgement
        shown = (reply.text.strip() or reply.reasoning.strip())[-200:]
        cut = ", cut at its token limit" if reply.finish_reason is FinishReason.LENGTH else ""
        raise JudgeError(f"the judge {self.name} replied {shown!r}{cut}, which is no JSON object with same: yes or no")

    async def check(self) -> None:
        """Ask two questions whose answers are known.

        Raises:
            JudgeError: it could not be asked, or its replies cannot be read.
            ConfigError: it judged one of them wrongly.
        """
        for question, gold, answer, is_right in _KNOWN:
            said = await self.compare(question, gold, answer)
            if said.is_right != is_right:
                verdict = "the same" if said.is_right else "different"
                raise ConfigError(
                    f"the judge {self.name} calls {gold!r} and {answer!r} {verdict} ({said.why}); take another model"
                )


@asynccontextmanager
async def open_judge(
    model: str | None, urls: Sequence[str], cache: Path, *, extra_body: Mapping[str, Any] | None = None
) -> AsyncIterator[Judge]:
    """A judge that has shown that it works.

    Args:
        model: its name, as `open_model` takes it.
        urls: endpoints that share the load.
        cache: the folder where its readable replies are kept, apart for every set of endpoints. What lies there is believed.
        extra_body: further fields of every request, such as those that switch thoughts off.

    Raises:
        ConfigError: there is no such model, or it judges wrongly.
        JudgeError: it cannot be asked or understood.
    """
    async with open_model(model, urls, extra_body=extra_body) as named:
        await Judge(named).check()
        async with CachedModel(named, cache / digest_bytes(json.dumps(sorted(urls)).encode()), is_readable) as cached:
            yield Judge(cached)


def is_readable(reply: Reply) -> bool:
    """A judge's reply that holds a judgement; others are not worth keeping."""
    return _read(reply) is not None


def _read(reply: Reply, judged: str = "") -> Judgement | None:
    """Servers may put all that was said where thoughts go."""
    text = reply.text if reply.text.strip() else reply.reasoning
    return read_judgement(text, judged, is_cut=reply.finish_reason is FinishReason.LENGTH)


def _words(question: str, gold: str, answer: str, key: AnswerKey) -> str:
    options = {letter: text[:_LONGEST_OPTION] for letter, text in zip(ascii_uppercase, key.choices, strict=False)}
    context = f"{_CONTEXT}{_quoted(key.judge_context[:_LONGEST])}\n" if key.judge_context else ""
    rubric = _RUBRICS.get(key.part, "")
    return Template(_template()).substitute(
        question=_quoted(question[:_LONGEST]),
        context=context + (f"{_OPTIONS}{_quoted(options)}\n" if options else ""),
        gold=_quoted(gold),
        alternatives=f"{_ALTERNATIVES}{_quoted(key.alternatives)}\n" if key.alternatives else "",
        answer=_quoted(answer[:_LONGEST]),
        rubric=f" {rubric}" if rubric else "",
    )


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@cache
def _template() -> str:
    return (resources.files("codedance.reward") / "prompts" / "judge.md").read_text("utf-8")
