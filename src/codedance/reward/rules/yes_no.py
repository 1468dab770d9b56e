"""Whether a reply says yes or no.

    polarity("Yes, the blue line is above.")     # True
    polarity("The answer is **no**.")            # False
    polarity("There is no difference.")          # None: a word of a sentence is no answer
    polarity("Yes and no")                       # None

"True" and "false" answer such questions too. Not covered: other languages, and words that amount to yes (indeed, correct).
"""

from __future__ import annotations

import re

from codedance.reward.rules.declared import bold_texts, declaration, is_conditional, is_taken_back, last_line, reply_text
from codedance.reward.rules.wrapping import unwrapped, words

_WORDS = {"yes": True, "no": False, "true": True, "false": False}
_FIRST = re.compile(r"(yes|no|true|false)(?!\.\s?[0-9])(?:[.!]?\Z|\s*[,.;:!(]|\s+-|\s+(?:because|since|as)\b)", re.IGNORECASE)
_BOTH = re.compile(r"(?:yes|true)\W{0,3}(?:and|or|but)?\W{0,3}(?:no|false)\b|(?:no|false)\b.*\b(?:yes|true)\b", re.IGNORECASE)
_LONGEST = 4000


def polarity(answer: str) -> bool | None:
    """Yes (True), no (False), or neither."""
    reply = unwrapped(reply_text(answer))
    if (whole := _WORDS.get(words(reply).casefold())) is not None:
        return whole
    if (declared := declaration(answer)) is not None:
        return None if declared.is_open else _first(words(declared.text))
    marked = {told for text in bold_texts(answer) if (told := _first(text)) is not None}
    if len(marked) == 1:
        return marked.pop()
    if len(reply) > _LONGEST or is_taken_back(reply) or is_conditional(reply):
        return None
    if len({said for line in reply.splitlines() if (said := _WORDS.get(words(line).casefold())) is not None}) > 1:
        return None
    first = _first(words(reply))
    return _first(last_line(answer)) if first is None else first


def _first(text: str) -> bool | None:
    """The word that a text begins with; none where it says both."""
    match = _FIRST.match(text)
    return _WORDS[match[1].casefold()] if match and not _BOTH.match(text[:_LONGEST]) else None
