"""What stands at one water, judged from its sensors and alerts: pure. What cannot see is never green."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from contracts.messages import Value
from contracts.vocabulary import Hazard, SensorKind
from server.alerts.alert import Alert
from server.water.stages import Stage


class State(StrEnum):
    """In the order in which tiles stand."""

    ALARM = "alarm"
    PRESENT = "present"
    UNKNOWN = "unknown"
    CLEAR = "clear"


RANK = {state: n for n, state in enumerate(State)}

PEOPLE = frozenset({SensorKind.BEAM, SensorKind.MOTION, SensorKind.ZONE, SensorKind.CAMERA, "water-person"})
"""Kinds that would notice a person."""

_NO_ALARM = frozenset({Hazard.FAULT, Hazard.ANOMALY})


@dataclass(frozen=True, slots=True)
class Sensor:
    """One point, zone or camera of a water as it was heard last."""

    agent: str
    point: str
    name: str
    kind: str
    link: str = "ok"  # of its agent
    heard: bool = True  # it has ever given a value or a state
    age_s: float | None = None  # since its last good value
    silence_s: float | None = None  # longer than this is silence
    value: Value = None
    unit: str = ""
    at: datetime | None = None
    limits: Mapping[str, float] = field(default_factory=dict[str, float])  # of its rule, by the rule's own word
    blind: str = ""  # why its camera sees nothing
    alerts: tuple[Alert, ...] = ()  # open ones at it

    @property
    def unknown(self) -> str:
        """Why nothing is known of it, as a machine word; empty while it can be believed."""
        if self.link in ("lost", "stopped"):
            return "agent-lost"
        fault = next((a.reason or "fault" for a in self.alerts if a.active and a.kind == Hazard.FAULT), "")
        if fault or self.blind:
            return fault or self.blind
        if not self.heard:
            return "never"
        if self.silence_s is not None and self.age_s is not None and self.age_s > self.silence_s:
            return "silent"
        return ""

    @property
    def state(self) -> Literal["ok", "alarm", "unknown"]:
        """An alarm that stands wins over not knowing: it is the last true word."""
        if any(a.active and a.kind not in _NO_ALARM for a in self.alerts):
            return "alarm"
        return "unknown" if self.unknown else "ok"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a tile says."""

    state: State
    since: datetime | None = None
    blind: tuple[tuple[Sensor, str], ...] = ()  # what is not known, and why
    watched: bool = True  # something here would notice a person


def judge(sensors: Sequence[Sensor], stages: dict[str, Stage]) -> Standing:
    """Judge one water; `stages` holds the open escalations by alert."""
    blind = tuple((s, s.unknown) for s in sensors if s.unknown)
    watched = any(s.kind in PEOPLE for s in sensors)
    standing = [a for s in sensors for a in s.alerts if a.kind not in _NO_ALARM and _stands(a, stages)]
    alarms = [a for a in standing if _is_alarm(a, stages)]
    if alarms or standing:
        chosen = alarms or standing
        state = State.ALARM if alarms else State.PRESENT
        return Standing(state, min(a.began_at for a in chosen), blind, watched)
    if blind or not sensors:
        return Standing(State.UNKNOWN, None, blind, watched)
    return Standing(State.CLEAR, None, (), watched)


def _stands(alert: Alert, stages: dict[str, Stage]) -> bool:
    # Who lingered and is no longer seen may be under the water: it stands until someone has acknowledged it.
    return alert.active or stages.get(alert.id) in (Stage.LINGERING, Stage.PRINCIPAL)


def _is_alarm(alert: Alert, stages: dict[str, Stage]) -> bool:
    if alert.kind != Hazard.WATER_PERSON:
        return True
    return alert.reason == "dwell" or stages.get(alert.id) in (Stage.LINGERING, Stage.PRINCIPAL)
