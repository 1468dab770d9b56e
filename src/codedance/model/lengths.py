"""About how long a conversation is in tokens, by what the server counted for its beginning.

    lengths = Lengths()
    lengths.learn(messages, reply.usage)                   # after each reply
    lengths.estimate(later_messages, rule)                 # the count that is known, and a low guess at what came after it

It decides what a refusal that gives no reason was about: a conversation longer than the context that the server's list of models
names is full. Not covered: exact counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from codedance.images import PixelRule
from codedance.model.chat import Message, Role
from codedance.types import Usage

_CHARACTERS_A_TOKEN = 6  # more than texts have, so that the guess stays low
_MOST = 4096


class Lengths:
    """Of the last conversations with one model."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, int] = OrderedDict()

    def learn(self, messages: Sequence[Message], usage: Usage) -> None:
        """So many tokens were these messages and the reply to them."""
        if usage.prompt_tokens:
            self._known[_key(messages)] = usage.prompt_tokens + usage.completion_tokens
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def estimate(self, messages: Sequence[Message], rule: PixelRule) -> int:
        """Tokens of a conversation, rather too few than too many."""
        start, known = 0, 0
        for index, message in enumerate(messages):
            if message.role is Role.ASSISTANT and (found := self._known.get(_key(messages[:index]))):
                start, known = index + 1, found
        rest = messages[start:]
        pictures = sum(rule.tokens(picture.size) for message in rest for picture in message.pictures) if rule.is_exact else 0
        return known + pictures + sum(len(message.text) for message in rest) // _CHARACTERS_A_TOKEN


def _key(messages: Sequence[Message]) -> int:
    return hash(tuple((message.role, message.text, len(message.pictures)) for message in messages))
