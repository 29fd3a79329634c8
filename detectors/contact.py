"""Contact: anything that is on or off, with delays, armed times and a latch where asked."""

from __future__ import annotations

from collections.abc import Callable

from contracts.vocabulary import Hazard
from detectors.alarm import Alarm, Claim
from detectors.delays import Held
from detectors.findings import Event
from detectors.values import bit
from drivers.samples import Value

Armed = Callable[[float], bool]
"""Whether a rule is armed at a UTC second."""


def always(utc: float) -> bool:
    """Armed at any time."""
    del utc
    return True


class Contact:
    """A bit that is a hazard while it is on, in armed times."""

    def __init__(
        self,
        point: str,
        hazard: Hazard,
        claim: Claim,
        held: Held,
        *,
        inverted: bool = False,
        latch: bool = False,
        armed: Armed = always,
    ) -> None:
        self._alarm = Alarm(point, hazard, latch=latch)
        self._claim = claim
        self._held = held
        self._inverted = inverted
        self._armed = armed
        self._on: bool | None = None
        self._times = 0

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a state."""
        state = bit(value)
        on = None if state is None else state != self._inverted
        self._times += on is True and self._on is False
        self._on = on
        return self._say(self._held.update(on and self._armed(utc), at), at)

    def unknown(self, at: float) -> None:
        """Drop what is pending."""
        self._on = None
        self._held.update(None, at)

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let delays and armed times begin and end."""
        wanted = None if self._on is None else self._on and self._armed(utc)
        return self._say(self._held.update(wanted, at, fresh=False), at)

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)

    def _say(self, on: bool | None, at: float) -> list[Event]:  # noqa: FBT001
        if on is None:
            return []
        found = self._alarm.update(self._claim if on else None, at, on, {"times": self._times} if self._times else None)
        if found:
            self._times = 0
        return found
