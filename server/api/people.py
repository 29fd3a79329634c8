"""Users: who may log in, as what, and to see which schools."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from server.accounts import users
from server.accounts.audit import note
from server.accounts.looking import viewed
from server.accounts.permissions import KIOSKS, PERMISSIONS, Role
from server.accounts.reach import EVERY, MOST, Reach, parse
from server.accounts.sessions import Session
from server.accounts.users import User
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.moments import Moment

router = APIRouter(prefix="/api/v1", tags=["accounts"])
Reader = Annotated[Session, Depends(require("users.read"))]
Admin = Annotated[Session, Depends(require("users.write"))]
Name = Annotated[str, Path(max_length=80)]
Places = Annotated[
    list[Annotated[str, Field(max_length=121)]],
    Field(max_length=MOST, description="SITE, or SITE/GRID for one grid of it; `*` alone: every school. Before `site`"),
]
Site = Annotated[str, Field(max_length=40, pattern="^([a-z0-9-]{1,40})?$", description="empty: every site")]


class UserView(BaseModel):
    """One who may log in."""

    name: str
    role: str
    site: str = Field(description="the only school that is seen; empty where there are several: see `reach`")
    reach: list[str] = Field(description="`*`, or SITE and SITE/GRID")
    disabled: bool
    created_at: Moment

    @classmethod
    def of(cls, user: User) -> UserView:
        """Show a user."""
        return cls(
            name=user.name, role=user.role, site=user.reach.only, reach=user.reach.words(), disabled=user.disabled,
            created_at=user.created_at,
        )  # fmt: skip


class NewUser(BaseModel):
    """Somebody to let in."""

    name: str = Field(min_length=1, max_length=80)
    role: Role
    site: Site = ""
    reach: Places | None = None


class Place(BaseModel):
    """What a user is here for, and where; what is left out stays."""

    role: Role | None = None
    site: Site | None = None
    reach: Places | None = None
    disabled: bool | None = None


class PasswordView(BaseModel):
    """A first password, shown only now."""

    name: str
    password: str


@router.get("/users", responses=declared(401, 403))
def user_list(session: Reader, services: Parts) -> list[UserView]:
    """List users; passwords stay where they are. Who looked is written into the audit, once an hour."""
    viewed(services, session, "people viewed")
    with services.database.read.connect() as connection:
        found = users.listed(connection)
    return [UserView.of(user) for user in found if _shown(session, user)]


@router.get("/users/permissions", responses=declared(401, 403))
def permissions(_session: Reader) -> dict[str, list[str]]:
    """Show the whole table: each permission and the roles that have it."""
    return {name: sorted(roles) for name, roles in PERMISSIONS.items()}


@router.post("/users", status_code=201, responses=declared(401, 403, 409, 422, 503))
def add(body: NewUser, session: Admin, services: Parts) -> PasswordView:
    """Let somebody in; the first password is in the answer and nowhere else."""
    reach = parse(body.reach if body.reach is not None else [body.site or EVERY])
    _allowed(session, body.role, reach)
    password, now = users.make_password(), services.now()
    hashed = users.hash_password(password)

    def work(connection: Connection) -> None:
        note(connection, now, session.user, "user add", body.name, text=f"{body.role} {' '.join(reach.words())}")
        users.put(connection, body.name, body.role, hashed, services.steady(), reach)

    services.writer.write(work)
    return PasswordView(name=body.name, password=password)


@router.patch("/users/{name}", responses=declared(401, 403, 404, 409, 422, 503))
def change(name: Name, body: Place, session: Admin, services: Parts) -> UserView:
    """Give a user another role or school, let him in no more, or again; his open sessions end."""

    def work(connection: Connection) -> User:
        known = _own(connection, session, name)
        role, reach = body.role or known.role, known.reach
        if body.reach is not None or body.site is not None:
            reach = parse(body.reach if body.reach is not None else [body.site or EVERY])
        _allowed(session, role, reach)
        if (role, reach) != (known.role, known.reach):
            users.assign(connection, name, role, reach)
        if body.disabled is not None and body.disabled != known.disabled:
            (users.disable if body.disabled else users.enable)(connection, name)
        told = None if reach == known.reach else " ".join(reach.words())
        said = {"role": body.role, "reach": told, "disabled": body.disabled}
        text = ", ".join(f"{key} {value}" for key, value in said.items() if value is not None)
        note(connection, services.now(), session.user, "user change", name, text=text)
        return users.find(connection, name)

    return UserView.of(services.writer.write(work))


@router.post("/users/{name}/password", responses=declared(401, 403, 404, 409, 503))
def renew(name: Name, session: Admin, services: Parts) -> PasswordView:
    """Make a new password for a user who forgot his; his open sessions and his tokens end."""
    password = users.make_password()
    hashed = users.hash_password(password)

    def work(connection: Connection) -> None:
        _own(connection, session, name)
        ended = users.put_password(connection, name, hashed, services.steady())
        text = f"tokens revoked: {ended}" if ended else ""
        note(connection, services.now(), session.user, "user password", name, text=text)

    services.writer.write(work)
    return PasswordView(name=name, password=password)


def _own(connection: Connection, session: Session, name: str) -> User:
    found = users.find(connection, name)
    if not _shown(session, found):
        raise Problem(404, "Unknown", f"user {name}: does not exist")
    if found.role in KIOSKS:
        raise Problem(409, "Not possible now", f"{name}：是固定屏幕，请在“固定屏幕”页管理")
    return found


def _shown(session: Session, user: User) -> bool:
    """Whoever sees more than the one who asks is none of his people; who sees nothing is for those who see all."""
    return user.reach.within(session.reach) and (user.reach.sites != frozenset() or session.reach.sites is None)


def _allowed(session: Session, role: Role, reach: Reach) -> None:
    """Nobody gives more than he has."""
    if role in KIOSKS:
        raise Problem(422, "Not understood", "固定屏幕请在“固定屏幕”页添加")
    if not reach.within(session.reach):
        raise Problem(403, "Not allowed", f"只能管理自己范围（{'、'.join(session.reach.words()[:20])}）内的账号")
