"""One still of an alarm, of a picture in which nobody can be known; made in the camera's process, and seldom."""

from __future__ import annotations

import base64
from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from agent.camera_words import AlarmStill
from contracts.vocabulary import Hazard, Severity
from detectors.findings import Event

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from config.cameras import CameraSection
    from detectors.camera_watch import CameraWatch
    from detectors.findings import Finding
    from drivers.samples import Frame

    Image = NDArray[np.uint8]

MOST_BYTES = 60_000
A_MINUTE = 4  # of one camera
MINUTE_S = 60.0
OUTLINE, PERSON = (0, 220, 255), (255, 255, 255)  # BGR
_FIRE = frozenset({Hazard.FLAME.value, Hazard.SMOKE.value})
_URGENT = frozenset({Severity.WARNING, Severity.CRITICAL})


class AlarmStills:
    """Which findings get one: where the school asked for it, one an alarm, and a few a minute."""

    def __init__(self, section: CameraSection) -> None:
        self._section = section
        self._standing: set[tuple[str, str]] = set()
        self._made: deque[float] = deque(maxlen=A_MINUTE)

    def of(self, finding: Finding, frame: Frame, watch: CameraWatch) -> AlarmStill | None:
        """Return the still of a finding that was made of this picture; None where it gets none."""
        if not self._section.stills or not isinstance(finding, Event) or not self._begins(finding):
            return None
        if len(self._made) == A_MINUTE and frame.at - self._made[0] < MINUTE_S:
            return None
        self._made.append(frame.at)
        image = watch.hidden(frame)
        self._outline(image, finding.point, frame, watch)
        height, width = image.shape[:2]
        return AlarmStill(self._section.id, finding.point, finding.kind, frame.at, jpeg(image), width, height)

    def _begins(self, event: Event) -> bool:
        """Whether an alarm of the kinds that are shown begins; one that grows worse has its still already."""
        key = (event.point, event.kind)
        if not event.active:
            self._standing.discard(key)
            return False
        water = event.kind == Hazard.WATER_PERSON and event.severity in _URGENT
        if key in self._standing or not (water or event.kind in _FIRE):
            return False
        self._standing.add(key)
        return True

    def _outline(self, image: Image, point: str, frame: Frame, watch: CameraWatch) -> None:
        """Draw the zone and where people are: all that is left to see of them."""
        size = np.array(image.shape[1::-1])
        drawn_on = frame.drawn_on or frame.image.shape[1::-1]
        for zone in self._section.zone:
            if zone.id == point:
                corners = np.asarray(zone.zone, float).reshape(-1, 2) * size / drawn_on
                cv2.polylines(image, [corners.astype(np.int32)], isClosed=True, color=OUTLINE, thickness=2)
        for track in watch.tracker.tracks:
            if track.proven and track.seen_at == frame.at:
                (x1, y1), (x2, y2) = (track.box.reshape(2, 2) * size / frame.image.shape[1::-1]).astype(int).tolist()
                cv2.rectangle(image, (x1, y1), (x2, y2), PERSON, 1)


def jpeg(image: Image) -> str:
    """Return a picture as JPEG in base64, at most 60 kB before that; empty where it cannot be made so small."""
    for quality in (75, 50, 25, 5):
        _, made = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
        if made.size <= MOST_BYTES:
            return base64.b64encode(made.tobytes()).decode("ascii")
    return ""
