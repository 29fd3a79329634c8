"""People who walk side by side are one blob: told apart by the gap that stays between upright figures."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.people import Boxes
    from detectors.people.background import Foreground

    Profile = NDArray[np.float64]

WIDE = 1.4  # times the usual width for its height: less is one person, with a bag or in stride
FIGURE = 0.7  # of the highest column: a figure stands as high, a shadow or a leg does not
GAP = 0.6  # of the lower of two figures: between them is less
APART = 0.7  # of a person's width, from middle to middle


def apart(boxes: Boxes, seen: Foreground, shape: float) -> Boxes:
    """Return the boxes (n, 4), those of several upright people cut; `shape` is a person's height over width here."""
    cut = [part for box in boxes for part in _parts(box, seen, shape)]
    return np.array(cut, np.float64).reshape(-1, 4)


def _parts(box: NDArray[np.float64], seen: Foreground, shape: float) -> list[NDArray[np.float64]]:
    width, height = box[2:] - box[:2]
    usual = height / shape
    if width < WIDE * usual:
        return [box]
    x1, y1, x2, y2 = (round(float(v)) for v in box * seen.scale)
    figure = seen.mask[max(0, y1) : y2, max(0, x1) : x2] > 0
    cuts = _cuts(figure.sum(axis=0).astype(np.float64), max(1.0, float(usual * seen.scale)))
    if not cuts:
        return [box]
    edges = [0, *cuts, figure.shape[1]]
    parts: list[NDArray[np.float64]] = []
    for left, right in pairwise(edges):
        ys, xs = np.nonzero(figure[:, left:right])
        part = np.array((left + xs.min(), ys.min(), left + xs.max() + 1, ys.max() + 1), np.float64)
        parts.append((part + np.array((max(0, x1), max(0, y1)) * 2)) / seen.scale)
    return parts


def _cuts(columns: Profile, width: float) -> list[int]:
    """Return where the gaps lie between figures; `columns` are the pixels of each, `width` is a person's."""
    span = max(1, round(width / 4)) | 1
    smooth = np.convolve(columns, np.ones(span) / span, "same")
    tops: list[int] = []
    for x in np.argsort(-smooth, kind="stable").tolist():
        if smooth[x] < FIGURE * smooth.max():
            break
        if all(abs(x - top) >= APART * width and _gap(smooth, x, top) for top in tops):
            tops.append(x)
    tops.sort()
    return [a + int(np.argmin(smooth[a : b + 1])) for a, b in pairwise(tops)]


def _gap(smooth: Profile, a: int, b: int) -> bool:
    low, high = min(a, b), max(a, b)
    return bool(smooth[low : high + 1].min() <= GAP * min(smooth[a], smooth[b]))
