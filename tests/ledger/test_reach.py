"""How far accounts see: a county its schools, a grid member his grid; route x role x place, nothing beyond."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_clock import Clock
from openpyxl import load_workbook
from test_ledger_api import Campus, Client, campus_on

from server.accounts.permissions import Role, may
from server.accounts.reach import EVERYWHERE, Reach, parse
from server.changes import announce
from server.database import Database
from server.errors import RefusedError
from server.ledger.sensors import Ledger
from server.live import Client as Page

HERE, BOTH, GRID = ("yx-1",), ("yx-1", "yx-2"), ("yx-1/食堂",)
PERSONS = tuple(role for role in Role if may(role, "hazards.read"))


@pytest.fixture
def campus(database: Database, ledger: Ledger, clock: Clock, tmp_path: Path) -> Iterator[Campus]:
    with campus_on(database, ledger, clock, tmp_path) as made:
        city = made.as_(Role.CITY, name="市局")
        for site, grid in (("yx-1", "食堂"), ("yx-1", "操场"), ("yx-2", "食堂"), ("yx-3", "食堂")):
            body = {
                "site": site,
                "grid": grid,
                "place": grid,
                "description": f"{site} {grid} 有隐患",
                "category": "fire",
            }
            assert city.post("/api/v1/hazards", json=body).status_code == 201
        for site in ("yx-1", "yx-2", "yx-3"):
            for id_, name in (("g1", "食堂"), ("g2", "操场")):
                grid = {"site": site, "kind": "grid", "id": id_, "name": name}
                assert city.put("/api/v1/duties/subjects", json=grid).status_code == 200
                point = {"site": site, "grid": id_, "name": f"{site} {name}门口"}
                assert city.post("/api/v1/duties/checkpoints", json=point).status_code == 201
        yield made


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["*"], ["*"], id="every school"),
        pytest.param([" yx-2", "yx-1", ""], ["yx-1", "yx-2"], id="some schools"),
        pytest.param(["yx-1/食堂", "yx-1/操场", "yx-2"], ["yx-1/操场", "yx-1/食堂", "yx-2"], id="grids of a school"),
        pytest.param(["yx-1/食堂", "yx-1"], ["yx-1"], id="a grid beside its whole school is the school"),
    ],
)
def test_a_reach_is_written_as_it_was_read(words: list[str], told: list[str]) -> None:
    assert parse(words).words() == told
    assert parse(parse(words).words()) == parse(words)


@pytest.mark.parametrize("words", [[], [""], ["*", "yx-1"], ["YX 1"], ["yx-1/"], ["yx-1/a\nb"], ["*/食堂"]])
def test_what_is_no_reach_is_refused_and_never_read_as_everything(words: list[str]) -> None:
    with pytest.raises(RefusedError, match="范围"):
        parse(words)


@pytest.mark.parametrize(
    ("inner", "outer", "fits"),
    [
        pytest.param(HERE, BOTH, True, id="one school in two"),
        pytest.param(BOTH, HERE, False, id="two schools not in one"),
        pytest.param(GRID, HERE, True, id="a grid in its school"),
        pytest.param(HERE, GRID, False, id="a school not in its grid"),
        pytest.param(("yx-2/食堂",), GRID, False, id="the same grid of another school"),
        pytest.param(("*",), BOTH, False, id="everything not in some"),
    ],
)
def test_nobody_gives_more_than_he_has(inner: tuple[str, ...], outer: tuple[str, ...], *, fits: bool) -> None:
    assert parse(inner).within(parse(outer)) is fits
    assert parse(inner).within(EVERYWHERE)


def seen(client: Client, path: str = "/api/v1/hazards?limit=100") -> list[str]:
    return sorted(row["title"] for row in client.get(path).json()["items"])


def test_a_county_sees_its_schools_and_a_grid_member_his_grid_with_what_is_his_own(campus: Campus) -> None:
    county = campus.as_(Role.COUNTY, "", *BOTH, name="县局甲")
    assert seen(county) == ["yx-1 操场 有隐患", "yx-1 食堂 有隐患", "yx-2 食堂 有隐患"]
    assert seen(county, "/api/v1/hazards?site=yx-2") == ["yx-2 食堂 有隐患"]
    assert seen(county, "/api/v1/hazards?site=yx-3") == []
    grid = campus.as_(Role.GRID, "", *GRID, name="网格员甲")
    assert seen(grid) == ["yx-1 食堂 有隐患"]
    made = grid.post("/api/v1/hazards", json={"description": "甲看见的", "grid": "操场", "place": "跑道"})
    assert made.status_code == 201
    assert seen(grid) == ["yx-1 食堂 有隐患", "甲看见的"]  # of another grid, but he found it
    assert grid.post("/api/v1/hazards", json={"description": "没写网格"}).json()["grid"] == "食堂"
    safety = campus.as_(Role.SAFETY, name="安全甲")
    assert "没写网格" in seen(safety)


@pytest.mark.parametrize("places", [HERE, BOTH, GRID], ids=["a school", "two schools", "a grid"])
def test_no_route_shows_a_word_of_what_lies_beyond(campus: Campus, places: tuple[str, ...]) -> None:
    """Every answer of every list, export, paper and page: no place of yx-3, nothing of the other grid."""
    for role in PERSONS:
        shows_nothing_beyond(campus, role, places)


def shows_nothing_beyond(campus: Campus, role: Role, places: tuple[str, ...]) -> None:
    one = campus.as_(role, "", *places, name=f"看的人{role}")
    beyond = ["yx-3"] + (["yx-2"] if places is not BOTH else [])
    answered = 0
    for path in (
        "/api/v1/hazards", "/api/v1/hazards?site=yx-3", "/api/v1/hazards?q=yx-3", "/api/v1/hazards/words",
        "/api/v1/hazards/words?site=yx-3", "/api/v1/hazards/packs/week", "/api/v1/hazards/packs/month?site=yx-3",
        "/api/v1/hazards/precision", "/api/v1/alerts?site=yx-3", "/api/v1/points?site=yx-3", "/api/v1/agents",
        "/api/v1/water/board?site=yx-3", "/api/v1/duties", "/api/v1/duties?site=yx-3",
        "/api/v1/duties/today", "/api/v1/duties/coverage", "/api/v1/duties/subjects", "/api/v1/duties/checkpoints",
        "/api/v1/duties/checkpoints?site=yx-3", "/api/v1/users", "/api/v1/audit", "/api/v1/duties/calendar.ics",
        "/api/v1/cameras", "/api/v1/wall",
    ):  # fmt: skip
        answer = one.get(path)
        assert answer.status_code in (200, 403), f"{path}: {answer.status_code} {answer.text}"
        answered += answer.status_code == 200
        for word in beyond:
            assert word not in answer.text, f"{role} {places} {path}: {word}"
    assert answered > 12
    if places is GRID:
        tasks = one.get("/api/v1/duties").json()
        assert {task["subject"] for task in tasks if task["duty"] == "M11"} == {"g1"}
        assert "操场 有隐患" not in one.get("/api/v1/hazards").text
        assert "操场 有隐患" not in one.get("/api/v1/hazards/packs/week").text
    book = one.request("GET", "/api/v1/hazards/export")
    if book.status_code == 200:
        rows = list(load_workbook(io.BytesIO(book.content)).active.iter_rows(values_only=True))  # pyright: ignore[reportOptionalMemberAccess]
        assert not any(word in json.dumps(rows, ensure_ascii=False, default=str) for word in beyond)


@pytest.mark.parametrize(("places", "hidden"), [(HERE, (3, 4)), (BOTH, (4,)), (GRID, (2, 3, 4))])
def test_no_route_opens_or_moves_an_entry_by_its_number(
    campus: Campus, places: tuple[str, ...], hidden: tuple[int, ...]
) -> None:
    for role in PERSONS:
        one = campus.as_(role, "", *places, name=f"看的人{role}")
        for hazard in hidden:
            for path in (f"/api/v1/hazards/{hazard}/register", f"/api/v1/hazards/{hazard}/edit", ""):
                given = {"json": {"version": 1}}
                answer = one.post(path, **given) if path else one.get(f"/api/v1/hazards/{hazard}")
                assert answer.status_code in (403, 404), f"{role} {places} {path}: {answer.status_code}"
                assert "有隐患" not in answer.text


def test_what_is_written_goes_to_a_school_within(campus: Campus) -> None:
    one = campus.as_(Role.PRINCIPAL, "", *BOTH, name="两校的校长")
    for method, path, body in (
        ("POST", "/api/v1/hazards", {"description": "越界", "site": "yx-3"}),
        ("POST", "/api/v1/hazards/import?site=yx-3", None),
        ("PUT", "/api/v1/duties/subjects", {"site": "yx-3", "kind": "grid", "id": "g9", "name": "越界"}),
        ("POST", "/api/v1/duties/checkpoints", {"site": "yx-3", "name": "越界"}),
        ("POST", "/api/v1/duties/calendar/import?year=2026&site=yx-3", None),
        ("PUT", "/api/v1/wall/roster?site=yx-3", []),
        ("PUT", "/api/v1/wall/advice/smoke?site=yx-3", {"language": "zh-CN", "text": "越界"}),
    ):
        options = {"content": b"x"} if body is None else {"json": body}
        answer = one.request(method, path, **options)
        assert answer.status_code == 403, f"{path}: {answer.status_code} {answer.text}"
    unnamed = one.post("/api/v1/hazards", json={"description": "哪一所学校？"})
    assert (unnamed.status_code, unnamed.json()["detail"]) == (422, "请指明学校（site）")
    assert one.post("/api/v1/hazards", json={"description": "在本校", "site": "yx-2"}).json()["site"] == "yx-2"


def test_an_administrator_of_two_schools_gives_no_more_than_these(campus: Campus) -> None:
    boss = campus.as_(Role.ADMIN, "", *BOTH, name="两校管理员")
    made = boss.post("/api/v1/users", json={"name": "网格乙", "role": "grid", "reach": ["yx-1/食堂", "yx-2"]})
    assert made.status_code == 201, made.text
    (row,) = [user for user in boss.get("/api/v1/users").json() if user["name"] == "网格乙"]
    assert (row["reach"], row["site"]) == (["yx-1/食堂", "yx-2"], "")
    for reach in (["*"], ["yx-3"], ["yx-1", "yx-3/食堂"]):
        answer = boss.post("/api/v1/users", json={"name": "多给的", "role": "grid", "reach": reach})
        assert answer.status_code == 403, answer.text
        assert boss.request("PATCH", "/api/v1/users/网格乙", json={"reach": reach}).status_code == 403
    assert boss.post("/api/v1/users", json={"name": "空", "role": "grid", "reach": []}).status_code == 409
    assert (
        boss.post("/api/v1/users", json={"name": "谁", "role": "grid"}).status_code == 403
    )  # none named: every school
    changed = boss.request("PATCH", "/api/v1/users/网格乙", json={"reach": ["yx-1/操场"]})
    assert changed.json()["reach"] == ["yx-1/操场"]
    campus.as_(Role.SAFETY, "yx-3", name="外校的人")
    assert "外校的人" not in boss.get("/api/v1/users").text
    assert boss.request("PATCH", "/api/v1/users/外校的人", json={"disabled": True}).status_code == 404
    assert boss.post("/api/v1/users/外校的人/password").status_code == 404


def test_a_token_is_never_wider_than_its_owner_became(campus: Campus) -> None:
    boss = campus.as_(Role.ADMIN, "")
    county = campus.as_(Role.COUNTY, "", *BOTH, name="县局乙")
    text = county.post("/api/v1/tokens", json={"name": "报表", "scope": ["hazards.read"]}).json()["token"]
    away = county.post("/api/v1/tokens", json={"name": "外", "scope": ["hazards.read"], "site": "yx-3"})
    assert away.status_code == 409

    program = {"Authorization": f"Bearer {text}"}

    def asked() -> list[str]:
        rows = Client(campus.app).request("GET", "/api/v1/hazards", headers=program).json()["items"]
        return sorted({row["site"] for row in rows})

    assert asked() == ["yx-1", "yx-2"]
    boss.request("PATCH", "/api/v1/users/县局乙", json={"reach": ["yx-2"]})
    assert asked() == ["yx-2"]


@pytest.mark.parametrize(
    ("places", "heard"),
    [
        pytest.param(("*",), ["a", "b", "c", "d"], id="every school"),
        pytest.param(BOTH, ["a", "b", "c"], id="two schools"),
        pytest.param(GRID, ["a", "b"], id="a grid hears its entries and every alarm of its school"),
        pytest.param(("yx-1/操场",), ["b"], id="another grid"),
    ],
)
def test_the_stream_tells_no_more_than_the_lists(campus: Campus, places: tuple[str, ...], heard: list[str]) -> None:
    services = campus.services
    now = services.now()
    with services.database.write.begin() as connection:
        first = announce(connection, now, "hazard", "yx-1", {"id": 1, "grid": "食堂", "mark": "a"})
        announce(connection, now, "alert", "yx-1", {"id": "x", "mark": "b"})
        announce(connection, now, "hazard", "yx-2", {"id": 3, "grid": "食堂", "mark": "c"})
        announce(connection, now, "hazard", "yx-3", {"id": 4, "grid": "食堂", "mark": "d"})
    page = Page("session", parse(places))
    sent = services.live._read(first - 1, page.reach)
    told = "".join(one.data.decode() for one in sent if one.seen_by(page.reach))
    assert [mark for mark in "abcd" if f'"mark":"{mark}"' in told] == heard
    every = services.live._read(first - 1, Reach())
    live = "".join(one.data.decode() for one in every if one.seen_by(page.reach))
    assert [mark for mark in "abcd" if f'"mark":"{mark}"' in live] == heard  # as it comes: the same
