"""The numbers a camera gives besides its findings: people a minute across each line, its own pictures a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.camera_words import Measured
from detectors.findings import Crossing
from detectors.minute import MinuteCounts

if TYPE_CHECKING:
    from config.cameras import CameraSection
    from detectors.findings import Finding

EVERY_S = 10.0


class Tally:
    """Pictures and findings in; numbers out, every ten seconds."""

    def __init__(self, section: CameraSection) -> None:
        self._camera = section.id
        self._lines = [MinuteCounts(line.id, line.out) for line in section.line]
        self._pictures = 0
        self._told_at: float | None = None

    def seen(self, at: float) -> None:
        """A picture was looked at."""
        self._pictures += 1
        for line in self._lines:
            line.seen(at)

    def found(self, finding: Finding) -> None:
        """Something was found; crossings count."""
        if isinstance(finding, Crossing):
            for line in self._lines:
                line.crossed(finding)

    def due(self, at: float) -> list[Measured]:
        """Return the numbers that are due. A camera that shows nothing gives none."""
        told = [
            Measured(one.point, one.people, one.at, one.low, one.high, one.quality)
            for line in self._lines
            for one in line.due(at)
        ]
        if self._told_at is None:
            self._told_at = at
        elif at - self._told_at >= EVERY_S:
            if self._pictures:
                told.append(Measured(self._camera, round(self._pictures / (at - self._told_at), 2), at))
            self._told_at, self._pictures = at, 0
        return told
