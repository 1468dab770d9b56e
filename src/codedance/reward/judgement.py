"""Find the judgement in what a judge wrote: one JSON object with `same`, yes or no, whatever stands around it.

    read_judgement('Sure!\n```json\n{"why": "both are \\frac{1}{2}", "same": "Yes."}\n```')      # Judgement(True, "both are ...")
    read_judgement('{"same": "no"} {"same": "yes"}')                                             # None: it contradicts itself

Understood: thoughts before it, also without an end; fences; words before and behind; Python's quotes; backslashes of LaTeX;
quotes inside of the reason, keys without quotes, a missing brace.
An object that stands letter by letter in the texts that were judged is a quotation, not a judgement. A bare "yes" is none either:
it may be about anything. Not covered: grades between right and wrong.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any, NamedTuple

from codedance.reply_marks import THOUGHT_END, THOUGHT_START

_OBJECT = re.compile(r"""\{\s{0,20}["'“”]?\w{1,40}["'“”]?\s{0,20}:""")
_LOOSE = re.compile(
    r"""["'“”]?\bsame["'“”]?\s{0,20}:\s{0,20}["'“”]?(yes|no|true|false)\b(?P<ends>["'“”]?\s{0,20}(?:[,}]|\Z))?""", re.IGNORECASE
)
_VERDICT = re.compile(r"\W*(yes|no|true|false)\b", re.IGNORECASE)
_BOTH = re.compile(r"\b(?:yes|true)\b.*\b(?:no|false|not)\b|\b(?:no|false)\b.*\b(?:yes|true)\b", re.IGNORECASE | re.DOTALL)
_BACKSLASH = re.compile(r"""\\(["'\\/bfnrt]|u[0-9a-fA-F]{4})|\\""")
_CONTROLS = {"\b": "\\b", "\f": "\\f", "\t": "\\t", "\r": "\\r"}
"""What JSON makes of LaTeX such as \\beta, \\frac, \\text and \\right."""
_MOST_OBJECTS = 40
_LONGEST_OBJECT = 8000
_MOST_ENDS = 20
_SAME = {"yes": True, "no": False, "true": True, "false": False}

_Pairs = list[tuple[Any, Any]]


class Judgement(NamedTuple):
    """What a judge said."""

    is_right: bool
    why: str


def read_judgement(text: str, judged: str = "", *, is_cut: bool = False) -> Judgement | None:
    """The judgement of a reply; None where there is none, or where two contradict each other.

    Args:
        text: the reply.
        judged: the texts that were judged, which a reply may quote.
        is_cut: the reply ended at its token limit, so that what a thought without an end holds is no last word.
    """
    whole = _found(text.strip()) if text.lstrip().startswith("{") else []
    if len(whole) == 1 and whole[0][0] == text.strip():
        return _agreed(whole, judged)  # whatever marks of a thought its reason may quote
    ends = [mark.end() for mark in THOUGHT_END.finditer(text)]
    said = text[ends[-1] :] if ends else text
    opened = THOUGHT_START.search(said)
    if opened is not None:
        before = _found(said[: opened.start()])
        return _agreed(before if before or is_cut else _found(said[opened.end() :]), judged)
    return _agreed(_found(said), judged)


def _agreed(found: list[tuple[str, list[_Pairs]]], judged: str) -> Judgement | None:
    """What all judgements say."""
    told = [pairs for raw, objects in found if raw not in judged for pairs in objects]
    verdicts = [_verdict(str(value)) for pairs in told for key, value in pairs if str(key).lower() == "same"]
    if not verdicts or None in verdicts or len(set(verdicts)) > 1:
        return None
    why = next((str(value) for pairs in reversed(told) for key, value in pairs if str(key).lower() == "why"), "")
    for control, written in _CONTROLS.items():
        why = why.replace(control, written)
    return Judgement(verdicts[0] is True, why.encode(errors="replace").decode())  # half a character would fit into no file


def _found(text: str) -> list[tuple[str, list[_Pairs]]]:
    """The objects of a text as they stand there, and those with `same` in each; nothing where there are too many."""
    found = []
    end = 0
    starts = [match.start() for match in _OBJECT.finditer(text)]
    for start in starts if len(starts) <= _MOST_OBJECTS else ():
        if start < end:
            continue  # inside of one that was read
        chunk = text[start : start + _LONGEST_OBJECT]
        length, objects = _json(chunk) or _python(chunk) or _broken(chunk) or (0, [])
        end = start + length
        if any(str(key).lower() == "same" for pairs in objects for key, _ in pairs):
            found.append((text[start:end], objects))
    return found


def _json(chunk: str) -> tuple[int, list[_Pairs]] | None:
    """Length and objects of the JSON at the start, as it stands, else with the backslashes of LaTeX escaped."""
    lone = [match.start() for match in _BACKSLASH.finditer(chunk) if match[1] is None]
    escaped = _BACKSLASH.sub(lambda match: match[0] if match[1] else "\\\\", chunk)
    for text, added in ((chunk, []), (escaped, [at + number for number, at in enumerate(lone)])):
        objects: list[_Pairs] = []
        try:
            _, length = json.JSONDecoder(object_pairs_hook=objects.append, strict=False).raw_decode(text)
        except (ValueError, RecursionError):
            continue
        return length - sum(at < length for at in added), objects
    return None


def _verdict(value: str) -> bool | None:
    """Yes or no, with or without words behind it; None for both and for anything else."""
    match = _VERDICT.match(value)
    return None if match is None or _BOTH.search(value) else _SAME[match[1].lower()]


def _broken(chunk: str) -> tuple[int, list[_Pairs]] | None:
    """The verdicts of an object that is neither: quotes inside of its reason, keys without quotes, no closing brace."""
    inner = chunk.find("{", 1)
    matches = list(_LOOSE.finditer(chunk[: inner if inner >= 0 else None]))
    if not matches or matches[-1]["ends"] is None:
        return None
    return matches[-1].end(), [[("same", match[1]) for match in matches]]


def _python(chunk: str) -> tuple[int, list[_Pairs]] | None:
    """The same for a dictionary as Python prints it."""
    ends = [match.end() for match in re.finditer("}", chunk)][:_MOST_ENDS]
    for end in ends:
        text = _BACKSLASH.sub(lambda match: match[0] if match[1] else "\\\\", chunk[:end])
        try:
            node = ast.parse(text, mode="eval").body
            if isinstance(node, ast.Dict):
                keys = [ast.literal_eval(key) for key in node.keys if key is not None]
                return end, [list(zip(keys, map(ast.literal_eval, node.values), strict=True))]
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
    return None
