"""Two runs over the same questions: is the difference more than luck, and which answers changed.

    compared = compare({"1": 1.0, "2": 0.0}, {"1": 1.0, "2": 1.0}, {"1": "a", "2": "b"})
    compared.difference, compared.p_value, compared.gained         # (0.5 [0.0, 1.0], 1.0, ("2",))

McNemar's exact test counts only clusters of questions of which one run got more right; the interval comes from a bootstrap over
clusters. Questions that only one run has an answer and a verdict for are listed, not compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from codedance.evaluate.intervals import EQUAL, Interval, by_cluster, resampled, wilson
from codedance.types import Score


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one run to another."""

    difference: Interval
    """Of the second's accuracy to the first's."""
    p_value: float
    """McNemar, exact and two-sided, over clusters: how likely so uneven a change is if both are equally good."""
    gained: tuple[str, ...]
    """Questions that the second got right, or more often right."""
    lost: tuple[str, ...]
    """Questions that the first got right, or more often right."""
    unmatched: tuple[str, ...]
    """Questions that only one of them has a verdict for."""


def means_of(scores: Iterable[Score]) -> dict[str, float]:
    """The mean accuracy of each question; what has no verdict is left out."""
    rows: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        if score.acc is not None:
            rows[score.task_id].append(score.acc)
    return {name: sum(own) / len(own) for name, own in rows.items()}


def compare_scores(first: Iterable[Score], second: Iterable[Score]) -> Comparison:
    """Two runs' scores, question by question; rows of one group are one cluster.

    Raises:
        ValueError: there is no question that both have a verdict for.
    """
    own, other = list(first), list(second)
    return compare(means_of(own), means_of(other), {score.task_id: score.group or score.task_id for score in (*own, *other)})


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
    sums, sizes = by_cluster(change, [clusters[name] for name in both])
    low, high = np.quantile(resampled(sums, sizes), [0.025, 0.975])
    if high - low < EQUAL and sums.any():  # all changed alike; whatever is drawn again is the same, and would be called certain
        share = wilson((1 + float(change.mean())) / 2 * len(sums), len(sums))
        low, high = 2 * share.low - 1, 2 * share.high - 1
    gained = tuple(name for name in both if second[name] > first[name])
    lost = tuple(name for name in both if second[name] < first[name])
    better, worse = int((sums > EQUAL).sum()), int((sums < -EQUAL).sum())
    return Comparison(
        difference=Interval(float(change.mean()), float(low), float(high), len(both)),
        p_value=float(binomtest(better, better + worse, 0.5).pvalue) if better + worse else 1.0,
        gained=gained,
        lost=lost,
        unmatched=tuple(sorted(set(first) ^ set(second))),
    )
