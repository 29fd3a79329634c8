"""What a school puts on its wall, and the screens at its posts: kept, checked, audited, and only for who may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import pack

import pytest
from fastapi.testclient import TestClient
from inner_server import assembled
from serving import PASSWORD
from sqlalchemy import Connection

from server.alerts.alert import no_ledger
from server.alerts.rules import Signal
from server.alerts.store import hear, listed
from server.app import create_app
from server.assembling import Parts
from server.errors import RefusedError
from server.history.plot import PIXELS
from server.history.series import Sample
from server.pages.point_rooms import SPANS
from server.pages.session_rooms import rooms
from server.presence.tables import points
from server.wall import roster
from server.wall.pictures import look
from server.wall.roster import Shift
from server.wall.watching import Watching

PNG = b"\x89PNG\r\n\x1a\n" + pack(">I4sII", 13, b"IHDR", 800, 600) + b"\x08\x02\0\0\0"
JPEG = b"\xff\xd8\xff\xe0" + pack(">H", 16) + bytes(14) + b"\xff\xc2" + pack(">HBHH", 17, 8, 480, 640) + bytes(10)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with assembled(tmp_path / "data", tester="admin", gate="gatekeeper", safety="safety") as made:
        yield made


def client(parts: Parts, name: str = "") -> TestClient:
    web = TestClient(create_app(parts.services, rooms(parts.services)), base_url="http://127.0.0.1")
    if name:
        answer = web.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        web.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return web


def audited(parts: Parts) -> list[str]:
    rows = client(parts, "tester").get("/api/v1/audit").json()
    return [row["action"] for row in rows]


def test_the_school_writes_its_own_advice_and_gets_the_shipped_one_back(parts: Parts) -> None:
    web = client(parts, "safety")
    text = "先打 119\n再打总务处 8123"
    assert web.put("/api/v1/wall/advice/smoke", json={"language": "zh-CN", "text": text}).status_code == 204
    assert web.get("/api/v1/wall").json()["advice"] == {"smoke": text}
    assert web.get("/api/v1/wall?lang=en").json()["advice"] == {}
    assert web.put("/api/v1/wall/advice/smoke", json={"language": "zh-CN", "text": ""}).status_code == 204
    assert web.get("/api/v1/wall").json()["advice"] == {}
    assert web.put("/api/v1/wall/advice/nonsense", json={"language": "en", "text": "x"}).status_code == 404
    assert (
        client(parts, "gate").put("/api/v1/wall/advice/smoke", json={"language": "en", "text": "x"}).status_code == 403
    )
    assert audited(parts).count("advice") == 2


DAY = Shift("门卫", "甲", "8001", "12345", "07:30", "19:30")
NIGHT = Shift("夜班", "乙", "8002", "5", "19:30", "07:30")


@pytest.mark.parametrize(
    ("shift", "at", "on"),
    [
        pytest.param(DAY, (23, 7, 30), True, id="Monday, the minute it begins"),
        pytest.param(DAY, (23, 19, 30), False, id="the minute it ends"),
        pytest.param(DAY, (28, 12, 0), False, id="Saturday is not its day"),
        pytest.param(NIGHT, (27, 23, 0), True, id="Friday night"),
        pytest.param(NIGHT, (28, 6, 0), True, id="Saturday morning still belongs to Friday's night"),
        pytest.param(NIGHT, (27, 6, 0), False, id="Friday morning belongs to Thursday's, which is nobody's"),
    ],
)
def test_who_is_on_duty(shift: Shift, at: tuple[int, int, int], *, on: bool) -> None:
    assert shift.covers(datetime(2026, 11, *at, tzinfo=UTC)) is on


def test_the_roster_is_shown_to_all_and_written_by_few(parts: Parts) -> None:
    row = {"post": "门卫", "name": "甲", "phone": "0877-8001", "days": "1234567", "begins": "00:00", "ends": "00:00"}
    assert client(parts, "gate").put("/api/v1/wall/roster", json=[row]).status_code == 403
    web = client(parts, "safety")
    assert web.put("/api/v1/wall/roster", json=[{**row, "phone": "javascript:"}]).status_code == 422
    assert web.put("/api/v1/wall/roster", json=[row]).status_code == 204
    shown = client(parts, "gate").get("/api/v1/wall").json()
    assert shown["on_duty"] == [row]
    assert "roster" in audited(parts)


def test_a_picture_is_judged_by_its_bytes() -> None:
    assert (look(PNG).type, look(PNG).width, look(PNG).height) == ("image/png", 800, 600)
    assert (look(JPEG).type, look(JPEG).width, look(JPEG).height) == ("image/jpeg", 640, 480)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", id="SVG"),
        pytest.param(b"GIF89a\x01\0\x01\0", id="GIF"),
        pytest.param(PNG[:18], id="cut off"),
        pytest.param(b"\xff\xd8\xff", id="nothing after the start"),
        pytest.param(PNG.replace(pack(">II", 800, 600), pack(">II", 0, 600)), id="no width"),
        pytest.param(PNG.replace(pack(">II", 800, 600), pack(">II", 90000, 90000)), id="a bomb of pixels"),
        pytest.param(PNG + bytes(6 * 2**20), id="too many bytes"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError, match="plan"):
        look(data)


def test_a_plan_is_kept_with_its_points_and_taken_away(parts: Parts) -> None:
    web = client(parts, "safety")
    assert web.post("/api/v1/wall/plans?name=x", content=b"<svg/>").status_code == 409
    plan = web.post("/api/v1/wall/plans?name=教学楼A", content=PNG).json()["id"]
    spot = {"site": "no1", "agent": "lab", "point": "smoke-1", "x": 0.25, "y": 0.5}
    assert web.put(f"/api/v1/wall/plans/{plan}/points", json=[spot]).status_code == 204
    assert web.put(f"/api/v1/wall/plans/{plan}/points", json=[{**spot, "x": 2}]).status_code == 422
    gate = client(parts, "gate")
    [shown] = gate.get("/api/v1/wall").json()["plans"]
    assert (shown["name"], shown["width"], shown["points"]) == ("教学楼A", 800, [spot])
    picture = gate.get(f"/api/v1/wall/plans/{plan}/picture")
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert gate.delete(f"/api/v1/wall/plans/{plan}").status_code == 403
    assert web.delete(f"/api/v1/wall/plans/{plan}").status_code == 204
    assert gate.get("/api/v1/wall").json()["plans"] == []


def test_a_screen_is_let_in_once_stays_for_months_and_goes_when_revoked(parts: Parts) -> None:
    admin = client(parts, "tester")
    assert client(parts, "safety").post("/api/v1/kiosks", json={"name": "岗亭屏"}).status_code == 403
    code = admin.post("/api/v1/kiosks", json={"name": "岗亭屏"}).json()["code"]
    screen = client(parts)
    entered = screen.post("/api/v1/kiosks/session", json={"code": code})
    assert entered.status_code == 204
    assert "Max-Age=31536000" in entered.headers["set-cookie"]
    assert client(parts).post("/api/v1/kiosks/session", json={"code": code}).status_code == 401
    assert screen.get("/api/v1/alerts").status_code == 200
    assert screen.get("/api/v1/wall").status_code == 200
    assert {screen.get(f"/api/v1/{path}").status_code for path in ("hazards", "users", "audit", "kiosks")} == {403}
    assert screen.get("/hazards", follow_redirects=False).status_code == 403
    page = screen.get("/").text
    assert "岗亭屏" in page
    assert 'id="leave"' not in page
    again = client(parts)  # a browser started again has its cookie and nothing else
    again.cookies.update(screen.cookies)
    assert again.get("/api/v1/alerts").status_code == 200
    assert admin.delete("/api/v1/kiosks/岗亭屏").status_code == 204
    assert again.get("/api/v1/alerts").status_code == 401
    assert {"kiosk add", "kiosk login", "kiosk login refused", "kiosk revoke"} <= set(audited(parts))


def test_a_browser_that_becomes_a_screen_is_nobody_else_any_more(parts: Parts) -> None:
    browser, thief = client(parts, "safety"), client(parts)
    thief.cookies.update(browser.cookies)
    code = client(parts, "tester").post("/api/v1/kiosks", json={"name": "岗亭屏"}).json()["code"]
    assert browser.post("/api/v1/kiosks/session", json={"code": code}).status_code == 204
    assert browser.get("/api/v1/session").json()["role"] == "kiosk"
    assert thief.get("/api/v1/session").status_code == 401


def test_a_screen_that_only_looks_cannot_acknowledge(parts: Parts) -> None:
    admin = client(parts, "tester")
    code = admin.post("/api/v1/kiosks", json={"name": "大厅", "look_only": True}).json()["code"]
    screen = client(parts)
    screen.post("/api/v1/kiosks/session", json={"code": code})
    screen.headers["X-CSRF-Token"] = screen.get("/api/v1/session").json()["csrf"]
    assert screen.post("/api/v1/alerts/x/ack").status_code == 403
    assert screen.post("/api/v1/session", json={"name": "大厅", "password": code}).status_code == 401


def test_the_course_of_a_point_keeps_its_spike_and_names_its_alerts(parts: Parts) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    key = ("no1", "lab", "heat-1")
    samples = [Sample(key, now - timedelta(seconds=10 * i), 20.0) for i in range(1, 8000)]
    spike = Sample(key, now - timedelta(seconds=43_213), 97.5)
    parts.services.series.write([*samples, spike, Sample(key, now - timedelta(seconds=5), "text")])
    row = {"site": "no1", "agent": "lab", "id": "heat-1", "name": "感温", "kind": "heat", "place": "教学楼A 三层东"}
    parts.services.writer.write(lambda c: c.execute(points.insert().values(row)))
    signal = Signal("no1", "lab", "heat-1", "heat", active=True, severity="critical", at=now, received_at=now)
    parts.services.writer.write(lambda c: hear(c, replace(signal, at=now - timedelta(hours=2)), no_ledger))
    for span in ("day", "week", "month", "year"):
        columns = parts.services.series.columns(key, now - SPANS[span], now, SPANS[span] / PIXELS)
        assert len(columns) <= PIXELS
        assert max(high for _, _, high in columns) == spike.value
    web = client(parts, "gate")
    page = web.get("/points/no1/lab/heat-1?span=day").text
    assert "最高 97.5" in page
    assert 'class="stood critical"' in page
    assert "教学楼A 三层东 · 感温" in page
    assert web.get("/points/no1/lab/nothing").status_code == 404
    assert web.get("/points/no1/lab/heat-1?to=nonsense&span=x").status_code == 200
    assert client(parts).get("/points/no1/lab/heat-1", follow_redirects=False).status_code == 303


def test_nobody_watching_for_a_minute_of_duty_is_a_fault_and_clears_when_a_page_opens(parts: Parts) -> None:
    watching, at = Watching(no_ledger), datetime(2026, 11, 23, 9, tzinfo=UTC)

    def tick(mono_s: float, *watched: str) -> list[str]:
        def work(c: Connection) -> list[str]:
            watching.tick(c, ["no1"], watched, at + timedelta(seconds=mono_s), mono_s)
            return [alert.reason for alert in listed(c, only_open=True) if alert.active]

        return parts.services.writer.write(work)

    assert tick(0) == tick(100) == []  # no roster, no promise
    parts.services.writer.write(lambda c: roster.write(c, "no1", [DAY], "tester", at))
    assert tick(110, "no1") == tick(165) == []
    assert tick(171) == ["nobody-watching"]
    assert tick(177, "") == []
