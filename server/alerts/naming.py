"""Alerts that were raised before their agent's first birth: they get their words when the birth comes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from server.alerts.alert import Alert, AlertHook, Change
from server.alerts.pending import Heard
from server.alerts.rules import Step
from server.alerts.store import load, save
from server.alerts.tables import IS_OPEN, alerts
from server.batch import part_of
from server.presence.watched import describe
from server.records import altered


def name_open(connection: Connection, site: str, agent: str, hook: AlertHook, now: datetime) -> None:
    """Give each open alert of an agent that is still called by its point's id what the births say of it."""
    for alert in _nameless(connection, site, agent):
        told = describe(connection, site, agent, alert.point)
        if told.name:
            words = {"name": told.name, "place": told.place, "grid": told.grid, "simulated": told.simulated}
            named = altered(alert, **words, unit=alert.unit or told.unit)
            save(connection, Step(named, Change.NAMED), now, hook)


def _nameless(connection: Connection, site: str, agent: str) -> list[Alert]:
    a = alerts.c
    query = select(a.id).where(a.site == site, a.agent == agent, IS_OPEN, a.name == a.point)
    heard = part_of(connection, Heard)
    waiting = heard.waiting(site, agent) if heard is not None else {}
    kept = [load(connection, id_, lock=True) for id_ in connection.execute(query).scalars() if id_ not in waiting]
    found = [one for one in (*waiting.values(), *kept) if one.open and one.name == one.point]
    return sorted(found, key=lambda one: (one.received_at, one.point, one.kind))
