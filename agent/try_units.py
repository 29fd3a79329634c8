"""Units of a recording's column: how its numbers become those of the kind's rule."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from contracts.vocabulary import SensorKind

Scale = Callable[[float], float]
MG_CO_PER_PPM = 28.01 / 24.45  # mg/m3 at 25 degC
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


_ALIASES = {
    "°c": "c", "℃": "c", "degc": "c", "celsius": "c", "摄氏度": "c",
    "°f": "f", "℉": "f", "degf": "f", "fahrenheit": "f", "华氏度": "f",
    "kelvin": "k", "mg/m³": "mg/m3",
}  # fmt: skip
_TEMPERATURES: dict[str, Scale] = {"c": _same, "f": _fahrenheit, "k": _kelvin}
_LENGTHS: dict[str, Scale] = {
    "m": _same, "cm": _same, "mm": _same, "ft": _times(0.3048), "in": _times(0.0254),
}  # fmt: skip
UNITS: dict[SensorKind, dict[str, Scale]] = {
    SensorKind.HEAT: _TEMPERATURES,
    SensorKind.TEMPERATURE: _TEMPERATURES,
    SensorKind.SMOKE: {"db/m": _same, "%/m": _obscured(1.0), "%/ft": _obscured(0.3048), "bit": _same},
    SensorKind.CO: {
        "ppm": _same, "ppb": _times(1e-3), "%vol": _times(1e4), "mg/m3": _times(1.0 / MG_CO_PER_PPM), "bit": _same,
    },
    SensorKind.GAS: {
        "%lel": _same, "ratio": _times(100.0), "%vol": _times(100.0 / METHANE_LEL),
        "ppm": _times(0.01 / METHANE_LEL), "bit": _same,
    },
    SensorKind.ELECTRICAL: {"ma": _same, "a": _times(1000.0), "c": _same},
    SensorKind.WATER_LEVEL: _LENGTHS | {f"{unit}-distance": scale for unit, scale in _LENGTHS.items()},
}  # fmt: skip
"""Of each kind that gives numbers; the others give bits or words. A `level` takes any: its limits are in it."""


def scale_of(kind: SensorKind, unit: str) -> Scale:
    """Return how a number of this unit becomes one of the kind's rule; raise ValueError naming the units there are."""
    if not unit or kind is SensorKind.LEVEL:
        return _same
    known = UNITS.get(kind, {"bit": _same})
    name = unit.lower()
    try:
        return known[_ALIASES.get(name, name)]
    except KeyError:
        raise ValueError(f"{kind} has no unit {unit!r}: one of {', '.join(known)}") from None


def point_unit(kind: SensorKind, unit: str) -> str:
    """Return the unit that a column's numbers have once they are scaled."""
    if kind is not SensorKind.WATER_LEVEL:
        return unit
    length = unit.removesuffix("-distance")
    return "m" if length in {"ft", "in"} else length


def usual_unit(heading: str, kind: SensorKind) -> str:
    """Guess what a heading promises: `..._mm` is mm, a `distance` to water is one, `(°F)` is no degree Celsius."""
    name = heading.lower()
    if kind in {SensorKind.HEAT, SensorKind.TEMPERATURE}:
        return "f" if re.search(r"(°|\(|\[|deg[ _]?)f\b|℉|fahrenheit", name) else ""
    if kind is not SensorKind.WATER_LEVEL:
        return ""
    unit = next((unit for unit in ("mm", "cm") if re.search(rf"(^|[^a-z]){unit}($|[^a-z])", name)), "m")
    return f"{unit}-distance" if "distance" in name or "sonar" in name else unit
