"""Moments at both ends of time, in every place the API takes one: refused in a sentence, never an error of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import Asked, asked

from server.accounts import sessions
from server.accounts.permissions import Role

DAYS = ("0001-01-01", "9999-12-31", "2000-01-01", "2200-12-31")
MOMENTS = tuple(f"{day}T{hour}" for day in DAYS for hour in ("00:00:00+14:00", "23:59:59-14:00", "00:00:00"))
EDGES = {"date": DAYS, "date-time": MOMENTS}


def headers(server: Asked) -> dict[str, str]:
    token = server.cookies[Role.PRINCIPAL, "no1"]
    return {"Cookie": f"session={token}", "X-CSRF-Token": sessions.csrf_of(token)}


def form_of(schema: dict[str, Any]) -> str:
    return next((one["format"] for one in (schema, *schema.get("anyOf", ())) if one.get("format") in EDGES), "")


@pytest.mark.timeout(240)
def test_no_moment_is_an_error_of_the_server(tmp_path: Path) -> None:
    wrong, tried = list[str](), set[str]()
    with asked(tmp_path) as server:
        for operation in server.operations:
            path = str(operation.path)
            for name, value in server.known.items():
                path = path.replace(f"{{{name}}}", value)
            for asked_for in operation.definition.raw.get("parameters", []):
                for edge in EDGES.get(form_of(asked_for.get("schema", {})), ()):
                    more = {"point": "smoke-1", "site": "no1", asked_for["name"]: edge}
                    answer = server.client.request(str(operation.method), path, headers=headers(server), params=more)
                    tried.add(f"{path} {asked_for['name']}")
                    if answer.status_code >= 500 and answer.status_code != 503:  # no history is kept here
                        wrong.append(f"{path} {asked_for['name']}={edge}: {answer.status_code}")
        for edge in MOMENTS:
            body = {"description": "x", "site": "no1", "found_at": edge}
            answer = server.client.post("/api/v1/hazards", headers=headers(server), json=body)
            if answer.status_code not in {201, 422}:
                wrong.append(f"hazards {edge}: {answer.status_code}")
        for week in ("0001-W01", "9999-W52", "2000-W01", "2199-W53"):
            answer = server.client.get(f"/api/v1/reviews/{week}", headers=headers(server))
            if answer.status_code not in {200, 422}:
                wrong.append(f"reviews {week}: {answer.status_code}")
    assert wrong == []
    assert len(tried) >= 9, tried
