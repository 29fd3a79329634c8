"""The journal: one row per change, chained by SHA-256 over canonical JSON, one chain per site."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, bindparam, select

from server.batch import Batch, part_of
from server.bulk import insert_rows, update_rows
from server.changes import in_commit_order
from server.database import insert_new
from server.ledger.tables import chains, journal

GENESIS = "0" * 64
_TIP = select(chains.c.n, chains.c.hash).where(chains.c.site == bindparam("wanted")).with_for_update()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the journal, with the hash of the row before it."""

    site: str
    n: int
    at: datetime
    by: str
    hazard: int
    action: str
    source: str
    target: str
    body: str
    previous: str
    hash: str = ""


def canonical(value: Mapping[str, Any]) -> str:
    """One text for one value: sorted keys, no spaces, UTC times in microseconds, UTF-8."""
    return _ENCODER.encode(value)


_HASHED = tuple(column.name for column in fields(Row) if column.name != "hash")
_VALUES = attrgetter(*_HASHED)
_text = json.encoder.encode_basestring


def digest(row: Row) -> str:
    """Return the hash a row must carry: SHA-256 over all its other fields."""
    return fingerprint({name: getattr(row, name) for name in _HASHED})


def fingerprint(hashed: Mapping[str, Any]) -> str:
    """Return SHA-256 over the canonical text of a value."""
    return hashlib.sha256(canonical(hashed).encode("utf-8", "surrogatepass")).hexdigest()


def _hash(row: Mapping[str, Any]) -> str:
    """Do what `fingerprint` does, in a third of the time, for the fields of a row: it stands in every event's way."""
    return hashlib.sha256(
        f'{{"action":{_text(row["action"])},"at":"{moment(row["at"])}","body":{_text(row["body"])},'
        f'"by":{_text(row["by"])},"hazard":{row["hazard"]},"n":{row["n"]},"previous":"{row["previous"]}",'
        f'"site":{_text(row["site"])},"source":{_text(row["source"])},"target":{_text(row["target"])}}}'.encode(
            "utf-8", "surrogatepass"
        )
    ).hexdigest()


@dataclass(slots=True)
class Unchained:
    """Rows of one batch, in their order; they are hashed and written together."""

    rank: ClassVar[int] = 15
    rows: list[Row] = field(default_factory=list[Row])

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self:  # noqa: ARG003
        return cls()

    def flush(self, connection: Connection, batch: Batch) -> None:  # noqa: ARG002
        if self.rows:
            _chain(connection, self.rows)


def append(
    connection: Connection,
    site: str,
    at: datetime,
    by: str,
    hazard: int,
    action: str,
    states: tuple[str, str],
    body: Mapping[str, Any],
) -> None:
    """Add one row to the site's chain in the caller's transaction."""
    row = Row(site, 0, at, by, hazard, action, states[0], states[1], canonical(body), "")
    unchained = part_of(connection, Unchained)
    if unchained is not None:
        unchained.rows.append(row)
    else:
        _chain(connection, [row])


def _chain(connection: Connection, rows: Iterable[Row]) -> None:
    """Number, hash and write rows at the tips of their sites' chains."""
    in_commit_order(connection)  # always before a chain's lock, so that two writers cannot wait for each other
    tips: dict[str, tuple[int, str]] = {}
    written: list[dict[str, Any]] = []
    for row in rows:
        n, previous = tips.get(row.site) or _tip(connection, row.site)
        whole = dict(zip(_HASHED, _VALUES(row), strict=True))
        whole["n"], whole["previous"] = n + 1, previous
        whole["hash"] = _hash(whole)
        tips[row.site] = whole["n"], whole["hash"]
        written.append(whole)
    insert_rows(connection, journal, written)
    update_rows(connection, chains, "site", [{"site": site, "n": n, "hash": h} for site, (n, h) in tips.items()])


def _tip(connection: Connection, site: str) -> tuple[int, str]:
    # The row is the lock: two writers of one site stand in line here (PostgreSQL; SQLite has one writer anyway).
    row = connection.execute(_TIP, {"wanted": site}).one_or_none()
    if row is None:
        insert_new(connection, chains, {"site": site, "n": 0, "hash": GENESIS})
        row = connection.execute(_TIP, {"wanted": site}).one()
    return row.n, row.hash


def moment(at: datetime) -> str:
    """Return a moment as the journal writes it."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat("T", "microseconds")[:26] + "Z"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{value!r}: cannot stand in the journal")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
