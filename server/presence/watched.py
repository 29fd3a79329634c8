"""What an agent watches, in people's words: births into tables, names out of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select, update

from contracts.messages import Birth
from server.database import upsert
from server.presence.tables import agents, lines, points, zones


@dataclass(frozen=True, slots=True)
class Told:
    """How a point is called."""

    name: str = ""
    place: str = ""
    grid: str = ""
    unit: str = ""
    simulated: bool = False


def describe(connection: Connection, site: str, agent: str, point: str) -> Told:
    """Look a point (or a zone, or a line) up; empty words where no birth has named it yet."""
    told = Told()
    for table in (points, zones, lines):
        row = connection.execute(
            select(table).where(table.c.site == site, table.c.agent == agent, table.c.id == point)
        ).one_or_none()
        if row is not None:
            told = Told(row.name, row.place, getattr(row, "grid", ""), getattr(row, "unit", ""))
            break
    simulated = connection.execute(
        select(agents.c.simulated).where(agents.c.site == site, agents.c.agent == agent)
    ).scalar()
    return Told(told.name, told.place, told.grid, told.unit, bool(simulated))


def record(connection: Connection, site: str, agent: str, birth: Birth) -> None:
    """Take over what a birth names; what it no longer names is marked gone, for its history stays."""
    _replace(connection, points, site, agent, (point.model_dump() for point in birth.points))
    _replace(connection, lines, site, agent, (line.model_dump() for line in birth.lines))
    _replace(connection, zones, site, agent, (zone.model_dump() for zone in birth.zones))


def _replace(connection: Connection, table: Table, site: str, agent: str, rows: Iterable[Mapping[str, Any]]) -> None:
    mine = (table.c.site == site, table.c.agent == agent)
    connection.execute(update(table).where(*mine).values(gone=True))
    columns = set(table.c.keys())
    for row in rows:
        known = {key: value for key, value in row.items() if key in columns and key != "id"}
        upsert(connection, table, {"site": site, "agent": agent, "id": row["id"]}, {**known, "gone": False})
