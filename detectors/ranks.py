"""Medians and other ranks of numbers; numpy's own load its masked arrays, nine megabytes in each camera's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def ranked(values: ArrayLike, share: float) -> float:
    """Return the value below which this share (0..1) of the values lies; there must be one at least."""
    flat = np.asarray(values, np.float64).ravel()
    rank = share * (flat.size - 1)
    low = int(rank)
    high = min(low + 1, flat.size - 1)
    part = np.partition(flat, (low, high))
    return float(part[low] + (rank - low) * (part[high] - part[low]))


def median(values: ArrayLike) -> float:
    """Return the middle value, or the mean of the two middle ones."""
    return ranked(values, 0.5)
