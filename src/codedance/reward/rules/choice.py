"""Multiple choice: which option an answer means.

    decide("B", "The answer is (B), since A is too large.", ("3 cm", "3 cm^2"))     # right
    decide("B", "3 cm^2", ("3 cm", "3 cm^2"))                                        # right: the option's own words
    decide("A", "A bear is visible, so the answer is C.", ("lion", "dog", "bear"))   # wrong: an article is no choice
    decide("C", "It is rich in vitamin C.", ("apple", "bread", "egg"))               # undecided: nothing is chosen
    decide("A, C", "C and A", ())                                                    # right: several letters, options unknown

What counts: a whole answer that is an option; the last declaration; the bold words; the last line; a label at the beginning; a
single sentence that says what something is. Where letter and words disagree, or the answer is taken back or under a condition,
nothing is decided. Not covered: options that are only pictures of words, and what follows from a chain of reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from codedance.reward.rules.declared import bold_texts, declaration, is_conditional, is_taken_back, last_line, reply_text
from codedance.reward.rules.options import Options
from codedance.reward.rules.published_choice import REFUSALS
from codedance.reward.rules.ruling import Ruling, ruling
from codedance.reward.rules.wrapping import unwrapped, words
from codedance.reward.rules.yes_no import polarity

_LONGEST = 4000
_CHOSEN = re.compile(
    r"\b(?:options?|choices?|answer|letter)?\s*(?P<said>[(\[]?(?-i:[A-Z])[)\]]?)\s+(?:is|must be|seems)"
    r"\s+(?:(?:therefore|thus|clearly|the|most|probably)\s+)*"
    r"(?:correct|right|best|true|answer|closest|matching)\b(?!\s+(?:angle|triangle|side|of|next))"
    r"|\bI(?:'d|'ll| would| will)?\s+(?:choose|select|pick|go with|opt for|say|answer)\s*:?\s*(?:(?:option|choice"
    r"|answer|letter)\s+)?(?P<picked>[(\[]?(?-i:[A-Z])[)\]]?(?![\w']).*)"
    r"|(?:\bbut\s+(?:actually\s+)?it(?:'s| is| must be)\s+|(?:\b(?:so|thus|hence|therefore|i\.e\.?|which is|that is"
    r"|corresponds to|matches)|[=→])[,:]?\s+(?:it(?:'s| is| must be)\s+)?)(?:(?:option|choice|answer|letter)\s+)?"
    r"(?P<so>[(\[]?(?-i:[A-Z])[)\]]?)(?=\s*(?:[.!\n]|\Z))",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|never|isn't|nor|neither|except|cannot|can't|unlike|instead of|rather than)\b|\b(?:wrong|incorrect"
    r"|false|ruled out|excluded|eliminated)\b",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:(?:definitely|clearly|certainly|surely|probably|likely|most likely|obviously|i think|i believe|i'd say"
    r"|it(?:'s| is| must be| should be)|that(?:'s| is| would be)|so"
    r"|therefore|thus|hence|ok|okay|sure)\b[,:]?\s+)+",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"[^.!?\n]{1,160}?\b(?:is|are|was|were|reads|shows|measures|equals|says)\s+(?:(?:about|approximately|roughly"
    r"|exactly|clearly|probably|in|on|at|the colou?r)\s+)?(?P<said>[^.!?\n]{1,200})[.!]?",
    re.IGNORECASE,
)
_CROSSED = re.compile(r"[❌✗✘]|\((?:wrong|incorrect|false)\)", re.IGNORECASE)
_LETTER_LINE = re.compile(r"\s*[(\[*]*[A-Z][)\]*.]*\s*")
_LABELS = re.compile(r"[,;.]\s*[(\[]?[A-Z][)\]]?\s*[:=]\s*\w")
_LIST_LINE = re.compile(r"^\s*(?:[-*]\s*)?\**[(\[]?([A-Z])\**[)\].:]\**\s*\S", re.MULTILINE)
_UNDETERMINED = re.compile(
    r"cannot|can't|not (?:be )?(?:determined|enough|given|possible)|none|unknown|unclear|no (?:answer|correct)", re.IGNORECASE
)


def decide(gold: str, answer: str, choices: Sequence[str]) -> Ruling:
    """Whether the choice that an answer means is the known one.

    Args:
        gold: a letter, several letters ("A, C"), or the option's text.
        answer: the reply.
        choices: the options in order; empty where only the picture or the question holds them.
    """
    options = Options(choices)
    wanted = options.wanted(gold)
    if wanted is None:
        return _decide_words(gold, answer, choices)
    given = _chosen(answer, options)
    if given is None:
        refused = any(refusal in reply_text(answer) for refusal in REFUSALS) and not any(map(_UNDETERMINED.search, choices))
        return Ruling(False, "a refusal") if refused else Ruling(None, "no choice to be made out")
    said = " and ".join(sorted(given))
    return ruling(given == wanted, f"choice {said}", f"choice {said} instead of {' and '.join(sorted(wanted))}")


def _decide_words(gold: str, answer: str, choices: Sequence[str]) -> Ruling:
    """A known answer that is neither a letter nor one of the options: yes or no, or words."""
    if choices:
        return Ruling(None, "the known answer is none of the options")
    if words(gold).casefold() == words(answer).casefold():
        return Ruling(True, "the same text")
    wanted, said = polarity(gold), polarity(answer)
    if wanted is not None and said is not None:
        return ruling(said is wanted, "the same word", "the other word")
    return Ruling(None, "another text")


def _chosen(answer: str, options: Options) -> frozenset[str] | None:
    """The letters that an answer means; None where none is to be made out for sure."""
    reply = reply_text(answer)
    whole = unwrapped(reply)
    if (picked := options.whole(whole)) is not None:
        return picked
    if len(lines := reply.splitlines()) > 1 and all(map(_LETTER_LINE.fullmatch, lines)):
        return options.whole(", ".join(unwrapped(line).strip("().") for line in lines))
    if (declared := declaration(answer, _CHOSEN)) is not None:
        return None if declared.is_open else options.leading(declared.text)
    if len(reply) > _LONGEST and not last_line(answer):
        return None
    if _CROSSED.search(reply):
        return None
    listed = _lists_options(reply)
    marked = [picked for text in bold_texts(answer) if (picked := options.whole(text)) is not None]
    if marked and (len(set(marked)) == 1 or (options.whole(last_line(answer)) == marked[-1] and not _ends_list(reply))):
        return marked[-1]
    if (picked := options.whole(last_line(answer))) is not None and not _ends_list(reply):
        return picked
    if listed or len(reply) > _LONGEST or is_taken_back(reply) or is_conditional(reply):
        return None
    return _from_sentence(whole, options)


def _from_sentence(whole: str, options: Options) -> frozenset[str] | None:
    """What a short reply without declaration says: a label or an option at its beginning, or one sentence."""
    said = words(whole)
    if filler := _FILLER.match(said):
        return options.whole(said[filler.end() :]) or options.labelled(said[filler.end() :])
    if (picked := options.labelled(said)) is not None:
        return None if _LABELS.search(said) else picked  # a word on each option
    frame = _FRAME.fullmatch(said)
    if frame is None or _DENIED.search(said):
        return None
    return options.stated(frame["said"], frame.string[: frame.start("said")])


def _lists_options(reply: str) -> bool:
    """Whether a reply copies the options, a line each."""
    labels = _LIST_LINE.findall(reply[:_LONGEST])
    return any(ord(other) == ord(one) + 1 for one, other in zip(labels, labels[1:], strict=False))


def _ends_list(reply: str) -> bool:
    """Whether the last line is the last of the copied options."""
    lines = [line for line in reply.splitlines() if line.strip()]
    labels = [match[1] if (match := _LIST_LINE.match(f"{line} .")) else "" for line in lines[-2:]]
    return len(labels) == 2 and all(labels) and ord(labels[1]) == ord(labels[0]) + 1
