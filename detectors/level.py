"""Level: a number against a high and a low limit, with deadband and delays (OPC UA Part 9)."""

from __future__ import annotations

from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.delays import Held
from detectors.findings import Event
from detectors.values import number
from drivers.samples import Value


class Limit:
    """One limit: at or beyond it for the on-delay is yes, back behind it by the deadband for the off-delay is no."""

    def __init__(self, limit: float, *, above: bool = True, deadband: float = 0.0, held: Held | None = None) -> None:
        self._limit = limit if above else -limit
        self._sign = 1 if above else -1
        self._deadband = deadband
        self._held = held or Held()

    def beyond(self, value: float) -> bool:
        """Whether a value is at or beyond the limit, or inside the deadband of one that counts as passed."""
        return self._sign * value >= self._limit - (self._deadband if self._held.state else 0.0)

    def update(self, value: float | None, at: float) -> bool | None:
        """Take a value (None: unknown); return whether the limit counts as passed, None before it has settled."""
        return self._held.update(None if value is None else self.beyond(value), at)

    def decide(self, beyond: bool | None, at: float) -> bool | None:  # noqa: FBT001
        """Take the answer of somebody who looked at more than one value."""
        return self._held.update(beyond, at)

    def tick(self, at: float) -> bool | None:
        """Let time go on."""
        return self._held.tick(at)


class Level:
    """A number with a high and a low limit."""

    def __init__(
        self, point: str, hazard: Hazard, severity: Severity, *, high: Limit | None, low: Limit | None
    ) -> None:
        self._alarm = Alarm(point, hazard)
        self._severity = severity
        self._limits = [(name, limit) for name, limit in (("high-limit", high), ("low-limit", low)) if limit]
        self._value: float | None = None

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a value."""
        del utc
        self._value = number(value)
        return self._say([(name, limit.update(self._value, at)) for name, limit in self._limits], at)

    def unknown(self, at: float) -> None:
        """Drop what is pending."""
        for _, limit in self._limits:
            limit.update(None, at)

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let delays end."""
        del utc
        return self._say([(name, limit.tick(at)) for name, limit in self._limits], at)

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)

    def _say(self, states: list[tuple[str, bool | None]], at: float) -> list[Event]:
        passed = [name for name, state in states if state]
        if not passed and any(state is None for _, state in states):
            return []
        return self._alarm.update(Claim(self._severity, passed[0]) if passed else None, at, self._value)
