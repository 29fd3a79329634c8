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
from fastapi import FastAPI, HTTPException, Request
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


def application() -> FastAPI:  # noqa: C901 (a list of routes)
    app = FastAPI()
    told = Pretence()
    app.include_router(router(Pages(lambda _request: Visitor("门卫", "token", frozenset(PERMISSIONS)))))

    @app.post("/pretend")
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

    @app.get("/api/v1/stream")
    async def stream(request: Request) -> StreamingResponse:
        last = request.headers.get("Last-Event-ID")
        start = int(last) if last else len(told.feed)
        return StreamingResponse(told.stream(start), media_type="text/event-stream")

    @app.get("/api/v1/alerts")
    async def alerts() -> list[Json]:
        return list(told.alerts.values())

    @app.get("/api/v1/points")
    async def points() -> list[Json]:
        return [{"at": now(), **point} for point in told.points]

    @app.get("/api/v1/agents")
    async def agents() -> list[Json]:
        return told.agents

    @app.get("/api/v1/wall")
    async def wall() -> Json:
        return told.wall

    @app.get("/api/v1/wall/plans/{plan}/picture")
    async def picture(plan: str) -> Response:
        return Response(base64.b64decode(DOT), media_type="image/png", headers={"X-Plan": plan})

    @app.get("/api/v1/wall/roster")
    async def roster() -> list[Json]:
        return told.wall["on_duty"]

    @app.put("/api/v1/wall/{rest:path}")
    async def write(rest: str, request: Request) -> None:
        told.written.append([rest, await request.json()])

    @app.get("/pretend/written")
    async def written() -> list[Any]:
        return told.written

    @app.get("/api/v1/kiosks")
    async def kiosks() -> list[Json]:
        return [{"name": "东门岗亭屏", "role": "kiosk", "site": "", "disabled": False, "created_at": now()}]

    @app.post("/api/v1/kiosks")
    async def add_kiosk() -> Json:
        return {"code": "abcde-fghjk-mnpqr"}

    @app.get("/api/v1/hazards")
    async def hazards() -> list[Json]:
        return []

    @app.post("/api/v1/alerts/{alert}/confirm")
    async def confirm(alert: str) -> Json:
        told.change("alert", {**told.alerts[alert], "severity": "critical", "reason": "confirmed"})
        return told.alerts[alert]

    @app.post("/api/v1/alerts/{alert}/ack")
    async def acknowledge(alert: str, request: Request) -> Json:
        if told.refuse:
            raise HTTPException(told.refuse)
        had = told.alerts[alert]
        comment = (await request.json()).get("comment", "")
        state = had["state"].replace("unacked", "acked")
        told.change("alert", {**had, "state": state, "acked_at": now(), "acked_by": "门卫", "comment": comment})
        return told.alerts[alert]

    @app.post("/api/v1/alerts/{alert}/{verb}")
    async def shelve(alert: str, verb: str, request: Request) -> Json:
        body = await request.json()
        until = (datetime.now(UTC) + timedelta(minutes=body["minutes"])).isoformat() if verb == "shelve" else None
        comment = f"门卫：{body['reason']}" if until else ""
        told.change("alert", {**told.alerts[alert], "shelved_until": until, "comment": comment})
        return told.alerts[alert]

    _ = (
        roster,
        write,
        written,
        kiosks,
        add_kiosk,
        pretend,
        shelve,
        wall,
        picture,
        stream,
        alerts,
        points,
        agents,
        hazards,
        acknowledge,
        confirm,
    )
    return app


if __name__ == "__main__":
    uvicorn.run(application(), port=int(sys.argv[1]), log_level="warning")
