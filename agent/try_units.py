"""Units of a recording's column: how its numbers become those of the kind's rule."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from agent.units import JUDGED_IN, name_of
from contracts.vocabulary import SensorKind

Scale = Callable[[float], float]
MG_CO_PER_PPM = 28.01 / 24.45  # mg/m3 at 25 degC
DISTANCE = "-distance"  # of a gauge that hangs above the water
METHANE_LEL = 5.0  # % by volume (GB 15322: natural gas is calibrated with methane)


def _times(factor: float) -> Scale:
    return lambda value: value * factor


def _same(value: float) -> float:
    return value


def _fahrenheit(value: float) -> float:
    return (value - 32.0) / 1.8


def _kelvin(value: float) -> float:
    return value - 273.15


def _obscured(metres: float) -> Scale:
    """Return what turns the light lost over some metres, in percent, into dB/m."""

    def scale(value: float) -> float:
        left = 1.0 - min(value, 99.9) / 100.0
        return -10.0 * math.log10(left) / metres

    return scale


_TEMPERATURES: dict[str, Scale] = {"f": _fahrenheit, "k": _kelvin}
_LENGTHS: dict[str, Scale] = {"ft": _times(0.3048), "in": _times(0.0254)}
_OTHERS: dict[SensorKind, dict[str, Scale]] = {
    SensorKind.HEAT: _TEMPERATURES,
    SensorKind.TEMPERATURE: _TEMPERATURES,
    SensorKind.SMOKE: {"%/m": _obscured(1.0), "%/ft": _obscured(0.3048), "bit": _same},
    SensorKind.CO: {"ppb": _times(1e-3), "%vol": _times(1e4), "mg/m3": _times(1.0 / MG_CO_PER_PPM), "bit": _same},
    SensorKind.GAS: {
        "ratio": _times(100.0), "%vol": _times(100.0 / METHANE_LEL), "ppm": _times(0.01 / METHANE_LEL), "bit": _same,
    },
    SensorKind.ELECTRICAL: {"a": _times(1000.0)},
    SensorKind.WATER_LEVEL: _LENGTHS,
}  # fmt: skip
"""Of each kind that gives numbers, the units besides those its rule is in; the other kinds give bits or words."""


def _known(kind: SensorKind) -> dict[str, Scale]:
    if kind not in JUDGED_IN:
        return {"bit": _same}
    scales = dict.fromkeys(JUDGED_IN[kind].names, _same) | _OTHERS[kind]
    if kind is SensorKind.WATER_LEVEL:
        scales |= {f"{unit}{DISTANCE}": scale for unit, scale in scales.items()}
    return scales


def scale_of(kind: SensorKind, unit: str) -> Scale:
    """Return how a number of this unit becomes one of the kind's rule; raise ValueError naming the units there are."""
    if not unit or kind is SensorKind.LEVEL:
        return _same
    known = _known(kind)
    try:
        return known[name_of(unit)]
    except KeyError:
        raise ValueError(f"{kind} has no unit {unit!r}: one of {', '.join(known)}") from None


def point_unit(kind: SensorKind, unit: str) -> str:
    """Return the unit that a column's numbers have once they are scaled."""
    if kind is not SensorKind.WATER_LEVEL:
        return unit
    length = unit.removesuffix(DISTANCE)
    return "m" if length in {"ft", "in"} else length


def usual_unit(heading: str, kind: SensorKind) -> str:
    """Guess what a heading promises: `..._mm` is mm, a `distance` to water is one, `(°F)` is no degree Celsius."""
    name = heading.lower()
    if kind in {SensorKind.HEAT, SensorKind.TEMPERATURE}:
        return "f" if re.search(r"(°|\(|\[|deg[ _]?)f\b|℉|fahrenheit", name) else ""
    if kind is not SensorKind.WATER_LEVEL:
        return ""
    unit = next((unit for unit in ("mm", "cm") if re.search(rf"(^|[^a-z]){unit}($|[^a-z])", name)), "m")
    return f"{unit}{DISTANCE}" if "distance" in name or "sonar" in name else unit
