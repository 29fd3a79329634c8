"""Who may ask for which drill, and how one is read: what every route of drills begins with."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Depends
from sqlalchemy import Connection

from server.accounts.sessions import Session
from server.accounts.web import require
from server.api.problems import Problem
from server.drills import store
from server.drills.conductor import Conductor
from server.drills.results import Result
from server.drills.view import DrillView, view
from server.services import Services

Reader = Annotated[Session, Depends(require("drills.read"))]
Leader = Annotated[Session, Depends(require("drills.lead"))]
Caller = Annotated[Session, Depends(require("drills.report"))]


def conductor_of(services: Services) -> Conductor:
    """Return what leads the drills of this server."""
    if services.drills is None:
        raise Problem(503, "Cannot be done now", "drills are not set up on this server")
    return services.drills


def own(session: Session, drill: store.Drill) -> store.Drill:
    """Return a drill that this visitor may know of."""
    if not session.reach.sees(drill.site):
        raise Problem(404, "Unknown", f"drill {drill.id}: there is none with this id")
    return drill


def result_of(services: Services, connection: Connection, drill: store.Drill) -> Result:
    """Compute a drill as it stands now."""
    return conductor_of(services).compute(connection, drill, time.time())


def view_of(services: Services, session: Session, drill_id: str) -> DrillView:
    """Show a drill as it stands now."""
    conductor = conductor_of(services)
    with services.database.read.connect() as connection:
        found = own(session, store.get(connection, drill_id))
        seen = result_of(services, connection, found)
        return view(connection, found, seen, conductor.schools.get(found.site), time.time())
