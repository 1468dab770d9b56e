"""How sure a share is: Wilson intervals where rows are independent, a bootstrap over clusters where they are not.

    wilson(85, 100)                                   # Interval(value=0.85, low=0.767, high=0.907, n=100)
    accuracy([1, 1, 0, 1], ["a", "a", "b", "b"])      # four rows of two pictures: resampled by picture

All intervals are of 95 %. Not covered: comparisons of two runs (`paired`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Z = 1.959964
_DRAWS = 2000
_SEED = 0
EQUAL = 1e-9
"""Means that differ by less are the same."""


class Interval(NamedTuple):
    """A figure and where it lies with a probability of 95 %."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def wilson(hits: float, of: int) -> Interval:
    """Of a share of independent rows (Wilson 1927); from 0 to 1 where there are none.

    Args:
        hits: how many were right; a fraction where the rows stand for more.
        of: how many there are.
    """
    if not of:
        return Interval(math.nan, 0.0, 1.0, 0)
    share, spread = hits / of, Z * Z / of
    middle = (share + spread / 2) / (1 + spread)
    # the share itself bounds the ends: at 0 and 1 rounding would put them on its other side
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)), of)


def accuracy(right: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """Of the mean of some rows; rows of one cluster (a picture, a question in several orders, repeats) count together.

    Args:
        right: 1 or 0, or a share, for each row.
        clusters: what each row belongs to.
    """
    if len(set(clusters)) == len(right) and set(right) <= {0, 1}:
        return wilson(round(sum(right)), len(right))
    if not len(right):
        return wilson(0, 0)
    sums, sizes = by_cluster(np.asarray(right, np.float64), clusters)
    if np.ptp(sums / sizes) < EQUAL:  # whatever is drawn again is the same, and would be called certain
        share = wilson(float(np.mean(right)) * len(sums), len(sums))
        return Interval(share.value, share.low, share.high, len(right))
    means = resampled(sums, sizes)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(np.mean(right)), float(low), float(high), len(right))


def by_cluster(values: NDArray[np.float64], clusters: Sequence[Hashable]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sum of each cluster's values, and how many there are."""
    places = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    index = np.array([places[name] for name in clusters])
    sums, sizes = (np.bincount(index, weights, len(places)).astype(np.float64) for weights in (values, np.ones(len(index))))
    return sums, sizes


def resampled(sums: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of all rows when the clusters are drawn again with replacement; the draws are always the same."""
    rng = np.random.default_rng(_SEED)
    weights = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=_DRAWS)
    means: NDArray[np.float64] = (weights @ sums) / (weights @ sizes)
    return means
