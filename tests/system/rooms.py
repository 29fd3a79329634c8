"""A whole campus in which no room is empty, and the address of every page there is, for tests that walk them all."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import httpx
import numpy as np
from drilling import PASSWORD, SITE, DrillServer, ExitAgent
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, BrowserContext
from pond import PondAgent, at_the_pond, write_waters
from waiting import until

from server.accounts import users
from server.accounts.permissions import Role
from server.database import connect, sqlite_address
from server.pages.session_rooms import rooms
from server.water.plan import load_waters
from server.water.records import tokens

ADMIN, OFFICER = "admin", "bureau"
BY_ADMIN = ("/people", "/audit", "/wall/kiosks")
NOBODY = ("/login", "/kiosk")
"""What is open to everybody: who has not said who he is sees no alarm."""
NO_PAGES = ("/static/{name:path}", "/rollcall")
"""Routes that answer with a file, or lead to another page."""
PICTURE = bytes(cv2.imencode(".png", np.full((300, 480, 3), 236, np.uint8))[1])


@dataclass(frozen=True, slots=True)
class Campus:
    """A running server, its pages by their route, and the agents that speak to it."""

    server: DrillServer
    client: httpx.Client
    pages: Mapping[str, str]
    gate: ExitAgent
    pond: PondAgent

    def context(self, browser: Browser, name: str, **options: Any) -> BrowserContext:
        """A browser in which this user is logged in."""
        made = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", **options)
        answer = made.request.post(f"{self.server.url}/api/v1/session", data={"name": name, "password": PASSWORD})
        assert answer.ok, answer.text()
        return made

    @contextmanager
    def client_of(self, name: str) -> Generator[httpx.Client]:
        """Another user's session without a browser."""
        with closing(httpx.Client(base_url=self.server.url, timeout=30)) as made:
            answer = made.post("/api/v1/session", json={"name": name, "password": PASSWORD})
            made.headers["X-CSRF-Token"] = answer.json()["csrf"]
            yield made


def routes() -> set[str]:
    """Every route of a page, as the server has them."""
    made = rooms(cast("Any", SimpleNamespace(simulated=False)))
    return {one.path for part in made for one in part.routes if isinstance(one, APIRoute)} - {*NO_PAGES, *NOBODY}


@contextmanager
def campus(folder: Path) -> Generator[Campus]:
    """Run it until the block ends: a drill that is over, a hazard, checkpoints, a plan with a point."""
    server = DrillServer(folder)
    server.prepare()
    write_waters(server)
    database = connect(sqlite_address(server.data / "campus.db"))
    with database.write.begin() as connection:
        for name, role in ((ADMIN, Role.ADMIN), (OFFICER, Role.COUNTY)):
            users.add(connection, name, role, PASSWORD, datetime.now(UTC))
    server.start()
    try:
        with closing(server.login()) as client, ExitAgent(server) as gate, at_the_pond(server) as pond:
            until(lambda: len(client.get("/api/v1/points").json()) > 0, "the points")
            with database.read.connect() as connection:
                codes = tokens(connection, load_waters(server.data).water)
            yield Campus(server, client, _pages(client, next(iter(codes))), gate, pond)
    finally:
        database.close()
        server.stop()


def _pages(client: httpx.Client, water: str) -> dict[str, str]:
    """Fill every room, and give each route an address."""
    drill = _made(client, "drills", {"site": SITE, "name": "十一月演练"})["id"]
    client.post(f"/api/v1/drills/{drill}/signal", json={"id": "go"})
    client.post(f"/api/v1/drills/{drill}/end", json={"id": "over"})
    hazard = _made(client, "hazards", {"description": "食堂后门堆放杂物", "site": SITE})["id"]
    visit = _made(client, "duties/checkpoints", {"name": "东门岗亭", "site": SITE})["token"]
    assert client.post("/api/v1/wall/plans", params={"name": "校园平面图"}, content=PICTURE).status_code == 201
    given = {
        "hazard": str(hazard), "drill": str(drill), "site": SITE, "agent": "pi", "point": "level", "kind": "week",
        "paper": "record",
    }  # fmt: skip
    found = {route: route.format_map(given | {"room": "{room}", "token": "{token}"}) for route in routes()}
    for room in ("advice", "roster", "plans", "kiosks"):
        found[f"/wall/{room}"] = f"/wall/{room}"
    for paper in ("notice", "opinion"):
        found[f"/hazards/{{hazard}}/{paper}"] = f"/hazards/{hazard}/{paper}"
    del found["/wall/{room}"]
    return found | {"/p/{token}": f"/p/{water}", "/c/{token}": f"/c/{visit}", "refused": "/wall/nothing"}


def _made(client: httpx.Client, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = client.post(f"/api/v1/{what}", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())
