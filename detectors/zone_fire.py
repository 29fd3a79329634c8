"""Fire in a zone: two detectors of it together raise the grade at once (GB 50116: alarm signals of two detectors)."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.findings import Event

FIRE = frozenset({Hazard.SMOKE, Hazard.HEAT, Hazard.FLAME, Hazard.CO, Hazard.FIRE})


class ZoneFire:
    """Two points that burn are critical; two that give no more than a pre-alarm are a warning. Latches.

    All cameras together are one source, which never gives more than a pre-alarm: one sunset fools them all.
    """

    def __init__(self, members: Iterable[str], cameras: Iterable[str] = ()) -> None:
        self._cameras = frozenset(cameras)
        self.members = frozenset(members) | self._cameras
        self._burning: dict[str, dict[str, Severity]] = {}  # point -> hazard -> grade; bounded by the members
        self._alarm: Alarm | None = None

    def event(self, event: Event) -> list[Event]:
        """Take an event of any point."""
        if event.kind not in FIRE or event.point not in self.members:
            return []
        grades = self._burning.setdefault(event.point, {})
        grades.pop(event.kind, None)
        if event.active:
            grades[event.kind] = event.severity
        together = {point: grades for point, grades in self._burning.items() if grades}
        sources = {"cameras" if point in self._cameras else point for point in together}
        if len(sources) < 2:
            return self._alarm.update(None, event.at) if self._alarm else []
        mild = all(grade is Severity.ADVISORY for grades in together.values() for grade in grades.values())
        self._alarm = self._alarm or Alarm(event.point, Hazard.FIRE, latch=True)
        claim = Claim(Severity.WARNING if mild else Severity.CRITICAL, "coincidence")
        return self._alarm.update(claim, event.at, None, {"points": ",".join(sorted(together))[:200]})

    def reset(self, at: float) -> list[Event]:
        """A person resets what is latched."""
        found = self._alarm.reset(at) if self._alarm else []
        if found:
            self._alarm = None
        return found
