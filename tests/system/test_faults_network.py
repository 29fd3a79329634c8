"""A network that is torn or bad packet by packet, between two hosts of our own: nothing is lost, fresh alarms hurry."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from brokers import Broker, Mosquitto
from chain import Chain, wait_for
from chain_files import agent_config, server_config
from levels import Device
from network import BAD_LINE, CLEAR, FAR_ADDRESS, ONE_WAY, PARTITION, Packets, TwoHosts, available
from ports import free_port
from program import BIN, Program
from pty_pair import pty_pair

LONG = [pytest.mark.soak, pytest.mark.timeout(600)]


@contextmanager
def two_hosts(folder: Path, seed: int, rate: float) -> Generator[tuple[TwoHosts, Chain]]:
    """Run the agent on the near host, broker and server on the far one."""
    engine = Mosquitto()
    if reason := engine.available():
        pytest.skip(reason)
    if not available():
        pytest.skip("network namespaces need root, iproute2 and /dev/net/tun")
    for name in ("server", "a0", "here"):
        (folder / name).mkdir()
    port = free_port()
    command = engine.command(folder, port)
    config = folder / "mosquitto.conf"
    config.write_text(config.read_text().replace("127.0.0.1", FAR_ADDRESS), encoding="utf-8")
    with TwoHosts(seed) as hosts, pty_pair(folder) as cable:
        lamp = folder / "lamp"
        lamp.write_text("0")
        agent_file = agent_config(folder, "a0", cable.ours, (FAR_ADDRESS, port), plain=True)
        with agent_file.open("a", encoding="utf-8") as file:
            file.write(f'[local]\nlost = {{ type = "file", file = "{lamp}" }}\n')
        server_file = server_config(folder, free_port(), (FAR_ADDRESS, port), plain=True)
        broker = Program("broker", hosts.on_far(*command), folder)
        server = Program(
            "server", hosts.on_far(str(BIN / "campus-server"), "run", "--config", str(server_file)), folder
        )
        agent = Program("a0", hosts.on_near(str(BIN / "campus-agent"), "run", "--config", str(agent_file)), folder)
        device = Device(cable.theirs, rate, seed)
        whole = Chain(folder, Broker(engine, folder / "here"), [agent], server, [device], 0)
        try:
            for program in (broker, server, agent, device):
                program.start()
            wait_for("events flow between the hosts", lambda: len(whole.recorded()) > 10, 90)
            yield hosts, whole
        finally:
            whole.quiet()
            for program in (agent, server, broker):
                program.kill()


def _presence(whole: Chain, presence: str) -> int:
    return len(whole.query(f"select n from changes where kind = 'agent' and payload like '%\"{presence}\"%'"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [20, pytest.param(60, marks=LONG)])
@pytest.mark.parametrize("torn", [PARTITION, ONE_WAY], ids=["both ways", "one way"])
def test_a_torn_network_is_noticed_on_both_sides_and_loses_nothing(
    torn: Packets, seconds: float, tmp_path: Path
) -> None:
    with two_hosts(tmp_path, seed=7, rate=30) as (hosts, whole):
        lost_before = _presence(whole, "lost")
        hosts.packets = torn
        wait_for("the agent's lamp says the server is gone", lambda: (tmp_path / "lamp").read_text() == "1", 20)
        wait_for("the server says the agent is gone", lambda: _presence(whole, "lost") > lost_before, 20)
        time.sleep(max(0.0, seconds - 20))
        hosts.packets = CLEAR
        whole.quiet()
        wait_for("the backlog is recorded", whole.settled, 120)
        wait_for("the lamp goes out", lambda: (tmp_path / "lamp").read_text() == "0", 90)
        assert whole.verdict().clean()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [15, pytest.param(60, marks=LONG)])
def test_a_line_that_is_slow_and_loses_every_fifth_packet_loses_no_event(seconds: float, tmp_path: Path) -> None:
    with two_hosts(tmp_path, seed=8, rate=10) as (hosts, whole):
        hosts.packets = BAD_LINE
        before = len(whole.recorded())
        time.sleep(seconds)
        assert len(whole.recorded()) > before, "nothing got through the bad line"
        whole.quiet()
        hosts.packets = CLEAR
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
