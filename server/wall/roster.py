"""Who is on duty: rows that come back every week, and who of them it is at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from server.accounts.audit import note
from server.wall.tables import roster

MOST = 200


@dataclass(frozen=True, slots=True)
class Shift:
    """One person at one post, on some days of the week. `ends` before `begins` is on the next day."""

    post: str
    name: str
    phone: str
    days: str
    begins: str
    ends: str

    def covers(self, at: datetime) -> bool:
        """Tell whether it runs at a moment of the school's own time."""
        time, today, yesterday = f"{at:%H:%M}", str(at.isoweekday()), str((at.isoweekday() + 5) % 7 + 1)
        if self.begins < self.ends:
            return today in self.days and self.begins <= time < self.ends
        return (today in self.days and time >= self.begins) or (yesterday in self.days and time < self.ends)


def read(connection: Connection, site: str) -> Sequence[Shift]:
    """Return a site's roster; all sites' where it has none."""
    for owner in dict.fromkeys((site, "")):
        rows = connection.execute(select(roster).where(roster.c.site == owner).order_by(roster.c.place)).all()
        if rows:
            return [Shift(row.post, row.name, row.phone, row.days, row.begins, row.ends) for row in rows]
    return []


def on_duty(shifts: Sequence[Shift], at: datetime) -> Sequence[Shift]:
    """Return who is on duty at a moment of the school's own time."""
    return [shift for shift in shifts if shift.covers(at)]


def write(connection: Connection, site: str, shifts: Sequence[Shift], by: str, now: datetime) -> None:
    """Replace a site's roster."""
    connection.execute(delete(roster).where(roster.c.site == site))
    rows = [{"site": site, "place": place, **asdict(shift)} for place, shift in enumerate(shifts)]
    if rows:
        connection.execute(insert(roster), rows)
    note(connection, now, by, "roster", site, text="; ".join(f"{s.post} {s.name} {s.days} {s.begins}" for s in shifts))
