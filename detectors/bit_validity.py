"""Validity of contacts: unreadable, chattering (ISA-18.2: three times in a minute), stuck, silent."""

from __future__ import annotations

import math
from collections import deque

from config.bit_rules import BitRule
from detectors.values import bit
from drivers.samples import Value

MINUTE_S = 60.0


class BitValidity:
    """Judges the states of one contact."""

    needed = 1  # a contact may speak only when it changes

    def __init__(self, rule: BitRule, *, silence_s: float | None = None) -> None:
        self._rule = rule
        self._silence_s = silence_s
        self._starts: deque[float] = deque(maxlen=max(rule.chatter, 1))
        self._state: bool | None = None
        self._since = 0.0
        self._last_at: float | None = None
        self._revive = False
        self.grace_s = rule.grace_s
        self.steady_s = rule.steady_s

    def judge(self, value: Value, at: float) -> str | None:
        """Return why a state cannot be believed, None when it can."""
        if not math.isfinite(at):
            return "clock"
        self._last_at = at
        state = bit(value)
        if state is None:
            return "not-a-bit"
        if state != self._state:
            if state != self._rule.inverted and self._state is not None:
                self._starts.append(at)
            self._state, self._since = state, at
        reason = self._chatters(at) or self._is_stuck(at)
        self._revive = reason == "chatter"
        return reason

    def overdue(self, at: float) -> str | None:
        """Judge the time that goes on: still chattering, stuck by now, silent for too long."""
        if self._last_at is None:
            self._last_at = at
        if self._silence_s is not None and at - self._last_at > self._silence_s:
            return "gap"
        return self._is_stuck(at)

    def revived(self, at: float) -> Value | None:
        """Return the last state once a chattering contact has been quiet for a minute."""
        if not self._revive or self._chatters(at) or at - self._since < MINUTE_S:
            return None
        self._revive = False
        return self._state

    def _chatters(self, at: float) -> str | None:
        often = self._rule.chatter > 0 and len(self._starts) == self._rule.chatter
        return "chatter" if often and at - self._starts[0] <= MINUTE_S else None

    def _is_stuck(self, at: float) -> str | None:
        on = self._state is not None and self._state != self._rule.inverted
        limit = self._rule.stuck_s
        return "stuck" if on and limit is not None and at - self._since >= limit else None


class AnyValidity:
    """Takes every word; only silence is a fault."""

    needed = 1
    grace_s = 3.0
    steady_s = 60.0

    def __init__(self, *, silence_s: float | None = None) -> None:
        self._silence_s = silence_s
        self._last_at: float | None = None

    def judge(self, value: Value, at: float) -> str | None:
        """Believe every word."""
        del value
        self._last_at = at
        return None

    def overdue(self, at: float) -> str | None:
        """Return 'gap' when nothing has come for too long."""
        if self._last_at is None:
            self._last_at = at
        late = self._silence_s is not None and at - self._last_at > self._silence_s
        return "gap" if late else None

    def revived(self, at: float) -> Value | None:
        """Return None."""
        del at
