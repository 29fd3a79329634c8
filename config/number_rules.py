"""Rules for sensors that give a number: what can be believed, then the limits."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from config import Section
from contracts.vocabulary import Severity

HOUR = 3600.0


class NumberRule(Section):
    """What makes a number believable, in the point's unit; asked in this order, before any limit."""

    special: tuple[float, ...] = ()  # values that are messages of the device, not measurements
    special_tolerance: float = Field(default=0.0, ge=0)
    special_from: float | None = None  # every value from here on is such a message
    at_least: float | None = None
    at_most: float | None = None
    step_per_s: float | None = Field(default=None, gt=0)  # faster than the quantity can move
    step_least: float = Field(default=0.0, ge=0)  # a step up to this is never questioned
    fall_least: float | None = Field(default=None, gt=0)  # a sudden fall of more is a loose wire; it may grow by
    fall_per_s: float = Field(default=0.3, gt=0)  # so much a second, until the value stands still
    stuck_s: float | None = Field(default=None, gt=0)  # the very same raw value for so long, where noise is normal
    gap_s: float | None = Field(default=None, gt=0)  # none given: 2.5 of the usual intervals, at least 30 s
    grace_s: float = Field(default=3.0, ge=0)  # trouble shorter than this is no fault
    chatter: int = Field(default=3, ge=0)  # so many impossible steps in a minute: a loose wire (ISA-18.2); 0: never
    steady_s: float = Field(default=60.0, ge=0)  # what chatters is believed again when it has been good for so long


class LevelRule(NumberRule):
    """Any number with limits (OPC UA Part 9: on-delay, off-delay, deadband)."""

    kind: Literal["level"] = "level"
    high: float | None = None
    low: float | None = None
    deadband: float = Field(default=0.0, ge=0)
    on_delay_s: float = Field(default=0.0, ge=0)
    off_delay_s: float = Field(default=0.0, ge=0)
    severity: Severity = Severity.WARNING
    anomaly: bool = False  # report when it leaves its usual course, without a limit


class TemperatureRule(NumberRule):
    """A room or a machine, degC. -127 is a DS18B20 that is not there, 85 one that has just started (datasheet)."""

    kind: Literal["temperature"] = "temperature"
    special: tuple[float, ...] = (-127.0, 85.0)
    at_least: float | None = -55.0
    at_most: float | None = 125.0
    step_per_s: float | None = 10.0
    step_least: float = 5.0
    fall_least: float | None = 5.0
    stuck_s: float | None = 24 * HOUR
    high: float | None = None
    low: float | None = None
    deadband: float = Field(default=1.0, ge=0)
    on_delay_s: float = Field(default=10.0, ge=0)
    off_delay_s: float = Field(default=60.0, ge=0)
    severity: Severity = Severity.WARNING
    anomaly: bool = False


class ElectricalRule(NumberRule):
    """Residual current, mA (GB 14287: 300-500 mA set, 20-1000 possible), or a cable's degC: give its limit."""

    kind: Literal["electrical"] = "electrical"
    at_least: float | None = -55.0
    at_most: float | None = 5000.0
    high: float | None = 300.0
    low: float | None = None
    deadband: float = Field(default=10.0, ge=0)
    on_delay_s: float = Field(default=10.0, ge=0)
    off_delay_s: float = Field(default=60.0, ge=0)
    severity: Severity = Severity.WARNING
    anomaly: bool = False


class WaterLevelRule(NumberRule):
    """Height of water in m; or `distance`: from a gauge above down to the water, in mm.

    Ultrasonic gauges of 5 m range answer 5000 and more for "no echo"; 65533 and 65534 mean nothing seen and disturbed.
    """

    kind: Literal["water-level"] = "water-level"
    distance: bool = False  # smaller is higher water
    special: tuple[float, ...] = (65533.0, 65534.0)
    special_from: float | None = None  # none given: 5000 for a distance in mm
    at_least: float | None = None  # none given: 20 m round the marks, 200 m below and 9000 m above the datum without;
    at_most: float | None = None  # of a distance 1 mm, for 0 is a gauge that sees nothing
    fall_least: float | None = None  # none given: 1 m of a height; no water falls by that at once, a lost wire does
    chatter: int = Field(default=0, ge=0)  # waves are no loose wire: a flood among them must be told
    stuck_s: float | None = 6 * HOUR
    high: float | None = None  # the mark, in the point's unit: a height, or the distance down to it
    critical: float | None = None
    deadband: float = Field(default=0.05, ge=0)  # m, as the next three
    spike: float = Field(default=0.25, gt=0)  # a jump of more needs a second of three samples to agree
    rise: float = Field(
        default=0.5, gt=0
    )  # m in 10 minutes: an advisory; faster than a tide of 7 m, slower than a flood
    on_delay_s: float = Field(default=0.0, ge=0)
    off_delay_s: float = Field(default=60.0, ge=0)  # what waves lap over is one alarm
    second: str = ""  # the id of a second gauge of this agent, on any bus
    agree: float = Field(default=0.3, gt=0)  # the two may differ by so much
    again_s: float = Field(default=HOUR, gt=0)
    """Blind for so long while its alarm stood: what is seen then is said anew (ISA-18.2: re-alarm)."""
    severity: Severity = Severity.WARNING
    anomaly: bool = False

    @model_validator(mode="after")
    def _one_hint(self) -> Self:
        if self.second and self.anomaly:
            raise ValueError("second and anomaly are one and the same hint of a point: keep one of them")
        return self


class GasRule(NumberRule):
    """Combustible gas, %LEL (GB 15322: a low alarm in 5-25, a high one at 50)."""

    kind: Literal["gas"] = "gas"
    at_least: float | None = -5.0
    at_most: float | None = 120.0
    low_alarm: float = 10.0
    high_alarm: float = 50.0
    deadband: float = Field(default=2.0, ge=0)
    samples: int = Field(default=2, ge=1)
    off_delay_s: float = Field(default=30.0, ge=0)
    latch: bool = True


class CoRule(NumberRule):
    """Carbon monoxide, ppm: alarms by dose, the earlier of UL 2034's and EN 50291's times; below `clear` it forgets."""

    kind: Literal["co"] = "co"
    at_least: float | None = -20.0
    at_most: float | None = 2000.0
    table: tuple[tuple[float, float], ...] = ((50.0, 75.0), (70.0, 60.0), (100.0, 25.0), (150.0, 10.0), (300.0, 2.5))
    """(ppm, minutes): at this concentration alarm after so long, the middle of what the standards allow."""
    clear: float = 30.0
    latch: bool = True


class HeatRule(NumberRule):
    """Air at the ceiling, degC: fixed limit and rate of rise (EN 54-5 / GB 4716 class A1, UL 521's 15 degF a minute).

    An A1 detector answers between 54 and 65 degC. `high` is asked of air that does not cool down, `highest` of any.
    An open thermocouple reads about 1260, a type K input at its end 1372.
    """

    kind: Literal["heat"] = "heat"
    special: tuple[float, ...] = (1260.0, 1372.0)
    special_tolerance: float = 1.0
    at_least: float | None = -40.0
    at_most: float | None = 1100.0
    step_per_s: float | None = 300.0
    fall_least: float | None = 5.0  # a draught cools a detector slowly, a loose thermocouple falls at once
    stuck_s: float | None = 24 * HOUR
    high: float = 57.0
    highest: float = 65.0
    deadband: float = Field(default=2.0, ge=0)
    samples: int = Field(default=2, ge=1)
    rise: float = Field(default=8.3, gt=0)  # K
    rise_s: float = Field(default=60.0, gt=0)
    rise_held_s: float = Field(default=3.0, ge=0)
    severity: Severity = Severity.CRITICAL
    latch: bool = True


class SmokeRule(NumberRule):
    """A detector's own alarm bit, or dB/m (GB 4715: 0.15); half of the limit is a pre-alarm."""

    kind: Literal["smoke"] = "smoke"
    at_least: float | None = -0.05
    at_most: float | None = 30.0
    high: float = Field(default=0.15, gt=0)
    pre_alarm: float = Field(default=0.5, gt=0, le=1)
    samples: int = Field(default=2, ge=1)
    deadband: float = Field(default=0.015, ge=0)
    off_delay_s: float = Field(default=10.0, ge=0)
    severity: Severity = Severity.CRITICAL
    latch: bool = True
