"""A history server that is killed, hangs, or is away while our own server restarts: alerts do not notice, no hole."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import history_servers
import pytest
from brokers import Broker
from history_servers import HistoryServer
from ports import free_port
from serving import ServerProcess, WireAgent, add_user, until, write_config

from contracts.messages import Point, Reading, Readings
from contracts.topics import Kind
from server.errors import ServerError
from server.history.series import Series
from server.history.setup import set_up
from server.history.stores import make_series
from server.metrics import make_metrics

KEY = ("no1", "lab", "t-1")
AWAY_S = 4.0


@contextmanager
def served(kind: str, mosquitto: Broker, tmp_path: Path) -> Generator[tuple[HistoryServer, ServerProcess, WireAgent]]:
    """A history server, our server that writes to it, and an agent."""
    if reason := history_servers.available(kind):
        pytest.skip(reason)
    history = history_servers.make(kind, tmp_path / "history")
    history.elsewhere, history.token = "", "a-token-for-tests"  # it is to be killed
    history.start()
    set_up(history.section())
    add_user(tmp_path / "data")
    port = free_port()
    config = write_config(tmp_path, http_port=port, mqtt_port=mosquitto.port)
    config.write_text(config.read_text() + history.toml(), encoding="utf-8")
    server = ServerProcess(config, port)
    server.start()
    agent = WireAgent(mosquitto.host, mosquitto.port)
    try:
        agent.birth(Point(id="t-1", name="t", kind="temperature"))
        agent.heartbeat(1)
        until(lambda: any(r.heartbeat == 1 for r in agent.receipts), "heartbeat answered", 60)
        yield history, server, agent
    finally:
        agent.close()
        server.end()
        history.kill()


class Readers:
    """Sends readings that are numbered by their values, and knows what the history has of them."""

    def __init__(self, agent: WireAgent, history: HistoryServer, folder: Path) -> None:
        self.began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
        self.sent = 0
        self._agent = agent
        self._history = history
        self._folder = folder

    def send(self) -> None:
        readings = tuple(
            Reading(point="t-1", value=float(n), at=self.began + timedelta(milliseconds=n))
            for n in range(self.sent, self.sent + 10)
        )
        self._agent.publish(Kind.READINGS, Readings(boot_id=self._agent.boot_id, readings=readings).model_dump_json())
        self.sent += len(readings)

    def kept(self) -> Sequence[float]:
        with closing(self._series()) as series:
            self._history.show()
            try:
                found = series.read(KEY, self.began, self.began + timedelta(hours=1), 100_000)
            except ServerError:  # it is not back yet
                return []
        return [float(value or 0.0) for _, value in found]

    def whole(self) -> bool:
        """Whether each reading is there, once."""
        return self.kept() == [float(n) for n in range(self.sent)]

    def _series(self) -> Series:
        return make_series(self._history.section(), self._folder, make_metrics(), writes=False)


def live(agent: WireAgent, readers: Readers, seconds: float) -> float:
    """Send readings and alarms for a while; return how long the slowest receipt took."""
    slowest_s, deadline = 0.0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        readers.send()
        asked = time.monotonic()
        agent.event("t-1", "heat", active=agent.seq % 2 == 0)
        until(lambda: not agent.unacked, "an alarm is receipted", 30)
        slowest_s = max(slowest_s, time.monotonic() - asked)
        time.sleep(0.1)
    return slowest_s


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", history_servers.KINDS)
def test_a_history_server_that_is_killed_or_hangs_holds_up_no_alarm_and_has_no_hole_afterwards(
    kind: str, mosquitto: Broker, tmp_path: Path
) -> None:
    with served(kind, mosquitto, tmp_path) as (history, server, agent):
        readers = Readers(agent, history, tmp_path)
        live(agent, readers, 1.0)
        until(readers.whole, "the first readings are kept", 60)
        slowest_s = [live(agent, readers, 1.0)]
        history.kill()  # with what it took in the last second
        slowest_s.append(live(agent, readers, AWAY_S))
        history.start()
        until(readers.whole, "all readings after a kill", 60)
        history.freeze()
        slowest_s.append(live(agent, readers, AWAY_S))
        history.thaw()
        until(readers.whole, "all readings after a hang", 60)
        print(f"{kind}: slowest receipts {[f'{s * 1000:.0f} ms' for s in slowest_s]}, {readers.sent} readings")
    assert max(slowest_s) < 20, "generous: a busy machine"
    assert 1 <= server.log().count("readings wait on disk") <= 3, "once a time that it is away"


@pytest.mark.timeout(600)
def test_what_waits_outlives_our_own_server(mosquitto: Broker, tmp_path: Path) -> None:
    with served("influxdb-1", mosquitto, tmp_path) as (history, server, agent):
        readers = Readers(agent, history, tmp_path)
        live(agent, readers, 1.0)
        until(readers.whole, "the first readings are kept", 60)
        history.kill()
        live(agent, readers, 2.0)
        last = f" value={readers.sent - 1}.0 ".encode()
        spool = tmp_path / "data" / "history-spool"
        until(lambda: any(last in file.read_bytes() for file in spool.iterdir()), "the last one waits on disk", 60)
        server.end()  # SIGKILL
        server.start()
        agent.heartbeat(2)
        until(lambda: any(r.heartbeat == 2 for r in agent.receipts), "the server is back", 60)
        live(agent, readers, 1.0)
        history.start()
        until(readers.whole, "all readings, of before and after", 60)
