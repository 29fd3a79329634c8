"""What a device said, as the value its point promises."""

from __future__ import annotations

import math

from contracts.vocabulary import SensorKind
from drivers.samples import Value

BITS = frozenset(
    {
        SensorKind.FLAME,
        SensorKind.CONTACT,
        SensorKind.FIRE_DOOR,
        SensorKind.EXIT_LOCK,
        SensorKind.DOOR,
        SensorKind.MOTION,
        SensorKind.BEAM,
        SensorKind.LEAK,
        SensorKind.EMERGENCY,
        SensorKind.LIFE_RING_BOX,
        SensorKind.LIFE_RING,
    }
)
"""Kinds that are on or off, true = the state that matters (open, wet, pressed)."""

_ON = frozenset({"1", "true", "on", "yes", "open", "alarm", "wet", "detected", "pressed", "active"})
_OFF = frozenset({"0", "false", "off", "no", "closed", "close", "normal", "dry", "clear", "released", "inactive"})


def value_of(kind: SensorKind, said: object) -> Value | None:
    """Return the value, a bool for a bit kind, a finite float otherwise; None when it is neither."""
    if isinstance(said, str):
        word = said.strip().lower()
        if kind is SensorKind.PANEL:
            return word or None
        if word in _ON | _OFF and not word.isdigit():
            said = word in _ON
    if isinstance(said, bool):
        return said
    if not isinstance(said, (str, int, float)):
        return None
    try:
        number = float(said)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return number != 0 if kind in BITS else number
