"""NAB's score of one series: sigmoidal reward by place in the window, standard profile (Lavin and Ahmad 2015).

Weights of the standard profile: true positive 1, false positive 0.11, miss 1. Per window the earliest detection counts,
for 2 * sigmoid(5 * -y) - 1 with y its place from -1 (the window's left edge) to 0 (its right edge), scaled so that the
left edge is worth 1. A detection outside every window costs by its distance behind the window before it, at most the
full weight. The first 15 % (at most of 5,000 rows) are for learning. 100 is the perfect detector, 0 the one that never
says anything. NAB chooses one threshold over its whole corpus; this does the same over the scores it is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FALSE_POSITIVE = 0.11
PROBATION = 0.15


@dataclass(frozen=True, slots=True)
class Series:
    """The scores of one series, and its windows as first and last row."""

    scores: Sequence[float]
    windows: Sequence[tuple[int, int]]


def sigmoid(place: float) -> float:
    """Return the reward at a place relative to a window, -1 its left edge, 0 its right edge, 1 a window behind."""
    return -1.0 if place > 3.0 else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


def raw(series: Series, threshold: float) -> float:
    """Return the raw score of one series at one threshold."""
    learning = math.floor(PROBATION * min(len(series.scores), 5000))
    hits = [row for row, score in enumerate(series.scores) if score >= threshold and row >= learning]
    total = 0.0
    for first, last in series.windows:
        inside = [row for row in hits if first <= row <= last]
        total += sigmoid(-(last - inside[0] + 1) / (last - first + 1)) / sigmoid(-1.0) if inside else -1.0
    for row in hits:
        if not any(first <= row <= last for first, last in series.windows):
            before = [window for window in series.windows if window[1] < row]
            place = (row - before[-1][1]) / (before[-1][1] - before[-1][0]) if before else math.inf
            total += FALSE_POSITIVE * sigmoid(place)
    return total


def score(corpus: Sequence[Series], threshold: float) -> float:
    """Return the score of a corpus at one threshold, 0 for the silent detector and 100 for the perfect one."""
    windows = sum(len(series.windows) for series in corpus)
    return 100.0 * (sum(raw(series, threshold) for series in corpus) + windows) / (2.0 * windows)


def best(corpus: Sequence[Series]) -> tuple[float, float]:
    """Return the best score over thresholds, and its threshold, as NAB chooses it."""
    levels = sorted({round(level, 3) for series in corpus for level in series.scores} | {1.01})
    return max((score(corpus, level), level) for level in levels)
