"""Every page and answer carries what a browser needs to defend its user; no path leads out of the static files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from inner_server import assembled
from serving import PASSWORD

from server.accounts import sessions
from server.accounts.throttle import AT_ONCE, TRIES, TRIES_ANYWHERE, WAITING, Throttle
from server.app import MOST_BODY, create_app
from server.assembling import Parts
from server.pages.session_rooms import rooms


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with assembled(tmp_path_factory.mktemp("server") / "data", tester="admin") as made:
        yield made


@pytest.fixture
def web(parts: Parts) -> Iterator[TestClient]:
    app = create_app(parts.services, rooms(parts.services))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1), follow_redirects=False) as client:
        yield client


def every_route(routes: Any) -> Iterator[APIRoute]:
    """All routes, those of included routers too (FastAPI keeps them in a tree)."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from every_route(inner.routes)
        elif isinstance(route, APIRoute):
            yield route


def paths(web: TestClient) -> list[str]:
    """Every page and answer that is asked for by GET and needs no number."""
    routes = every_route(getattr(web.app, "routes", []))
    found = [route.path for route in routes if "GET" in (route.methods or ()) and "{" not in route.path]
    return [path for path in found if path != "/api/v1/stream"]


@pytest.mark.parametrize("logged_in", [False, True], ids=["a stranger", "somebody"])
def test_every_answer_defends_its_reader(logged_in: bool, web: TestClient) -> None:  # noqa: FBT001 - a row
    web.cookies.clear()
    if logged_in:
        assert web.post("/api/v1/session", json={"name": "tester", "password": PASSWORD}).status_code == 200
    assert len(paths(web)) > 25
    for path in [*paths(web), "/no-such-page"]:
        headers = web.get(path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy, path
        assert "http" not in policy, path
        assert "default-src 'none'" in policy or "default-src 'self'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["referrer-policy"] in ("same-origin", "no-referrer"), path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert "no-store" in headers["cache-control"] or "private" in headers["cache-control"] or not logged_in, path
        assert "server" not in headers, path


@pytest.mark.parametrize(
    "path",
    ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "%2e%2e%2fapp.py", "....//app.py", "..\\app.py", "..%5capp.py",
     "/etc/passwd", "%2fetc%2fpasswd", "..%252fapp.py", "wall.js%00.css", "%c0%ae%c0%ae/app.py"],
)  # fmt: skip
def test_no_path_leads_out_of_the_static_files(path: str, web: TestClient) -> None:
    answer = web.get(f"/static/{path}")
    assert answer.status_code in (404, 422), answer.text[:200]
    assert "import" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
def test_nobody_is_sent_elsewhere_after_the_login(target: str, web: TestClient) -> None:
    web.cookies.clear()
    text = web.get("/login", params={"next": target}).text
    assert "evil.example" not in text
    assert "javascript:" not in text


def test_a_session_ends_when_it_is_idle_and_at_its_longest(parts: Parts) -> None:
    now = parts.services.steady()

    def opened(connection: object) -> str:
        return sessions.open_session(connection, 1, now)  # pyright: ignore[reportArgumentType]

    token = parts.services.writer.write(opened)

    def stands(at: datetime) -> bool:
        with parts.services.database.read.connect() as connection:
            return sessions.find(connection, token, at) is not None

    assert stands(now + sessions.IDLE - timedelta(seconds=1))
    assert not stands(now + sessions.IDLE + timedelta(seconds=1))
    used = [now + timedelta(days=day) - sessions.IDLE / 2 for day in range(1, 8)]
    for at in used:
        parts.services.writer.write(partial(sessions.touch, session=sessions.hashed(token), now=at))
    assert not stands(now + sessions.LONGEST + timedelta(seconds=1))


def test_a_name_is_tried_so_often_from_one_address_and_the_right_password_waits_too(web: TestClient) -> None:
    web.cookies.clear()
    for _ in range(TRIES):
        assert web.post("/api/v1/session", json={"name": "nobody", "password": "guess-number-one"}).status_code == 401
    answer = web.post("/api/v1/session", json={"name": "nobody", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_a_name_guessed_from_everywhere_is_shut_but_not_for_its_owner_at_his_desk(parts: Parts) -> None:
    app = create_app(replace(parts.services, throttle=Throttle()))

    def answer(address: str, password: str) -> int:
        with TestClient(app, base_url="http://127.0.0.1", client=(address, 1)) as client:
            return client.post("/api/v1/session", json={"name": "tester", "password": password}).status_code

    assert answer("10.0.0.7", PASSWORD) == 200
    guesses = [answer(f"10.1.0.{n}", "guess-number-one") for n in range(TRIES_ANYWHERE + 1)]
    assert guesses == [401] * TRIES_ANYWHERE + [429]
    assert answer("10.0.0.8", PASSWORD) == 429
    assert answer("10.0.0.7", PASSWORD) == 200


def test_logging_in_again_ends_the_browsers_earlier_session(parts: Parts) -> None:
    login = {"name": "tester", "password": PASSWORD}
    app = create_app(replace(parts.services, throttle=Throttle()))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as web:
        assert web.post("/api/v1/session", json=login).status_code == 200
        earlier = dict(web.cookies)
        assert web.post("/api/v1/session", json=login).status_code == 200
        assert web.get("/api/v1/session").status_code == 200
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1), cookies=earlier) as thief:
        assert thief.get("/api/v1/session").status_code == 401


def test_a_stranger_cannot_fill_the_memory_by_a_long_body(web: TestClient) -> None:
    web.cookies.clear()
    answers = dict[str, int]()
    for route in every_route(getattr(web.app, "routes", [])):
        for method in (route.methods or set()) - {"GET", "HEAD"}:
            path = re.sub(r"\{[^}]+\}", "x", route.path)
            answers[f"{method} {path}"] = web.request(method, path, content=b" " * (MOST_BODY + 1)).status_code
    assert len(answers) > 45
    assert set(answers.values()) <= {401, 403, 404, 413, 422}, answers
    assert answers["POST /api/v1/session"] == 413


def test_whoever_guesses_from_many_addresses_does_not_hold_the_threads_that_serve_pages(parts: Parts) -> None:
    services = replace(parts.services, throttle=Throttle())
    web = TestClient(create_app(services), base_url="http://127.0.0.1", client=("127.0.0.1", 1))
    room, held = services.throttle._room, 0
    while room.acquire(blocking=False):
        held += 1
    login = {"name": "tester", "password": PASSWORD}
    try:
        assert held == AT_ONCE + WAITING < 12, "of some forty threads"
        assert web.post("/api/v1/session", json=login).status_code == 429
    finally:
        for _ in range(held):
            room.release()
    assert web.post("/api/v1/session", json=login).status_code == 200


def test_so_many_passwords_are_checked_at_once_and_no_more(parts: Parts, web: TestClient) -> None:
    gate = parts.services.throttle.hashing
    held = 0
    while gate.acquire(blocking=False):
        held += 1
    try:
        assert 1 <= held <= 4
    finally:
        for _ in range(held):
            gate.release()
