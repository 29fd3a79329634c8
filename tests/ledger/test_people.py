"""Users, tokens and the audit over the API: nobody gives more than he has, nothing stays that was taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from ledger_clock import NOW, Clock
from sqlalchemy import select
from test_ledger_api import Campus, Client, campus_on, sentence

from server.accounts import sessions, tokens, users
from server.accounts.permissions import Role
from server.accounts.tables import tokens as token_table
from server.accounts.views import Views
from server.database import Database
from server.ledger.sensors import Ledger

PASSWORD = "a-password-for-tests"


@pytest.fixture
def campus(database: Database, ledger: Ledger, clock: Clock, tmp_path: Path) -> Iterator[Campus]:
    with campus_on(database, ledger, clock, tmp_path) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Program:
    """Asks with a token in place of a cookie."""

    client: Client
    text: str

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.text}"}
        return Client(self.client.app).request(method, path, headers=headers, **options)


def admin(campus: Campus) -> Client:
    return campus.as_(Role.ADMIN, "")


def test_a_user_is_added_moved_let_out_and_in(campus: Campus) -> None:
    boss = admin(campus)
    made = boss.post("/api/v1/users", json={"name": "李安全", "role": "safety", "site": "yx-1"})
    assert made.status_code == 201, made.text
    assert len(made.json()["password"]) >= 15
    assert boss.request("PATCH", "/api/v1/users/李安全", json={"site": "yx-2"}).json()["site"] == "yx-2"
    out = boss.request("PATCH", "/api/v1/users/李安全", json={"disabled": True})
    assert (out.status_code, out.json()["disabled"]) == (200, True)
    assert boss.request("PATCH", "/api/v1/users/李安全", json={"disabled": False}).json()["disabled"] is False
    listed = {user["name"]: user for user in boss.get("/api/v1/users").json()}
    assert (listed["李安全"]["role"], listed["李安全"]["site"]) == ("safety", "yx-2")
    assert "password" not in listed["李安全"]
    done = [(row["action"], row["subject"]) for row in boss.get("/api/v1/audit?action=user").json()]
    assert done == [("user change", "李安全")] * 3 + [("user add", "李安全")]


def test_mistakes_with_users_have_their_status_and_one_sentence(campus: Campus) -> None:
    boss = admin(campus)
    new = {"name": "甲", "role": "safety", "site": "yx-1"}
    assert boss.post("/api/v1/users", json=new).status_code == 201
    assert "exists already" in sentence(boss.post("/api/v1/users", json=new), 409)
    assert "role" in sentence(boss.post("/api/v1/users", json={**new, "name": "乙", "role": "king"}), 422)
    assert "site" in sentence(boss.post("/api/v1/users", json={**new, "name": "乙", "site": "没有/这样"}), 422)
    assert "固定屏幕" in sentence(boss.post("/api/v1/users", json={**new, "name": "乙", "role": "kiosk"}), 422)
    assert "none of them /" in sentence(boss.post("/api/v1/users", json={**new, "name": "a/b"}), 409)
    assert "does not exist" in sentence(boss.request("PATCH", "/api/v1/users/丙", json={}), 404)
    last = boss.request("PATCH", "/api/v1/users/admin@", json={"disabled": True})
    assert "last administrator" in sentence(last, 409)
    assert boss.get("/api/v1/users").status_code == 200  # and it was not done


def test_the_administrator_of_one_school_gives_nobody_more_than_that_school(campus: Campus) -> None:
    admin(campus)
    own = campus.as_(Role.ADMIN, "yx-1")
    campus.as_(Role.SAFETY, "yx-2")
    assert own.post("/api/v1/users", json={"name": "甲", "role": "safety", "site": "yx-1"}).status_code == 201
    for site in ("yx-2", ""):
        answer = own.post("/api/v1/users", json={"name": "乙", "role": "admin", "site": site})
        assert "只能管理自己范围" in sentence(answer, 403)
    assert "does not exist" in sentence(own.request("PATCH", "/api/v1/users/safety@yx-2", json={}), 404)
    assert sentence(own.post("/api/v1/users/safety@yx-2/password"), 404)
    assert {user["site"] for user in own.get("/api/v1/users").json()} == {"yx-1"}


def test_a_person_changes_the_own_password_and_is_out_everywhere_else(campus: Campus) -> None:
    services = campus.services
    here, there = campus.as_(Role.TEACHER), Client(campus.app, "")
    with services.database.write.begin() as connection:
        users.set_password(connection, "teacher@yx-1", PASSWORD, NOW)
        number = users.find(connection, "teacher@yx-1").id
        here, there = (
            Client(campus.app, sessions.open_session(connection, number, services.steady())) for _ in range(2)
        )
    at = "/api/v1/session/password"
    assert "原密码不对" in sentence(here.put(at, json={"old": "wrong", "new": "another-password"}), 409)
    assert "至少要 10" in sentence(here.put(at, json={"old": PASSWORD, "new": "short"}), 422)
    assert "相同" in sentence(here.put(at, json={"old": PASSWORD, "new": PASSWORD}), 422)
    assert here.put(at, json={"old": PASSWORD, "new": "another-password"}).status_code == 204
    assert here.get("/api/v1/session").status_code == 200
    assert there.get("/api/v1/session").status_code == 401
    with services.database.read.connect() as connection:
        assert users.check(connection, "teacher@yx-1", "another-password") == number


def test_a_token_is_shown_once_kept_as_a_hash_used_listed_and_revoked(campus: Campus, database: Database) -> None:
    safety = campus.as_(Role.SAFETY)
    text = safety.post("/api/v1/tokens", json={"name": "日报", "scope": ["hazards.read"], "days": 30}).json()["token"]
    with database.read.connect() as connection:
        row = connection.execute(select(token_table)).one()
    assert text not in str(tuple(row))
    program = Program(safety, text)
    assert program.request("GET", "/api/v1/hazards").status_code == 200
    assert "this token has no permission" in sentence(program.request("GET", "/api/v1/users"), 403)
    campus.services.writer.write(lambda _: None)  # the last use is written by the way
    (seen,) = safety.get("/api/v1/tokens").json()
    assert (seen["name"], seen["scope"], seen["site"]) == ("日报", ["hazards.read"], "yx-1")
    assert seen["used_at"] is not None
    assert safety.request("DELETE", f"/api/v1/tokens/{seen['id']}").status_code == 204
    assert "not any more" in sentence(program.request("GET", "/api/v1/hazards"), 401)


def test_a_token_ends_with_its_days_its_owner_and_its_owners_school(campus: Campus, clock: Clock) -> None:
    boss, safety = admin(campus), campus.as_(Role.SAFETY)
    texts = [
        safety.post("/api/v1/tokens", json={"name": "x", "scope": ["hazards.read"], "days": days}).json()["token"]
        for days in (1, 100)
    ]
    short, long_ = (Program(safety, text) for text in texts)
    clock.now = NOW + timedelta(days=2)
    assert [p.request("GET", "/api/v1/hazards").status_code for p in (short, long_)] == [401, 200]
    clock.now = NOW
    boss.request("PATCH", "/api/v1/users/safety@yx-1", json={"site": "yx-2"})
    assert long_.request("GET", "/api/v1/hazards").status_code == 401
    boss.request("PATCH", "/api/v1/users/safety@yx-1", json={"site": "yx-1"})
    assert long_.request("GET", "/api/v1/hazards").status_code == 200
    boss.request("PATCH", "/api/v1/users/safety@yx-1", json={"role": "technician"})
    assert long_.request("GET", "/api/v1/hazards").status_code == 200  # the new role reads hazards too
    boss.request("PATCH", "/api/v1/users/safety@yx-1", json={"disabled": True})
    assert long_.request("GET", "/api/v1/hazards").status_code == 401


def test_a_new_password_by_an_administrator_ends_the_tokens_made_before_and_nobody_elses(campus: Campus) -> None:
    boss, safety, teacher = admin(campus), campus.as_(Role.SAFETY), campus.as_(Role.TEACHER)
    old, others = (Program(person, token_of(person)) for person in (safety, teacher))
    assert boss.post("/api/v1/users/safety@yx-1/password").status_code == 200
    assert "not any more" in sentence(old.request("GET", "/api/v1/hazards"), 401)
    assert others.request("GET", "/api/v1/hazards").status_code == 200
    (line,) = boss.get("/api/v1/audit?action=user").json()
    assert (line["action"], line["text"]) == ("user password", "tokens revoked: 1")
    for disabled in (True, False):
        boss.request("PATCH", "/api/v1/users/safety@yx-1", json={"disabled": disabled})
    assert old.request("GET", "/api/v1/hazards").status_code == 401  # for good


@pytest.mark.parametrize(("asked", "status"), [({}, 200), ({"end_tokens": True}, 401)], ids=["kept", "ended"])
def test_a_persons_own_change_of_password_keeps_tokens_unless_asked_to_end_them(
    campus: Campus, asked: dict[str, bool], status: int
) -> None:
    services, person = campus.services, campus.as_(Role.TEACHER)
    program = Program(person, token_of(person))
    with services.database.write.begin() as connection:
        user = users.find(connection, "teacher@yx-1").id
        users.put_own(connection, "teacher@yx-1", users.hash_password(PASSWORD), "")
        person = Client(campus.app, sessions.open_session(connection, user, services.steady()))
    body = {"old": PASSWORD, "new": "another-password", **asked}
    assert person.put("/api/v1/session/password", json=body).status_code == 204
    assert program.request("GET", "/api/v1/hazards").status_code == status


def token_of(person: Client) -> str:
    """Make a token that reads the ledger; return its text."""
    return person.post("/api/v1/tokens", json={"name": "x", "scope": ["hazards.read"]}).json()["token"]


def test_nobody_makes_a_token_that_can_do_more_than_himself(campus: Campus) -> None:
    teacher = campus.as_(Role.TEACHER)
    for scope in (["users.read"], ["hazards.import"], ["tokens.write"], ["account.write"], ["no.such"]):
        answer = teacher.post("/api/v1/tokens", json={"name": "x", "scope": scope})
        assert "not a permission its owner can give" in sentence(answer, 409)
    assert "does not see the site" in sentence(
        teacher.post("/api/v1/tokens", json={"name": "x", "scope": ["hazards.read"], "site": "yx-2"}), 409
    )
    assert "days" in sentence(
        teacher.post("/api/v1/tokens", json={"name": "x", "scope": ["hazards.read"], "days": 9999}), 422
    )
    other = campus.as_(Role.SAFETY)
    mine = other.post("/api/v1/tokens", json={"name": "x", "scope": ["hazards.read"]})
    assert mine.status_code == 201
    number = other.get("/api/v1/tokens").json()[0]["id"]
    assert sentence(teacher.request("DELETE", f"/api/v1/tokens/{number}"), 404)


def test_a_calendar_is_subscribed_to_by_an_address_that_opens_nothing_else(campus: Campus) -> None:
    teacher = campus.as_(Role.TEACHER)
    make = "/api/v1/tokens"
    feed = teacher.post(make, json={"name": "手机日历", "scope": ["duties.feed"]}).json()["token"]
    wide = teacher.post(make, json={"name": "x", "scope": ["duties.feed", "duties.read"]}).json()["token"]
    stranger = Client(campus.app)
    answer = stranger.get(f"/api/v1/duties/calendar.ics?token={feed}")
    assert answer.status_code == 200
    assert answer.text.startswith("BEGIN:VCALENDAR")
    assert stranger.get(f"/api/v1/duties/calendar.ics?token={wide}").status_code == 401
    assert stranger.get(f"/api/v1/duties?token={wide}").status_code == 401
    assert stranger.get(f"/api/v1/hazards?token={feed}").status_code == 401


def test_a_school_sees_in_the_audit_what_its_own_people_did(campus: Campus) -> None:
    one, two, city = campus.as_(Role.SAFETY), campus.as_(Role.SAFETY, "yx-2"), campus.as_(Role.CITY)
    for person in (one, two):
        person.post("/api/v1/tokens", json={"name": "x", "scope": ["hazards.read"]})
    assert {row["by"] for row in one.get("/api/v1/audit").json()} == {"safety@yx-1"}
    done = [row["by"] for row in city.get("/api/v1/audit").json() if row["action"] != "audit viewed"]  # its own look
    assert set(done) == {"safety@yx-1", "safety@yx-2"}
    assert city.get("/api/v1/audit?by=safety@yx-2&action=token").json()[0]["text"] == "hazards.read"
    assert city.get("/api/v1/audit?action=%25").json() == []
    assert city.get("/api/v1/audit?since=2026-05-08").json() == []


def test_more_than_fifty_tokens_are_refused(campus: Campus, database: Database) -> None:
    campus.as_(Role.SAFETY)
    with database.write.begin() as connection:
        for n in range(tokens.MOST):
            tokens.create(connection, "safety@yx-1", f"t{n}", ["hazards.read"], NOW, 30)
        with pytest.raises(Exception, match="50 tokens already"):
            tokens.create(connection, "safety@yx-1", "one more", ["hazards.read"], NOW, 30)


def test_who_looks_at_people_stands_in_the_audit_once_an_hour(campus: Campus) -> None:
    boss, safety = admin(campus), campus.as_(Role.SAFETY, "yx-1")
    for _ in range(3):
        boss.get("/api/v1/users")
        boss.get("/api/v1/audit")
        safety.get("/api/v1/hazards/words")
    looks = [row for row in boss.get("/api/v1/audit").json() if row["action"].endswith("viewed")]
    assert sorted((row["action"], row["by"], row["subject"]) for row in looks) == [
        ("audit viewed", "admin@", ""),
        ("people viewed", "admin@", ""),
        ("people viewed", "safety@yx-1", "of yx-1"),
    ]


def test_a_look_that_could_not_be_written_is_written_the_next_time() -> None:
    views = Views()
    look = ("甲", "people viewed", "")
    assert [views.is_new(look, at_s) for at_s in (0.0, 10.0, 3601.0)] == [True, False, True]
    views.forget(look)
    assert views.is_new(look, 3602.0)
