"""What tests of drills with a browser start from: a school with a server of its own, its drill leader, pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from browsing import GATE_HOUSE
from drilling import SITE, DrillServer, served
from playwright.sync_api import Browser, BrowserContext, Page
from waiting import until


@dataclass
class Campus:
    """What every test here starts from."""

    server: DrillServer
    client: httpx.Client

    def plan(self, **more: Any) -> str:
        """Plan a drill; whatever an earlier test left running is ended first."""
        for one in self.running():
            self.post(one["id"], "end", {"id": f"cleanup-{one['id']}"})
        until(lambda: not self.running(), "the drill before to end")
        answer = self.client.post("/api/v1/drills", json={"site": SITE, "name": "九月演练", **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def running(self) -> list[dict[str, Any]]:
        return list(self.client.get("/api/v1/drills/running").json())

    def post(self, drill: str, what: str, body: Any) -> httpx.Response:
        answer = self.client.post(f"/api/v1/drills/{drill}/{what}", json=body)
        assert answer.status_code < 300, answer.text
        return answer

    def view(self, drill: str) -> dict[str, Any]:
        return dict(self.client.get(f"/api/v1/drills/{drill}").json())

    def net(self, drill: str) -> int:
        count = self.view(drill)["result"]["count"]
        return int(count["out"] - count["back"])

    def phase(self, drill: str) -> str:
        return str(self.view(drill)["result"]["phase"])

    def report(self, drill: str, n: int, present: int = 20, expected: int = 20) -> None:
        at_ms = self.client.get("/api/v1/drills/clock").json()["server_ms"]
        word = {"class_id": f"c{n}", "at_ms": at_ms, "plus_minus_ms": 10, "expected": expected, "present": present}
        self.post(drill, "roll", [{**word, "id": f"a{n}-{drill}", "kind": "arrived"}])
        self.post(drill, "roll", [{**word, "id": f"r{n}-{present}-{drill}", "kind": "reported"}])

    def finish(self, drill: str) -> None:
        """Nobody may be running when the next test begins."""
        if self.phase(drill) in {"alarm", "shelter", "evacuating"}:
            self.post(drill, "end", {"id": "cleanup"})
            until(lambda: self.phase(drill) in {"finished", "void"}, "the drill to end")


def school(folder: Path) -> Iterator[Campus]:
    """Run a school's server, its drill leader logged in."""
    with served(folder) as server, closing(server.login()) as client:
        yield Campus(server, client)


def profile(browser: Browser, campus: Campus) -> Iterator[BrowserContext]:
    """Open a browser profile that is logged in as the drill leader."""
    size = {"width": GATE_HOUSE[0], "height": GATE_HOUSE[1]}
    made = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", viewport=size)  # type: ignore[arg-type]
    for cookie in campus.client.cookies.jar:
        made.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": campus.server.url}])
    yield made
    made.close()


def opened(context: BrowserContext, campus: Campus, path: str) -> tuple[Page, list[str]]:
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(campus.server.url + path)
    return page, errors
