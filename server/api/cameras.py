"""Cameras: which there are, one still to draw on, and the lines and zones that were drawn."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import select

from contracts.vocabulary import SensorKind
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.presence.tables import lines, points, zones
from server.services import Services
from server.water.drawing import At, Shapes, check, send, shapes_in, take_still

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])
Drawer = Annotated[Session, Depends(require("water.draw"))]


class Shape(BaseModel):
    """A line or zone of a camera."""

    id: str
    name: str


class CameraView(BaseModel):
    """One camera with what is watched in its picture."""

    site: str
    agent: str
    id: str
    name: str
    place: str
    lines: tuple[Shape, ...]
    zones: tuple[Shape, ...]


class StillView(BaseModel):
    """One picture, shown once: JPEG in base64; `width` and `height` are the camera's own, as the shapes are."""

    image: str
    width: int
    height: int
    shapes: Shapes


class DrawingBody(BaseModel):
    """What was drawn on a still of this size, and what was there before."""

    width: int = Field(ge=16, le=20_000)
    height: int = Field(ge=16, le=20_000)
    shapes: Shapes
    before: Shapes


@router.get("", responses=declared(401, 403))
def cameras(session: Drawer, services: Parts) -> list[CameraView]:
    """List the cameras."""
    with services.database.read.connect() as connection:
        rows = connection.execute(
            select(points).where(points.c.kind == SensorKind.CAMERA, points.c.gone.is_(False))
        ).all()
        shapes = [
            (kind, row)
            for kind, table in (("lines", lines), ("zones", zones))
            for row in connection.execute(select(table).where(table.c.gone.is_(False), table.c.camera != ""))
        ]

    def of(kind: str, site: str, agent: str, camera: str) -> tuple[Shape, ...]:
        key = (kind, site, agent, camera)
        return tuple(Shape(id=r.id, name=r.name) for k, r in shapes if (k, r.site, r.agent, r.camera) == key)

    return [
        CameraView(
            site=r.site, agent=r.agent, id=r.id, name=r.name, place=r.place,
            lines=of("lines", r.site, r.agent, r.id), zones=of("zones", r.site, r.agent, r.id),
        )
        for r in rows
        if session.reach.sees(r.site)
    ]  # fmt: skip


@router.post("/{site}/{agent}/{camera}/still", responses=declared(401, 403, 404, 409, 503))
def still(site: str, agent: str, camera: str, session: Drawer, services: Parts) -> StillView:
    """Take one still: audited, stored nowhere; refused for cameras that are private."""
    answer = take_still(services, _at(services, session, site, agent, camera))
    return StillView(image=answer.image, width=answer.width, height=answer.height, shapes=shapes_in(answer))


@router.put("/{site}/{agent}/{camera}/shapes", responses=declared(401, 403, 404, 409, 422, 503))
def draw(site: str, agent: str, camera: str, body: DrawingBody, session: Drawer, services: Parts) -> Shapes:
    """Have a camera watch other lines and zones; answered when it does, or when they were taken back."""
    at = _at(services, session, site, agent, camera)
    check(body.shapes, body.width, body.height)
    send(services, at, body.shapes, body.before)
    return body.shapes


def _at(services: Services, session: Session, site: str, agent: str, camera: str) -> At:
    if any((c.site, c.agent, c.id) == (site, agent, camera) for c in cameras(session, services)):
        return At(site, agent, camera, session.user)
    raise Problem(404, "Unknown", f"没有摄像机 {site}/{agent}/{camera}")
