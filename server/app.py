"""The web application: every route, the headers of every answer, health and metrics."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.accounts.web import SAFE, Parts, is_foreign
from server.api import (
    agents,
    alerts,
    audit_log,
    cameras,
    checkpoints,
    drill_acts,
    drill_papers,
    drills,
    duties,
    duty_calendar,
    duty_subjects,
    enrolment,
    hazard_lists,
    hazard_words,
    hazards,
    kiosks,
    packs,
    papers,
    people,
    problems,
    readings,
    register,
    reviews,
    session,
    stills,
    stream,
    tokens,
    wall,
    water,
)
from server.chain import LEDGER_LOST_S
from server.services import Services, services_of
from server.standing import standing

CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
MOST_BODY = 1_000_000  # bytes of a request; it is read whole before anybody is asked who he is
_DOCS = {"openapi_url": "/openapi.json", "docs_url": None, "redoc_url": None}  # the viewers load scripts from afar
_LOOPBACK = frozenset({"127.0.0.1", "::1"})

health = APIRouter(tags=["health"])


def create_app(services: Services, rooms: Sequence[APIRouter] = ()) -> FastAPI:
    """Make the application of one server; `rooms` are the pages."""
    app = FastAPI(title="Campuswatch", version="1", max_body_size=MOST_BODY, **_DOCS)  # pyright: ignore[reportArgumentType]
    app.state.services = services
    problems.install(app)
    parts = (
        session,
        alerts,
        agents,
        readings,
        stream,
        people,
        audit_log,
        tokens,
        hazard_lists,
        hazard_words,
        register,
        packs,
        papers,
        hazards,
        reviews,
        duties,
        duty_calendar,
        duty_subjects,
        checkpoints,
        drills,
        drill_acts,
        drill_papers,
        water,
        cameras,
        stills,
        wall,
        kiosks,
        enrolment,
    )
    for router in (health, *(part.router for part in parts), *rooms):
        app.include_router(router)
    app.add_middleware(Guard, tls=services.tls)
    return app


@health.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@health.get("/readyz", responses={503: {"description": "Something the ledger needs is missing"}})
def readyz(services: Parts) -> Response:
    """Say whether alerts can come in and be kept."""
    broker_age_s = services.broker_age_s()
    ready = {
        "ledger": services.writer.alive and not services.writer.failing and _commits(services),
        "broker": broker_age_s is not None and broker_age_s < 12,
    }
    return JSONResponse(ready, 200 if all(ready.values()) else 503)


def _commits(services: Services) -> bool:
    """One commit is made every second, whether or not anything happens."""
    committed_s = services.writer.committed_s
    return committed_s is not None and services.mono_s() - committed_s < LEDGER_LOST_S


@health.get("/metrics", response_class=PlainTextResponse, responses=problems.declared(401))
def metrics(request: Request) -> Response:
    """Give all metrics to Prometheus: from this machine, or with the token."""
    services = services_of(request)
    local = request.client is not None and request.client.host in _LOOPBACK
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    known = bool(services.metrics_token) and secrets.compare_digest(given.encode(), services.metrics_token.encode())
    if not local and not known:
        return problems.answer(401, "Not allowed", "/metrics: ask from this machine, or with the token")
    return Response(
        generate_latest(services.metrics.registry) + generate_latest(standing(services)), media_type=CONTENT_TYPE_LATEST
    )


class Guard:
    """Refuses writes that another site makes a browser send, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message))
            await send(message)

        request = Request(scope)
        if request.method not in SAFE and is_foreign(request):
            refusal = problems.answer(403, "Not allowed", "this request comes from another site")
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers.setdefault("Content-Security-Policy", CSP)
        headers.setdefault("Cache-Control", "no-store")
        if self._tls:
            headers["Strict-Transport-Security"] = "max-age=31536000"
