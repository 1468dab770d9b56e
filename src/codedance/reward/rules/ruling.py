"""What a rule says of an answer: right, wrong, or that it cannot tell."""

from __future__ import annotations

from typing import NamedTuple


class Ruling(NamedTuple):
    """A rule's word and its reason."""

    is_right: bool | None
    """None: undecided; a judge may be asked."""
    why: str


def ruling(is_right: bool, why: str, otherwise: str) -> Ruling:
    """Decided, with the reason that fits."""
    return Ruling(is_right, why if is_right else otherwise)
