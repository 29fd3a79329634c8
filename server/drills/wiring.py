"""Put the drills into a running server: the schools' files, the ingest's ears, the conductor's round."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from config import ConfigError, load
from config.duties import Duties
from config.school import SchoolConfig
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.drills import store
from server.drills.conductor import Conductor, Flaw
from server.duties.records import Deed, fulfil, take_back
from server.errors import ServerError
from server.ledger.actions import Finding, report
from server.ledger.guards import Actor
from server.ledger.sensors import Ledger

ROUND_S = 0.5
_log = logging.getLogger(__name__)


def load_schools(files: Sequence[Path]) -> dict[str, SchoolConfig]:
    """Read the schools' files, by site."""
    found: dict[str, SchoolConfig] = {}
    for file in files:
        school = load(file, SchoolConfig)
        if school.site in found:
            raise ConfigError(f"{file}: site {school.site!r} has a file already: one file a school")
        found[school.site] = school
    return found


def agents_at_exits(schools: Mapping[str, SchoolConfig]) -> frozenset[tuple[str, str]]:
    """Site and agent of everyone who counts at an exit or gives a signal."""
    return frozenset(
        (site, name.partition("/")[0])
        for site, school in schools.items()
        for name in (
            *(line.line for building in school.building for exit_ in building.exit for line in exit_.line),
            *(point for trigger in school.trigger for point in trigger.points),
        )
    )


def drill_running(connection: Connection, site: str) -> bool:
    """Tell the ingest whether an alarm comes in the midst of a drill: it is tagged, never suppressed."""
    return store.running(connection, site, time.time()) is not None


@dataclass(frozen=True, slots=True)
class Books:
    """The hazard ledger and the duties, as drills write into them."""

    ledger: Ledger
    duties: Duties

    def open_hazard(self, connection: Connection, found: Flaw) -> int | None:
        """A problem of a drill becomes an entry; said twice it stays one."""
        finding = Finding(
            site=found.site,
            source="drill",
            description=found.description,
            place=found.place,
            category="drill",
            found_at=found.at,
            cause=found.cause,
        )
        return report(connection, self.ledger, finding, Actor(found.by, Role.SAFETY, Reach.of(found.site))).id

    def fulfil_duty(self, connection: Connection, drill: store.Drill, now: datetime) -> None:
        """A timed drill is the proof of the monthly (or quarterly) one."""
        deed = Deed(drill.site, drill.created_by, now, evidence={"drill": drill.id, "name": drill.name}, ref=drill.id)
        fulfil(connection, self.duties, "drill", deed)

    def void_duty(self, connection: Connection, drill: store.Drill) -> None:
        """A drill that was declared void proves nothing any more."""
        take_back(connection, "drill", drill.id)


async def follow(conductor: Conductor) -> None:
    """Go round the open drills for ever; trouble is said once when it begins and once when it is over."""
    failing = False
    while True:
        try:
            await asyncio.to_thread(conductor.step, time.time())
            if failing:
                _log.info("drills: followed again")
            failing = False
        except (ServerError, SQLAlchemyError) as e:
            if not failing:
                _log.warning("drills: not followed: %s", str(e).splitlines()[0])
            failing = True
        await asyncio.sleep(ROUND_S)
