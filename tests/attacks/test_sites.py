"""Somebody of one school asks for what belongs to another, by its very number, in every way the API knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import Asked, asked

from server.accounts import sessions
from server.accounts.permissions import Role

SECRETS = ("smoke-1", "一号烟感", "实验楼")
"""What school no1 calls its things; nobody of no2 may read it."""
UNGUESSED = ("alert_id", "drill_id", "plan", "token")


def headers(server: Asked, role: Role, site: str) -> dict[str, str]:
    token = server.cookies[role, site]
    return {"Cookie": f"session={token}", "X-CSRF-Token": sessions.csrf_of(token)}


def every_request(server: Asked) -> list[tuple[str, str]]:
    """Each route with the other school's ids in its path and its query."""
    made: list[tuple[str, str]] = []
    for operation in server.operations:
        path = str(operation.path)
        for name, value in server.known.items():
            path = path.replace(f"{{{name}}}", value)
        raw: dict[str, Any] = operation.definition.raw
        asked_for = [one["name"] for one in raw.get("parameters", []) if one.get("in") == "query"]
        query = "&".join(f"{name}={server.known[name]}" for name in asked_for if name in server.known)
        if "{" not in path:
            made.append((str(operation.method), f"{path}?{query}" if query else path))
    return made


@pytest.mark.timeout(240)
def test_nobody_reads_or_changes_anything_of_another_school(tmp_path: Path) -> None:
    with asked(tmp_path) as server:
        leaked: list[str] = []
        seen_by_own: set[str] = set()
        requests = every_request(server)
        assert len(requests) >= len(server.operations), "a route is left out: its ids are not known"
        assert all(any(server.known[name] in path for _, path in requests) for name in UNGUESSED)
        for role in (Role.PRINCIPAL, Role.ADMIN, Role.GATEKEEPER, Role.TECHNICIAN, Role.KIOSK):
            for method, path in requests:
                if "/session" in path or "/logout" in path:
                    continue
                own = headers(server, role, "no1")
                other = headers(server, role, "no2")
                body: dict[str, Any] = {} if method in ("get", "delete") else {"json": {"site": "no1", "reason": "x"}}
                answer = server.client.request(method, path, headers=other, **body)
                if any(word in answer.text for word in SECRETS if word not in path):
                    leaked.append(f"{role} {method} {path}: {answer.status_code} {answer.text[:200]}")
                if any(server.known[name] in path for name in UNGUESSED) and answer.status_code < 400:
                    leaked.append(f"{role} {method} {path}: {answer.status_code}")
                if method == "get" and any(word in server.client.get(path, headers=own).text for word in SECRETS):
                    seen_by_own.add(path)
        assert seen_by_own, "the other school's things are nowhere to be seen: this proves nothing"
        assert leaked == []
