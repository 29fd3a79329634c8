"""What of the change feed one target is to be told, from the number it has reached."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from config.push import PushSection
from server.alerts.alert import Change
from server.alerts.store import load
from server.alerts.view import payload
from server.changes import changes, head
from server.errors import UnknownError
from server.push.tables import push_targets

OWN_POINT = "_push-"
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is to be told, how far that reaches, and how much of it grew too old."""

    n: int
    alerts: Sequence[Mapping[str, Any]]
    left_out: int


def reached(connection: Connection, target: str) -> int:
    """Return the last number a target was told; the newest there is for one that is told nothing yet."""
    found = connection.execute(select(push_targets.c.n).where(push_targets.c.id == target)).scalar()
    return head(connection) if found is None else found


def waiting(connection: Connection, target: PushSection, after: int, now: datetime) -> Waiting:
    """Read on from a number."""
    rows = connection.execute(
        select(changes)
        .where(changes.c.n > after, changes.c.kind.in_(("alert", "water")))
        .order_by(changes.c.n)
        .limit(AT_ONCE)
    ).all()
    alerts: list[Mapping[str, Any]] = []
    left_out, last = 0, after
    for row in rows:
        last = row.n
        if target.sites and row.site not in target.sites:
            continue
        alert = _told(connection, target, row.kind, row.payload)
        if alert is None:
            continue
        if now - row.at > timedelta(seconds=target.stale_s):
            left_out += 1
        else:
            alerts.append(alert)
    return Waiting(last, alerts, left_out)


def _told(connection: Connection, target: PushSection, kind: str, news: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if kind == "water":
        if news.get("stage") != "principal" or not news.get("open") or "principal" not in target.on:
            return None
        try:
            return json.loads(payload(load(connection, news["alert"]), Change.REPEATED))
        except UnknownError:
            return None
    new = news["change"] == Change.RAISED or (news["change"] == Change.REPEATED and _again(news))
    wanted = new and "raised" in target.on and news["severity"] in target.severities
    if not wanted or news["late"] or news["shelved_until"] or news["point"].startswith(OWN_POINT):
        return None
    return news


def _again(news: Mapping[str, Any]) -> bool:
    """A repetition that wants a person anew: somebody had acknowledged, and it is open again."""
    return bool(news["acked_at"]) and news["state"] == "active-unacked"
