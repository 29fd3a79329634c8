"""Pushing to a real HTTP server and a pretended modem: told once, told again after trouble, trouble on the wall."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from serving import add_user

from config.agent import MqttSection
from config.push import SmsModemTarget, WecomTarget
from config.server import ServerConfig
from server.accounts.reach import Reach
from server.alerts.alert import no_ledger
from server.alerts.rules import Signal
from server.alerts.store import hear, listed
from server.assembling import Parts, assemble
from server.push import health
from server.push.errors import PushError
from server.push.follow import Follower
from server.push.modem import ModemSender
from server.push.web import WebSender


@dataclass
class Robot:
    """A group robot: keeps what it was sent, answers what the test wants."""

    status: int = 200
    body: bytes = b'{"errcode":0,"errmsg":"ok"}'
    location: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    port: int = 0


@contextmanager
def robot() -> Generator[Robot]:
    state = Robot()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.heard.append({"path": self.path, "body": json.loads(body), "headers": dict(self.headers)})
            self.send_response(state.status)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, name="robot")
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    data = tmp_path / "data"
    add_user(data)
    made = assemble(ServerConfig(data=data), MqttSection(), no_ledger)
    made.services.writer.start()
    yield made
    made.services.writer.close()
    made.services.database.close()


def wecom(folder: Path, port: int, **more: Any) -> WecomTarget:
    file = folder / "wecom.url"
    file.write_text(f"http://127.0.0.1:{port}/send?key=s3cret\n", encoding="utf-8")
    given = {"type": "wecom", "id": "duty", "name": "值班群", "url_file": file, "host": "127.0.0.1", "timeout_s": 5}
    return WecomTarget.model_validate({**given, **more})


def raised(parts: Parts, point: str, *, severity: str = "critical", ago_s: float = 0.0, active: bool = True) -> None:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    signal = Signal(
        "no1", "lab", point, "smoke", active=active, severity=severity, at=at, received_at=at, name=f"烟感{point}"
    )
    parts.services.writer.write(lambda c: hear(c, signal, no_ledger))


def faults(parts: Parts) -> list[tuple[str, str, str]]:
    with parts.services.database.read.connect() as connection:
        found = listed(connection, only_open=True)
    return [(one.point, one.reason, one.name) for one in found if one.kind == "fault" and one.active]


def state(parts: Parts, target: WecomTarget) -> health.PushState:
    with parts.services.database.read.connect() as connection:
        [found] = health.states(connection, (target,), Reach.of("no1"))
    return found


def test_an_alert_is_told_once_and_what_waited_is_told_together(parts: Parts, tmp_path: Path) -> None:
    raised(parts, "before")  # there before anybody was to be told
    with robot() as service:
        target = wecom(tmp_path, service.port)

        async def follow() -> None:
            follower = Follower(parts.services, target, WebSender(target))
            await follower.step()
            raised(parts, "a")
            raised(parts, "b")
            raised(parts, "c", severity="advisory")  # not asked for
            raised(parts, "a")  # says the same again
            for _ in range(3):
                await follower.step()
            again = Follower(parts.services, target, WebSender(target))  # the server starts anew
            for _ in range(3):
                await again.step()

        asyncio.run(follow())
        [one] = service.heard
    lines = one["body"]["text"]["content"].splitlines()
    assert [line.split()[0] for line in lines] == ["【紧急】烟感a", "【紧急】烟感b"]
    assert one["path"] == "/send?key=s3cret"
    assert state(parts, target).sent_at is not None


def test_what_cannot_be_sent_stands_on_the_wall_and_goes_out_later(
    parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with robot() as service:
        target = wecom(tmp_path, service.port)

        async def follow() -> None:
            follower = Follower(parts.services, target, WebSender(target))
            await follower.step()
            service.body = b'{"errcode":93000,"errmsg":"invalid webhook url"}'
            raised(parts, "a")
            assert await follower.step() >= 2
            assert faults(parts) == []  # once may be a hiccup
            await follower.step()
            assert faults(parts) == [("_push-duty", "push-failing", "值班群")]
            assert "93000" in state(parts, target).reason
            service.body = b'{"errcode":0,"errmsg":"ok"}'
            await follower.step()
            assert faults(parts) == []

        asyncio.run(follow())
    assert service.heard[-1]["body"]["text"]["content"].startswith("【紧急】烟感a")
    assert state(parts, target).failing_since is None
    assert "s3cret" not in caplog.text
    assert [r.message for r in caplog.records if r.name == "server.push.follow" and r.levelname == "WARNING"] == [
        "push duty: 127.0.0.1 refuses: 93000 invalid webhook url"
    ]


def test_old_news_is_left_out_and_counted(parts: Parts, tmp_path: Path) -> None:
    with robot() as service:
        target = wecom(tmp_path, service.port, stale_s=60)
        services = parts.services

        async def follow() -> None:
            follower = Follower(services, target, WebSender(target))
            await follower.step()
            raised(parts, "old", ago_s=3600)
            raised(parts, "new")
            await follower.step()

        asyncio.run(follow())
        later = replace(services, now=lambda: datetime.now(UTC) + timedelta(hours=2))
        raised(parts, "lost")

        async def follow_later() -> None:
            follower = Follower(later, target, WebSender(target))
            for _ in range(2):
                await follower.step()

        asyncio.run(follow_later())
    text = service.heard[0]["body"]["text"]["content"]
    assert "烟感new" in text
    assert "有 1 条因发送中断已过时" in text
    assert len(service.heard) == 1
    assert state(parts, target).dropped == 2


def test_a_redirect_is_not_followed_and_a_closed_port_is_one_clear_line(tmp_path: Path) -> None:
    with robot() as service, robot() as elsewhere:
        service.status, service.location = 302, f"http://127.0.0.1:{elsewhere.port}/steal"
        with pytest.raises(PushError, match="HTTP 302"):
            WebSender(wecom(tmp_path, service.port)).send("烟")
        assert elsewhere.heard == []
        closed = service.port
    with pytest.raises(PushError, match=r"127\.0\.0\.1") as error:
        WebSender(wecom(tmp_path, closed)).send("烟")
    assert "s3cret" not in str(error.value)


def modem(master: int, stop: threading.Event, heard: list[str], refuse: str = "") -> None:
    """Speak the other side of a modem's line, as 3GPP TS 27.005 has it."""
    line = b""
    while not stop.is_set():
        try:
            byte = os.read(master, 1)
        except OSError:
            return
        if byte not in (b"\r", b"\x1a"):
            line += byte
            continue
        command, line = line.lstrip(b"\x1b").decode(), b""
        heard.append(command)
        if byte == b"\x1a":
            answer = refuse or "\r\n+CMGS: 12\r\n\r\nOK\r\n"
        elif command.startswith("AT+CMGS"):
            answer = "\r\n> "
        elif command == "AT+CPIN?":
            answer = "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"
        else:
            answer = "\r\nOK\r\n"
        os.write(master, answer.encode())


@contextmanager
def dialled(refuse: str = "") -> Generator[tuple[str, list[str]]]:
    master, slave = os.openpty()
    stop, heard = threading.Event(), list[str]()
    thread = threading.Thread(target=modem, args=(master, stop, heard, refuse), name="modem")
    thread.start()
    try:
        yield os.ttyname(slave), heard
    finally:
        stop.set()
        os.write(slave, b"\r")  # wakes the read
        thread.join(10)
        os.close(slave)
        os.close(master)


def sms(device: str, **more: Any) -> ModemSender:
    given = {"type": "sms-modem", "id": "sms", "name": "短信", "device": device, "numbers": ["+8613900000000", "10086"]}
    return ModemSender(SmsModemTarget.model_validate({**given, **more}))


def test_a_modem_is_given_one_message_a_number(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("1234", encoding="utf-8")
    with dialled() as (device, heard):
        sms(device, pin_file=tmp_path / "pin").send("【紧急】教学楼A 烟感")
    assert 'AT+CPIN="1234"' in heard
    bodies = [command for command in heard if command.startswith("00")]
    assert len(bodies) == 2
    assert "683196000000F0" not in bodies[1]
    assert all("3010" in body for body in bodies)  # 【 in UCS-2


def test_a_modem_without_network_is_one_clear_line() -> None:
    with dialled("\r\n+CMS ERROR: 331\r\n") as (device, _), pytest.raises(PushError, match="refuses"):
        sms(device).send("烟")
    with pytest.raises(PushError, match="no-such-modem"):
        sms("/dev/no-such-modem").send("烟")
