"""Drills on a real server with a real broker: kills in the middle, names, wrong requests, who may not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from drill_room import Campus, school
from drilling import NAME, PASSWORD, SITE, ExitAgent
from waiting import until


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    yield from school(tmp_path_factory.mktemp("drills"))


def test_a_server_killed_in_the_middle_loses_no_crossing_and_no_second(campus: Campus) -> None:
    drill = campus.plan()
    with ExitAgent(campus.server) as agent:
        time.sleep(1.5)  # a few heartbeats bound the agent's clock
        campus.post(drill, "signal", {"id": "go"})
        pressed = time.monotonic()
        crossed: list[float] = []

        def leave(n: int) -> None:
            for i in range(n):
                agent.cross(i % 2)
                crossed.append(time.monotonic() - pressed)
                time.sleep(0.02)

        leave(20)
        campus.server.kill()  # the server and, with it, its broker
        leave(20)
        campus.server.start()
        leave(20)
        until(lambda: agent.depth == 0, "the outbox to empty")
        for n in range(3):
            campus.report(drill, n)
        until(lambda: campus.phase(drill) == "finished", "the drill to end by itself")
    result = campus.view(drill)["result"]
    assert result["count"]["out"] == 60
    assert result["ending"] == "itself"
    assert result["clear"]["trust"] == "measured"
    # The button's own way to the server is the rest of the difference.
    assert abs(result["clear"]["seconds"] - crossed[-1]) < result["clear"]["plus_minus_s"] + 0.3


def test_a_school_nobody_registered_is_called_by_the_name_in_its_file(campus: Campus) -> None:
    with ExitAgent(campus.server):
        until(lambda: campus.client.get("/api/v1/agents").json(), "the agent's birth")
    words = campus.client.get("/api/v1/hazards/words").json()
    assert words["sites"] == [{"id": SITE, "zh": "示例小学"}]
    found = campus.client.get("/api/v1/duties/month?year=2026&month=10&site=s1").json()
    assert {task["bearer"] for task in found if not task["subject"]} <= {"示例小学"}
    assert "示例小学" in {task["bearer"] for task in campus.client.get("/api/v1/duties/today").json()}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nothing/signal", {"id": "x"}, 404),
        ("{}/signal", {"id": "x", "signal": "party"}, 422),
        ("{}/roll", [{"id": "x", "kind": "reported", "class_id": "nobody", "at_ms": 1}], 422),
        ("{}/roll", [{"id": "x", "kind": "reported", "class_id": "c0", "at_ms": 1, "expected": 1, "present": 2}], 422),
        ("{}/problems", {"id": "x", "text": ""}, 422),
    ],
    ids=["unknown drill", "unknown signal", "unknown class", "more present than expected", "empty problem"],
)
def test_a_wrong_request_is_answered_with_one_clear_line(campus: Campus, path: str, body: Any, status: int) -> None:
    answer = campus.client.post("/api/v1/drills/" + path.format(campus.plan()), json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_a_write_without_a_session_or_its_token_is_refused(campus: Campus) -> None:
    drill = campus.plan()
    with httpx.Client(base_url=campus.server.url) as stranger:
        assert stranger.get(f"/api/v1/drills/{drill}").status_code == 401
        stranger.post("/api/v1/session", json={"name": NAME, "password": PASSWORD})
        assert stranger.post(f"/api/v1/drills/{drill}/signal", json={"id": "x"}).status_code == 403


def test_two_servers_files_of_one_school_are_refused(tmp_path: Path) -> None:
    from config import ConfigError
    from server.drills.wiring import load_schools

    file = tmp_path / "school.toml"
    file.write_text('site = "s1"\nname = "学校"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="one file a school"):
        load_schools([file, file])
