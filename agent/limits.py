"""The limits of a point's rule, for the pages to draw; what rises too fast or lasts too long has no line."""

from __future__ import annotations

import math
from collections.abc import Iterator

from config.number_rules import CoRule, GasRule, HeatRule, NumberRule, SmokeRule
from config.rules import Rule
from contracts.messages import Limit
from contracts.vocabulary import Severity

_SEVERITIES = {
    "low": Severity.WARNING,
    "high": Severity.WARNING,
    "critical": Severity.CRITICAL,
    "low_alarm": Severity.WARNING,
    "high_alarm": Severity.CRITICAL,
}


def limits_of(rule: Rule, unit: str) -> tuple[Limit, ...]:
    """Return a rule's limits in the point's unit; none for another kind of rule, or a detector of yes and no."""
    if not isinstance(rule, NumberRule) or (isinstance(rule, SmokeRule | GasRule | CoRule) and not unit):
        return ()
    return tuple(_told(rule))


def _told(rule: NumberRule) -> Iterator[Limit]:
    fire = isinstance(rule, HeatRule | SmokeRule)
    if isinstance(rule, SmokeRule) and rule.pre_alarm < 1:
        yield Limit(name="pre_alarm", value=round(rule.high * rule.pre_alarm, 9), severity=Severity.ADVISORY)
    for name, severity in _SEVERITIES.items():
        value: object = getattr(rule, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield Limit(name=name, value=value, severity=Severity.CRITICAL if fire else severity)
    if isinstance(rule, CoRule) and rule.table:
        # A dose has no one limit: from the first it is an alarm some time, from the last within minutes.
        least, most = min(rule.table)[0], max(rule.table)[0]
        yield Limit(name="dose", value=least, severity=Severity.WARNING)
        if most > least:
            yield Limit(name="dose_soon", value=most, severity=Severity.CRITICAL)
