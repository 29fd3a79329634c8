"""What came of a drill, in the database: each revision of its result, and its problems."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from server.changes import announce
from server.database import insert_new
from server.drills.results import Result
from server.drills.store import Drill
from server.drills.tables import drill_problems, drill_results

RESULT = TypeAdapter(Result)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong in a drill, and its number in the ledger."""

    id: str
    at: datetime
    by: str
    text: str
    place: str
    hazard: int | None


def keep_result(connection: Connection, drill: str, found: Result, now: datetime) -> int:
    """Add a revision where the result differs from the last; return the newest revision."""
    last = revisions(connection, drill)
    if last and last[-1][1] == found:
        return len(last)
    values = {"drill": drill, "revision": len(last) + 1, "at": now, "result": RESULT.dump_python(found, mode="json")}
    insert_new(connection, drill_results, values)
    return len(last) + 1


def revisions(connection: Connection, drill: str) -> list[tuple[datetime, Result]]:
    """All results that were ever kept, oldest first."""
    query = select(drill_results).where(drill_results.c.drill == drill).order_by(drill_results.c.revision)
    return [(row.at, RESULT.validate_python(row.result)) for row in connection.execute(query)]


def newest(connection: Connection, ids: Collection[str]) -> dict[str, Result]:
    """The result that stands now of each of these drills; a drill that has none is left out."""
    query = select(drill_results).where(drill_results.c.drill.in_(ids)).order_by(drill_results.c.revision)
    rows = {row.drill: row.result for row in connection.execute(query)}
    return {drill: RESULT.validate_python(found) for drill, found in rows.items()}


def add_problem(connection: Connection, drill: Drill, problem: Problem, now: datetime) -> bool:
    """Write down a problem; False where its id is known already."""
    values = {
        "drill": drill.id,
        "id": problem.id,
        "at": problem.at,
        "by": problem.by,
        "text": problem.text,
        "place": problem.place,
        "hazard": problem.hazard,
    }
    fresh = insert_new(connection, drill_problems, values)
    if fresh:
        announce(connection, now, "drill", drill.site, {"id": drill.id})
    return fresh


def problems(connection: Connection, drill: str) -> list[Problem]:
    """The problems of a drill, oldest first."""
    query = select(drill_problems).where(drill_problems.c.drill == drill).order_by(drill_problems.c.at)
    return [Problem(r.id, r.at, r.by, r.text, r.place, r.hazard) for r in connection.execute(query)]
