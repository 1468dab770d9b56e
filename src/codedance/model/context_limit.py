"""What a server says about lengths: whether a conversation no longer fits, and how many tokens a reply may have.

    is_context_full("prompt is too long: 208310 tokens > 200000 maximum", asked=4096)                  # True
    lower_limit("max_tokens=4096 cannot be greater than max_model_len=2048", asked=4096).tokens        # 2048
    lower_limit("... context limit: 199000 + 4096 > 200000", asked=4096).tokens                        # 1000

Numbers are believed before wordings: where a message holds the length of the prompt and the limit, they decide whether the prompt
itself is too long or only the reply that was asked for. Not covered: counting tokens ourselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_NUMBER = re.compile(r"(?<![\w.-])\d[\d,]{0,20}(?![\w-])")
_PROMPT = re.compile(
    r"(\d[\d,]{0,20})\s+(?:tokens\s+)?(?:(?:in|from|of|for)\s+)?(?:the\s+|your\s+)?`?(?:text\s+)?(?:inputs?|messages?|prompt)\b`?"
    r"|(?:prompt|inputs?|messages?)[ _]tokens\W{1,4}(\d[\d,]{0,20})"
    r"|(?:prompt|input|inputs|messages?)\b[^\d]{0,40}?(?:has|have|contains?|length|of|is|:|\()[^\d]{0,20}?(\d[\d,]{0,20})",
    re.IGNORECASE,
)
_SUM = re.compile(r"(\d[\d,]{0,20})\s*\+\s*(\d[\d,]{0,20})")
_TOTAL = re.compile(r"requested (?:a total of )?(\d[\d,]{0,20}) tokens", re.IGNORECASE)
_MORE_THAN = re.compile(r"(\d[\d,]{0,20})\s*(?:tokens?\s*)?>=?\s*(\d[\d,]{0,20})")
_NAMES_LIMIT = re.compile(
    r"max\w*[_ ]?(?:completion|output|new)?[_ ]?tokens|maxTokens|maxOutputTokens|completion tokens|output tokens"
    r"|tokens to generate|maximum tokens",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(
    r"max\w*tokens\b[^\d]{0,30}(?:at least 1|positive|greater than 0|>=? ?[01]|be > 0)[^\d-]{0,20}(?:0|-\d+)(?!\d)", re.IGNORECASE
)
_KNOWN = re.compile(
    r"context[ _](?:length|size|window|limit)|maximum (?:model|prompt|context|sequence|input) length|model token limit"
    r"|max(?:imum)?[ _]new[ _]tokens\W* must be|exceeds? the maximum (?:allowed length|number of (?:input )?tokens)"
    r"|range of input length|exceeds max(?:imum)? length"
    r"|context shift is disabled|current length is \d+ while|\bn_ctx\b|\u4e0a\u4e0b\u6587.{0,10}(?:\u8d85|\u957f\u5ea6)"
    r"|(?:\u8f93\u5165|\u63d0\u793a|prompt|token).{0,12}(?:\u8fc7\u957f|\u8d85\u957f|\u8d85\u8fc7|\u8d85\u51fa)"
    r"|reduce (?:the )?(?:length|size) of (?:the |your )?(?:messages|prompt|input)",
    re.IGNORECASE,
)
_WHAT = r"(?:prompts?|inputs?|contexts?|sequences?|conversations?|messages?|tokens?|requests?|(?:prompt|input)_tokens)"
_EXCESS = (
    r"(?:too (?:long|large|many)|exceed\w*|longer than|larger than|greater than|over the|beyond the|more than"
    r"|must have less|must be less|does(?: not|n't) fit|overflow\w*|truncat\w+|at most"
    r"|only supports?|supports? (?:only )?up to)"
)
_TOO_MUCH = re.compile(rf"\b{_WHAT}\b.{{0,100}}?{_EXCESS}|{_EXCESS}.{{0,60}}?\b{_WHAT}\b", re.IGNORECASE)
_ABOUT_TOKENS = re.compile(r"token|prompt|context|conversation|sequence|length|input is too long", re.IGNORECASE)
_ABOUT_ELSE = re.compile(
    r"\bimages?\b(?!.{0,60}token)|picture|\bbytes\b|\b[KMG]i?B\b|\burl\b|per (?:minute|day|hour|second)|rate limit|tool[_ ]call"
    r"|stop sequences?|\btools\b|top_logprobs|(?<!request )\bids?\b|(?:function|tool) name|payload|concurren",
    re.IGNORECASE,
)
_CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens", "n_ctx")
_LEAST_CONTEXT = 16
_MOST_CONTEXT = 10**12


def is_context_full(words: str, asked: int | None) -> bool:
    """Whether a refusal says that the conversation itself is too long; `asked` is the `max_tokens` of the request."""
    if _NO_ROOM.search(words):
        return True
    if asked is not None and lower_limit(words, asked) is not None:
        return False
    if _KNOWN.search(words):
        return True
    if asked is not None and _NAMES_LIMIT.search(words) and _prompt_tokens(words, asked) is None and asked in _numbers(words):
        return False  # it speaks of the reply alone
    if not _ABOUT_TOKENS.search(words) or _ABOUT_ELSE.search(words):
        return False
    return bool(_TOO_MUCH.search(words)) or any(_value(first) > _value(second) for first, second in _MORE_THAN.findall(words))


class ReplyLimit(NamedTuple):
    """How long a reply may be."""

    tokens: int
    is_lasting: bool
    """For every request; else only behind this prompt."""
    context: int | None = None
    """Of prompt and reply together, where the words tell it."""


def lower_limit(words: str, asked: int) -> ReplyLimit | None:
    """The most tokens of a reply that a refusal still allows, if fewer than `asked`; None where it says nothing such."""
    numbers = _numbers(words)
    prompt = _prompt_tokens(words, asked)
    if prompt is not None:
        if asked not in numbers and prompt + asked not in numbers:
            return None  # what was asked for the reply does not matter to it
        context = max((n for n in numbers if prompt != n != asked and n < prompt + asked), default=None)
        if context is None and numbers.count(asked) > 1:
            context = asked
        room = None if context is None else context - prompt
        return ReplyLimit(room, False, context) if room is not None and 0 < room < asked else None
    if not _NAMES_LIMIT.search(words):
        return None
    most = max((n for n in numbers if 1 < n < asked), default=None)
    return None if most is None else ReplyLimit(most, True)


def read_context(entry: Mapping[str, Any]) -> int | None:
    """The context in tokens by one entry of a server's list of models: vLLM's max_model_len, llama.cpp's meta.n_ctx and such."""
    meta = entry.get("meta")
    for fields in (entry, meta if isinstance(meta, dict) else {}):
        for key in _CONTEXT_KEYS:
            if type(fields.get(key)) is int and _LEAST_CONTEXT <= fields[key] < _MOST_CONTEXT:
                return int(fields[key])
    return None


def _prompt_tokens(words: str, asked: int) -> int | None:
    """The length of the prompt, where the message holds it."""
    for first, second in _SUM.findall(words):
        if _value(second) == asked:
            return _value(first)
        if _value(first) == asked:
            return _value(second)
    for numbers in _PROMPT.findall(words):
        if (number := _value("".join(numbers))) != asked:
            return number
    total = _TOTAL.search(words)  # of prompt and reply together
    return _value(total[1]) - asked if total and _value(total[1]) > asked else None


def _numbers(words: str) -> list[int]:
    return [_value(text) for text in _NUMBER.findall(words)]


def _value(text: str) -> int:
    return int(text.replace(",", ""))
