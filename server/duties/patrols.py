"""Patrols on foot: checkpoints with a QR code, and the visit a phone reports from one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from config.duties import Duties
from server.accounts.reach import EVERYWHERE, Reach
from server.duties.records import Deed, fulfil
from server.duties.tables import checkpoints, subjects
from server.errors import RefusedError, UnknownError

MOST = 200  # a school


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place that is visited on patrol, in a grid or in none."""

    token: str
    site: str
    grid: str
    name: str

    def seen_by(self, reach: Reach) -> bool:
        """Tell whether it is within: in a grid that is, or in none."""
        return reach.sees_grid(self.site, self.grid) if self.grid else reach.sees(self.site)


def add(connection: Connection, site: str, grid: str, name: str, by: str, now: datetime) -> Checkpoint:
    """Add a checkpoint; the token of its code is not to be guessed."""
    if not name.strip() or len(name) > 80 or any(ord(sign) < 32 for sign in name):
        raise RefusedError("巡查点：名称应为 1 至 80 字")
    known = select(subjects.c.id).where(subjects.c.site == site, subjects.c.kind == "grid", subjects.c.id == grid)
    if grid and connection.execute(known).first() is None:
        raise RefusedError(f"巡查点：{site} 没有网格 {grid}")
    if len(listed(connection, Reach.of(site))) >= MOST:
        raise RefusedError(f"巡查点：一所学校最多 {MOST} 个")
    made = Checkpoint(secrets.token_urlsafe(16), site, grid, name.strip())
    row = {"token": made.token, "site": site, "grid": grid, "name": made.name, "at": now, "by": by}
    connection.execute(insert(checkpoints).values(row))
    return made


def listed(connection: Connection, reach: Reach = EVERYWHERE) -> Sequence[Checkpoint]:
    """Return the checkpoints within reach, those of no grid for everybody of the school."""
    query = select(checkpoints).order_by(checkpoints.c.site, checkpoints.c.grid, checkpoints.c.name)
    rows = connection.execute(query.where(*reach.where(checkpoints.c.site)))
    found = [Checkpoint(row.token, row.site, row.grid, row.name) for row in rows]
    return [place for place in found if place.seen_by(reach)]


def find(connection: Connection, token: str) -> Checkpoint:
    """Return the checkpoint of a code."""
    row = connection.execute(select(checkpoints).where(checkpoints.c.token == token)).one_or_none()
    if row is None:
        raise UnknownError("没有这个巡查点：二维码已作废，请重新打印")
    return Checkpoint(row.token, row.site, row.grid, row.name)


def remove(connection: Connection, token: str) -> None:
    """Make a code void."""
    connection.execute(delete(checkpoints).where(checkpoints.c.token == token))


def visit(connection: Connection, duties: Duties, place: Checkpoint, by: str, now: datetime, visit_id: str) -> int:
    """Tick the patrols that a visit proves; sent again by the same phone it ticks nothing. Return how many."""
    deed = Deed(place.site, by, now, place.grid, evidence={"点位": place.name}, ref=f"visit/{visit_id}")
    return fulfil(connection, duties, "patrol", deed)
