"""The limits of a point's rule, for the pages to draw; what rises too fast or lasts too long has no line."""

from __future__ import annotations

import math

from config.number_rules import HeatRule, NumberRule, SmokeRule
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


def limits_of(rule: Rule) -> tuple[Limit, ...]:
    """Return a rule's limits in the point's unit; none for a rule of another kind."""
    if not isinstance(rule, NumberRule):
        return ()
    fire = isinstance(rule, HeatRule | SmokeRule)
    found: list[Limit] = []
    for name, severity in _SEVERITIES.items():
        value: object = getattr(rule, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found.append(Limit(name=name, value=value, severity=Severity.CRITICAL if fire else severity))
    return tuple(found)
