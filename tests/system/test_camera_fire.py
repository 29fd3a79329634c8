"""A real fire before a camera: an advisory first; an alarm with a smoke detector of its zone, or by a person's tap."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from brokers import Broker
from ports import free_port
from serving import ServerProcess, add_user, logged_in, write_config
from waiting import until

CLIP = "data/video/fire_rubbish_pile.mp4"  # nine seconds, played again and again
AGENT = """
site = "no1"
agent = "kitchen"
name = "厨房终端"
[mqtt]
port = {port}
[outbox]
directory = "{folder}"
[[bus]]
type = "replay"
name = "烟感记录"
file = "{recording}"
time_column = "t_s"
[[bus.point]]
id = "kitchen-smoke"
name = "厨房烟感"
kind = "smoke"
zone = "kitchen"
column = "smoke"
"""
CAMERA = """
[[camera]]
id = "{zone}-cam"
name = "摄像机"
source = "{clip}"
fire = {{ on = true, zone = "{zone}" }}
"""


def open_alerts(client: httpx.Client) -> dict[tuple[str, str], dict[str, Any]]:
    """The open alerts by point and hazard."""
    return {(a["point"], a["kind"]): a for a in client.get("/api/v1/alerts").json()}


@pytest.mark.timeout(240)
def test_an_advisory_of_a_camera_becomes_an_alarm_with_a_second_source_or_by_a_tap(
    mosquitto: Broker, shared: Path, tmp_path: Path
) -> None:
    recording = tmp_path / "smoke.csv"
    recording.write_text("t_s,smoke\n" + "".join(f"{t},{int(t >= 5)}\n" for t in range(600)), encoding="utf-8")
    config = tmp_path / "agent.toml"
    text = AGENT.format(port=mosquitto.port, folder=tmp_path / "box", recording=recording)
    text += "".join(CAMERA.format(zone=zone, clip=shared / CLIP) for zone in ("kitchen", "street"))
    config.write_text(text, encoding="utf-8")
    add_user(tmp_path / "data")
    port = free_port()
    server = ServerProcess(write_config(tmp_path, http_port=port, mqtt_port=mosquitto.port), port)
    server.start()
    with (tmp_path / "agent.log").open("wb") as out:
        agent = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--config", str(config)], stdout=out, stderr=out
        )
    try:
        with logged_in(server.base) as client:
            kitchen, street, smoke = ("kitchen-cam", "flame"), ("street-cam", "flame"), ("kitchen-smoke", "smoke")
            until(lambda: {kitchen, street, smoke} <= open_alerts(client).keys(), "advisories and smoke", 120)
            until(lambda: any(kind == "fire" for _, kind in open_alerts(client)), "the fire", 60)
            known = open_alerts(client)
            [fire] = [alert for (_, kind), alert in known.items() if kind == "fire"]
            assert fire["point"] in {"kitchen-cam", "kitchen-smoke"}
            assert (fire["severity"], fire["reason"]) == ("critical", "coincidence")
            for camera in (kitchen, street):
                assert (known[camera]["severity"], known[camera]["reason"]) == ("advisory", "colour-and-flicker")
            tap = f"/api/v1/alerts/{known[street]['id']}"
            assert client.post(f"{tap}/confirm").status_code == 200
            said = client.get(tap).json()
            assert (said["severity"], said["reason"], said["state"]) == ("critical", "confirmed", "active-unacked")
            assert client.post(f"{tap}/confirm").status_code == 409  # an alarm already
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(20)
        server.end()
