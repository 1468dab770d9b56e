"""Two runs over the same questions: is the difference more than luck, and which answers changed.

    compared = compare({"1": 1.0, "2": 0.0}, {"1": 1.0, "2": 1.0}, {"1": "a", "2": "b"})
    compared.difference, compared.p_value, compared.gained         # (0.5 [0.0, 1.0], 1.0, ("2",))

McNemar's exact test counts only questions that one run got right and the other wrong; the interval comes from a bootstrap over
clusters. Questions that only one run has are listed, not compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from codedance.evaluate.intervals import Interval, by_cluster, resampled
from codedance.types import Score


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one run to another."""

    difference: Interval
    """Of the second's accuracy to the first's."""
    p_value: float
    """McNemar, exact and two-sided: how likely so uneven a change is if both are equally good."""
    gained: tuple[str, ...]
    """Questions that only the second got right."""
    lost: tuple[str, ...]
    """Questions that only the first got right."""
    unmatched: tuple[str, ...]
    """Questions that only one of them was asked."""


def means_of(scores: Iterable[Score]) -> dict[str, float]:
    """The mean accuracy of each question; what has no verdict counts as not right."""
    rows: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        rows[score.task_id].append(score.acc or 0.0)
    return {name: sum(own) / len(own) for name, own in rows.items()}


def compare(first: Mapping[str, float], second: Mapping[str, float], clusters: Mapping[str, Hashable]) -> Comparison:
    """Two runs' accuracies by question; with repeats they are means.

    Raises:
        ValueError: they have no question in common.
    """
    from scipy.stats import binomtest

    both = [name for name in first if name in second]
    if not both:
        raise ValueError("the two runs have no question in common")
    change = np.array([second[name] - first[name] for name in both])
    low, high = np.quantile(resampled(*by_cluster(change, [clusters[name] for name in both])), [0.025, 0.975])
    gained = tuple(name for name in both if second[name] > first[name])
    lost = tuple(name for name in both if second[name] < first[name])
    uneven = len(gained) + len(lost)
    return Comparison(
        difference=Interval(float(change.mean()), float(low), float(high), len(both)),
        p_value=float(binomtest(len(gained), uneven, 0.5).pvalue) if uneven else 1.0,
        gained=gained,
        lost=lost,
        unmatched=tuple(sorted(set(first) ^ set(second))),
    )
