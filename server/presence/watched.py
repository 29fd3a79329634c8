"""What an agent watches, in people's words: births into tables, names out of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, Table, select, update

from contracts.messages import Birth
from server.batch import Batch, part_of
from server.bulk import upsert_rows
from server.lookup import Lookup
from server.presence.tables import agents, lines, points, zones

_Place = tuple[str, str, str]
_SIMULATED = Lookup([agents.c.site, agents.c.agent], select(agents.c.site, agents.c.agent, agents.c.simulated).where)
_NAMED = {
    table: Lookup([table.c.site, table.c.agent, table.c.id], select(table).where) for table in (lines, zones, points)
}


@dataclass(frozen=True, slots=True)
class Told:
    """How a point is called."""

    name: str = ""
    place: str = ""
    grid: str = ""
    unit: str = ""
    simulated: bool = False


@dataclass(slots=True)
class Words:
    """What the births say of the points a batch is about; read anew after a birth."""

    rank: ClassVar[int] = 0
    told: dict[_Place, Told] = field(default_factory=dict["_Place", Told])
    kinds: dict[_Place, str] = field(default_factory=dict["_Place", str])
    known: set[_Place] = field(default_factory=set["_Place"])

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self:
        words = cls()
        words.read(connection, {key[:3] for key in batch.keys})
        return words

    def read(self, connection: Connection, wanted: Collection[_Place]) -> None:
        """Look points, zones and lines up; a point's words go before a zone's, and a zone's before a line's."""
        self.known |= set(wanted)
        if not wanted:
            return
        whose = {place[:2] for place in wanted}
        simulated = {(row.site, row.agent): bool(row.simulated) for row in _SIMULATED.rows(connection, whose)}
        self.told |= {place: Told(simulated=simulated.get(place[:2], False)) for place in wanted}
        left = set(wanted)
        for table in (points, zones, lines):
            if not left:
                break
            for row in _NAMED[table].rows(connection, left):
                place = (row.site, row.agent, row.id)
                left.discard(place)
                grid, unit = getattr(row, "grid", ""), getattr(row, "unit", "")
                self.told[place] = Told(row.name, row.place, grid, unit, simulated.get(place[:2], False))
                if table is points:
                    self.kinds[place] = row.kind

    def forget(self) -> None:
        self.told.clear()
        self.kinds.clear()
        self.known.clear()

    def flush(self, connection: Connection, batch: Batch) -> None:
        """Nothing of this is written."""


def describe(connection: Connection, site: str, agent: str, point: str) -> Told:
    """Look a point (or a zone, or a line) up; empty words where no birth has named it yet."""
    place = (site, agent, point)
    return _words(connection, place).told.get(place, Told())


def point_kind_of(connection: Connection, site: str, agent: str, point: str) -> str:
    """Say what kind of point it is; empty where it is none."""
    place = (site, agent, point)
    return _words(connection, place).kinds.get(place, "")


def _words(connection: Connection, place: _Place) -> Words:
    words = part_of(connection, Words) or Words()
    if place not in words.known:
        words.read(connection, [place])
    return words


def record(connection: Connection, site: str, agent: str, birth: Birth) -> None:
    """Take over what a birth names; what it no longer names is marked gone, for its history stays."""
    words = part_of(connection, Words)
    if words is not None:
        words.forget()
    _replace(connection, points, site, agent, (point.model_dump() for point in birth.points))
    _replace(connection, lines, site, agent, (line.model_dump() for line in birth.lines))
    _replace(connection, zones, site, agent, (zone.model_dump() for zone in birth.zones))


def _replace(connection: Connection, table: Table, site: str, agent: str, rows: Iterable[Mapping[str, Any]]) -> None:
    mine = (table.c.site == site, table.c.agent == agent)
    connection.execute(update(table).where(*mine).values(gone=True))
    columns = set(table.c.keys())
    # By id: one that names a point twice means the last. All at once, for a storm of births follows every power cut.
    named = {row["id"]: {key: value for key, value in row.items() if key in columns} for row in rows}
    if named:
        whole = [{"site": site, "agent": agent, **row, "gone": False} for row in named.values()]
        upsert_rows(connection, table, ("site", "agent", "id"), whole)
