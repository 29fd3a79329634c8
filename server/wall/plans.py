"""Plans of buildings and grounds, and where on them each point is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select

from server.accounts.audit import note
from server.accounts.reach import EVERYWHERE, Reach
from server.errors import RefusedError, UnknownError
from server.ids import fresh_id
from server.wall.pictures import look
from server.wall.tables import plan_points, plans

MOST = 30


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a point is, in shares of the plan's width and height."""

    site: str
    agent: str
    point: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan without its picture. Sizes in pixels."""

    id: str
    site: str
    name: str
    width: int
    height: int
    points: Sequence[Spot]


def listed(connection: Connection, reach: Reach) -> Sequence[Plan]:
    """Return the plans of these schools and those of all schools, oldest first."""
    columns = (plans.c.id, plans.c.site, plans.c.name, plans.c.width, plans.c.height)
    statement = select(*columns).order_by(plans.c.id)
    for here in reach.where(plans.c.site):
        statement = statement.where(or_(plans.c.site == "", here))
    spots: dict[str, list[Spot]] = {}
    for row in connection.execute(select(plan_points)):
        if reach.sees(row.site):
            spots.setdefault(row.plan, []).append(Spot(row.site, row.agent, row.point, row.x, row.y))
    return [
        Plan(row.id, row.site, row.name, row.width, row.height, spots.get(row.id, []))
        for row in connection.execute(statement)
    ]


def image(connection: Connection, plan: str, reach: Reach) -> tuple[str, bytes]:
    """Return a plan's picture and its type."""
    row = _get(connection, plan, reach)
    return row.type, row.image


def add(connection: Connection, site: str, name: str, data: bytes, by: str, now: datetime) -> str:
    """Keep a plan; refuse what is no picture, and too many plans."""
    picture = look(data)
    if len(listed(connection, Reach.of(site) if site else EVERYWHERE)) >= MOST:
        raise RefusedError(f"plan: there are {MOST} already; remove one first")
    plan = fresh_id()
    row = {"id": plan, "site": site, "name": name, "image": data, "at": now, "by": by, **asdict(picture)}
    connection.execute(insert(plans).values(row))
    note(connection, now, by, "plan add", name)
    return plan


def place(connection: Connection, plan: str, reach: Reach, spots: Sequence[Spot], by: str, now: datetime) -> None:
    """Replace where the points of a plan are."""
    row = _get(connection, plan, reach, write=True)
    connection.execute(delete(plan_points).where(plan_points.c.plan == plan))
    mine = [{"plan": plan, **asdict(spot)} for spot in spots if reach.sees(spot.site)]
    if mine:
        connection.execute(insert(plan_points), mine)
    note(connection, now, by, "plan points", row.name, text=f"{len(mine)} points")


def remove(connection: Connection, plan: str, reach: Reach, by: str, now: datetime) -> None:
    """Take a plan away."""
    row = _get(connection, plan, reach, write=True)
    connection.execute(delete(plans).where(plans.c.id == plan))
    note(connection, now, by, "plan remove", row.name)


def _get(connection: Connection, plan: str, reach: Reach, *, write: bool = False) -> Row[Any]:
    row = connection.execute(select(plans).where(plans.c.id == plan)).one_or_none()
    of_all = row is not None and not row.site and (reach.sites is None or not write)
    if row is None or not (of_all or reach.sees(row.site)):
        raise UnknownError(f"plan {plan}: there is none with this id")
    return row
