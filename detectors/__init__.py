"""Samples in, findings out. The one list of sensor detectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import assert_never

from config.bit_rules import BitRule
from config.number_rules import NumberRule
from config.points import PointSection
from config.rules import (
    BeamRule,
    ContactRule,
    CoRule,
    DoorRule,
    ElectricalRule,
    EmergencyRule,
    ExitLockRule,
    FireDoorRule,
    FlameRule,
    GasRule,
    HeatRule,
    LeakRule,
    LevelRule,
    LifeRingBoxRule,
    LifeRingRule,
    MotionRule,
    PanelRule,
    SmokeRule,
    TemperatureRule,
    WaterLevelRule,
)
from config.schedules import CalendarSection, ScheduleSection
from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Claim
from detectors.anomaly import Anomaly
from detectors.bit_validity import BitValidity
from detectors.co import Co
from detectors.contact import Armed, Contact, always
from detectors.delays import Held
from detectors.doors import Door, Stage
from detectors.gas import Gas
from detectors.heat import Heat
from detectors.interface import Detector, PointRule
from detectors.level import Level, Limit
from detectors.own_alarm import BitOrNumberValidity, OwnAlarm
from detectors.panel import Panel, PanelValidity
from detectors.schedules import covers
from detectors.smoke import Smoke, SmokeValidity
from detectors.validity import NumberValidity
from detectors.watched import Watched
from detectors.water import WaterLevel, believable

SCHOOL = CalendarSection()
LIMITED = {"level": Hazard.ANOMALY, "temperature": Hazard.TEMPERATURE, "electrical": Hazard.ELECTRICAL}


def detectors_for(point: PointSection, calendar: CalendarSection = SCHOOL) -> list[Detector]:  # noqa: C901, PLR0911, PLR0912 - one list
    """Return the detectors that watch a point; what several points say together is detectors.coincidence."""
    here = point.id
    match point.rule:
        case HeatRule() as rule:
            return _numbers(point, rule, [Heat(here, rule)])
        case SmokeRule() as rule:
            return [Watched(here, SmokeValidity(rule, silence_s=point.silence_s), [Smoke(here, rule)])]
        case CoRule() as rule:
            return _bit_or_number(point, rule, [Co(here, rule), OwnAlarm(here, Hazard.CO, latch=rule.latch)])
        case GasRule() as rule:
            return _bit_or_number(point, rule, [Gas(here, rule), OwnAlarm(here, Hazard.GAS, latch=rule.latch)])
        case WaterLevelRule() as rule:
            shown = believable(rule, point.unit)
            return _numbers(point, shown, [WaterLevel(here, rule, point.unit), *_unusual(point, calendar)])
        case LevelRule() | TemperatureRule() | ElectricalRule() as rule:
            return _numbers(point, rule, [*_level(here, rule), *_unusual(point, calendar)])
        case ContactRule() as rule:
            held = Held(rule.on_delay_s, rule.off_delay_s)
            return _bits(point, rule, [_contact(here, Hazard.DOOR, rule, held, "on")])
        case FlameRule() as rule:
            held = Held(rule.on_delay_s, rule.off_delay_s)
            return _bits(point, rule, [_contact(here, Hazard.FLAME, rule, held, "flame", latch=rule.latch)])
        case FireDoorRule() as rule:
            return _bits(point, rule, [Door(here, Hazard.FIRE_DOOR, _open_stages(rule), inverted=rule.inverted)])
        case ExitLockRule() as rule:
            locked = Stage(Claim(rule.severity, "locked"), rule.on_delay_s, _armed(rule.occupied, calendar))
            return _bits(point, rule, [Door(here, Hazard.EXIT_LOCKED, [locked], inverted=rule.inverted)])
        case DoorRule() as rule:
            forced = Stage(Claim(rule.severity, "forced"), 0.0, _armed(rule.closed, calendar))
            held_open = Stage(Claim(Severity.ADVISORY, "held"), rule.held_s)
            return _bits(point, rule, [Door(here, Hazard.DOOR, [forced, held_open], inverted=rule.inverted)])
        case MotionRule() | BeamRule() as rule:
            held = Held(rule.on_delay_s, rule.off_delay_s)
            armed = _armed(rule.armed, calendar)
            return _bits(point, rule, [_contact(here, Hazard(rule.hazard), rule, held, rule.kind, armed=armed)])
        case LeakRule() as rule:
            held = Held(rule.on_delay_s, rule.off_delay_s)
            return _bits(point, rule, [_contact(here, Hazard.LEAK, rule, held, "wet", latch=rule.latch)])
        case EmergencyRule() as rule:
            return _bits(point, rule, [_contact(here, Hazard.EMERGENCY, rule, Held(), "pressed", latch=rule.latch)])
        case LifeRingBoxRule() as rule:
            held = Held(0.0, rule.off_delay_s)
            return _bits(point, rule, [_contact(here, Hazard.LIFE_RING, rule, held, "box-opened")])
        case LifeRingRule() as rule:
            held = Held(rule.on_delay_s, rule.off_delay_s)
            return _bits(point, rule, [_contact(here, Hazard.LIFE_RING, rule, held, "missing")])
        case PanelRule() as rule:
            return [Watched(here, PanelValidity(silence_s=point.silence_s), [Panel(here, rule)])]
        case _:
            assert_never(point.rule)


def _bit_or_number(point: PointSection, rule: NumberRule, rules: Sequence[PointRule]) -> list[Detector]:
    return [Watched(point.id, BitOrNumberValidity(rule, silence_s=point.silence_s), rules)]


def _numbers(point: PointSection, rule: NumberRule, rules: Sequence[PointRule]) -> list[Detector]:
    return [Watched(point.id, NumberValidity(rule, silence_s=point.silence_s), rules)]


def _bits(point: PointSection, rule: BitRule, rules: Sequence[PointRule]) -> list[Detector]:
    return [Watched(point.id, BitValidity(rule, silence_s=point.silence_s), rules)]


def _unusual(point: PointSection, calendar: CalendarSection) -> list[PointRule]:
    rules = (LevelRule, TemperatureRule, ElectricalRule, WaterLevelRule)
    wanted = isinstance(point.rule, rules) and point.rule.anomaly
    return [Anomaly(point.id, utc_offset_s=calendar.utc_offset_h * 3600.0)] if wanted else []


def _level(point: str, rule: LevelRule | TemperatureRule | ElectricalRule) -> list[PointRule]:
    if isinstance(rule, LevelRule) and rule.anomaly:
        return []  # either limits or the usual course: both are the same hazard of the point
    high, low = (
        None
        if limit is None
        else Limit(limit, above=above, deadband=rule.deadband, held=Held(rule.on_delay_s, rule.off_delay_s))
        for limit, above in ((rule.high, True), (rule.low, False))
    )
    return [Level(point, LIMITED[rule.kind], rule.severity, high=high, low=low)]


def _contact(
    point: str,
    hazard: Hazard,
    rule: ContactRule | FlameRule | MotionRule | BeamRule | LeakRule | EmergencyRule | LifeRingBoxRule | LifeRingRule,
    held: Held,
    reason: str,
    *,
    latch: bool = False,
    armed: Armed = always,
) -> Contact:
    claim = Claim(rule.severity, reason)
    return Contact(point, hazard, claim, held, inverted=rule.inverted, latch=latch, armed=armed)


def _open_stages(rule: FireDoorRule) -> list[Stage]:
    return [
        Stage(Claim(Severity.WARNING, "open-for-ledger"), rule.ledger_s),
        Stage(Claim(Severity.WARNING, "open-long"), rule.warning_s),
        Stage(Claim(Severity.ADVISORY, "open"), rule.advisory_s),
    ]


def _armed(schedule: ScheduleSection, calendar: CalendarSection) -> Armed:
    return partial(covers, schedule, calendar)
