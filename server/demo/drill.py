"""The demonstration's drill: a school of two classes, a drill armed before each bell, and their roll calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from config.school import SchoolConfig
from server.demo.agents import SITE
from server.drills import store
from server.drills.clocks import Moment, Trust
from server.drills.inputs import DrillKind, Reported
from server.drills.planning import plan

WHO = "(demo)"
SCHOOL = Path(__file__).parent / "school.toml"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The drill of one round."""

    id: str
    school: SchoolConfig

    def report(self, connection: Connection, class_at: int, now: datetime) -> None:
        """Let a class teacher report that everybody is there."""
        one = self.school.classes[class_at]
        when = Moment(now.timestamp(), 0.0, Trust.MEASURED)
        act = Reported(f"demo-{one.id}", one.id, when, one.size, one.size, 0, WHO)
        store.say(connection, store.get(connection, self.id), act, WHO, now)


def arm(connection: Connection, school: SchoolConfig) -> Rehearsal:
    """Plan a drill that the bell starts within two minutes."""
    now = datetime.now(UTC)
    wish = store.Wish(
        site=SITE,
        kind=DrillKind.FIRE,
        name=f"模拟疏散演练 {now.astimezone():%H:%M}",
        armed_until=now + timedelta(minutes=2),
        simulated=True,
    )
    return Rehearsal(store.create(connection, wish, plan(school, DrillKind.FIRE), WHO, now), school)
