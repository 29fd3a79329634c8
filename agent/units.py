"""Units as people write them, and those that each kind's limits are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.vocabulary import SensorKind

_ALIASES = {
    "°c": "c", "℃": "c", "degc": "c", "celsius": "c", "摄氏度": "c",
    "°f": "f", "℉": "f", "degf": "f", "fahrenheit": "f", "华氏度": "f",
    "kelvin": "k", "mg/m³": "mg/m3",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """What a kind's limits are in: as it is shown, and by the names of the units."""

    shown: str
    names: tuple[str, ...]


JUDGED_IN: Mapping[SensorKind, Judged] = {
    SensorKind.HEAT: Judged("°C", ("c",)),
    SensorKind.TEMPERATURE: Judged("°C", ("c",)),
    SensorKind.SMOKE: Judged("dB/m", ("db/m",)),
    SensorKind.CO: Judged("ppm", ("ppm",)),
    SensorKind.GAS: Judged("%LEL", ("%lel",)),
    SensorKind.WATER_LEVEL: Judged("m, cm or mm", ("m", "cm", "mm")),
    SensorKind.ELECTRICAL: Judged("mA", ("ma", "c")),
}
"""Of each kind that gives numbers. A `level` takes any: its limits are in it."""


def name_of(unit: str) -> str:
    """Return the one name of a unit, however it is written."""
    name = unit.lower()
    return _ALIASES.get(name, name)
