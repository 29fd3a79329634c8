"""Users and the audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy import select

from server.accounts import users
from server.accounts.sessions import Session
from server.accounts.tables import audit as audit_table
from server.accounts.web import Parts, require
from server.api.problems import declared
from server.moments import Moment

router = APIRouter(prefix="/api/v1", tags=["accounts"])


class UserView(BaseModel):
    """One who may log in."""

    name: str
    role: str
    site: str
    disabled: bool
    created_at: Moment


class AuditView(BaseModel):
    """One line of the audit."""

    n: int
    at: Moment
    by: str
    address: str
    action: str
    subject: str
    text: str


@router.get("/users", responses=declared(401, 403))
def user_list(_session: Annotated[Session, Depends(require("users.read"))], services: Parts) -> list[UserView]:
    """List users; passwords stay where they are."""
    with services.database.read.connect() as connection:
        return [
            UserView(name=u.name, role=u.role, site=u.site, disabled=u.disabled, created_at=u.created_at)
            for u in users.listed(connection)
        ]


@router.get("/audit", responses=declared(401, 403, 422))
def audit(
    _session: Annotated[Session, Depends(require("audit.read"))],
    services: Parts,
    before: Annotated[int | None, Query(description="only lines older than this number")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[AuditView]:
    """Show who did what, newest first."""
    statement = select(audit_table).order_by(audit_table.c.n.desc()).limit(limit)
    if before is not None:
        statement = statement.where(audit_table.c.n < before)
    with services.database.read.connect() as connection:
        return [AuditView.model_validate(dict(row)) for row in connection.execute(statement).mappings()]
