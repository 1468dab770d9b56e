"""A language model that says whether two answers mean the same, where rules cannot tell.

    judge = Judge(model)                                       # any ChatModel: endpoints with fail-over, a cache, a script
    await judge.check()                                        # before a run: does it answer, in the form wanted, sensibly?
    verdict = await judge.compare("Which line?", gold="green line", answer="Green")
    verdict.is_right, verdict.why

Question and answers reach the judge as JSON strings, so that words in an answer ("Judgement: 1") are data; of its reply only one
JSON object counts. What cannot be read, or an outage, is a JudgeError, never a wrong answer. Not covered: pictures, shares of
a point.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from string import Template
from typing import NamedTuple

from codedance.errors import ConfigError, JudgeError, ModelError
from codedance.images import digest_bytes
from codedance.model.chat import ChatModel, Message, Reply, Role
from codedance.types import Sampling

_SAMPLING = Sampling(temperature=0.0, max_tokens=1024, seed=0)
_THOUGHT = re.compile(r"\A.*</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\s*(.*?)\s*```\Z", re.DOTALL)
_LONGEST = 4000
_KNOWN = (("How many cups?", "4", "four cups", True), ("How many cups?", "4", "There are 5.", False))


class Judgement(NamedTuple):
    """What the judge said."""

    is_right: bool
    why: str


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
        return f"{self.name} {digest_bytes(_template().encode())}"

    async def compare(self, question: str, gold: str, answer: str, rubric: str = "") -> Judgement:
        """Whether an answer means the same as the known one.

        Args:
            question: as it was asked.
            gold: the known answer.
            answer: the model's.
            rubric: what else the benchmark wants.

        Raises:
            JudgeError: the judge could not be asked, or its reply cannot be read.
        """
        words = Template(_template()).substitute(
            question=json.dumps(question[:_LONGEST], ensure_ascii=False),
            gold=json.dumps(gold, ensure_ascii=False),
            answer=json.dumps(answer[:_LONGEST], ensure_ascii=False),
            rubric=f" {rubric}" if rubric else "",
        )
        try:
            reply = await self._model.generate([Message(Role.USER, (words,))], _SAMPLING)
        except ModelError as error:
            raise JudgeError(f"the judge {self.name} could not be asked: {error}") from None
        return _read(reply.text, self.name)

    async def check(self) -> None:
        """Ask two questions whose answers are known.

        Raises:
            JudgeError: it could not be asked, or its reply cannot be read.
            ConfigError: it judged one of them wrongly.
        """
        for question, gold, answer, is_right in _KNOWN:
            said = await self.compare(question, gold, answer)
            if said.is_right != is_right:
                verdict = "the same" if said.is_right else "different"
                raise ConfigError(
                    f"the judge {self.name} calls {gold!r} and {answer!r} {verdict} ({said.why}); take another model"
                )


def is_readable(reply: Reply) -> bool:
    """A judge's reply that holds a judgement; others are not worth keeping."""
    try:
        _read(reply.text, "")
    except JudgeError:
        return False
    return True


def _read(text: str, name: str) -> Judgement:
    said = _THOUGHT.sub("", text).strip()
    if fenced := _FENCE.match(said):
        said = fenced[1]
    try:
        told = json.loads(said)
        is_right = {"yes": True, "no": False, True: True, False: False}[_lower(told["same"])]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise JudgeError(
            f"the judge {name} replied {text.strip()[:100]!r}, which is no JSON object with same: yes or no"
        ) from None
    why = str(told.get("why", "")).encode(errors="replace").decode()  # half a character would fit into no file
    return Judgement(is_right, why)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


@cache
def _template() -> str:
    return (resources.files("codedance.reward") / "prompts" / "judge.md").read_text("utf-8")
