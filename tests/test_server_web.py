"""The web door: no route without a session, no write from another site, no guessing of passwords."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from inner_server import assembled
from serving import PASSWORD

from contracts.messages import Birth, Point, Stamp, State
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock
from server.accounts import users
from server.accounts.permissions import PERMISSIONS, Role
from server.accounts.reach import Reach
from server.accounts.throttle import Throttle
from server.alerts.alert import no_ledger
from server.alerts.rules import Signal
from server.alerts.store import hear
from server.app import create_app
from server.assembling import Parts
from server.errors import RefusedError
from server.history.latest import Newest
from server.history.series import Sample
from server.ingest.decode import Arrival

ENROL = ("/api/v1/enroll", "/api/v1/enroll/renew", "/api/v1/enroll/authority")  # guarded by a token, tested apart
OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/api/v1/session", "/api/v1/kiosks/session", *ENROL}
AT = datetime(2026, 9, 1, 6, tzinfo=UTC)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with assembled(tmp_path / "data", tester="admin", gate="gatekeeper", county="county") as made:
        yield made


@pytest.fixture
def web(parts: Parts) -> Iterator[TestClient]:
    with TestClient(create_app(parts.services), base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        yield client


def log_in(web: TestClient, name: str = "tester", password: str = PASSWORD) -> dict[str, str]:
    answer = web.post("/api/v1/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return {"X-CSRF-Token": answer.json()["csrf"]}


def raise_alert(parts: Parts, kind: str = "fire-door", site: str = "no1") -> str:
    signal = Signal(site, "lab", "door-1", kind, active=True, severity="warning", at=AT, received_at=AT)
    [alert] = parts.services.writer.write(lambda c: hear(c, signal, no_ledger))
    return alert.id


def routes(web: TestClient) -> list[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = web.get("/openapi.json").json()["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods if path not in OPEN]


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 5000], ids=["none", "unknown", "too long"])
def test_no_route_answers_without_a_session(web: TestClient, cookie: str) -> None:
    found = routes(web)
    assert len(found) > 15
    for method, path in found:
        headers = {"cookie": f"session={cookie}"} if cookie else {}
        answer = web.request(method, path.replace("{alert_id}", "x").replace("{hazard}", "1"), headers=headers, json={})
        assert answer.status_code == 401, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_route_says_which_errors_it_has(web: TestClient) -> None:
    paths = web.get("/openapi.json").json()["paths"]
    for method, path in routes(web):
        assert {"401", "403"} <= set(paths[path][method]["responses"]), (method, path)
    assert web.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_every_write_needs_the_sessions_token(web: TestClient) -> None:
    log_in(web)
    for method, path in [*routes(web), ("delete", "/api/v1/session")]:
        if method in ("get", "head"):
            continue
        answer = web.request(method, path.replace("{alert_id}", "x"), json={}, headers={"X-CSRF-Token": "wrong"})
        assert answer.status_code in (403, 422), (method, path)
        assert answer.status_code == 403 or "body" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
    ids=["origin", "fetch metadata", "an opaque origin"],
)
def test_a_write_that_another_site_causes_is_refused(web: TestClient, headers: dict[str, str]) -> None:
    answer = web.post("/api/v1/session", json={"name": "tester", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(web: TestClient) -> None:
    answer = web.post("/api/v1/session", json={"name": "tester", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_login_is_tried_five_times_a_minute(web: TestClient) -> None:
    answers = [web.post("/api/v1/session", json={"name": "tester", "password": "wrong"}).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    blocked = web.post("/api/v1/session", json={"name": "tester", "password": PASSWORD})
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["retry-after"]) <= 60


def test_the_throttle_forgets_after_a_minute_and_after_success() -> None:
    throttle = Throttle()
    assert [throttle.try_(float(s), "a") for s in range(5)] == [0.0] * 5
    assert throttle.try_(5.0, "a") == 55.0
    assert throttle.try_(5.0, "b") == 0.0
    assert throttle.try_(60.0, "a") == 0.0
    throttle.forget("a")
    assert throttle.try_(60.1, "a") == 0.0


def test_who_goes_on_guessing_waits_twice_as_long_each_time_up_to_a_quarter_of_an_hour() -> None:
    throttle, at_s, locks = Throttle(), 0.0, list[float]()
    for _ in range(7):
        for _ in range(5):
            assert throttle.try_(at_s, "a") == 0.0
        locks.append(throttle.try_(at_s, "a"))
        at_s += locks[-1]
    assert locks == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0]
    assert throttle.try_(at_s + 4000, "a") == 0.0  # an hour's quiet: as new
    for _ in range(4):
        throttle.try_(at_s + 4000, "a")
    assert throttle.try_(at_s + 4000, "a") == 60.0


def test_logout_ends_the_session_for_every_copy_of_the_cookie(web: TestClient) -> None:
    headers = log_in(web)
    kept = web.cookies["session"]
    assert web.post("/api/v1/logout", headers=headers).status_code == 204
    assert web.get("/api/v1/alerts", headers={"cookie": f"session={kept}"}).status_code == 401


def test_a_disabled_user_is_out_at_once(web: TestClient, parts: Parts) -> None:
    log_in(web, "gate")
    assert web.get("/api/v1/alerts").status_code == 200
    parts.services.writer.write(lambda c: users.disable(c, "gate"))
    assert web.get("/api/v1/alerts").status_code == 401


def test_each_login_makes_a_new_session(web: TestClient) -> None:
    log_in(web)
    first = web.cookies["session"]
    log_in(web)
    assert web.cookies["session"] != first


def test_a_role_does_what_its_permissions_say(web: TestClient, parts: Parts) -> None:
    alert = raise_alert(parts)
    headers = log_in(web, "county")
    assert web.get("/api/v1/alerts").json()[0]["id"] == alert
    assert web.post(f"/api/v1/alerts/{alert}/ack", headers=headers).status_code == 403
    headers = log_in(web, "gate")
    assert web.get("/api/v1/users").status_code == 403
    assert web.post(f"/api/v1/alerts/{alert}/ack", headers=headers).json()["state"] == "active-acked"
    shelved = web.post(f"/api/v1/alerts/{alert}/shelve", json={"minutes": 5, "reason": "x"}, headers=headers)
    assert shelved.status_code == 403


def test_a_user_of_one_site_neither_sees_nor_touches_another(web: TestClient, parts: Parts) -> None:
    alert, own = raise_alert(parts, site="no1"), raise_alert(parts, site="no2")
    parts.services.writer.write(lambda c: users.add(c, "no2-gate", Role.GATEKEEPER, PASSWORD, AT, Reach.of("no2")))
    headers = log_in(web, "no2-gate")
    assert [a["id"] for a in web.get("/api/v1/alerts?site=no1").json()] == [own]
    assert web.get(f"/api/v1/alerts/{alert}").status_code == 404
    assert web.post(f"/api/v1/alerts/{alert}/ack", headers=headers).status_code == 404


def test_what_persons_do_is_audited(web: TestClient, parts: Parts) -> None:
    alert = raise_alert(parts, "smoke")
    headers = log_in(web)
    refused = web.post(f"/api/v1/alerts/{alert}/shelve", json={"minutes": 5, "reason": "x"}, headers=headers)
    assert refused.status_code == 409
    web.post(f"/api/v1/alerts/{alert}/comment", json={"text": "已到现场"}, headers=headers)
    web.post(f"/api/v1/alerts/{alert}/reset", headers=headers)
    told = [(line["by"], line["action"]) for line in web.get("/api/v1/audit").json()]
    lines = [line for line in told if line[1] != "audit viewed"]  # this very look, written beside the answer
    assert lines[:3] == [("tester", "alert reset"), ("tester", "alert comment"), ("tester", "login")]


def test_passwords_are_stored_as_argon2_and_a_short_one_is_refused(parts: Parts) -> None:
    with parts.services.database.read.connect() as connection:
        stored = connection.exec_driver_sql("SELECT password FROM users").scalars().all()
    assert all(text.startswith("$argon2id$") for text in stored)
    with pytest.raises(RefusedError, match="at least 10"):
        users.hash_password("short")


def test_metrics_are_for_this_machine(parts: Parts) -> None:
    with TestClient(create_app(parts.services), client=("10.0.0.9", 1)) as elsewhere:
        assert elsewhere.get("/metrics").status_code == 401
    with TestClient(create_app(parts.services), client=("127.0.0.1", 1)) as here:
        text = here.get("/metrics").text
    metrics = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE campus_")]
    stages = ("sensor_to_arrival", "arrival_to_commit", "commit_to_receipt", "commit_to_stream", "stream_to_socket")
    assert {f"campus_{stage}_seconds" for stage in stages} <= set(metrics)
    assert 'campus_agents{link="lost"} 0.0' in text
    for name in metrics:
        assert f"# HELP {name} " in text, "every metric says what it is"
        assert len(text.split(f"# HELP {name} ")[1].splitlines()[0]) > 10, name


def test_readings_come_back_from_the_history(web: TestClient, parts: Parts) -> None:
    from server.presence.tables import points

    point = {"site": "no1", "agent": "lab", "id": "heat-1", "name": "感温", "kind": "heat", "silence_s": 9000.0}
    parts.services.writer.write(lambda c: c.execute(points.insert().values(**point)) and None)
    key = ("no1", "lab", "heat-1")
    samples = [Sample(key, AT.replace(minute=m), 20.0 + m) for m in (58, 59)] + [Sample(key, AT.replace(hour=7), 80.0)]
    parts.services.series.write([*samples, *samples])
    parts.services.series.close()
    log_in(web)
    answer = web.get("/api/v1/readings?point=heat-1&from=2026-09-01T06:59:00Z&to=2026-09-01T08:00:00Z")
    assert answer.json() == [
        {"at": "2026-09-01T06:59:00Z", "value": 79.0}, {"at": "2026-09-01T07:00:00Z", "value": 80.0},
    ]  # fmt: skip
    assert web.get("/api/v1/readings?point=none").status_code == 404
    assert web.get("/api/v1/readings").json() == []
    parts.services.latest.put(key, Newest(80.0, AT, AT))
    parts.services.latest.put(("no1", "lab", "of no birth"), Newest(1.0, AT, AT))
    assert web.get("/api/v1/readings").json() == [
        {"site": "no1", "agent": "lab", "point": "heat-1", "at": "2026-09-01T06:00:00Z", "value": 80.0}
    ]
    shown = web.get("/api/v1/points").json()[0]
    assert (shown["name"], shown["silence_s"], shown["age_s"]) == ("感温", 9000.0, None)


def test_who_asks_right_after_a_birth_or_a_goodbye_is_told_of_it(web: TestClient, parts: Parts) -> None:
    stamp = Stamp(at=AT, boot_id="boot-1", mono_s=9.0, clock=Clock.SYNCED)
    point = Point(id="heat-1", name="感温", kind="heat")
    birth = Birth(name="实验楼", stamp=stamp, session=1, epoch="epoch-01", simulated=True, points=(point,))
    log_in(web)

    def told(kind: Kind, text: str) -> list[tuple[object, object]]:
        arrival = Arrival(str(Topic("no1", "lab", kind)), text.encode(), parts.services.now(), time.monotonic())
        assert parts.services.writer.offer(arrival)
        parts.services.writer.write(lambda _: None)  # nobody goes round here, as between two rounds
        shown = [*web.get("/api/v1/agents").json(), *web.get("/api/v1/points").json()]
        return [(row["link"], row["simulated"]) for row in shown]

    assert told(Kind.BIRTH, birth.model_dump_json()) == [("ok", True)] * 2
    goodbye = State(status="stopping", boot_id="boot-1", session=1)
    assert told(Kind.STATE, goodbye.model_dump_json()) == [("stopped", True)] * 2


def test_the_fixed_addresses_answer(web: TestClient) -> None:
    log_in(web)
    for name in ("alerts", "hazards", "drills", "water", "duties", "points", "readings", "agents", "users", "audit"):
        answer = web.get(f"/api/v1/{name}")
        assert answer.status_code == 200, (name, answer.text)
        json.dumps(answer.json())
    assert web.get("/healthz").json() == {"status": "ok"}


def test_permissions_name_only_roles_that_exist() -> None:
    assert all(roles <= set(Role) for roles in PERMISSIONS.values())
