"""An agent of another make, written from docs/asyncapi.yaml alone: into the ledger and onto the wall."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from ports import free_port
from serving import ROOT, ServerProcess, add_user, logged_in, sse, write_config
from waiting import until

WIRE: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))
LISTS = ("alerts", "hazards", "drills", "water", "duties", "points", "readings", "agents", "users", "audit")


def message(schema: str, **given: object) -> dict[str, object]:
    """A message of the document: with all that it requires, and nothing that it does not name."""
    form = WIRE["components"]["schemas"][schema]
    assert set(given) <= set(form["properties"]), schema
    assert set(form["required"]) <= set(given), schema
    return given


def stamp() -> dict[str, object]:
    return message("Stamp", at=datetime.now(UTC).isoformat(), boot_id="boot", mono_s=time.monotonic())


class Foreigner:
    """Knows the addresses and the schemas of the document, and no code of ours."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.receipts: list[dict[str, Any]] = []
        self._epoch = str(uuid.uuid4())
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="another-make")
        self._client.username_pw_set(user, password)
        will = message("State", status="offline", boot_id="boot")
        self._client.will_set(self._address("state"), json.dumps(will), 1, retain=True)
        self._client.on_message = lambda _, __, heard: self.receipts.append(json.loads(heard.payload))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(self._client.is_connected)
        self._client.subscribe(self._address("receipt"), 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, channel: str, body: dict[str, object], *, retain: bool = False) -> None:
        self._client.publish(self._address(channel), json.dumps(body), 1, retain=retain).wait_for_publish(10)

    def event(self, seq: int, **given: object) -> None:
        known = {"id": str(uuid.uuid4()), "epoch": self._epoch, "seq": seq, "stamp": stamp(), "active": True}
        self.say("events", message("Event", **(known | {"severity": "critical"} | given)))

    def heartbeat(self, n: int) -> None:
        self.say("heartbeat", message("Heartbeat", n=n, stamp=stamp(), epoch=self._epoch))

    def taken(self) -> set[int]:
        return {seq for one in list(self.receipts) for seq in one.get("seqs", [])}

    def rejected(self) -> dict[int, str]:
        return {one["seq"]: one["reason"] for heard in list(self.receipts) for one in heard.get("rejected", [])}

    def _address(self, channel: str) -> str:
        return str(WIRE["channels"][channel]["address"]).format(site="no1", agent="foreign")


@contextmanager
def served(folder: Path) -> Generator[tuple[ServerProcess, Foreigner]]:
    """A server as an operator starts it, and the foreigner let in by the command for it."""
    http_port, mqtt_port = free_port(), free_port()
    config = write_config(folder, http_port=http_port, mqtt_port=mqtt_port, embedded=True)
    add_user(folder / "data")
    enroll = [sys.executable, "-m", "server", "enroll", "no1/foreign", "--password", "--config", str(config)]
    said = subprocess.run(enroll, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    user = said.split('user = "')[1].split('"')[0]
    password = (folder / "data" / "broker" / f"{user}.password").read_text(encoding="utf-8").strip()
    server = ServerProcess(config, http_port)
    try:
        server.start()
        foreigner = Foreigner(mqtt_port, user, password)
        try:
            yield server, foreigner
        finally:
            foreigner.close()
    finally:
        server.end()


def alerts(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {one["point"]: one for one in client.get("/api/v1/alerts").json()}


@pytest.mark.timeout(180)
def test_what_an_agent_of_another_make_says_by_the_published_document_is_recorded_and_shown(tmp_path: Path) -> None:
    with served(tmp_path) as (server, agent), logged_in(server.base) as client:
        points = [
            message("Point", id="h1", name="食堂 感温", kind="heat", unit="°C", place="食堂"),
            message("Point", id="w1", name="荷花池 水位", kind="water-level", unit="m"),
        ]
        agent.say("birth", message("Birth", name="别家终端", stamp=stamp(), points=points), retain=True)
        agent.say("state", message("State", status="online", boot_id="boot"), retain=True)
        until(lambda: (agent.heartbeat(1), time.sleep(0.2), agent.receipts)[2], what="a heartbeat answered")
        assert agent.receipts[0]["heartbeat"] == 1
        at = datetime.now(UTC).isoformat()
        values = [message("Reading", point="w1", value=1.25, at=at)]
        agent.say("readings", message("Readings", boot_id="boot", readings=values))
        agent.event(1, point="h1", kind="heat", reason="fixed-limit", value=61.0)
        agent.event(2, point="w1", kind="kelpie", severity="warning")
        agent.event(3, point="h1", kind="heat", severity="very")
        until(lambda: agent.taken() == {1, 2} and agent.rejected(), what=f"receipts: {agent.receipts}")
        assert set(agent.rejected()) == {3}
        assert "'very' is not known" in agent.rejected()[3]
        shown = alerts(client)
        assert (shown["h1"]["name"], shown["h1"]["value"], shown["w1"]["kind"]) == ("食堂 感温", 61.0, "kelpie")
        assert len(client.get("/api/v1/hazards").json()["items"]) == 2
        wall = {
            data["point"]
            for _, (name, _, data) in zip(range(12), sse(client, after=0), strict=False)
            if name == "alert"
        }
        assert wall == {"h1", "w1"}
        until(lambda: [one["value"] for one in client.get("/api/v1/readings").json()] == [1.25], what="the reading")
        assert client.get("/api/v1/agents").json()[0]["name"] == "别家终端"
        for name in LISTS:
            assert client.get(f"/api/v1/{name}").status_code == 200, name
        assert {
            httpx.get(f"{server.base}/{name}").status_code for name in ("healthz", "readyz", "metrics", "openapi.json")
        } == {200}
