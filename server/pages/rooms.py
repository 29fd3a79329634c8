"""The routes of the pages: who may see which, in which language, with which headers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from contracts.vocabulary import NEVER_SHELVED, Hazard
from server.pages import catalogue

HERE = Path(__file__).parent
STATIC = HERE / "static"
CSP = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_STATIC_NAMES = frozenset(file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*") if file.is_file())
ROOMS = (
    ("/", "wall", "alerts.read"),
    ("/drills", "drills", "drills.read"),
    ("/water", "water", "water.read"),
    ("/hazards", "hazards", "hazards.read"),
    ("/duties", "duties", "duties.read"),
    ("/points", "points", "points.read"),
    ("/agents", "agents", "agents.read"),
    ("/people", "people", "users.read"),
    ("/audit", "audit", "audit.read"),
)
"""Address, name and permission of each room, in the order of the navigation; its text is `nav.NAME`."""
SETTINGS = ("advice", "roster", "plans", "kiosks")
"""What a school sets for its wall, each on a page of its own under /wall/."""
_NEEDED = {name: needs for _, name, needs in ROOMS} | {
    "hazard": "hazards.read",
    "hazard-paper": "hazards.read",
    "hazard-review": "hazards.read",
    "hazard-report": "hazards.report",
    "advice": "wall.write",
    "roster": "wall.write",
    "plans": "wall.write",
    "kiosks": "kiosks.write",
    "account": "account.write",
    "duties-month": "duties.read",
    "duties-coverage": "duties.read",
    "duties-calendar": "duties.read",
    "duties-checkpoints": "duties.arrange",
    "checkpoint": "duties.write",
    "point": "readings.read",
}
"""What a visitor needs for a page; the others are open to everybody with a session."""
_THERE = frozenset(file.stem for file in (HERE / "templates").glob("*.html"))


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is looking: what a page needs to know of a session."""

    name: str
    csrf: str
    permissions: frozenset[str] = frozenset()
    is_kiosk: bool = False

    @property
    def rooms(self) -> tuple[tuple[str, str], ...]:
        """The rooms this visitor may enter: address and name."""
        return tuple((address, name) for address, name, needs in ROOMS if needs in self.permissions and name in _THERE)


Identify = Callable[[Request], Visitor | None]


class Pages:
    """Renders templates with everything the frame needs."""

    def __init__(self, identify: Identify, *, simulated: bool = False) -> None:
        self._identify = identify
        self._simulated = simulated
        self._texts = catalogue.read_all()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def open(self, request: Request, room: str, **values: Any) -> Response:
        """Show a room to a visitor with a session; send anyone else to the login page, and back afterwards."""
        visitor = self._identify(request)
        if visitor is None:
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(target)}", status_code=303)
        needed = _NEEDED.get(room)
        if needed and needed not in visitor.permissions:
            return self.render(request, "refused", visitor=visitor, status=403)
        return self.render(request, room, visitor=visitor, **values)

    def render(
        self, request: Request, room: str, *, visitor: Visitor | None, status: int = 200, **values: Any
    ) -> Response:
        """Render one template in the visitor's language."""
        cookies = request.cookies
        asked = request.query_params.get("lang")
        language = catalogue.choose(asked, cookies.get("lang"))
        theme = request.query_params.get("theme") or cookies.get("theme", "")
        texts = self._texts[language]
        html = self._templates.get_template(f"{room}.html").render(
            t=texts.text,
            lang=language,
            theme=theme if theme in {"light", "dark"} else "",
            texts=json.dumps(dict(texts.texts), ensure_ascii=False).replace("<", "\\u003c"),
            room=room,
            rooms=visitor.rooms if visitor else (),
            visitor=visitor,
            simulated=self._simulated,
            **values,
        )
        response = HTMLResponse(html, status, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-store"})
        for name in ("lang", "theme"):
            if wish := request.query_params.get(name):
                known = wish in {*catalogue.LANGUAGES, "light", "dark", "auto"}
                if known:
                    response.set_cookie(name, wish, max_age=365 * 86400, samesite="lax")
        return response


def router(pages: Pages) -> APIRouter:
    """Return the routes of all rooms."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/login")
    async def login(request: Request) -> Response:
        return pages.render(request, "login", visitor=None, next=_inside(request.query_params.get("next")))

    @routes.get("/")
    async def wall(request: Request) -> Response:
        return pages.open(request, "wall", never_shelved=" ".join(sorted(NEVER_SHELVED)))

    @routes.get("/kiosk")
    async def kiosk(request: Request) -> Response:
        return pages.render(request, "kiosk", visitor=None)

    @routes.get("/wall/{room}")
    async def settings(request: Request, room: str) -> Response:
        if room not in SETTINGS:
            return pages.open(request, "refused")
        return pages.open(request, room, kinds=[kind.value for kind in Hazard])

    @routes.get("/points")
    async def points(request: Request) -> Response:
        return pages.open(request, "points", query=request.query_params.get("q", ""))

    @routes.get("/agents")
    async def agents(request: Request) -> Response:
        return pages.open(request, "agents")

    @routes.get("/static/{name:path}")
    async def static(name: str) -> Response:
        # Only names known beforehand: a path never leaves the folder.
        if name not in _STATIC_NAMES:
            return HTMLResponse("", status_code=404)
        # A shared worker obeys the policy of its own file, not that of the pages it works for.
        return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache", "Content-Security-Policy": CSP})

    _ = (login, wall, kiosk, settings, points, agents, static)
    return routes


def _inside(target: str | None) -> str:
    """Return a path on this server only: an address from outside must not choose where a login leads."""
    # A browser leaves tabs and line ends out before it reads: a path with one may be another host's address.
    if target and target.startswith("/") and target.isprintable() and not target.startswith(("//", "/\\", "/login")):
        return target
    return "/"
