"""The pretending server as a child process, and the campus it pretends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ports import free_port

HERE = Path(__file__).parent
PLACES = ("教学楼A 一层大厅", "教学楼A 二层东", "教学楼A 三层东", "宿舍1号楼 二层", "池塘 南岸", "泵房")


class Pretended:
    """A server a test can tell what to say, freeze, kill and start again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "pretend_server.py"), str(self.port)],
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.tell()
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < deadline, "the pretending server did not come up"
                time.sleep(0.05)

    def tell(self, **body: Any) -> None:
        request = urllib.request.Request(
            f"{self.url}/pretend", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5):
            return

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None


@contextmanager
def pretended() -> Generator[Pretended]:
    """Run one with two agents and a dozen points."""
    server = Pretended()
    server.start()
    try:
        server.tell(points=points(), agents=agents())
        yield server
    finally:
        server.kill()


def agents(*, water: str = "ok") -> list[dict[str, Any]]:
    common = {"site": "demo", "seen_at": at(0), "simulated": True, "version": "0.1.0", "missing": [], "workers": []}
    return [
        {**common, "agent": "building", "name": "教学楼终端", "link": "ok"},
        {**common, "agent": "water", "name": "水域终端", "link": water},
    ]


def points() -> list[dict[str, Any]]:
    return [
        {
            "site": "demo", "agent": "water" if place == "池塘 南岸" else "building", "point": f"p{i}-{kind}",
            "name": name, "place": place, "kind": kind, "unit": unit, "value": value, "link": "ok", "alerts": [],
        }
        for i, place in enumerate(PLACES)
        for kind, name, unit, value in (("smoke", "烟感", "dB/m", 0.004), ("heat", "感温", "℃", 22.5))
    ]  # fmt: skip


def at(minutes_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")


def alert(
    number: int, severity: str = "critical", kind: str = "smoke", minutes_ago: float = 1, **more: Any
) -> list[Any]:
    """One change of the feed: an alert."""
    return ["alert", {
        "id": f"alert-{number}", "site": "demo", "agent": "building", "point": f"p{number}", "name": "烟感",
        "place": PLACES[number % len(PLACES)], "grid": "", "kind": kind, "severity": severity,
        "state": "active-unacked", "reason": "", "value": None, "unit": "", "began_at": at(minutes_ago),
        "received_at": at(minutes_ago), "cleared_at": None, "acked_at": None, "acked_by": "", "comment": "",
        "count": 1, "hazard": number + 1, "simulated": True, "drill": False, "late": False, "latched": False,
        "shelved_until": None, **more,
    }]  # fmt: skip


SIX = (
    alert(1, minutes_ago=2, latched=True),
    alert(2, "critical", "water-person", 0.5),
    alert(3, "warning", "fire-door", 4),
    alert(4, "warning", "temperature", 12, state="active-acked", acked_at=at(3), acked_by="门卫", value=78.4, unit="℃"),
    alert(5, "advisory", "water-level", 25, late=True),
    alert(6, "fault", "fault", 40, reason="timeout"),
)


WALL = {
    "advice": {"smoke": "先打119，再打总务处 8123\n第二步"},
    "on_duty": [
        {"post": "门卫", "name": "甲师傅", "phone": "0877-8001", "days": "1234567", "begins": "00:00", "ends": "00:00"},
        {"post": "总值班", "name": "乙主任", "phone": "13900000000", "days": "1", "begins": "00:00", "ends": "00:00"},
    ],
    "roster_set": True,
    "plans": [{
        "id": "plan-1", "name": "校园平面图", "width": 400, "height": 260,
        "points": [
            {"site": "demo", "agent": "building", "point": "p1", "x": 0.3, "y": 0.4},
            {"site": "demo", "agent": "building", "point": "p0-heat", "x": 0.6, "y": 0.6},
        ],
    }],
}  # fmt: skip
