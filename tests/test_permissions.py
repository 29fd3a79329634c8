"""Who may do what: every route of the application, asked by every role, answers as the one table says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from config.agent import MqttSection
from config.server import ServerConfig
from server.accounts import sessions, tokens
from server.accounts.permissions import KIOSKS, PERMISSIONS, Role, may
from server.accounts.reach import EVERYWHERE, put
from server.accounts.tables import users
from server.accounts.web import SAFE, Needs
from server.alerts.alert import no_ledger
from server.app import create_app
from server.assembling import Parts, assemble
from server.pages.session_rooms import rooms

WITHOUT_SESSION = {
    "GET /healthz", "GET /readyz", "GET /metrics",  # health; the last by address or a token of its own
    "POST /api/v1/session", "POST /api/v1/kiosks/session",  # the doors
    "DELETE /api/v1/session", "POST /api/v1/logout",  # whoever has a session may end it
    "POST /api/v1/enroll", "POST /api/v1/enroll/renew", "GET /api/v1/enroll/authority",  # a device's token opens it
}  # fmt: skip
PAGES_FOR_ALL = {"/login", "/kiosk", "/static/{name:path}", "/offline"}
REFUSAL = re.compile(r"has no permission ([a-z.]+)")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    data: Path = tmp_path_factory.mktemp("server")
    made = assemble(ServerConfig(data=data), MqttSection(), no_ledger)
    made.services.writer.start()
    yield made
    made.services.writer.close()
    made.services.database.close()


@pytest.fixture(scope="module")
def app(parts: Parts) -> Any:
    return create_app(parts.services, rooms(parts.services))


@pytest.fixture(scope="module")
def people(parts: Parts, app: Any) -> Iterator[dict[Role, TestClient]]:
    """A client with the session of one user of each role, of one school."""
    found: dict[Role, TestClient] = {}
    services = parts.services
    with services.database.write.begin() as connection:
        for role in Role:
            row = {"name": role.value, "role": role.value, "password": "-", "created_at": services.now()}
            key = connection.execute(users.insert().values(**row, disabled=False)).inserted_primary_key
            put(connection, key[0] if key else 0, EVERYWHERE)
            token = sessions.open_session(connection, key[0] if key else 0, services.steady())
            headers = {"cookie": f"session={token}", "x-csrf-token": sessions.csrf_of(token)}
            found[role] = TestClient(app, base_url="http://127.0.0.1", headers=headers)
    yield found
    for client in found.values():
        client.close()


def every_route(routes: Any) -> Iterator[APIRoute]:
    """All routes, those of included routers too (FastAPI keeps them in a tree)."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from every_route(inner.routes)
        elif isinstance(route, APIRoute):
            yield route


def api_routes(app: Any) -> list[tuple[str, APIRoute]]:
    found = [
        (method, route)
        for route in every_route(app.routes)
        if route.path.startswith(("/api/", "/healthz", "/readyz", "/metrics"))
        for method in route.methods or ()
    ]
    assert len(found) > 80
    return found


def asked_by(dependant: Dependant) -> list[str]:
    """The permissions a route asks for, its dependencies' too."""
    own = [dependant.call.permission] if isinstance(dependant.call, Needs) else []
    return own + [one for inner in dependant.dependencies for one in asked_by(inner)]


def address(route: APIRoute) -> str:
    return re.sub(r"\{[^}]+\}", "1", route.path)


def test_every_route_states_its_permission(app: Any) -> None:
    for method, route in api_routes(app):
        stated = set(asked_by(route.dependant))
        if f"{method} {route.path}" in WITHOUT_SESSION:
            assert stated == set()
        else:
            assert stated, f"{method} {route.path}: states no permission"


def test_every_permission_is_asked_for_somewhere(app: Any) -> None:
    stated = {one for _, route in api_routes(app) for one in asked_by(route.dependant)}
    elsewhere = {"pages.read", "hazards.assign", "water.codes"}  # asked for inside a page or an answer
    assert set(PERMISSIONS) - stated - elsewhere == set()


@pytest.mark.parametrize("role", Role)
def test_every_route_lets_in_whom_the_table_names(app: Any, people: dict[Role, TestClient], role: Role) -> None:
    seen = 0
    for method, route in api_routes(app):
        if f"{method} {route.path}" in WITHOUT_SESSION:
            continue
        allowed = all(may(role, permission) for permission in asked_by(route.dependant))
        if allowed and route.path == "/api/v1/stream":
            continue  # has no end; that it lets in is tested with the stream
        options: dict[str, Any] = {} if method in SAFE else {"json": {}}
        answer = people[role].request(method, address(route), **options)
        text = str(answer.json().get("detail", "")) if answer.status_code >= 400 else ""
        refused = answer.status_code == 403 and REFUSAL.search(text) is not None
        assert refused is not allowed, f"{role}: {method} {route.path}: {answer.status_code} {text}"
        assert answer.status_code != 401, f"{role}: {method} {route.path}"
        seen += 1
    assert seen > 60


def test_no_route_answers_a_stranger(app: Any) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as stranger:
        for method, route in api_routes(app):
            if f"{method} {route.path}" not in WITHOUT_SESSION:
                options: dict[str, Any] = {} if method in SAFE else {"json": {}}
                for headers in ({}, {"Authorization": "Bearer cw_nonsense"}):
                    answer = stranger.request(method, address(route), headers=headers, **options)
                    assert answer.status_code == 401, f"{method} {route.path}: {answer.status_code}"


def test_a_page_opens_only_to_a_session_and_shows_a_role_only_its_rooms(
    app: Any, people: dict[Role, TestClient]
) -> None:
    pages = [route for route in every_route(app.routes) if not route.include_in_schema]
    assert len(pages) > 10
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as stranger:
        for page in pages:
            if page.path not in PAGES_FOR_ALL:
                answer = stranger.get(address(page))
                assert answer.status_code in (303, 404, 422), f"{page.path}: {answer.status_code}"
    for role, client in people.items():
        for path, permission in (("/hazards", "hazards.read"), ("/people", "users.read"), ("/audit", "audit.read")):
            assert (client.get(path).status_code == 200) is may(role, permission), f"{role} {path}"


def test_a_token_holds_no_more_than_its_scope(parts: Parts, app: Any, people: dict[Role, TestClient]) -> None:
    services = parts.services
    assert people
    now = services.steady()
    with services.database.write.begin() as connection:
        text = tokens.create(connection, "safety", "报表", ["hazards.read", "hazards.report"], now, 30, "yx-1")
        over = tokens.create(connection, "safety", "旧", ["hazards.read"], now - timedelta(days=31), 30)
    with TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {text}"}) as program:
        for method, route in api_routes(app):
            permissions = set(asked_by(route.dependant))
            if not permissions:
                continue
            allowed = permissions <= {"hazards.read", "hazards.report"}
            options: dict[str, Any] = {} if method in SAFE else {"json": {}}
            answer = program.request(method, address(route), **options)
            assert (answer.status_code == 403) is not allowed, f"{method} {route.path}: {answer.status_code}"
        made = program.post("/api/v1/hazards", json={"description": "走廊灯坏", "site": "yx-1"})
        assert made.status_code == 201, made.text  # a write by token needs no X-CSRF-Token: no browser sends it alone
        elsewhere = program.post("/api/v1/hazards", json={"description": "走廊灯坏", "site": "yx-2"})
        assert elsewhere.status_code == 403, elsewhere.text  # the token is of one school
        with TestClient(app, headers={"Authorization": f"Bearer {over}"}) as late:
            assert late.get("/api/v1/hazards").status_code == 401


def test_the_table_names_only_roles_and_kiosks_change_nothing_but_an_acknowledgement() -> None:
    for role in KIOSKS:
        own = {name for name, roles in PERMISSIONS.items() if role in roles}
        assert {name for name in own if not name.endswith(".read")} <= {"alerts.ack"}
