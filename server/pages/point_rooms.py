"""The room of one point: its course over an hour, a day, a week, a month or a year, and the alerts it raised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import and_, or_, select

from contracts.vocabulary import Hazard, SensorKind
from server.accounts.permissions import may
from server.accounts.web import identify
from server.alerts.tables import alerts
from server.errors import ServerError, UnknownError
from server.history.bounds import Bounds, last
from server.history.bounds import band as band_of
from server.history.export import has_parquet
from server.history.latest import Key
from server.history.plot import Mark, Span, Stood, svg
from server.history.series import Column
from server.pages import catalogue
from server.pages.catalogue import Catalogue
from server.pages.rooms import Pages
from server.presence.tables import points
from server.services import Services

SPANS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
MOST_ALERTS = 200
MOST_READERS = 4


def router(pages: Pages, services: Services) -> APIRouter:
    """Return the route."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    books = catalogue.read_all()
    readers = CapacityLimiter(MOST_READERS)

    @routes.get("/points/{site}/{agent}/{point}")
    async def point(request: Request, site: str, agent: str, point: str) -> Response:
        session = identify(request)
        if session is None or not may(session.role, "readings.read"):
            return pages.open(request, "point")
        if not session.reach.sees(site):
            raise UnknownError(f"point {point}: there is none")
        query = request.query_params
        name = query.get("span", "day")
        length = SPANS.get(name, SPANS["day"])
        end = min(_moment(query.get("to")) or services.now(), services.now())
        key = (site, agent, point)
        texts = books[catalogue.choose(query.get("lang"), request.cookies.get("lang"))]
        # In threads of their own: a history that hangs must not hold up the live stream, which has the others.
        values = await to_thread.run_sync(_read, services, key, end - length, end, texts, limiter=readers)
        return pages.open(request, "point", span=name if name in SPANS else "day", spans=list(SPANS), **values)

    _ = point
    return routes


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text), UTC) if text else None
    except (ValueError, OverflowError, OSError):
        return None


def _read(
    services: Services, key: tuple[str, str, str], begin: datetime, end: datetime, texts: Catalogue
) -> dict[str, Any]:
    where = (points.c.site == key[0], points.c.agent == key[1], points.c.id == key[2])
    a = alerts.c
    standing = and_(a.site == key[0], a.agent == key[1], a.point == key[2], a.began_at < end)
    with services.database.read.connect() as connection:
        row = connection.execute(select(points).where(*where)).one_or_none()
        found = connection.execute(
            select(alerts)
            .where(standing, or_(a.cleared_at.is_(None), a.cleared_at > begin))
            .order_by(a.began_at.desc())
            .limit(MOST_ALERTS)
        ).all()
    if row is None:
        raise UnknownError(f"point {'/'.join(key)}: there is none")
    zone = services.ledger.judgement.timers.zone
    span = Span(begin, end, zone)
    columns, unread = _columns(services, key, span)
    sure, band = _sure(services, key, span) if row.kind == SensorKind.LINE and not unread else (None, ())
    stood = [Stood(one.began_at, one.cleared_at, one.severity, _stood(texts, one.kind, one.reason)) for one in found]
    limits = [_mark(texts, one, row.unit) for one in row.limits]
    here = "/points/" + "/".join(quote(part) for part in key)
    length = end - begin
    smaller = next((name for name, one in reversed(SPANS.items()) if one < length), None)
    return {
        "kinds": [kind.value for kind in Hazard],
        "here": here,
        "name": row.name,
        "place": row.place,
        "unit": row.unit,
        "lowest": min((c[1] for c in columns), default=None),
        "highest": max((c[2] for c in columns), default=None),
        "first": begin.astimezone(zone),
        "last": end.astimezone(zone),
        "earlier": int(begin.timestamp()),
        "later": int((end + length).timestamp()) if end + timedelta(minutes=1) < services.now() else None,
        "at": int(end.timestamp()),
        "alerts": [(one, one.began_at.astimezone(zone)) for one in found],
        "plot": svg(span, columns, stood, row.name, _zooms(here, span, smaller), limits, band),
        "sure": sure,
        "limits": limits,
        "unread": unread,
        "export": "/api/v1/readings/export?"
        + urlencode({"point": "/".join(key), "from": _iso(begin), "to": _iso(end)}),
        "forms": ["csv", *(["parquet"] if has_parquet() else [])],
    }


def _columns(services: Services, key: Key, span: Span) -> tuple[Sequence[Column], bool]:
    """Read the course, and tell whether the history did not answer."""
    try:
        return services.series.columns(key, span.begin, span.end, span.step), False
    except ServerError:
        return [], True


def _sure(services: Services, key: Key, span: Span) -> tuple[tuple[float, Bounds] | None, Sequence[Column]]:
    """Read how sure a count is: the last one, and its course."""
    try:
        return last(services.series, key, span.end), band_of(services.series, key, span.begin, span.end, span.step)
    except ServerError:
        return None, ()


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _zooms(here: str, span: Span, smaller: str | None) -> list[tuple[str, str]]:
    if smaller is None:
        return []
    length = SPANS[smaller]
    parts = math.ceil((span.end - span.begin) / length)  # so that the whole of what is pressed is seen
    part = (span.end - span.begin) / parts
    found: list[tuple[str, str]] = []
    for i in range(parts):
        middle = span.begin + part * (i + 0.5)
        to = int((middle + length / 2).timestamp())
        found.append((f"{here}?span={smaller}&to={to}", f"{middle.astimezone(span.zone):%m-%d %H:%M}"))
    return found


def _stood(texts: Catalogue, kind: str, reason: str) -> str:
    known = texts.texts
    kind_words = known.get(f"kind.{kind}", known["kind.unknown"])
    return f"{kind_words} {known.get(f'reason.{reason}', '')}".strip()


def _mark(texts: Catalogue, limit: Mapping[str, Any], unit: str) -> Mark:
    word = texts.texts.get(f"limit.{limit['name']}", str(limit["name"]))
    return Mark(float(limit["value"]), str(limit["severity"]), f"{word} {limit['value']:g} {unit}".strip())
