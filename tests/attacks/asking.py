"""Ask the documented API for whatever its schema allows, as any role, and judge the answers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from struct import pack
from typing import Any

import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from config.agent import MqttSection
from config.server import ServerConfig
from contracts.messages import Birth, Line, Point, Stamp, Zone
from contracts.vocabulary import Clock
from server.accounts import sessions
from server.accounts.permissions import Role
from server.accounts.reach import Reach, put
from server.accounts.tables import users
from server.alerts.rules import Signal
from server.alerts.store import hear
from server.app import create_app
from server.assembling import Parts, assemble
from server.drills import store
from server.drills.inputs import DrillKind, Plan
from server.drills.store import Wish
from server.duties import patrols
from server.ingest.decode import Arrival
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.wall import plans

PICTURE = b"\x89PNG\r\n\x1a\n" + pack(">I4sII", 13, b"IHDR", 800, 600) + b"\x08\x02\0\0\0"
ENDLESS = {"/api/v1/stream"}  # a stream ends when its reader goes; tests/attacks/test_slow_clients.py reads it
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)


@dataclass(slots=True)
class Tally:
    """What was asked and what was wrong with the answers."""

    asked: int = 0
    wrong: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Asked:
    """A server without a network, what it documents, and the sessions of two roles at two schools."""

    parts: Parts
    client: TestClient
    operations: Sequence[Any]
    cookies: dict[tuple[Role, str], str]
    known: dict[str, str]


@contextmanager
def asked(folder: Path) -> Generator[Asked]:
    """Make a server that has something of everything at school `no1`."""
    ledger = Ledger(load_judgement(), lambda: datetime.now(UTC))
    parts = assemble(ServerConfig(data=folder), MqttSection(), ledger.record_alert)
    services = parts.services
    services.writer.start()
    try:
        known = services.writer.write(lambda c: _fill(c, ledger))
        _watch(parts)
        cookies = services.writer.write(_sessions)
        with TestClient(create_app(services), base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
            schema: Any = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
            operations = [one.ok() for one in schema.get_all_operations()]
            yield Asked(parts, client, [one for one in operations if one.path not in ENDLESS], cookies, known)
    finally:
        services.writer.close()
        services.database.close()


def ask(server: Asked, operation: Any, role: Role, site: str, examples: int, number: int, tally: Tally) -> None:
    """Ask one operation so many times as one role; write down every answer that is a 5xx or is not documented."""
    token = server.cookies[role, site]
    headers = {"Cookie": f"session={token}", "X-CSRF-Token": sessions.csrf_of(token)}
    allowed: st.SearchStrategy[Any] = operation.as_strategy()
    forbidden: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    documented = set(operation.definition.raw["responses"])

    @seed(number)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(case=allowed | forbidden, use_known=st.booleans())
    def once(case: Any, use_known: bool) -> None:  # noqa: FBT001 - hypothesis gives it
        if use_known and case.path_parameters:
            case.path_parameters = {name: server.known.get(name, one) for name, one in case.path_parameters.items()}
        tally.asked += 1
        given_over = case.as_transport_kwargs(base_url="http://127.0.0.1", headers=headers)
        answer = server.client.request(**_for_httpx(given_over))
        failed = answer.status_code >= 500 and operation.path != "/readyz"
        if failed or str(answer.status_code) not in documented:
            said = answer.content[:200].decode(errors="replace")
            tally.wrong[f"{case.method} {operation.path}"] = f"{answer.status_code} {said} for {_of(case)}"[:600]

    run: Callable[[], None] = once
    run()


def _for_httpx(given: Mapping[str, Any]) -> dict[str, Any]:
    """Say it as this client wants it: raw bytes are `content`; the session's cookie is a header already."""
    named = {"content" if key == "data" and isinstance(given[key], bytes | str) else key: given[key] for key in given}
    del named["cookies"]
    return named


def _of(case: Any) -> str:
    return f"{case.path_parameters} {case.query} {case.body!r}"[:300]


def _sessions(connection: Any) -> dict[tuple[Role, str], str]:
    made: dict[tuple[Role, str], str] = {}
    for role in Role:
        for site in ("no1", "no2"):
            row = {"name": f"{role.value} {site}", "role": role.value, "password": "-", "disabled": False}
            key = connection.execute(users.insert().values(**row, created_at=NOW)).inserted_primary_key
            put(connection, key[0], Reach.of(site))
            made[role, site] = sessions.open_session(connection, key[0], datetime.now(UTC))
    return made


def _fill(connection: Any, ledger: Ledger) -> dict[str, str]:
    signal = Signal("no1", "lab", "smoke-1", "smoke", active=True, severity="critical", at=NOW, received_at=NOW)
    [alert] = hear(connection, signal, ledger.record_alert)
    drill = store.create(connection, Wish("no1", DrillKind.FIRE, "实验楼"), Plan(DrillKind.FIRE), "x", NOW)
    return {
        "alert_id": alert.id, "hazard": "1", "number": "1", "site": "no1", "agent": "lab", "point": "smoke-1",
        "camera": "gate", "name": "admin no1", "drill_id": drill, "week": "2026-W20", "paper": "record",
        "kind": "week", "action": "register", "water": "pond",
        "token": patrols.add(connection, "no1", "", "实验楼", "x", NOW).token,
        "plan": plans.add(connection, "no1", "实验楼", PICTURE + "一号烟感".encode(), "x", NOW),
    }  # fmt: skip


def _watch(parts: Parts) -> None:
    stamp = Stamp(at=NOW, boot_id="boot", mono_s=1.0, clock=Clock.SYNCED)
    birth = Birth(
        name="实验楼", stamp=stamp, session=1, points=(Point(id="smoke-1", name="一号烟感", kind="smoke"),),
        lines=(Line(id="gate-out", name="门", camera="gate"),), zones=(Zone(id="pond", name="池", camera="gate"),),
    )  # fmt: skip
    arrival = Arrival("campus/1/no1/lab/birth", birth.model_dump_json().encode(), NOW, 0.0)
    parts.services.writer.offer(arrival)
    parts.services.writer.write(lambda _: None)
