"""See when a reply has said a text that ends it, without reading its tail at every token.

    stops = StopTexts(("</code>",), to_text)
    stops.are_said(token_ids)          # True at the first token that ends with, or holds, the end of a stop text

Each token of the vocabulary is looked at once, when it is first said: only where a stop text can end in it, the tail is read.
Not covered: texts that end before the last token, which were seen then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


class StopTexts:
    """Texts that end a reply."""

    def __init__(self, texts: Sequence[str], to_text: Callable[[Sequence[int]], str]) -> None:
        self._texts = [text for text in texts if text]
        self._to_text = to_text
        self._can_end: dict[int, bool] = {}
        most = max((len(text.encode()) for text in self._texts), default=0)  # a token is at least a byte
        self._reach = most + 4  # and a few before it, which decode together

    def are_said(self, token_ids: Sequence[int]) -> bool:
        """Whether the last token completes one of them."""
        last = token_ids[-1]
        can_end = self._can_end.get(last)
        if can_end is None:
            can_end = self._can_end[last] = self._look(last)
        if not can_end:
            return False
        tail = self._to_text(token_ids[-self._reach :])
        return any(text in tail for text in self._texts)

    def _look(self, token: int) -> bool:
        """Whether one of them can end in this token."""
        alone = self._to_text([token])
        if not alone or "\ufffd" in alone:  # a part of a letter
            return True
        spoken = (alone, f" {alone}")  # some tokenizers drop a space at the start
        return any(
            text in word or any(text.endswith(word[:size]) for size in range(1, len(word) + 1))
            for text in self._texts
            for word in spoken
        )
