"""Whether a track moves as a whole: a person takes his looks along, leaves and waves change in their places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.people.past import Past, whole_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.people import Mask
    from detectors.people.background import Foreground
    from detectors.tracks import Track, Vector

SHIFT = (2.5, 0.12)  # pixels, and of its own size: who came less far tells nothing
LEAST = 4  # pixels a side
SLACK = 3  # pixels: boxes are not that exact
LIKE = 0.5  # correlation with where it went
BETTER = 0.1  # than with where it was


class WholeMotion:
    """Tracks and pictures in; each track's `steps` and `whole` count up. It keeps half a second."""

    def __init__(self) -> None:
        self._past = Past()

    def observe(self, tracks: Sequence[Track], seen: Foreground, at: float) -> None:
        """Compare each track's looks now with those of half a second ago."""
        boxes = {track.id: track.box * seen.scale for track in tracks if track.seen_at == at and not track.merged}
        before, then = self._past.before(seen.grey, boxes, at)
        for track in tracks:
            if track.id in boxes and track.id in then:
                _compare(track, before, seen.grey, then[track.id], boxes[track.id])


def _compare(track: Track, before: Mask, now: Mask, then: Vector, box: Vector) -> None:
    shift = ((box - then)[:2] + (box - then)[2:]) / 2
    size = float(np.sqrt(max((then[2:] - then[:2]).prod(), 1.0)))
    if np.hypot(*shift) < max(SHIFT[0], SHIFT[1] * size):
        return
    x1, y1, x2, y2 = whole_pixels(then, now)
    if x2 - x1 < LEAST or y2 - y1 < LEAST:
        return
    looks = before[y1:y2, x1:x2]
    there = _likeness(looks, now, x1 + round(float(shift[0])), y1 + round(float(shift[1])), SLACK)
    here = _likeness(looks, now, x1, y1, 1)
    if there is not None and here is not None:
        track.steps += 1
        track.whole += there > LIKE and there > here + BETTER


def _likeness(looks: Mask, picture: Mask, x: int, y: int, slack: int) -> float | None:
    """Best correlation of the looks with the picture around a place; None where they do not fit in."""
    height, width = looks.shape
    part = picture[max(0, y - slack) : y + height + slack, max(0, x - slack) : x + width + slack]
    if part.shape[0] < height or part.shape[1] < width:
        return None
    return float(cv2.matchTemplate(part, looks, cv2.TM_CCOEFF_NORMED).max())
