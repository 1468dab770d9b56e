"""Which parts of a reply are thought.

    thoughts(text, Tags(text), acts_behind)      # [(0, 31)]: from the mark that opens a thought to behind the one that closes it

Marks of different spellings close one another, and thoughts nest. One that nothing closes is no span: it ends where an action of
its own begins, which `parse` decides. One that nothing opens began with the reply, since chat templates write the opening mark.
Not covered: thoughts that a server returns apart from the text.
"""

from __future__ import annotations

from collections.abc import Callable

from codedance.reply_marks import Kind
from codedance.rollout.codec.mentions import is_named
from codedance.rollout.codec.tags import Tag, Tags


def thoughts(text: str, tags: Tags, acts_behind: Callable[[int], bool]) -> list[tuple[int, int]]:
    """The closed thoughts, outermost only, in order.

    Args:
        text: the reply.
        tags: its marks.
        acts_behind: whether an action begins somewhere behind a position; a closing mark with nothing behind it is a stray one.
    """
    opened: list[int] = []
    spans: list[tuple[int, int]] = []
    previous_end = checked = 0
    may_go_on = True
    for tag in tags.all:
        if tag.kind is Kind.THOUGHT and not tag.closes:
            if not is_named(text, tag, None, previous_end):
                opened.append(tag.start)
        elif tag.kind is Kind.THOUGHT and opened:
            start = opened.pop()
            while spans and spans[-1][0] > start:
                spans.pop()
            spans.append((start, tag.end))
            checked, may_go_on = tag.end, True
        elif tag.kind is Kind.THOUGHT and acts_behind(tag.end):
            may_go_on = may_go_on and _may_be_thought(tags.between(checked, tag.start), is_first=not spans)
            checked = tag.end
            if may_go_on:
                spans[-1:] = [(spans[-1][0] if spans else 0, tag.end)]
        previous_end = tag.end
    return spans


def _may_be_thought(between: list[Tag], *, is_first: bool) -> bool:
    """Whether what stands before a closing mark without an opening one is thought: nothing that only a later turn could hold."""
    kinds = {tag.kind for tag in between if not tag.mark.is_common_word}
    return Kind.OBSERVATION not in kinds and (is_first or not kinds & {Kind.CODE, Kind.CALL})
