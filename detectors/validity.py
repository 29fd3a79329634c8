"""Validity: whether a value can be believed, before any threshold looks at it."""

from __future__ import annotations

import math
from typing import Literal

from detectors.values import bit, number
from drivers.samples import Value


class Validity:
    """Judges one point's values; a reason is a machine word, None is a value to believe."""

    def __init__(self, expects: Literal["number", "bit", "any"], *, silence_s: float | None = None) -> None:
        self._expects = expects
        self._silence_s = silence_s
        self._last_good_at: float | None = None

    def judge(self, value: Value, at: float) -> str | None:
        """Return why a value cannot be believed, None when it can."""
        if not math.isfinite(at):
            return "clock"
        readable = {"number": number, "bit": bit, "any": _any}[self._expects](value)
        if readable is None:
            return "not-a-" + self._expects
        self._last_good_at = at
        return None

    def overdue(self, at: float) -> str | None:
        """Return 'gap' when no good value has come for too long."""
        if self._silence_s is None:
            return None
        if self._last_good_at is None:
            self._last_good_at = at  # the clock starts with the first we hear
        return "gap" if at - self._last_good_at > self._silence_s else None


def _any(value: Value) -> Value:
    return value
