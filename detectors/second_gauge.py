"""A second gauge of one water, on any bus: reports when the two part company."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from config.points import PointSection
from config.rules import WaterLevelRule
from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.delays import Held
from detectors.findings import Event
from detectors.validity import NumberValidity
from detectors.values import number
from detectors.water import METRES, believable
from drivers.samples import Reading

FRESH_S = 1800.0  # river gauges report every quarter of an hour
DIFFERENCES = 96


class Gauge:
    """One of the two: its believable values as metres upward from its own zero."""

    def __init__(self, point: PointSection) -> None:
        self._rule = point.rule if isinstance(point.rule, WaterLevelRule) else WaterLevelRule()
        self._valid = NumberValidity(believable(self._rule, point.unit))
        self._metre = METRES.get(point.unit, 1.0)

    def height(self, reading: Reading) -> float | None:
        """Return the height in metres, None for what cannot be believed."""
        value = number(reading.value)
        if value is None or self._valid.judge(value, reading.at) is not None:
            return None
        return (-value if self._rule.distance else value) * self._metre


class SecondGauge:
    """Reports when the difference of the two leaves its usual middle; their zeros and units may differ."""

    def __init__(self, point: PointSection, other: PointSection) -> None:
        self._alarm = Alarm(point.id, Hazard.ANOMALY)
        self._agree = point.rule.agree if isinstance(point.rule, WaterLevelRule) else 0.3
        self._point = point.id
        self._gauges = {point.id: Gauge(point), other.id: Gauge(other)}
        self._second: tuple[float, float] | None = None  # at, metres
        self._differences: deque[float] = deque(maxlen=DIFFERENCES)
        self._apart = Held(samples=2)

    @property
    def wanted(self) -> frozenset[str]:
        """Points whose readings are needed."""
        return frozenset(self._gauges)

    def reading(self, reading: Reading) -> list[Event]:
        """Take a reading of any point."""
        gauge = self._gauges.get(reading.point)
        height = None if gauge is None or not math.isfinite(reading.at) else gauge.height(reading)
        if height is None:
            return []
        if reading.point != self._point:
            self._second = (reading.at, height)
            return []
        if self._second is None or reading.at - self._second[0] > FRESH_S:
            return []
        difference = height - self._second[1]
        usual = median(self._differences) if len(self._differences) >= DIFFERENCES // 4 else None
        self._differences.append(difference)
        apart = self._apart.update(None if usual is None else abs(difference - usual) > self._agree, reading.at)
        if apart is None:
            return []
        claim = Claim(Severity.ADVISORY, "second-gauge") if apart else None
        return self._alarm.update(claim, reading.at, reading.value)
