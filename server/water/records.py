"""Who was sent to a water and who patrolled it, in the database."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from config.water import Waters, WaterSection
from server.accounts.audit import note
from server.accounts.reach import Reach
from server.changes import announce
from server.database import insert_new
from server.duties.tables import subjects
from server.errors import UnknownError
from server.water.tables import checkpoints, dispatches, patrols

GEAR_ZH = {"sign": "警示牌", "ring": "救生圈", "rope": "救生绳", "pole": "救生竿"}
SHOWN = timedelta(hours=12)  # who was sent longer ago is history

Where = tuple[str, str]  # site, water


@dataclass(frozen=True, slots=True)
class Sent:
    """Somebody goes to a water."""

    id: str
    site: str
    water: str
    who: str
    by: str
    at: datetime


def send(connection: Connection, sent: Sent) -> bool:
    """Record who goes; False where this was said before."""
    values = {f: getattr(sent, f) for f in ("id", "site", "water", "who", "by", "at")}
    if not insert_new(connection, dispatches, {**values, "arrived_by": ""}):
        return False
    note(connection, sent.at, sent.by, "water dispatch", f"{sent.site}/{sent.water}", text=sent.who)
    announce(connection, sent.at, "water", sent.site, {"water": sent.water, "dispatch": sent.id})
    return True


def arrive(connection: Connection, id_: str, reach: Reach, by: str, now: datetime) -> None:
    """Record that who was sent is there; the first word stands."""
    row = connection.execute(select(dispatches).where(dispatches.c.id == id_)).one_or_none()
    if row is None or not reach.sees(row.site):
        raise UnknownError(f"没有这次派人记录：{id_}")
    if row.arrived_at is not None:
        return
    connection.execute(update(dispatches).where(dispatches.c.id == id_).values(arrived_at=now, arrived_by=by))
    note(connection, now, by, "water arrived", f"{row.site}/{row.water}", text=row.who)
    announce(connection, now, "water", row.site, {"water": row.water, "dispatch": id_})


def last_sent(connection: Connection, now: datetime) -> dict[Where, Row[Any]]:
    """The newest sending to each water, while it is of use."""
    rows = connection.execute(select(dispatches).where(dispatches.c.at > now - SHOWN).order_by(dispatches.c.at))
    return {(row.site, row.water): row for row in rows}


def last_patrols(connection: Connection) -> dict[Where, Row[Any]]:
    """The newest patrol of each water."""
    newest = (
        select(patrols.c.site, patrols.c.water, func.max(patrols.c.at).label("at"))
        .group_by(patrols.c.site, patrols.c.water)
        .subquery()
    )
    same = (patrols.c.site == newest.c.site) & (patrols.c.water == newest.c.water) & (patrols.c.at == newest.c.at)
    return {(row.site, row.water): row for row in connection.execute(select(patrols).join(newest, same))}


def visited(connection: Connection, water: WaterSection, since: datetime) -> frozenset[str]:
    """The checkpoints of a water that were visited since."""
    query = select(patrols.c.checkpoint).where(
        patrols.c.site == water.site, patrols.c.water == water.id, patrols.c.at >= since
    )
    return frozenset(connection.execute(query).scalars())


def register(connection: Connection, waters: Waters, now: datetime) -> None:
    """Give every checkpoint its code and every water its place among the duties; what is there stays."""
    for water in waters.water:
        insert_new(connection, subjects, {
            "site": water.site, "kind": "water", "id": water.id, "name": water.name, "stage": "", "boarding": False,
            "person": "", "since": now,
        })  # fmt: skip
        known = set(tokens(connection, [water]).values())
        for point in water.checkpoint:
            if (water.site, water.id, point.id) not in known:
                key = {"site": water.site, "water": water.id, "checkpoint": point.id}
                connection.execute(insert(checkpoints).values(**key, token=secrets.token_urlsafe(12)))


def tokens(connection: Connection, waters: Sequence[WaterSection]) -> Mapping[str, tuple[str, str, str]]:
    """Codes of these waters' checkpoints: token to site, water, checkpoint."""
    wanted = {(water.site, water.id) for water in waters}
    return {
        row.token: (row.site, row.water, row.checkpoint)
        for row in connection.execute(select(checkpoints).order_by(checkpoints.c.water, checkpoints.c.checkpoint))
        if (row.site, row.water) in wanted
    }


def find(connection: Connection, waters: Waters, token: str) -> tuple[WaterSection, str]:
    """Return the water and checkpoint of a code; raise UnknownError for one that leads nowhere."""
    row = connection.execute(select(checkpoints).where(checkpoints.c.token == token)).one_or_none()
    if row is not None:
        for water in waters.water:
            if (water.site, water.id) == (row.site, row.water) and any(
                c.id == row.checkpoint for c in water.checkpoint
            ):
                return water, row.checkpoint
    raise UnknownError("这个二维码没有对应的巡查点：请让安全负责人重新打印")
