"""Which part of a reply is its answer: what it declares, and whether it stays with it.

    declaration("The answer is A. No, the answer is C.").text                    # "C."
    declaration("So \\boxed{42}, since 6 * 7 = 42").text                         # "42"
    declaration("If it is wide, the answer is A, otherwise the answer is B.")    # is_open: two answers, under conditions
    declaration("There are 7 cups.")                                             # None: nothing is declared

Declared is what stands in an answer tag, in a box, behind "the answer is", "Answer:", "####" and the like in a few languages. The
last one counts unless the reply denies it ("the answer is not B"), only reports it ("one might think the answer is A") or takes
it back. Bold words and a last line count for less and are listed apart. Not covered: what a text means; each rule reads that.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from codedance.reply_marks import BOXES, MARKS, THOUGHT_END, THOUGHT_START, Kind, any_of
from codedance.reward.rules.wrapping import bold, closing_brace, unbolded, unified, unwrapped

_LONGEST = 400
_END = 8_000
_MOST = 50
"""Only so many declarations, from the end, are looked at."""
_BEFORE = 200
_ANSWERS = [mark for mark in MARKS if mark.kind is Kind.ANSWER]
_TAG = re.compile(
    rf"(?:{any_of(mark.open for mark in _ANSWERS)})(.{{0,100000}}?)(?:{any_of(mark.close for mark in _ANSWERS)}|\Z)", re.DOTALL
)
_THOUGHT_MARK = re.compile(f"(?P<closes>{THOUGHT_END.pattern})|{THOUGHT_START.pattern}")
_MARKED_BOX = re.compile(
    "|".join(
        f"{re.escape(mark.open)}(?P<inner{place}>[^<]{{0,1000}}){re.escape(mark.close)}"
        for place, mark in enumerate(mark for mark in BOXES if not mark.open.endswith("{"))
    )
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{|(?<![A-Za-z\\])boxed\{")
_IS = (
    r"(?:is|are|was|must be|should be|will be|would be|would then be|has to be|equals|becomes|=|:|->"
    r"|→)(?![A-Za-z])\s*(?:[:=]\s*)?"
    r"(?:(?:therefore|thus|then|still|clearly|simply|now|indeed|obviously|definitely|most likely|likely|probably)\b[,:]?\s*)?"
)
_CUES = (
    r"\b(?:answers?|ans|answer choice|correct (?:option|choice|letter|one)|(?:right|best|chosen|final|my) (?:option"
    r"|choice)|solution|(?:final|correct) result)\b"
    rf"[\"'\)]*(?:\s+(?:to|for|of)\s+[^.:\n]{{1,60}}?)?[\"'\)>]*\s*{_IS}",
    r"\bfinal (?:answer|output|result)\b[ \"'\*:]*\n\s*",
    r"\bfinal output\s*:\s*",
    r"^####\s*",
    r"(?:答案|正解|答え|正确选项|正确的选项|最终结果)\s*(?:应该是|应该为|应为|应是|是|为|為|は|选|:)\s*[::]?\s*|(?:故选|应选|所以选|因此选|选择)\s*(?:择)?\s*[::]?\s*",
    r"(?:정답|답)\s*(?:은|는|:)\s*",
    r"\b(?:respuesta|réponse|reponse|antwort|lösung|risposta|resposta)(?:\s+(?:correcta|finale?|correcte|richtige|corretta|correta))?\s*(?:es|est|ist|lautet|è|é|:)\s*:?\s*",
    r"ответ\s*(?:[-:]|это)\s*",
)
_CUE = re.compile("|".join(f"(?:{cue})" for cue in _CUES), re.IGNORECASE | re.MULTILINE)
_NO_ANSWER = re.compile(r"\bno\s+\Z", re.IGNORECASE)
_CONDITION = re.compile(r"\b(?:if|unless|otherwise|else|assuming|suppose|in case|provided|depending|when)\b", re.IGNORECASE)
_TRAILING_CONDITION = re.compile(r"\b(?:if|unless|assuming|provided|depending)\b", re.IGNORECASE)
_REPORTED = re.compile(
    r"\b(?:thought|initially|at first|first (?:guess|impression)|whether|claims?|not sure (?:that|if)|doubt"
    r"|(?:one|you|some|someone|people|many|they)(?: (?:might|may|could|would|can))? (?:\w+ )?(?:think|say|believe"
    r"|guess|assume|conclude|answer)"
    r"|(?:might|may|could) (?:\w+ )?(?:think|believe|guess|assume)"
    r"|(?:cannot|can't|don't|do not|wrong to|tempting to) (?:\w+ )?(?:think|say|believe|assume|conclude))\b",
    re.IGNORECASE,
)
DENIALS = (
    r"\b(?:nicht|kein\w{0,3}|no (?:es|son|hay)|não|n'(?:est|y)|ne sont|pas|non (?:è|sono)|не|нет|niet)\b"
    r"|\b(?:falsch|incorrect[oa]|faux|sbagliat[oa]|errad[oa]|неверно)\b|不|没|沒|错|ではない|ではありません|じゃない|아니|아닙"
)
"""Words of other languages that say that something is not so."""
_NEGATED = re.compile(
    rf"\W*(?:\b(?:not|never|neither|nor|definitely not|certainly not|unlikely|wrong|incorrect)\b|{DENIALS})", re.IGNORECASE
)
_CALLED_WRONG = re.compile(
    r"[\s$*]*(?:(?:is|was|seems)\s+(?:not\b|wrong|incorrect|false)|(?:isn't|wasn't|cannot|can't)\b)", re.IGNORECASE
)
_RETRACTED = re.compile(
    r"\b(?:wait|hold on|scratch that|on second thought|let me (?:re|double|check)\w*|correction|i was wrong"
    r"|my mistake|oops|hmm+)\b"
    r"|\b(?:i meant?|or rather|sorry)\b|[.,;!?]\s*make (?:that|it)\b|\b(?:edit|update)\s*:"
    r"|[.!?\n]\s*(?:(?:no|nope|but no)\b[,:.!]|actually\b)"
    r"|\b(?:that|this|it)(?:'s| is| was) (?:wrong|incorrect|not right|not correct|a mistake)\b"
    r"|\bchange my (?:mind|answer)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?;](?=\s)|[。!?\n]")
_BUT = re.compile(r"\b(?:but|however|yet|though)\b", re.IGNORECASE)
_STATEMENT = re.compile(r"[^.!?\n]{1,160}\b(?:is|are|was|were)\s+(?P<said>[^.!?\n]{1,200})[.!]?", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:not|never|neither|nor|cannot|without|except)\b|n't\b", re.IGNORECASE)
_JOINED = re.compile(r"[\s$,;.*()\\]*(?:and|or|,)?[\s$,;.*()\\]*\Z", re.IGNORECASE)


class Declaration(NamedTuple):
    """What a reply declares its answer to be."""

    text: str
    """From the first character of the answer to the end of its line."""
    is_open: bool = False
    """It stands under a condition, or is taken back, or is denied: nothing can be relied on."""


class _Found(NamedTuple):
    start: int
    end: int
    text: str
    is_box: bool


@lru_cache(maxsize=16)
def reply_text(answer: str) -> str:
    """The reply without thoughts and blank lines, and of the last answer tag only what it holds; of a long one its end."""
    text = "\n".join(line for part in unified(answer[-_END:]).splitlines() if (line := " ".join(part.split())))
    text = _behind_thoughts(text)
    tagged = [said for inner in _TAG.findall(text) if (said := inner.strip(" :\n"))]
    return (tagged[-1] if tagged else text).strip()


def _behind_thoughts(text: str) -> str:
    """The text without closed thoughts; one that nothing opened began with the text."""
    kept: list[str] = []
    at = 0
    opened: int | None = None
    for mark in _THOUGHT_MARK.finditer(text):
        if mark["closes"]:
            kept = [] if opened is None else [*kept, text[at:opened]]
            at, opened = mark.end(), None
        elif opened is None:
            opened = mark.start()
    return "".join((*kept, text[at:]))


def declaration(answer: str, further: re.Pattern[str] | None = None) -> Declaration | None:
    """The last thing that a reply declares to be its answer; None where it declares nothing.

    Args:
        answer: the reply as it stands.
        further: a pattern of declarations that only one rule knows; its named group is the answer.
    """
    text = unbolded(reply_text(answer)).replace("`", "")
    found = sorted(_without_boxed_lines(_boxes(text), _phrases(text) + _further(text, further)))
    if not found:
        return None
    standing = [one for one in found if not _is_dismissed(text, one)]
    if not standing:
        return Declaration("", is_open=True)
    last = standing[-1]
    differing = any(one.text.strip(" .").casefold() != last.text.strip(" .").casefold() for one in standing)
    under_condition = (
        any(_is_conditional(text, one) for one in standing) if differing else _is_conditional(text, last) and not last.is_box
    )
    taken_back = _RETRACTED.search(text, last.end) is not None or found[-1] is not last
    return Declaration(last.text, is_open=bool(under_condition or taken_back))


def bold_texts(answer: str) -> list[str]:
    """The bold passages of a reply, without their markup."""
    return [unwrapped(text) for text in bold(reply_text(answer))]


def last_line(answer: str) -> str:
    """The last line of a reply of several lines; empty for a reply of one."""
    lines = [line for line in reply_text(answer).splitlines() if line.strip()]
    return unwrapped(lines[-1]) if len(lines) > 1 else ""


def statement(answer: str) -> str:
    """What a reply of one sentence says that something is; empty for any other reply."""
    said = unwrapped(reply_text(answer))
    match = _STATEMENT.fullmatch(said) if len(said) <= _LONGEST else None
    return "" if match is None or _DENIED.search(said) or _TRAILING_CONDITION.search(said) else match["said"]


def first_sentence(text: str) -> str:
    """A text up to its first full stop; decimal points end nothing."""
    end = _SENTENCE_END.search(text)
    return text[: end.start()] if end else text


def is_taken_back(text: str) -> bool:
    """Whether a text says "wait", "no," or the like."""
    return _RETRACTED.search(text) is not None


def is_reported(text: str) -> bool:
    """Whether a text says what others, or the same one earlier, might think."""
    return _REPORTED.search(text) is not None


def is_conditional(text: str) -> bool:
    """Whether a text says "if"."""
    return _TRAILING_CONDITION.search(text) is not None


def _boxes(text: str) -> list[_Found]:
    found = [
        _Found(match.start(), match.end(), match[match.lastgroup or 0].strip(), True) for match in _MARKED_BOX.finditer(text)
    ]
    place = 0
    while match := _BOX.search(text, place):
        end = closing_brace(text, match.end())
        if end < 0:
            break
        if inner := text[match.end() : end].strip():
            found.append(_Found(match.start(), end + 1, inner, True))
        place = end + 1
    return _together(text, found)[-_MOST:]


def _together(text: str, boxes: list[_Found]) -> list[_Found]:
    """Boxes that only "and" or "or" separates are one answer."""
    joined: list[_Found] = []
    for box in boxes:
        if joined and len(between := text[joined[-1].end : box.start]) < 12 and _JOINED.match(between):
            last = joined.pop()
            word = between.strip(" $\n\\()") or ","
            joined.append(_Found(last.start, box.end, f"{last.text} {word} {box.text}", True))
        else:
            joined.append(box)
    return joined


def _phrases(text: str) -> list[_Found]:
    found = []
    for match in list(_CUE.finditer(text))[-_MOST:]:
        line = text[match.end() : match.end() + _LONGEST].lstrip(" *\"'\n\t")
        line = line.splitlines()[0].strip() if line.strip() else ""
        if line and not _NO_ANSWER.search(text[max(0, match.start() - 4) : match.start()]):
            found.append(_Found(match.start(), match.end(), line, False))
    return found


def _further(text: str, pattern: re.Pattern[str] | None) -> list[_Found]:
    return (
        []
        if pattern is None
        else [
            _Found(match.start(), match.end(), match[match.lastgroup or 0], False)
            for match in list(pattern.finditer(text))[-_MOST:]
        ]
    )


def _without_boxed_lines(boxes: list[_Found], phrases: list[_Found]) -> list[_Found]:
    """Of a phrase whose line holds a box, the box counts."""
    starts = [box.start for box in boxes]
    kept = [one for one in phrases if not any(0 <= start - one.start <= _LONGEST and "oxed" in one.text for start in starts)]
    return boxes + kept


def _is_dismissed(text: str, found: _Found) -> bool:
    """Denied, asked or only reported."""
    before = _sentence_before(text, found.start)
    if found.is_box:
        return _CALLED_WRONG.match(text, found.end) is not None
    behind = first_sentence(found.text)
    asked = found.text[len(behind) : len(behind) + 1] == "?"
    return asked or _NEGATED.match(found.text) is not None or _REPORTED.search(_BUT.split(before)[-1]) is not None


def _is_conditional(text: str, found: _Found) -> bool:
    behind = "" if found.is_box else first_sentence(found.text)
    return _CONDITION.search(_sentence_before(text, found.start)) is not None or _TRAILING_CONDITION.search(behind) is not None


def _sentence_before(text: str, start: int) -> str:
    """What stands before a place in the same sentence."""
    before = text[max(0, start - _BEFORE) : start]
    ends = list(_SENTENCE_END.finditer(before))
    return before[ends[-1].end() :] if ends else before
