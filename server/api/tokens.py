"""API tokens: a person makes keys for programs, sees when they were used, and takes them back; the own password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from server.accounts import tokens, users
from server.accounts.audit import note
from server.accounts.permissions import PERMISSIONS
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.moments import Moment

router = APIRouter(prefix="/api/v1", tags=["accounts"])
Owner = Annotated[Session, Depends(require("tokens.write"))]


class TokenView(BaseModel):
    """A token without its text."""

    id: int
    owner: str
    name: str
    scope: list[str]
    site: str
    created_at: Moment
    expires_at: Moment
    used_at: Moment | None
    revoked_at: Moment | None


class NewToken(BaseModel):
    """A token to make."""

    name: str = Field(min_length=1, max_length=80, description="which program it is for")
    scope: list[str] = Field(min_length=1, max_length=60)
    site: str = Field(default="", max_length=40, description="one school; empty: all its owner sees")
    days: int = Field(default=365, ge=1, le=tokens.LONGEST_DAYS)


class TextView(BaseModel):
    """A token's text, shown only now. Send it as `Authorization: Bearer TEXT`."""

    token: str


class Passwords(BaseModel):
    """The password that stands, and the one to come."""

    old: str = Field(max_length=200)
    new: str = Field(max_length=200)
    end_tokens: bool = Field(default=False, description="end one's tokens for programs too")


@router.get("/tokens", responses=declared(401, 403))
def listed(
    session: Owner,
    services: Parts,
    *,
    everybody: Annotated[bool, Query(description="an administrator's")] = False,
) -> list[TokenView]:
    """List one's own tokens; an administrator of all sites may ask for everybody's."""
    owner = None if everybody and _oversees(session) else session.user
    with services.database.read.connect() as connection:
        return [TokenView.model_validate(one, from_attributes=True) for one in tokens.listed(connection, owner)]


@router.get("/tokens/scopes", responses=declared(401, 403))
def scopes(session: Owner) -> list[str]:
    """List the permissions a token of one's own may hold."""
    return [name for name in PERMISSIONS if session.may(name) and name not in tokens.NEVER]


@router.post("/tokens", status_code=201, responses=declared(401, 403, 409, 422, 503))
def create(body: NewToken, session: Owner, services: Parts) -> TextView:
    """Make a token; its text is in the answer and nowhere else."""

    def work(connection: Connection) -> str:
        note(connection, services.now(), session.user, "token create", body.name, text=" ".join(body.scope))
        now = services.steady()
        return tokens.create(connection, session.user, body.name, body.scope, now, body.days, body.site)

    return TextView(token=services.writer.write(work))


@router.delete("/tokens/{token}", status_code=204, responses=declared(401, 403, 404, 503))
def revoke(token: Annotated[int, Path(ge=1, lt=2**31)], session: Owner, services: Parts) -> None:
    """End a token for good; an administrator of all sites ends anybody's."""
    owner = None if _oversees(session) else session.user

    def work(connection: Connection) -> None:
        ended = tokens.revoke(connection, token, services.steady(), owner)
        note(connection, services.now(), session.user, "token revoke", f"{ended.owner}: {ended.name}")

    services.writer.write(work)


@router.put("/session/password", status_code=204, responses=declared(401, 403, 409, 422, 429, 503))
def change(body: Passwords, session: Annotated[Session, Depends(require("account.write"))], services: Parts) -> None:
    """Change one's own password; all other sessions of this user end, and his tokens where he asks for it."""
    if session.scope is not None:
        raise Problem(403, "Not allowed", "a token changes no password")
    wait_s = services.throttle.try_(services.mono_s(), f"password {session.user}")
    if wait_s:
        seconds = int(wait_s) + 1
        raise Problem(429, "Too many tries", f"请 {seconds} 秒后再试", {"Retry-After": str(seconds)})

    with services.database.read.connect() as connection:
        if users.check(connection, session.user, body.old) is None:
            raise Problem(409, "Not possible now", "原密码不对")
    if body.old == body.new:
        raise Problem(422, "Not understood", "新密码与原密码相同，请换一个")
    if len(body.new) < users.SHORTEST_PASSWORD:
        raise Problem(422, "Not understood", f"新密码至少要 {users.SHORTEST_PASSWORD} 个字符")
    hashed = users.hash_password(body.new)

    def work(connection: Connection) -> None:
        users.put_own(connection, session.user, hashed, session.hash)
        mine = users.find(connection, session.user).id
        ended = tokens.revoke_all(connection, mine, services.steady()) if body.end_tokens else 0
        text = f"tokens revoked: {ended}" if ended else ""
        note(connection, services.now(), session.user, "password change", session.user, text=text)

    services.writer.write(work)
    services.throttle.forget(f"password {session.user}")


def _oversees(session: Session) -> bool:
    return session.may("users.write") and session.reach.sites is None
