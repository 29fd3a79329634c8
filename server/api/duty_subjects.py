"""What duties are counted for: schools, classes, grids and waters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from contracts.messages import Id
from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.database import upsert
from server.duties.tables import subjects as table

router = APIRouter(prefix="/api/v1/duties", tags=["duties"])
Reader = Annotated[Session, Depends(require("duties.read"))]


class Subject(BaseModel):
    """A school, class, grid or water that duties are counted for."""

    site: Id
    kind: str = Field(pattern="^(school|class|grid|water)$")
    id: Id
    name: str = Field(min_length=1, max_length=200)
    stage: str = Field(default="", max_length=20)
    boarding: bool = False
    person: str = Field(default="", max_length=80)


@router.get("/subjects", responses=declared(401, 403))
def subjects(session: Reader, services: Parts) -> list[Subject]:
    """List schools, classes, grids and waters."""
    query = select(table).where(*session.reach.where(table.c.site)).order_by(table.c.site, table.c.kind, table.c.id)
    with services.database.read.connect() as connection:
        return [Subject.model_validate(dict(row)) for row in connection.execute(query).mappings()]


@router.put("/subjects", responses=declared(401, 403, 422, 503))
def arrange(body: Subject, session: Annotated[Session, Depends(require("duties.arrange"))], services: Parts) -> Subject:
    """Add a school, class, grid or water, or change it."""
    if not session.reach.sees(body.site):
        raise Problem(403, "Not allowed", f"{body.site}：不是您所在的学校")
    if "\0" in body.name + body.person + body.stage:
        raise Problem(422, "Not understood", "名称含有不能保存的字符")

    def work(connection: Connection) -> None:
        key = {"site": body.site, "kind": body.kind, "id": body.id}
        values = {"name": body.name, "stage": body.stage, "boarding": body.boarding, "person": body.person}
        same = (table.c.site == body.site) & (table.c.kind == body.kind) & (table.c.id == body.id)
        since = connection.execute(select(table.c.since).where(same)).scalar() or services.now()
        upsert(connection, table, key, {**values, "since": since})
        note(connection, services.now(), session.user, "duty subject", f"{body.site}/{body.kind}/{body.id}")

    services.writer.write(work)
    return body
