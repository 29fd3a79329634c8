"""A server that only pretends: the real pages over alerts, points and agents that a test dictates. Run as a program."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import Response, StreamingResponse

from server.accounts.permissions import PERMISSIONS
from server.pages.rooms import Pages, Visitor, router

Json = dict[str, Any]
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Pretence:
    """What the pages are told: everything in lists, the change feed among them."""

    def __init__(self) -> None:
        self.alerts: dict[str, Json] = {}
        self.points: list[Json] = []
        self.agents: list[Json] = []
        self.feed: list[tuple[int, str, Json]] = []
        self.chain: Json = {
            name: {"state": "ok", "age_s": age, "text": ""}
            for name, age in (("sensors", 0.6), ("agents", 2.0), ("broker", 0.2), ("ledger", 4.0))
        }
        self.wall: Json = {"advice": {}, "on_duty": [], "roster_set": False, "plans": []}
        self.written: list[Any] = []
        self.refuse: int | None = None

    def change(self, name: str, data: Json) -> None:
        n = len(self.feed) + 1
        if name == "alert":
            data = {**data, "n": n}
            self.alerts[data["id"]] = data
        self.feed.append((n, name, data))

    async def stream(self, last: int) -> AsyncIterator[bytes]:
        ticked = 0.0
        while True:
            if asyncio.get_running_loop().time() - ticked >= 2:
                ticked = asyncio.get_running_loop().time()
                tick = {"head": len(self.feed), "server_time": now(), "chain": self.chain}
                yield f"event: tick\ndata: {json.dumps(tick)}\n\n".encode()
            for n, name, data in self.feed[last:]:
                yield f"id: {n}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()
                last = n
            await asyncio.sleep(0.02)


def dictated(told: Pretence) -> APIRouter:
    """What a test says and asks."""
    routes = APIRouter()

    @routes.post("/pretend")
    async def pretend(request: Request) -> None:
        body = await request.json()
        for name in ("points", "agents", "refuse", "wall"):
            if name in body:
                setattr(told, name, body[name])
        told.chain |= body.get("chain", {})
        if body.get("clear"):
            told.alerts.clear()
        for name, data in body.get("changes", []):
            told.change(name, data)

    @routes.get("/pretend/written")
    async def written() -> list[Any]:
        return told.written

    _ = (pretend, written)
    return routes


def lists(told: Pretence) -> APIRouter:
    """What pages read."""
    routes = APIRouter()

    @routes.get("/api/v1/stream")
    async def stream(request: Request) -> StreamingResponse:
        last = request.headers.get("Last-Event-ID")
        start = int(last) if last else len(told.feed)
        return StreamingResponse(told.stream(start), media_type="text/event-stream")

    @routes.get("/api/v1/alerts")
    async def alerts() -> list[Json]:
        return list(told.alerts.values())

    @routes.get("/api/v1/points")
    async def points() -> list[Json]:
        return [{"at": now(), **point} for point in told.points]

    @routes.get("/api/v1/agents")
    async def agents() -> list[Json]:
        return told.agents

    @routes.get("/api/v1/hazards")
    async def hazards() -> list[Json]:
        return []

    _ = (stream, alerts, points, agents, hazards)
    return routes


def wall_rooms(told: Pretence) -> APIRouter:
    """The wall, its settings, its screens."""
    routes = APIRouter()

    @routes.get("/api/v1/wall")
    async def wall() -> Json:
        return told.wall

    @routes.get("/api/v1/wall/plans/{plan}/picture")
    async def picture(plan: str) -> Response:
        return Response(base64.b64decode(DOT), media_type="image/png", headers={"X-Plan": plan})

    @routes.get("/api/v1/wall/roster")
    async def roster() -> list[Json]:
        return told.wall["on_duty"]

    @routes.put("/api/v1/wall/{rest:path}")
    async def write(rest: str, request: Request) -> None:
        told.written.append([rest, await request.json()])

    @routes.get("/api/v1/kiosks")
    async def kiosks() -> list[Json]:
        return [{"name": "东门岗亭屏", "role": "kiosk", "site": "", "disabled": False, "created_at": now()}]

    @routes.post("/api/v1/kiosks")
    async def add_kiosk() -> Json:
        return {"code": "abcde-fghjk-mnpqr"}

    _ = (wall, picture, roster, write, kiosks, add_kiosk)
    return routes


def acts(told: Pretence) -> APIRouter:
    """What is done to an alert."""
    routes = APIRouter()

    @routes.post("/api/v1/alerts/{alert}/confirm")
    async def confirm(alert: str) -> Json:
        told.change("alert", {**told.alerts[alert], "severity": "critical", "reason": "confirmed"})
        return told.alerts[alert]

    @routes.post("/api/v1/alerts/{alert}/ack")
    async def acknowledge(alert: str, request: Request) -> Json:
        if told.refuse:
            raise HTTPException(told.refuse)
        had = told.alerts[alert]
        comment = (await request.json()).get("comment", "")
        state = had["state"].replace("unacked", "acked")
        told.change("alert", {**had, "state": state, "acked_at": now(), "acked_by": "门卫", "comment": comment})
        return told.alerts[alert]

    @routes.post("/api/v1/alerts/{alert}/{verb}")
    async def shelve(alert: str, verb: str, request: Request) -> Json:
        body = await request.json()
        until = (datetime.now(UTC) + timedelta(minutes=body["minutes"])).isoformat() if verb == "shelve" else None
        comment = f"门卫：{body['reason']}" if until else ""
        told.change("alert", {**told.alerts[alert], "shelved_until": until, "comment": comment})
        return told.alerts[alert]

    _ = (confirm, acknowledge, shelve)
    return routes


def application() -> FastAPI:
    app, told = FastAPI(), Pretence()
    app.include_router(router(Pages(lambda _request: Visitor("门卫", "token", frozenset(PERMISSIONS)))))
    for part in (dictated, lists, wall_rooms, acts):
        app.include_router(part(told))
    return app


if __name__ == "__main__":
    uvicorn.run(application(), port=int(sys.argv[1]), log_level="warning")
