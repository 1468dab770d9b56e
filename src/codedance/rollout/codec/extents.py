"""Where the body of an action ends, for marks that are missing, stand inside of strings, or belong to another action.

    extents = Extents(text, tags, fences)
    end, resume, is_closed = extents.of_code(tag)

Not covered: what the body means (`parse`); whether a sentence only speaks of a tag (`mentions`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from codedance.reply_marks import Kind
from codedance.rollout.codec.calls import end_of_call
from codedance.rollout.codec.fences import Fences, compiles, does_something, flush_left
from codedance.rollout.codec.tags import Tag, Tags

NO_WORD = re.compile(r"[\W_]*")
"""Matches text in which nothing is said."""
_BLANK = 100  # characters that an empty tag may hold
_MOST_CLOSES = 4  # that are tried until what stands before is whole Python


class Extent(NamedTuple):
    """Of one piece of code or one call."""

    end: int
    """Of its body."""
    resume: int
    """Where reading goes on."""
    is_closed: bool
    """By its own mark."""


@dataclass(frozen=True, slots=True)
class Extents:
    """Of the actions of one text."""

    text: str
    tags: Tags
    fences: Fences

    def own_close(self, tag: Tag) -> Tag | None:
        """What closes it, if no other action opens before."""
        close = self.tags.close_of(tag.kind if tag.kind is not Kind.CALL else tag.mark, tag.end)
        following = self.next_action(tag)
        return close if close is not None and (following is None or close.start < following.start) else None

    def wrong_close(self, tag: Tag) -> Tag | None:
        """A closing mark of another action, where the own one is missing."""
        found = self.tags.next(tag.end)
        while found is not None and found.kind in (Kind.BOX, Kind.THOUGHT):
            found = self.tags.next(found.end)
        return found if found is not None and found.closes and found.kind in (Kind.CODE, Kind.CALL, Kind.ANSWER) else None

    def next_action(self, tag: Tag) -> Tag | None:
        """The next action, which is no part of this call."""
        for other in self.tags.from_action(tag.end):
            if not (tag.kind is Kind.CALL and other.kind is Kind.CALL and other.mark is not tag.mark):
                return other
        return None

    def holds_nothing(self, tag: Tag, close: Tag | None) -> bool:
        """People write "in <answer> tags" too: one that holds nothing of its own before the next action is no action."""
        following = self.next_action(tag)
        if following is None or tag.kind is Kind.THOUGHT or tag.kind is Kind.OBSERVATION:
            return False
        body = self.text[tag.end : (close or following).start]
        if close is not None:
            return len(body) <= _BLANK and not body.strip()
        if tag.kind is Kind.ANSWER:
            is_closed_by_opening = following.kind is Kind.ANSWER and NO_WORD.fullmatch(self.text[following.end :]) is not None
            return self.tags.close_of(Kind.ANSWER, tag.end) is None and not is_closed_by_opening
        if self.fences.opens_between(tag.end, following.start):
            return False
        if any(other.kind is Kind.OBSERVATION for other in self.tags.between(tag.end, following.start)):
            return False
        if tag.kind is Kind.CODE:
            whole = self.tags.close_of(Kind.CODE, tag.end)
            return not does_something(flush_left(body)) and not (whole and self._is_whole(tag, whole))
        return end_of_call(self.text, tag.end) == tag.end and not re.search(r"[{(\[<]", body)

    def of_code(self, tag: Tag) -> Extent:
        """Of the code or the call that `tag` opens."""
        begin = self.fences.protected_until(tag.end) if tag.kind is Kind.CODE else end_of_call(self.text, tag.end)
        if tag.kind is Kind.CALL and not tag.mark.close:
            begin = max(begin, tag.end)
        own = self.tags.close_of(tag.kind if tag.kind is Kind.CODE else tag.mark, begin)
        stop = self._stop_behind(tag, begin)
        if own is not None and (stop is None or own.start <= stop.start or self._is_whole(tag, own)):
            own = self._behind_strings(tag, own)
            return Extent(own.start, own.end, True)
        if stop is None:
            return Extent(len(self.text), len(self.text), False)
        return Extent(stop.start, stop.end if stop.closes else stop.start, False)

    def _stop_behind(self, tag: Tag, begin: int) -> Tag | None:
        """The first mark that cannot be part of the code or call."""
        found = self.tags.next(begin)
        while found is not None:
            is_part = found.kind in (Kind.THOUGHT, Kind.BOX) or (found.kind is Kind.OBSERVATION and found.mark.is_common_word)
            if tag.kind is Kind.CALL and found.kind is Kind.CALL:
                is_part = found.mark is not tag.mark or found.closes
            if not is_part:
                return found
            found = self.tags.next(found.end)
        return None

    def _is_whole(self, tag: Tag, close: Tag) -> bool:
        return tag.kind is Kind.CODE and compiles(flush_left(self.text[tag.end : close.start]))

    def _behind_strings(self, tag: Tag, close: Tag) -> Tag:
        """A closing mark that stands inside of a string closes nothing."""
        if tag.kind is not Kind.CODE or "\n```" in self.text[tag.end : close.start] or self._is_whole(tag, close):
            return close
        at = close.end
        for _ in range(_MOST_CLOSES):
            later = self.tags.close_of(tag.mark, at)
            if later is None or any(other.opens_action for other in self.tags.between(close.end, later.start)):
                break
            if self._is_whole(tag, later):
                return later
            at = later.end
        return close
