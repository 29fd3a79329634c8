"""Staged escalation of one alert at a water: pure, time is given.

Present, then staying too long, then nobody acknowledged: the principal is told. Who leaves soon ends it; once someone
has stayed too long only an acknowledgement ends it, for who is no longer seen may be under the water.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Stage(StrEnum):
    """How far it has come."""

    PRESENT = "present"
    LINGERING = "lingering"
    PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True)
class Course:
    """One escalation with the plan it began with; `ending` is empty while it goes on."""

    dwell_s: float
    ack_s: float
    began_at: datetime
    stage: Stage = Stage.PRESENT
    lingering_at: datetime | None = None
    principal_at: datetime | None = None
    ended_at: datetime | None = None
    ending: str = ""

    @property
    def open(self) -> bool:
        return self.ended_at is None


@dataclass(frozen=True, slots=True)
class Seen:
    """The alert as it stands now. `urgent` is an agent's own word that someone has stayed too long."""

    active: bool
    acked: bool
    urgent: bool = False


def advance(course: Course, seen: Seen, now: datetime) -> Course:
    """Move as far as the time and the alert say."""
    if not course.open:
        return course
    if seen.acked:
        return replace(course, ended_at=now, ending="acknowledged")
    if course.stage is Stage.PRESENT:
        long = seen.urgent or now - course.began_at >= timedelta(seconds=course.dwell_s)
        if seen.active and long:
            course = replace(course, stage=Stage.LINGERING, lingering_at=now)
        elif not seen.active:
            return replace(course, ended_at=now, ending="left")
    waited = now - (course.lingering_at or now)
    if course.stage is Stage.LINGERING and waited >= timedelta(seconds=course.ack_s):
        course = replace(course, stage=Stage.PRINCIPAL, principal_at=now)
    return course
