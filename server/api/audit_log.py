"""The audit: who did what, to those who may read it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy import select

from server.accounts.looking import viewed
from server.accounts.sessions import Session
from server.accounts.tables import audit as audit_table
from server.accounts.tables import user_reach
from server.accounts.tables import users as user_table
from server.accounts.web import Parts, require
from server.api.problems import declared
from server.moments import AskedMoment, Moment

router = APIRouter(prefix="/api/v1", tags=["accounts"])


class AuditView(BaseModel):
    """One line of the audit."""

    n: int
    at: Moment
    by: str
    address: str
    action: str
    subject: str
    text: str


@router.get("/audit", responses=declared(401, 403, 422))
def audit(
    session: Annotated[Session, Depends(require("audit.read"))],
    services: Parts,
    before: Annotated[int | None, Query(ge=0, lt=2**63, description="only lines older than this number")] = None,
    by: Annotated[str, Query(max_length=80)] = "",
    action: Annotated[str, Query(max_length=80, description="what it begins with, e.g. `hazard`")] = "",
    since: AskedMoment | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[AuditView]:
    """Show who did what, newest first; a school sees what its own people did. Who looked is written into it."""
    viewed(services, session, "audit viewed")
    table = audit_table.c
    statement = select(audit_table).order_by(table.n.desc()).limit(limit)
    if before is not None:
        statement = statement.where(table.n < before)
    if session.reach.sites is not None:
        seen = user_reach.c.site.in_(sorted(session.reach.sites))
        more = select(user_reach.c.user).where(~seen)  # who sees a school that is not within
        own = select(user_reach.c.user).where(seen, user_reach.c.user.not_in(more))
        names = select(user_table.c.name).where(user_table.c.id.in_(own))
        statement = statement.where(table.by.in_(names))
    if by:
        statement = statement.where(table.by == by.replace("\0", ""))
    if action:
        statement = statement.where(table.action.startswith(action.replace("\0", ""), autoescape=True))
    if since is not None:
        statement = statement.where(table.at >= (since if since.tzinfo else since.replace(tzinfo=services.plan.zone)))
    with services.database.read.connect() as connection:
        return [AuditView.model_validate(dict(row)) for row in connection.execute(statement).mappings()]
