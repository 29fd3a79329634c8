"""Validity of numbers: special codes, range, step, stuck, gap, asked in this order before any threshold."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from config.number_rules import NumberRule
from detectors.unsteady import Unsteady
from detectors.values import number
from drivers.samples import Value

LEAST_GAP_S = 30.0  # three missed polls of a slow bus
INTERVALS = 5
AGREEING = 3  # so many values in a row at a new height make an impossible step believable
HOUR_S = 3600.0
RETURN_S = 600.0  # as long as a heat rule looks back


class NumberValidity:
    """Judges the numbers of one point."""

    needed = 2  # one odd value is rejected in silence

    def __init__(self, rule: NumberRule, *, silence_s: float | None = None) -> None:
        self._rule = rule
        self._gap_s = silence_s or rule.gap_s
        self._intervals: deque[float] = deque(maxlen=INTERVALS)
        self._last_at: float | None = None
        self._good: tuple[float, float] | None = None
        self._doubtful: deque[tuple[float, float]] = deque(maxlen=AGREEING)
        self._same: tuple[float, float] | None = None  # value and since when
        self._same_seen = 0
        self._unsteady = Unsteady(rule.chatter, rule.steady_s)
        self._before: tuple[float, float] | None = None
        self._height: tuple[float, float] | None = None  # what it fell from, and when
        self.grace_s = rule.grace_s
        self.steady_s = rule.steady_s

    def judge(self, value: Value, at: float) -> str | None:
        """Return why a value cannot be believed, None when it can."""
        if not math.isfinite(at):
            return "clock"
        self._hear(at)
        found = number(value)
        return "not-a-number" if found is None else self._judge(found, at)

    def _judge(self, value: float, at: float) -> str | None:
        if self._is_stuck(value, at):
            return "stuck"  # what stands still for hours is stuck even where it is also a special code
        returned = self._returned(value, at)
        chatters = self._chatters(value, at, returned=returned)
        if chatters or returned:
            self._good = (value, at)  # where it has come to rest is where it begins again
            self._doubtful.clear()
            return "chatter" if chatters else "step"
        if self._is_special(value):
            return "special-code"
        if _outside(value, self._rule.at_least, self._rule.at_most):
            return "range"
        if self._fell(self._good, value, at) or self._jumped(value, at):
            return "step"
        self._good = (value, at)
        self._doubtful.clear()
        return None

    def overdue(self, at: float) -> str | None:
        """Return 'gap' when nothing has come for too long."""
        if self._last_at is None:
            self._last_at = at  # the clock starts with the first we hear
        limit = self._gap_s
        if limit is None:
            usual = median(self._intervals) if len(self._intervals) > 1 else HOUR_S
            limit = max(LEAST_GAP_S, 2.5 * usual)
        return "gap" if at - self._last_at > limit else None

    def revived(self, at: float) -> Value | None:
        """Return None: a number must come again."""
        del at

    def _hear(self, at: float) -> None:
        if self._last_at is not None and at > self._last_at:
            self._intervals.append(at - self._last_at)
        if self._last_at is None or at >= self._last_at or self._last_at - at > HOUR_S:
            self._last_at = at

    def _is_stuck(self, value: float, at: float) -> bool:
        if self._same is None or value != self._same[0] or at < self._same[1]:
            self._same, self._same_seen = (value, at), 0
        self._same_seen = min(self._same_seen + 1, 1000)
        limit = self._rule.stuck_s
        return limit is not None and self._same_seen > 10 and at - self._same[1] >= limit

    def _is_special(self, value: float) -> bool:
        if self._rule.special_from is not None and value >= self._rule.special_from:
            return True
        return any(abs(value - code) <= self._rule.special_tolerance for code in self._rule.special)

    def _returned(self, value: float, at: float) -> bool:
        """Whether it leaps back to where it was before it fell: a wire that has contact again, and no rise."""
        if self._good is None or self._height is None or at - self._height[1] > RETURN_S:
            return False
        least = self._rule.fall_least or math.inf
        leap = value - max(self._good[0], self._before[0] if self._before else value)
        return leap > least and value <= self._height[0] + least

    def _chatters(self, value: float, at: float, *, returned: bool) -> bool:
        """Whether a loose wire moves it: then what looks like a value is as arbitrary as what does not."""
        before, self._before = self._before, (value, at)
        fell = self._fell(before, value, at)  # also from 1260 degC, an open thermocouple's
        leapt = fell or returned
        if fell and self._good is not None:
            held = self._height[0] if self._height and at - self._height[1] <= RETURN_S else -math.inf
            self._height = (max(self._good[0], held), at)
        if before is not None and not (leapt or self._is_special(before[0]) or self._is_special(value)):
            leapt = self._rule.step_per_s is not None and not self._possible(before, value, at)
        return self._unsteady.update(at, leapt=leapt)

    def _fell(self, before: tuple[float, float] | None, value: float, at: float) -> bool:
        least = self._rule.fall_least
        if least is None or before is None or at < before[1]:
            return False
        still = self._same is not None and self._same[0] == value and self._same[1] > before[1]
        until = self._same[1] if still and self._same else at  # what stands still has not gone on to cool
        return before[0] - value > least + self._rule.fall_per_s * (until - before[1])

    def _jumped(self, value: float, at: float) -> bool:
        if self._rule.step_per_s is None or self._good is None or self._possible(self._good, value, at):
            return False
        if self._doubtful and not self._possible(self._doubtful[-1], value, at):
            self._doubtful.clear()
        self._doubtful.append((value, at))
        return len(self._doubtful) < AGREEING

    def _possible(self, before: tuple[float, float], value: float, at: float) -> bool:
        allowed = (self._rule.step_per_s or 0.0) * max(at - before[1], 0.0)
        return abs(value - before[0]) <= max(allowed, self._rule.step_least)


def _outside(value: float, least: float | None, most: float | None) -> bool:
    return (least is not None and value < least) or (most is not None and value > most)
