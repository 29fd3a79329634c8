"""Users and the audit: who may log in, and who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from server.accounts import users
from server.accounts.audit import note
from server.accounts.looking import viewed
from server.accounts.permissions import KIOSKS, PERMISSIONS, Role
from server.accounts.sessions import Session
from server.accounts.tables import audit as audit_table
from server.accounts.tables import users as user_table
from server.accounts.users import User
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.moments import Moment

router = APIRouter(prefix="/api/v1", tags=["accounts"])
Reader = Annotated[Session, Depends(require("users.read"))]
Admin = Annotated[Session, Depends(require("users.write"))]
Name = Annotated[str, Path(max_length=80)]
Site = Annotated[str, Field(max_length=40, pattern="^([a-z0-9-]{1,40})?$", description="empty: every site")]


class UserView(BaseModel):
    """One who may log in."""

    name: str
    role: str
    site: str
    disabled: bool
    created_at: Moment


class NewUser(BaseModel):
    """Somebody to let in."""

    name: str = Field(min_length=1, max_length=80)
    role: Role
    site: Site = ""


class Place(BaseModel):
    """What a user is here for, and where; what is left out stays."""

    role: Role | None = None
    site: Site | None = None
    disabled: bool | None = None


class PasswordView(BaseModel):
    """A first password, shown only now."""

    name: str
    password: str


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
def user_list(session: Reader, services: Parts) -> list[UserView]:
    """List users; passwords stay where they are. Who looked is written into the audit, once an hour."""
    viewed(services, session, "people viewed")
    with services.database.read.connect() as connection:
        found = users.listed(connection)
    return [UserView.model_validate(user, from_attributes=True) for user in found if session.site in {"", user.site}]


@router.get("/users/permissions", responses=declared(401, 403))
def permissions(_session: Reader) -> dict[str, list[str]]:
    """Show the whole table: each permission and the roles that have it."""
    return {name: sorted(roles) for name, roles in PERMISSIONS.items()}


@router.post("/users", status_code=201, responses=declared(401, 403, 409, 422, 503))
def add(body: NewUser, session: Admin, services: Parts) -> PasswordView:
    """Let somebody in; the first password is in the answer and nowhere else."""
    _allowed(session, body.role, body.site)
    password, now = users.make_password(), services.now()
    hashed = users.hash_password(password)

    def work(connection: Connection) -> None:
        note(connection, now, session.user, "user add", body.name, text=f"{body.role} {body.site}".strip())
        users.put(connection, body.name, body.role, hashed, services.steady(), body.site)

    services.writer.write(work)
    return PasswordView(name=body.name, password=password)


@router.patch("/users/{name}", responses=declared(401, 403, 404, 409, 422, 503))
def change(name: Name, body: Place, session: Admin, services: Parts) -> UserView:
    """Give a user another role or school, let him in no more, or again; his open sessions end."""

    def work(connection: Connection) -> User:
        known = _own(connection, session, name)
        role, site = body.role or known.role, known.site if body.site is None else body.site
        _allowed(session, role, site)
        if (role, site) != (known.role, known.site):
            users.assign(connection, name, role, site)
        if body.disabled is not None and body.disabled != known.disabled:
            (users.disable if body.disabled else users.enable)(connection, name)
        said = {"role": body.role, "site": body.site, "disabled": body.disabled}
        text = ", ".join(f"{key} {value}" for key, value in said.items() if value is not None)
        note(connection, services.now(), session.user, "user change", name, text=text)
        return users.find(connection, name)

    return UserView.model_validate(services.writer.write(work), from_attributes=True)


@router.post("/users/{name}/password", responses=declared(401, 403, 404, 409, 503))
def renew(name: Name, session: Admin, services: Parts) -> PasswordView:
    """Make a new password for a user who forgot his; his open sessions end."""
    password = users.make_password()
    hashed = users.hash_password(password)

    def work(connection: Connection) -> None:
        _own(connection, session, name)
        users.put_password(connection, name, hashed)
        note(connection, services.now(), session.user, "user password", name)

    services.writer.write(work)
    return PasswordView(name=name, password=password)


@router.get("/audit", responses=declared(401, 403, 422))
def audit(
    session: Annotated[Session, Depends(require("audit.read"))],
    services: Parts,
    before: Annotated[int | None, Query(ge=0, lt=2**63, description="only lines older than this number")] = None,
    by: Annotated[str, Query(max_length=80)] = "",
    action: Annotated[str, Query(max_length=80, description="what it begins with, e.g. `hazard`")] = "",
    since: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[AuditView]:
    """Show who did what, newest first; a school sees what its own people did. Who looked is written into it."""
    viewed(services, session, "audit viewed")
    table = audit_table.c
    statement = select(audit_table).order_by(table.n.desc()).limit(limit)
    if before is not None:
        statement = statement.where(table.n < before)
    if session.site:
        own = select(user_table.c.name).where(user_table.c.site == session.site)
        statement = statement.where(table.by.in_(own))
    if by:
        statement = statement.where(table.by == by.replace("\0", ""))
    if action:
        statement = statement.where(table.action.startswith(action.replace("\0", ""), autoescape=True))
    if since is not None:
        statement = statement.where(table.at >= (since if since.tzinfo else since.replace(tzinfo=services.plan.zone)))
    with services.database.read.connect() as connection:
        return [AuditView.model_validate(dict(row)) for row in connection.execute(statement).mappings()]


def _own(connection: Connection, session: Session, name: str) -> User:
    found = users.find(connection, name)
    if session.site not in {"", found.site}:
        raise Problem(404, "Unknown", f"user {name}: does not exist")
    if found.role in KIOSKS:
        raise Problem(409, "Not possible now", f"{name}：是固定屏幕，请在“固定屏幕”页管理")
    return found


def _allowed(session: Session, role: Role, site: str) -> None:
    """Somebody who sees one school gives nobody more than that school."""
    if role in KIOSKS:
        raise Problem(422, "Not understood", "固定屏幕请在“固定屏幕”页添加")
    if session.site and site != session.site:
        raise Problem(403, "Not allowed", f"只能管理本校（{session.site}）的账号")
    if site and role in {Role.COUNTY, Role.CITY}:
        raise Problem(422, "Not understood", "县级、市级账号不属于一所学校，学校请留空")
