"""Rules for sensors that say yes or no, or a word."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config import Section
from config.schedules import ScheduleSection
from contracts.vocabulary import Severity

HOUR = 3600.0


class BitRule(Section):
    """What makes a contact believable."""

    inverted: bool = False  # wired the other way round
    chatter: int = Field(default=3, ge=0)  # on so often in a minute is chattering; 0: never asked
    stuck_s: float | None = Field(default=None, gt=0)  # on for so long is a stuck sensor
    grace_s: float = Field(default=3.0, ge=0)
    steady_s: float = Field(default=60.0, ge=0)  # a fault that comes and goes ends when all was well for so long


class ContactRule(BitRule):
    """A plain contact. Being on is no alarm by itself unless `on_delay_s` says after how long (0: at once)."""

    kind: Literal["contact"] = "contact"
    on_delay_s: float = Field(default=24 * HOUR, ge=0)  # ISA-18.2: what stands for a day is stale
    off_delay_s: float = Field(default=0.0, ge=0)
    severity: Severity = Severity.WARNING


class FlameRule(BitRule):
    """A flame detector's contact: held 3 s, for the sun and a welder's arc flicker."""

    kind: Literal["flame"] = "flame"
    on_delay_s: float = Field(default=3.0, ge=0)
    off_delay_s: float = Field(default=10.0, ge=0)
    severity: Severity = Severity.CRITICAL
    latch: bool = True


class FireDoorRule(BitRule):
    """A normally closed fire door (GB 29364): open 10 s is said, 60 s is a warning, 10 minutes a ledger row."""

    kind: Literal["fire-door"] = "fire-door"
    advisory_s: float = Field(default=10.0, ge=0)
    warning_s: float = Field(default=60.0, ge=0)
    ledger_s: float = Field(default=600.0, ge=0)


class ExitLockRule(BitRule):
    """An exit's lock: locked while people are inside, or while an alarm stands, is an alarm at once."""

    kind: Literal["exit-lock"] = "exit-lock"
    occupied: ScheduleSection = ScheduleSection(hours=("06:30-22:00",), days="school")
    on_delay_s: float = Field(default=0.0, ge=0)
    severity: Severity = Severity.CRITICAL


class DoorRule(BitRule):
    """A door: open when it should be closed (`forced`), or standing open too long (`held`)."""

    kind: Literal["door"] = "door"
    closed: ScheduleSection = ScheduleSection(hours=("22:30-05:30",))
    held_s: float = Field(default=600.0, ge=0)
    severity: Severity = Severity.WARNING


class MotionRule(BitRule):
    """Motion where and when nobody should be; no alarm outside its armed times."""

    kind: Literal["motion"] = "motion"
    chatter: int = Field(default=0, ge=0)  # a PIR fires again and again by nature: the off-delay sums it up
    stuck_s: float | None = 12 * HOUR
    armed: ScheduleSection = ScheduleSection(hours=("22:30-05:30",))
    on_delay_s: float = Field(default=3.0, ge=0)
    off_delay_s: float = Field(default=600.0, ge=0)
    hazard: Literal["intrusion", "water-person"] = "intrusion"
    severity: Severity = Severity.WARNING


class BeamRule(BitRule):
    """A light beam at the water's edge, armed in the season; with a PIR of its zone within 10 s it is critical."""

    kind: Literal["beam"] = "beam"
    chatter: int = Field(default=0, ge=0)
    stuck_s: float | None = HOUR
    armed: ScheduleSection = ScheduleSection(months=(4, 10))
    on_delay_s: float = Field(default=3.0, ge=0)
    off_delay_s: float = Field(default=60.0, ge=0)
    hazard: Literal["intrusion", "water-person"] = "water-person"
    severity: Severity = Severity.WARNING


class LeakRule(BitRule):
    """A leak pad: wet for 3 s, then latched."""

    kind: Literal["leak"] = "leak"
    on_delay_s: float = Field(default=3.0, ge=0)
    off_delay_s: float = Field(default=0.0, ge=0)
    severity: Severity = Severity.WARNING
    latch: bool = True


class EmergencyRule(BitRule):
    """A one-key alarm: at once, latched, never filtered."""

    kind: Literal["emergency"] = "emergency"
    chatter: int = Field(default=0, ge=0)
    severity: Severity = Severity.CRITICAL
    latch: bool = True


class LifeRingBoxRule(BitRule):
    """A life-ring box: opened is an alarm, for someone may be in the water."""

    kind: Literal["life-ring-box"] = "life-ring-box"
    off_delay_s: float = Field(default=5.0, ge=0)
    severity: Severity = Severity.CRITICAL


class LifeRingRule(BitRule):
    """A life ring's hook: missing for 10 minutes is a ledger row."""

    kind: Literal["life-ring"] = "life-ring"
    on_delay_s: float = Field(default=600.0, ge=0)
    off_delay_s: float = Field(default=10.0, ge=0)
    severity: Severity = Severity.WARNING


class PanelRule(Section):
    """A part of a fire panel, as it reports itself; a fire bit is never filtered."""

    kind: Literal["panel"] = "panel"
    severity: Severity = Severity.CRITICAL
    latch: bool = True
    grace_s: float = Field(default=0.0, ge=0)
