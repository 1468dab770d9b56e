"""Several answers to one question: pass@k, and what the majority says.

    pass_at(k=2, right=1, of=4)                  # 0.5: the chance that one of two is right
    majority(["4", "four", "5", "5"])            # 2: the place of the first "5"

Not covered: weighing answers by their probability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb


def pass_at(k: int, right: int, of: int) -> float:
    """The chance that among `k` of `of` answers, `right` of which are right, one is right (Chen et al. 2021, unbiased).

    Raises:
        ValueError: there are fewer answers than k.
    """
    if not 1 <= k <= of:
        raise ValueError(f"pass@{k} of {of} answers; k is 1 to {of}")
    return 1 - comb(of - right, k) / comb(of, k)


def majority(answers: Sequence[str | None]) -> int | None:
    """The place of the first answer that says what most of them say; None where nothing was answered.

    Case and outer blanks do not matter; of answers that are as frequent, the one that came first.
    """
    said = [None if answer is None else answer.strip().casefold() for answer in answers]
    counts = Counter(one for one in said if one)
    return said.index(max(counts, key=lambda one: counts[one])) if counts else None
