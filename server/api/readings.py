"""Readings of one point: as they came, in steps as wide as a pixel, and to take away as CSV or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import select
from starlette.background import BackgroundTask

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.history import export
from server.history.latest import Key
from server.moments import AskedMoment, Moment, in_utc
from server.presence.tables import points

router = APIRouter(prefix="/api/v1", tags=["readings"])

Reader = Annotated[Session, Depends(require("readings.read"))]
Exporter = Annotated[Session, Depends(require("readings.export"))]
Point = Annotated[str, Query(max_length=130, description="POINT, or SITE/AGENT/POINT where that is not enough")]
From = Annotated[AskedMoment | None, Query(alias="from", description="an hour before `to` where not given")]
To = Annotated[AskedMoment | None, Query(alias="to", description="now where not given")]
_CSV = "text/csv; charset=utf-8"


class Format(StrEnum):
    """What a file of readings is written as."""

    CSV = "csv"
    PARQUET = "parquet"


class ReadingView(BaseModel):
    """One value of the course."""

    at: Moment
    value: float | str | None


class NewestView(BaseModel):
    """What a point read last."""

    site: str
    agent: str
    point: str
    at: Moment
    value: float | bool | str | None


class StepView(BaseModel):
    """One step of the course: its numbers in short, so that no spike is lost."""

    at: Moment = Field(description="when the step begins")
    low: float
    high: float
    mean: float
    n: int = Field(description="how many numbers it had")


@dataclass(frozen=True, slots=True)
class Span:
    """A point and from when to when."""

    key: Key
    begin: datetime
    end: datetime


@router.get("/readings", responses=declared(401, 403, 404, 422, 503))
def readings(
    session: Reader,
    services: Parts,
    point: Point | None = None,
    begin: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
    width: Annotated[
        int | None, Query(ge=1, le=4_000, description="in so many steps, with the lowest and highest of each")
    ] = None,
) -> list[ReadingView] | list[StepView] | list[NewestView]:
    """Give the course of one point, oldest first: as it came, or in `width` steps however long it is.

    Without a point: what each point read last.
    """
    if point is None:
        return _newest(services, session, limit)
    span = _span(services, session, point, begin, end)
    if width is None:
        kept = services.series.read(span.key, span.begin, span.end, limit)
        return [ReadingView(at=at, value=value) for at, value in kept]
    step = max((span.end - span.begin) / width, timedelta(milliseconds=1))
    step -= timedelta(microseconds=step.microseconds % 1000)  # as the history counts
    return [
        StepView(at=span.begin + one.step * step, low=one.low, high=one.high, mean=one.mean, n=one.n)
        for one in services.series.buckets(span.key, span.begin, span.end, step)
    ]


@router.get(
    "/readings/export",
    responses={
        200: {"description": "A file", "content": {"text/csv": {}, export.PARQUET_TYPE: {}}},
        **declared(401, 403, 404, 422, 501, 503),
    },
    response_class=Response,
)  # fmt: skip
def take_away(
    session: Exporter,
    services: Parts,
    point: Point,
    begin: From = None,
    end: To = None,
    form: Annotated[Format, Query(alias="format")] = Format.CSV,
) -> Response:
    """Give all readings of one point as a file; this is written into the audit."""
    span = _span(services, session, point, begin, end)
    if form is Format.PARQUET and not export.has_parquet():
        raise Problem(501, "Not installed", "Parquet needs pyarrow: install campuswatch[parquet] on the server")
    pieces = export.pieces(services.series, span.key, span.begin, span.end)
    first = next(pieces, ())  # a history that is away is said now, not in the middle of a file
    said = f"{span.begin:%Y-%m-%dT%H:%M:%SZ} to {span.end:%Y-%m-%dT%H:%M:%SZ}, {form}"
    services.writer.write(
        lambda c: note(c, services.now(), session.user, "readings export", "/".join(span.key), text=said)
    )
    headers = {"Content-Disposition": f'attachment; filename="{span.key[2]}.{form}"'}
    whole: Iterator[export.Piece] = chain([first], pieces)
    if form is Format.CSV:
        return StreamingResponse(export.csv(whole), media_type=_CSV, headers=headers)
    file = export.parquet(whole)
    return FileResponse(
        file, media_type=export.PARQUET_TYPE, headers=headers, background=BackgroundTask(file.unlink, missing_ok=True)
    )


def _newest(services: Parts, session: Session, limit: int) -> list[NewestView]:
    table = points.c
    statement = select(table.site, table.agent, table.id).where(table.gone.is_(False), *session.reach.where(table.site))
    with services.database.read.connect() as connection:
        rows = connection.execute(statement.order_by(table.site, table.agent, table.id).limit(limit)).all()
    keys: list[Key] = [(row.site, row.agent, row.id) for row in rows]
    known = [(key, services.latest.get(key)) for key in keys]
    return [
        NewestView(site=site, agent=agent, point=point, at=newest.at, value=newest.value)
        for (site, agent, point), newest in known
        if newest is not None
    ]


def _span(services: Parts, session: Session, point: str, begin: datetime | None, end: datetime | None) -> Span:
    until = in_utc(end) if end else services.now()
    try:
        since = in_utc(begin) if begin else until - timedelta(hours=1)
    except OverflowError as e:
        raise Problem(422, "Not understood", f"from, to: {e}") from e
    return Span(_find(services, session, point), since, until)


def _find(services: Parts, session: Session, point: str) -> Key:
    table = points.c
    statement = select(table.site, table.agent, table.id)
    match point.split("/"):
        case [site, agent, name]:
            statement = statement.where(table.site == site, table.agent == agent, table.id == name)
        case [name]:
            statement = statement.where(table.id == name)
        case _:
            raise Problem(422, "Not understood", "point: is POINT or SITE/AGENT/POINT")
    statement = statement.where(*session.reach.where(table.site))
    with services.database.read.connect() as connection:
        rows = connection.execute(statement.limit(2)).all()
    match rows:
        case [row]:
            return row.site, row.agent, row.id
        case []:
            raise Problem(404, "Unknown", f"point {point}: there is none")
        case _:
            raise Problem(422, "Not understood", f"point {point}: is at several agents: give SITE/AGENT/POINT")
