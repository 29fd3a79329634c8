"""The API of ledger and duties: who may what, the right status for each mistake, one clear sentence."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from ledger_clock import NOW, Clock
from openpyxl import load_workbook
from sqlalchemy import insert

from contracts.messages import Command
from server.accounts import sessions
from server.accounts.permissions import Role
from server.accounts.reach import EVERY, Reach, parse, put
from server.accounts.tables import users
from server.alerts.alert import Alert, no_ledger
from server.alerts.tables import alerts
from server.api import register
from server.app import create_app
from server.database import Database
from server.duties.plan import load_plan
from server.duties.tables import subjects
from server.history.embedded import SqliteSeries
from server.history.latest import Latest
from server.ingest.intake import Intake
from server.keeping import once
from server.ledger import query, seal
from server.ledger.excel import workbook
from server.ledger.sensors import Ledger
from server.ledger.sheets import MOST_BYTES
from server.live import Live
from server.metrics import make_metrics
from server.presence.presence import Presence
from server.services import Services
from server.writer import Writer


@dataclass(frozen=True, slots=True)
class Client:
    """Asks the application in this process, with one user's session."""

    app: Any
    token: str = ""

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            who = {"X-CSRF-Token": sessions.csrf_of(self.token), "Cookie": f"session={self.token}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://campus", headers=who) as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)


@dataclass(frozen=True, slots=True)
class Campus:
    """A server in this process, and clients for its users."""

    services: Services
    app: Any

    def as_(self, role: Role, site: str = "yx-1", *places: str, name: str = "") -> Client:
        """Return a client with the session of a new user of this role: of one school, of none above them, of places."""
        name, site = name or f"{role}@{site}", "" if role in {Role.COUNTY, Role.CITY} else site
        with self.services.database.write.begin() as connection:
            person = {"name": name, "role": role.value, "password": "-", "created_at": NOW}
            key = connection.execute(insert(users).values(**person, disabled=False)).inserted_primary_key
            put(connection, key[0] if key else 0, parse(places or [site or EVERY]))
            token = sessions.open_session(connection, key[0] if key else 0, self.services.now())
        return Client(self.app, token)


def _no_command(_site: str, _agent: str, _command: Command) -> bool:
    return True


def _no_tick(_head: int) -> dict[str, object]:
    return {}


@contextmanager
def campus_on(database: Database, ledger: Ledger, clock: Clock, folder: Path) -> Generator[Campus]:
    metrics = make_metrics()
    presence = Presence(no_ledger, 60)
    writer = Writer(database, Intake(presence, no_ledger, sites=frozenset()), metrics)
    latest = Latest()
    with closing(SqliteSeries(folder / "history.db")) as series:
        live = Live(database, metrics, _no_tick, latest.take_changed, dict[str, Reach | None].fromkeys)
        services = Services(
            database=database, writer=writer, presence=presence, live=live, latest=latest, series=series,
            metrics=metrics, alert_hook=no_ledger, command=_no_command, broker_age_s=lambda: 0.0,
            ledger=ledger, plan=load_plan(), now=clock, steady=clock,
        )  # fmt: skip
        writer.start()
        yield Campus(services, create_app(services))
        writer.close()


@pytest.fixture
def campus(database: Database, ledger: Ledger, clock: Clock, tmp_path: Path) -> Iterator[Campus]:
    with campus_on(database, ledger, clock, tmp_path) as made:
        yield made


FOUND = {"description": "消防通道堆放杂物 📦", "place": "食堂后门", "category": "fire"}


def sentence(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def test_a_hazard_goes_from_found_to_closed_over_the_api(campus: Campus) -> None:
    teacher, safety, grid, principal = (
        campus.as_(role) for role in (Role.TEACHER, Role.SAFETY, Role.GRID, Role.PRINCIPAL)
    )
    made = teacher.post("/api/v1/hazards", json=FOUND)
    assert made.status_code == 201, made.text
    hazard = made.json()["id"]
    steps: list[tuple[Client, str, dict[str, Any]]] = [
        (safety, "register", {}),
        (safety, "judge", {"grade": "general", "layer": "school-now"}),
        (safety, "assign", {
            "responsible": "grid@yx-1", "measures": "清理", "deadline": "2026-05-09T00:00:00Z", "interim": "专人看守"}),
        (grid, "start", {}),
        (grid, "submit", {"result": "已清理"}),
        (safety, "accept", {"conclusion": "合格"}),
        (principal, "close", {}),
    ]  # fmt: skip
    for version, (client, action, fields) in enumerate(steps, 1):
        done = client.post(f"/api/v1/hazards/{hazard}/{action}", json={"version": version, **fields})
        assert done.status_code == 200, done.text
    one = principal.get(f"/api/v1/hazards/{hazard}").json()
    assert (one["state_text"], one["number"], one["lacking"]) == ("销号", "YX-1-2026-0001", [])
    assert [row["action"] for row in one["story"]] == ["open", *(action for _, action, _ in steps)]
    assert one["story"][2]["text"] == "研判（登记 → 研判）：一般，学校立行立改"
    assert principal.get("/api/v1/hazards/verify").json() == {"whole": True, "rows": 8, "broken": ""}
    assert safety.get("/api/v1/hazards/counts").json() == {"closed": 1}


def test_each_mistake_has_its_status_and_one_sentence(campus: Campus) -> None:
    safety, grid = campus.as_(Role.SAFETY), campus.as_(Role.GRID)
    hazard = safety.post("/api/v1/hazards", json={**FOUND, "category": ""}).json()["id"]
    at = f"/api/v1/hazards/{hazard}"
    assert "还缺 类别" in sentence(safety.post(f"{at}/register", json={"version": 1}), 422)
    assert "不能“销号”" in sentence(safety.post(f"{at}/close", json={"version": 1}), 409)
    assert "没有“fly”" in sentence(safety.post(f"{at}/fly", json={"version": 1}), 409)
    assert "角色不能“误报”" in sentence(grid.post(f"{at}/false-alarm", json={"version": 1}), 403)
    assert "别人刚刚修改过" in sentence(safety.post(f"{at}/register", json={"version": 9, "category": "fire"}), 409)
    assert "台账中没有" in sentence(safety.post("/api/v1/hazards/99/register", json={"version": 1}), 404)
    assert "台账中没有" in sentence(campus.as_(Role.SAFETY, "yx-2").get(at), 404)
    assert "不能保存的字符" in sentence(safety.post("/api/v1/hazards", json={"description": "a\0"}), 422)
    assert "wages" in sentence(safety.post(f"{at}/register", json={"version": 1, "wages": 1}), 422)
    assert "翻页位置" in sentence(safety.get("/api/v1/hazards?after=zzz"), 422)
    assert "请指明学校" in sentence(campus.as_(Role.CITY).post("/api/v1/hazards", json=FOUND), 422)
    assert "yx-2：不是您所在" in sentence(safety.post("/api/v1/hazards", json={**FOUND, "site": "yx-2"}), 403)
    for path in ("/hazards/packs/month?day=9999-12-31", "/hazards/packs/week/export?day=0001-01-01",
                 "/duties/coverage?first=0001-01-01&last=0001-01-02", "/reviews/9999-W52"):  # fmt: skip
        sentence(safety.get(f"/api/v1{path}"), 422)


def test_lists_are_paged_filtered_and_a_school_sees_its_own(campus: Campus) -> None:
    one, two, city = campus.as_(Role.SAFETY), campus.as_(Role.SAFETY, "yx-2"), campus.as_(Role.CITY)
    for client in (one, one, one, two):
        client.post("/api/v1/hazards", json=FOUND)
    first = one.get("/api/v1/hazards?limit=2").json()
    rest = one.get(f"/api/v1/hazards?limit=2&after={first['next']}").json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    assert len(city.get("/api/v1/hazards").json()["items"]) == 4
    assert len(one.get("/api/v1/hazards?site=yx-2").json()["items"]) == 3
    assert len(city.get("/api/v1/hazards?site=yx-2&q=食堂").json()["items"]) == 1
    assert one.get("/api/v1/hazards?view=overdue").json()["items"] == []


def test_an_export_that_would_hold_alarms_up_is_refused_in_a_sentence(
    campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MOST", 2)
    monkeypatch.setattr(register, "MOST_EXPORTED", 2)
    safety = campus.as_(Role.SAFETY)
    for n in range(3):
        safety.post("/api/v1/hazards", json={**FOUND, "place": f"{n} 楼"})
    assert "分几次导出" in sentence(safety.get("/api/v1/hazards/export"), 422)
    monkeypatch.setattr(register, "MOST_EXPORTED", 4)
    book = load_workbook(io.BytesIO(safety.get("/api/v1/hazards/export").content))
    assert book.worksheets[0].max_row == 4


def test_the_register_goes_out_and_comes_in_as_excel(campus: Campus) -> None:
    safety = campus.as_(Role.SAFETY)
    safety.post("/api/v1/hazards", json=FOUND)
    content = safety.get("/api/v1/hazards/export").content
    assert load_workbook(io.BytesIO(content)).worksheets[0].max_row == 2
    assert safety.post("/api/v1/hazards/import", content=content).json() == {"opened": 1, "known": 0}
    assert safety.post("/api/v1/hazards/import", content=content).json() == {"opened": 0, "known": 1}
    bad = workbook("台账", ("描述", "类别"), [*(("单杠松动", ""),) * 30, ("x", "玄学")])
    assert "第 32 行" in sentence(safety.post("/api/v1/hazards/import", content=bad), 422)
    assert len(safety.get("/api/v1/hazards").json()["items"]) == 2, "a file with a mistake left something behind"
    assert "不是 Excel" in sentence(safety.post("/api/v1/hazards/import", content=b"x"), 422)
    assert "太大" in sentence(safety.post("/api/v1/hazards/import", content=b"x" * (MOST_BYTES + 1)), 413)
    pack = safety.get("/api/v1/hazards/packs/week?day=2026-05-07").json()
    assert (pack["title"], len(pack["found"])) == ("周研判", 2)


def test_duties_of_today_are_recorded_and_the_month_shows_it(campus: Campus) -> None:
    city, safety = campus.as_(Role.CITY), campus.as_(Role.SAFETY)
    school = {"site": "yx-1", "kind": "school", "id": "yx-1", "name": "一中", "stage": "middle"}
    assert city.put("/api/v1/duties/subjects", json=school).status_code == 200
    today = {t["duty"]: t for t in safety.get("/api/v1/duties/today").json()}
    assert (today["M01"]["standing"], today["M01"]["bearer"]) == ("open", "一中")
    assert "零报告" in sentence(safety.post("/api/v1/duties/records", json={"duty": "M01"}), 422)
    done = safety.post("/api/v1/duties/records", json={"duty": "M01", "evidence": {"零报告": "是"}})
    assert done.status_code == 201, done.text
    month = safety.get("/api/v1/duties/month?year=2026&month=5").json()
    assert [t["standing"] for t in month if t["slot"] == "2026-05-07" and t["duty"] == "M01"] == ["met"]
    assert {"site": "yx-1", "duty": "M01", "name": "日排查", "met": 1}.items() <= next(
        row for row in city.get("/api/v1/duties/coverage").json() if row["duty"] == "M01"
    ).items()
    assert safety.get("/api/v1/duties/calendar.ics").text.startswith("BEGIN:VCALENDAR")
    assert "不是您的职责" in sentence(safety.post("/api/v1/duties/records", json={"duty": "M09"}), 403)
    skipped = {"duty": "M02", "evidence": {"会议纪要": "开过", "本周隐患汇总": "无"}}
    assert "/hazards/review" in sentence(safety.post("/api/v1/duties/records", json=skipped), 409)
    guards = {"duty": "M10b", "amount": 300}
    assert "0 到 100" in sentence(safety.post("/api/v1/duties/records", json=guards), 422)
    assert safety.post("/api/v1/duties/records", json={**guards, "amount": 0}).status_code == 201
    lesson = {"duty": "M05a", "site": "yx-1", "subject": "三年九班", "evidence": {"主题": "防溺水"}}
    assert "没有“三年九班”" in sentence(campus.as_(Role.TEACHER).post("/api/v1/duties/records", json=lesson), 422)
    assert "没有“X1”" in sentence(safety.post("/api/v1/duties/records", json={"duty": "X1"}), 404)
    old = {"duty": "M01", "at": "1970-01-01T00:00:00Z", "evidence": {"零报告": "是"}}
    assert "1970" in sentence(safety.post("/api/v1/duties/records", json=old), 422)
    assert "起止日期" in sentence(city.get("/api/v1/duties/coverage?first=2026-05-07&last=2026-05-01"), 422)
    assert "不是您所在" in sentence(safety.put("/api/v1/duties/subjects", json={**school, "site": "yx-2"}), 403)


def test_the_minutes_upkeep_does_it_all_at_once(campus: Campus, clock: Clock, tmp_path: Path) -> None:
    safety = campus.as_(Role.SAFETY)
    safety.post("/api/v1/hazards", json=FOUND)
    row = {"site": "yx-1", "kind": "school", "id": "yx-1", "name": "一中", "since": NOW}
    key = seal.load_key(tmp_path)
    with campus.services.database.write.begin() as connection:
        connection.execute(insert(subjects).values(row))
    clock.now = NOW + timedelta(hours=6)
    for _ in range(2):
        campus.services.writer.write(lambda c: once(c, campus.services, key, tmp_path))
    found = safety.get("/api/v1/hazards").json()["items"]
    assert [h["source"] for h in found] == ["duty", "report"]


def test_an_alert_of_another_school_is_unknown_and_the_writer_lives_on(campus: Campus) -> None:
    alert = Alert(
        id="a1", site="yx-2", agent="gate", point="smoke-1", name="烟感", kind="smoke", severity="critical",
        began_at=NOW, received_at=NOW,
    )  # fmt: skip
    with campus.services.database.write.begin() as connection:
        connection.execute(insert(alerts).values({c.name: getattr(alert, c.name) for c in alerts.c}))
    safety = campus.as_(Role.SAFETY)
    assert "there is none" in sentence(safety.post("/api/v1/alerts/a1/ack"), 404)
    assert safety.post("/api/v1/hazards", json=FOUND).status_code == 201
