"""Tell a tag that is only named in a sentence from one that is meant.

    "You can use the code between <code> and </code> tags."        # both are named
    "So: <code>print(2**10)</code>"                                # meant

Small models copy the words of their instructions, and a stop text takes the closing tag away; read as an action, such a sentence
would run `and` or end the rollout with it. Not covered: whether an action is a good one.
"""

from __future__ import annotations

import re

from codedance.reply_marks import Kind
from codedance.rollout.codec.fences import compiles, does_something
from codedance.rollout.codec.tags import Tag

_LONGEST_LINE = 400
_GOES_ON = re.compile(
    r"\s{0,4}(?:[,.;:)\]}](?=\s|$)|[`\u201d\u3002\uff0c\u3001]|\s?(?:\u6807\u7b7e|\u4e2d|\u91cc)|\s(?:and|or|and/or|to|tags?|blocks?|sections?|elements?|marks?|pairs?|formats?"
    r"|for|with|then|when|once|if|so|but|instead|before|after|below|here|later|at the end|as soon as|is|are|will|which|that|"
    r"\u548c|\u4e0e)(?![\w']))",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\s+(?:and|or|and/or|to|tags?|and then|followed by|\.{3}|\u2026|\u548c|\u4e0e|\u6216)\s+", re.IGNORECASE)
_OWN = r"(?:put |insert |write )?(?:the |your |my |a |an |some |final |short |actual |python )*"
_PLACEHOLDERS = {
    kind: re.compile(
        rf"[\s\[({{<\"'`*]*(?:[.\u2026_]{{2,20}}|\u2026|{_OWN}(?:{words})(?: goes)?(?: here)?)[\s\])}}>\"'`*.!]*", re.IGNORECASE
    )
    for kind, words in {
        Kind.ANSWER: "answer|response|\u7b54\u6848|\u4f60\u7684\u7b54\u6848|\u6700\u7ec8\u7b54\u6848",
        Kind.CODE: "code|program|script|\u4ee3\u7801",
        Kind.CALL: "call|json",
    }.items()
}
_LIKE_CODE = re.compile(
    r"[=(\[{]|^\s*(?:import\s+\w|from\s+[\w.]+\s+import\b|def\s+\w|class\s+\w|for\s+[\w, ]+\s+in\b"
    r"|(?:if|while|with|else|try)\b.*:\s*$)"
)
_QUOTES = {"`": "`", "'": "'", '"': '"', "\u201c": "\u201d", "\u2018": "\u2019"}
_EXPLAINED = re.compile(r"\s*,?\s*where\s+(\w{1,20})", re.IGNORECASE)


def is_named(text: str, tag: Tag, close: Tag | None, previous_end: int) -> bool:
    """Whether the sentence only speaks of the tag.

    Args:
        text: the reply.
        tag: opens code, a call, an answer or an observation.
        close: what closes it, if anything does before another one opens.
        previous_end: where the mark before it ends.
    """
    before = _line_before(text, tag.start, previous_end)
    rest = _line_behind(text, tag.end)
    if _is_quoted(before, rest):
        return True
    if close is not None:
        return _is_pair_named(text, tag, close, before)
    has_words = re.search(r"\w", before) is not None
    if not has_words:
        return re.match(r"\s(?:tags?|and|or)\s", rest) is not None
    if _GOES_ON.match(rest):
        return True
    return tag.kind is Kind.CODE and bool(rest.strip()) and not _is_like_code(rest)


def _is_pair_named(text: str, tag: Tag, close: Tag, before: str) -> bool:
    body, behind = text[tag.end : close.start], _line_behind(text, close.end)
    if len(body) > _LONGEST_LINE:
        return False
    placeholder = _PLACEHOLDERS.get(tag.kind)
    if _JOINED.fullmatch(body) or (placeholder is not None and placeholder.fullmatch(body)):
        return True
    if tag.kind is Kind.ANSWER:
        explained = _EXPLAINED.match(behind)
        return explained is not None and explained[1] == body.strip()
    if "\n" in body.strip() or not re.search(r"\w", before) or "```" in body:
        return False
    if tag.kind is Kind.CALL:
        return not re.search(r"[{(\[<]", body)
    if tag.kind is not Kind.CODE:
        return False
    if not _is_like_code(body) and not compiles(body.strip()):
        return True
    return re.match(r"[\s,.;:]*\w", behind) is not None and not _does_something(body)


def _is_like_code(line: str) -> bool:
    return _LIKE_CODE.search(line) is not None or (compiles(line.strip()) and not re.fullmatch(r"\s*[\w ]*\s*", line))


def _does_something(code: str) -> bool:
    code = code.strip()
    return does_something(code) or (not compiles(code) and _LIKE_CODE.search(code) is not None)


def _is_quoted(before: str, rest: str) -> bool:
    """The tag alone stands between quotes."""
    return bool(before and rest) and _QUOTES.get(before[-1]) == rest[0] and not rest.startswith("```")


def _line_before(text: str, at: int, previous_end: int) -> str:
    start = max(previous_end, at - _LONGEST_LINE, 0)
    return text[max(start, text.rfind("\n", start, at) + 1) : at]


def _line_behind(text: str, at: int) -> str:
    end = text.find("\n", at, at + _LONGEST_LINE)
    return text[at : end if end >= 0 else at + _LONGEST_LINE]
