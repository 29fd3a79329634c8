"""Words with a fixed meaning on the wire: hazards, severities, sensor kinds, clock quality."""

from __future__ import annotations

from enum import StrEnum


class Hazard(StrEnum):
    """What an event says is wrong. On the wire the field is a plain string: a newer agent may know more."""

    SMOKE = "smoke"
    HEAT = "heat"
    FLAME = "flame"
    FIRE = "fire"  # a fire panel's fire bit, or two detectors of one zone together
    CO = "co"
    GAS = "gas"
    ELECTRICAL = "electrical"  # residual current or cable temperature
    TEMPERATURE = "temperature"
    FIRE_DOOR = "fire-door"  # a normally closed fire door stands open
    EXIT_LOCKED = "exit-locked"  # an exit is locked while people are inside
    DOOR = "door"  # forced or held
    INTRUSION = "intrusion"  # motion where and when nobody should be
    EMERGENCY = "emergency"  # one-key alarm
    WATER_LEVEL = "water-level"
    LEAK = "leak"
    WATER_PERSON = "water-person"  # a person in a water-side zone
    LIFE_RING = "life-ring"  # ring box opened, or ring missing
    ANOMALY = "anomaly"  # a slow quantity left its usual course
    FAULT = "fault"  # the detector itself: silent, stuck, out of range, blind


class Severity(StrEnum):
    """Alarm priority after ISA-18.2; a fault is not an alarm."""

    CRITICAL = "critical"  # 紧急: act now, life is at stake
    WARNING = "warning"  # 重要: act within minutes
    ADVISORY = "advisory"  # 提示: look when you can
    FAULT = "fault"  # 故障: the system cannot see


class SensorKind(StrEnum):
    """What a point measures or reports; chooses its rule and its defaults."""

    HEAT = "heat"  # degC, ceiling air temperature for fire
    SMOKE = "smoke"  # bit, or dB/m
    CO = "co"  # ppm
    GAS = "gas"  # %LEL
    FLAME = "flame"  # bit
    ELECTRICAL = "electrical"  # mA or degC
    TEMPERATURE = "temperature"  # degC, rooms and machines
    WATER_LEVEL = "water-level"  # m, mm
    CONTACT = "contact"  # bit, true = open/active
    FIRE_DOOR = "fire-door"  # bit, true = open
    EXIT_LOCK = "exit-lock"  # bit, true = locked
    DOOR = "door"  # bit, true = open
    MOTION = "motion"  # bit, true = motion
    BEAM = "beam"  # bit, true = broken
    LEAK = "leak"  # bit, true = wet
    EMERGENCY = "emergency"  # bit, true = pressed
    LIFE_RING_BOX = "life-ring-box"  # bit, true = open
    LIFE_RING = "life-ring"  # bit, true = missing
    PANEL = "panel"  # a fire panel's part: state word
    LEVEL = "level"  # any other number with limits
    LINE = "line"  # a counting line in a camera's picture
    ZONE = "zone"  # a watched zone in a camera's picture
    CAMERA = "camera"  # the camera's own health


class Clock(StrEnum):
    """Whether the sender's wall clock can be believed."""

    SYNCED = "synced"
    UNSYNCED = "unsynced"


class Direction(StrEnum):
    """Direction of motion in the picture, across a line."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


LATCHING = frozenset(
    {Hazard.SMOKE, Hazard.HEAT, Hazard.FLAME, Hazard.FIRE, Hazard.CO, Hazard.GAS, Hazard.LEAK, Hazard.EMERGENCY}
)
"""Hazards that stay active until a person resets them: at the agent by default, on the server always."""

SEEN_AGAIN = "seen-again"
"""The reason of an alarm that still stands, said again because its point was blind for long: it wants a person anew."""

NEVER_SHELVED = LATCHING - {Hazard.LEAK}
"""Hazards nobody may shelve: fire, gas, CO and one-key alarms."""
