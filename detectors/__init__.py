"""Samples in, findings out. The one list of sensor detectors."""

from __future__ import annotations

from typing import assert_never

from config.points import PointSection
from config.rules import ContactRule, LevelRule
from contracts.vocabulary import Hazard, SensorKind
from detectors.contact import Contact
from detectors.delays import Held
from detectors.interface import Detector
from detectors.level import Level, Limit
from detectors.validity import Validity
from detectors.watched import Watched

HAZARDS = {
    SensorKind.HEAT: Hazard.HEAT,
    SensorKind.SMOKE: Hazard.SMOKE,
    SensorKind.CO: Hazard.CO,
    SensorKind.GAS: Hazard.GAS,
    SensorKind.FLAME: Hazard.FLAME,
    SensorKind.ELECTRICAL: Hazard.ELECTRICAL,
    SensorKind.TEMPERATURE: Hazard.TEMPERATURE,
    SensorKind.WATER_LEVEL: Hazard.WATER_LEVEL,
    SensorKind.CONTACT: Hazard.DOOR,
    SensorKind.FIRE_DOOR: Hazard.FIRE_DOOR,
    SensorKind.EXIT_LOCK: Hazard.EXIT_LOCKED,
    SensorKind.DOOR: Hazard.DOOR,
    SensorKind.MOTION: Hazard.INTRUSION,
    SensorKind.BEAM: Hazard.INTRUSION,
    SensorKind.LEAK: Hazard.LEAK,
    SensorKind.EMERGENCY: Hazard.EMERGENCY,
    SensorKind.LIFE_RING_BOX: Hazard.LIFE_RING,
    SensorKind.LIFE_RING: Hazard.LIFE_RING,
    SensorKind.PANEL: Hazard.FIRE,
    SensorKind.LEVEL: Hazard.ANOMALY,
}


def detectors_for(point: PointSection) -> list[Detector]:
    """Return the detectors that watch a point: give every sample of its bus to each of them."""
    hazard = HAZARDS[point.kind]
    match point.rule:
        case LevelRule() as rule:
            high, low = (
                None
                if limit is None
                else Limit(limit, above=above, deadband=rule.deadband, held=Held(rule.on_delay_s, rule.off_delay_s))
                for limit, above in ((rule.high, True), (rule.low, False))
            )
            level = Level(point.id, hazard, rule.severity, high=high, low=low)
            return [Watched(point.id, Validity("number", silence_s=point.silence_s), [level])]
        case ContactRule() as rule:
            held = Held(rule.on_delay_s, rule.off_delay_s)
            contact = Contact(point.id, hazard, rule.severity, held, latch=rule.latch)
            return [Watched(point.id, Validity("bit", silence_s=point.silence_s), [contact])]
        case _:
            assert_never(point.rule)
