"""The still of an alarm: one picture in which nobody can be known, for few, and each look stands in the audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.alerts.store import load
from server.api.problems import Problem, declared
from server.services import Services
from server.stills.tables import stills

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])
Viewer = Annotated[Session, Depends(require("stills.read"))]


@router.get("/{alert_id}/still", response_class=Response, responses=declared(401, 403, 404, 503))
def still(alert_id: str, session: Viewer, services: Parts, request: Request) -> Response:
    """Give the still of an alarm as JPEG; 404 where it has none, or its days are over."""
    jpeg = _kept(alert_id, session, services)
    address = request.client.host if request.client else ""
    services.writer.write(
        lambda c: note(c, services.now(), session.user, "alert still", alert_id[:36], address=address)
    )
    return Response(jpeg, media_type="image/jpeg", headers={"Content-Disposition": "inline"})


def _kept(alert_id: str, session: Session, services: Services) -> bytes:
    with services.database.read.connect() as connection:
        alert = load(connection, alert_id)
        received_at = connection.execute(select(stills.c.received_at).where(stills.c.alert == alert_id)).scalar()
    folder = services.stills
    fresh = received_at is not None and services.now() - received_at < timedelta(days=folder.keep_days)
    if fresh and folder.on and session.reach.sees_grid(alert.site, alert.grid):
        jpeg = folder.get(alert_id)
        if jpeg is not None:
            return jpeg
    raise Problem(404, "Unknown", f"报警 {alert_id[:40]} 没有画面，或已到期删除")
