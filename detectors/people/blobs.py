"""Foreground to boxes: parts of one person are joined, specks are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.people import Boxes, Mask

SMALLEST = 0.0007  # share of the picture: a person 1/12 of its height high
SPECK = 0.0002  # parts smaller than this are not even joined

OPEN = np.ones((2, 2), np.uint8)
CLOSE = np.ones((7, 3), np.uint8)


def clean(mask: Mask) -> Mask:
    """Drop single pixels, and close the gaps that a person's clothes leave (people are upright)."""
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, OPEN)
    return cv2.morphologyEx(opened, cv2.MORPH_CLOSE, CLOSE)


def boxes_of(mask: Mask) -> tuple[Boxes, NDArray[np.float64]]:
    """Return the boxes (n, 4) of connected parts in mask pixels, parts of one person joined, and their areas."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    parts = stats[1:].astype(np.float64)
    parts = parts[parts[:, cv2.CC_STAT_AREA] >= SPECK * mask.size]
    boxes = np.column_stack((parts[:, 0], parts[:, 1], parts[:, 0] + parts[:, 2], parts[:, 1] + parts[:, 3]))
    boxes, areas = join(boxes, parts[:, 4].copy())
    keep = areas >= SMALLEST * mask.size
    return boxes[keep], areas[keep]


def join(boxes: Boxes, areas: NDArray[np.float64]) -> tuple[Boxes, NDArray[np.float64]]:
    """Join boxes that stand above each other with a small gap: head, body and legs of one person."""
    order = np.argsort(-areas)
    boxes, areas = boxes[order], areas[order]
    alive = np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        if not alive[i]:
            continue
        for j in range(i + 1, len(boxes)):
            if alive[j] and _belong(boxes[i], boxes[j]):
                boxes[i, :2] = np.minimum(boxes[i, :2], boxes[j, :2])
                boxes[i, 2:] = np.maximum(boxes[i, 2:], boxes[j, 2:])
                areas[i] += areas[j]
                alive[j] = False
    return boxes[alive], areas[alive]


def _belong(large: NDArray[np.float64], small: NDArray[np.float64]) -> bool:
    """Whether the smaller box overlaps the larger in x and lies within a third of its height above or below."""
    overlap = min(large[2], small[2]) - max(large[0], small[0])
    if overlap < 0.5 * (small[2] - small[0]):
        return False
    gap = max(large[1], small[1]) - min(large[3], small[3])
    return bool(gap < 0.3 * (large[3] - large[1]))
