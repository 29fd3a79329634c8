"""What one signal does to the open alert of its point: pure, no database and no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.messages import Value
from contracts.vocabulary import LATCHING, SEEN_AGAIN, Hazard, Severity
from server.alerts.alert import Alert, Change
from server.records import altered

PRIORITY = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.ADVISORY: 2, Severity.FAULT: 3}
"""ISA-18.2: severity first, then age. A fault comes last: it is no alarm."""

_RANKS = {severity.value: rank for severity, rank in PRIORITY.items()}


@dataclass(frozen=True, slots=True)
class Signal:
    """A hazard came on or went off at a point."""

    site: str
    agent: str
    point: str
    kind: str
    active: bool
    severity: str
    at: datetime  # when it happened, by the best clock there is
    received_at: datetime
    reason: str = ""
    value: Value = None
    unit: str = ""
    late: bool = False
    name: str = ""
    place: str = ""
    grid: str = ""
    simulated: bool = False
    drill: bool = False


def is_held_door(kind: str, severity: str, reason: str) -> bool:
    """Tell whether somebody holds this door open, as people do who walk out in a drill; a forced one is not held."""
    return severity != Severity.CRITICAL and (kind == Hazard.FIRE_DOOR or (kind == Hazard.DOOR and reason == "held"))


@dataclass(frozen=True, slots=True)
class Step:
    """The alert as it stands after one change."""

    alert: Alert
    change: Change


def judge(open_alert: Alert | None, signal: Signal, fresh_id: str) -> Step | None:
    """Say what the newest signal of a point does to its open alert; None where nothing changes."""
    if open_alert is None:
        return Step(raised(signal, fresh_id), Change.RAISED) if signal.active else None
    if signal.active:
        return Step(_again(open_alert, signal), Change.REPEATED)
    if not open_alert.active:
        return None
    if open_alert.latched and open_alert.reset_at is None:
        if open_alert.normal_at is not None:
            return None
        return Step(altered(open_alert, normal_at=signal.received_at), Change.NORMAL)
    return Step(cleared(open_alert, signal.at), Change.CLEARED)


def judge_history(open_alert: Alert | None, signal: Signal, fresh_id: str) -> list[Step]:
    """The same for a signal that a newer one of its point has overtaken: recorded, but the present state stands."""
    if not signal.active:
        return []
    if open_alert is not None:
        return [Step(altered(open_alert, count=open_alert.count + 1), Change.REPEATED)]
    if (
        signal.kind in LATCHING
    ):  # as it would stand in the right order: normal again, and there until a person resets it
        fire = raised(signal, fresh_id)
        return [Step(fire, Change.RAISED), Step(altered(fire, normal_at=signal.received_at), Change.NORMAL)]
    alert = raised(altered(signal, late=True), fresh_id)
    return [Step(alert, Change.RAISED), Step(cleared(alert, signal.at), Change.CLEARED)]


def raised(signal: Signal, fresh_id: str) -> Alert:
    """Make the alert of a signal that came on."""
    return Alert(
        id=fresh_id,
        site=signal.site,
        agent=signal.agent,
        point=signal.point,
        name=signal.name or signal.point,
        place=signal.place,
        grid=signal.grid,
        kind=signal.kind,
        severity=signal.severity,
        reason=signal.reason,
        value=signal.value,
        unit=signal.unit,
        began_at=signal.at,
        received_at=signal.received_at,
        simulated=signal.simulated,
        drill=signal.drill,
        late=signal.late,
        latched=signal.kind in LATCHING,
    )


def cleared(alert: Alert, at: datetime) -> Alert:
    """Make it CLEARED; nobody's acknowledgement is taken away."""
    return altered(alert, active=False, cleared_at=max(at, alert.began_at))


def _again(alert: Alert, signal: Signal) -> Alert:
    # A new occurrence, or a worse one, wants a person again; a restart's repetition of the same state does not.
    worse = _rank(signal.severity) < _rank(alert.severity)
    recurred = not alert.active or alert.normal_at is not None or alert.reset_at is not None
    recurred = recurred or signal.reason == SEEN_AGAIN
    # A door that was opened in a drill is of the drill until the drills say that it should be closed by now.
    of_drill = signal.drill or (not recurred and is_held_door(signal.kind, signal.severity, signal.reason))
    told_anew = worse or recurred or signal.kind == Hazard.FAULT  # a disk that was low may be full by now
    return altered(
        alert,
        active=True,
        acked=alert.acked and not worse and not recurred,
        severity=signal.severity if worse else alert.severity,
        reason=signal.reason if told_anew else alert.reason,
        value=signal.value,
        unit=signal.unit,
        count=alert.count + 1,
        cleared_at=None,
        normal_at=None,
        reset_at=None,
        late=alert.late and signal.late,
        drill=alert.drill and of_drill,
    )


def _rank(severity: str) -> int:
    return _RANKS.get(severity, 1)  # one that a newer agent knows is taken as a warning
