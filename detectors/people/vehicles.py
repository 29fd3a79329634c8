"""Whether a track is a vehicle: one full block whose outline stays as it is while it moves.

A person who walks swings arms and legs, and leaves much of a rectangle around him empty. Measured on ten clips
(docs/cameras.md): of the looks at cars that moved 95 % and more are blocks, of those at people at most 8 %.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.people.blobs import clean
from detectors.people.past import Past, whole_pixels
from detectors.tracks import BORDER, way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.people import Mask
    from detectors.people.background import Foreground
    from detectors.tracks import Track, Vector

MOVED = 0.12  # of its own size: who came less far tells nothing
LEAST = 40.0  # pixels of the shorter side, of 320x180: of a smaller outline too little can be said to doubt a person
FULL = (0.88, 0.72)  # of its convex hull, and of the smallest rectangle around it, turned as it is
SAME = 0.8  # of two outlines together is in both
SLACK = 2  # pixels: boxes are not that exact
PART = 0.5  # of a side at least must be in both pictures


class Vehicles:
    """Tracks and pictures in; each track's `moves` and `blocks` count up. It keeps half a second."""

    def __init__(self) -> None:
        self._past = Past(latest=True)  # a car that comes near grows

    def observe(self, tracks: Sequence[Track], seen: Foreground, at: float) -> None:
        """Compare the outline of each track with that of half a second ago."""
        boxes = {
            track.id: track.box * seen.scale
            for track in tracks
            if track.seen_at == at and not track.merged and float(track.size.min()) * seen.scale >= LEAST
        }
        before, then = self._past.before(seen.mask, boxes, at)
        for track in tracks:
            if track.id in boxes and track.id in then:
                _compare(track, before, seen.mask, then[track.id], boxes[track.id])


def without(seen: Foreground, tracks: Sequence[Track]) -> Foreground:
    """Return the foreground without the vehicles in it, which flow would count as a crowd."""
    boxes = [track.box * seen.scale for track in tracks if track.vehicle]
    if not boxes:
        return seen
    mask = seen.mask.copy()
    for box in boxes:
        x1, y1, x2, y2 = whole_pixels(box, mask)
        mask[y1:y2, x1:x2] = 0
    return replace(seen, mask=mask)


def _compare(track: Track, before: Mask, now: Mask, then: Vector, box: Vector) -> None:
    borders = np.array((0, 0, now.shape[1], now.shape[0]), np.float64)
    shift = way(then, box, borders, BORDER)
    if np.hypot(*shift) < MOVED * np.sqrt((box[2:] - box[:2]).prod()):
        return
    like = _likeness(before, now, then, shift)
    if like is not None:
        track.moves += 1
        track.blocks += like >= SAME and _is_full(_cut(now, box))


def _cut(mask: Mask, box: Vector) -> Mask:
    x1, y1, x2, y2 = whole_pixels(box, mask)
    return clean(mask[y1:y2, x1:x2])


def _is_full(outline: Mask) -> bool:
    """Whether the outline fills its hull and a rectangle, as pixels are counted."""
    if not cv2.countNonZero(outline):
        return False
    points = cv2.findNonZero(outline)
    hull = cv2.convexHull(points)
    pixels = cv2.contourArea(hull) + cv2.arcLength(hull, closed=True) / 2 + 1  # Pick: the hull runs through centres
    _, (a, b), _ = cv2.minAreaRect(points)
    return len(points) >= max(FULL[0] * pixels, FULL[1] * (a + 1) * (b + 1))


def _likeness(before: Mask, now: Mask, then: Vector, shift: Vector) -> float | None:
    """What both outlines share of what either covers, 0 to 1, the first moved onto the second at its best.

    None where little of it is in both pictures.
    """
    height, width = now.shape
    x1, y1, x2, y2 = whole_pixels(then, now)
    best: float | None = None
    for x in range(round(float(shift[0])) - SLACK, round(float(shift[0])) + SLACK + 1):
        for y in range(round(float(shift[1])) - SLACK, round(float(shift[1])) + SLACK + 1):
            left, top, right, bottom = max(x1, -x), max(y1, -y), min(x2, width - x), min(y2, height - y)
            if right - left < PART * (x2 - x1) or bottom - top < PART * (y2 - y1):
                continue
            old, new = before[top:bottom, left:right], now[top + y : bottom + y, left + x : right + x]
            either = cv2.countNonZero(cv2.bitwise_or(old, new))
            best = max(best or 0.0, cv2.countNonZero(cv2.bitwise_and(old, new)) / max(either, 1))
    return best
