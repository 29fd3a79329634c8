"""The broker's door, on both brokers: whoever tries to get in or to speak for another is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from doors import Caller, Gate, MosquittoGate, NatsGate
from enrolling import Device, let_in, named
from waiting import until

from server.enrol import authority
from server.enrol.authority import Authority, Leaf

OWN, FOREIGN = "campus/1/no1/lab/events", "campus/1/no1/other/events"


@dataclass
class Campus:
    """A gate, its authority, two agents, and the server listening inside."""

    gate: Gate
    issuer: Authority
    folder: Path
    lab: Device
    other: Device
    server: Caller
    callers: list[Caller] = field(default_factory=list)

    @property
    def trust(self) -> Path:
        return self.folder / "ca" / "ca.pem"

    def call(self, pair: Path | None, client_id: str = "", *, plain: bool = False) -> Caller:
        caller = Caller(self.gate.port, None if plain else self.trust, pair, client_id)
        self.callers.append(caller)
        return caller

    def heard(self) -> set[str]:
        """What came through to the server, once everything sent before has."""
        mark = self.call(self.other.file, "mark")
        assert mark.inside()
        mark.client.publish(FOREIGN.replace("events", "heartbeat"), b"mark", qos=1)
        until(lambda: any(body == b"mark" for _, body in self.server.got), what="the mark")
        return {topic for topic, body in self.server.got if body != b"mark"}


def admitted(*leaves: tuple[Leaf, str]) -> dict[str, str]:
    return {f"{leaf.serial}.no1.{agent}": f"no1.{agent}" for leaf, agent in leaves}


@pytest.fixture(params=[NatsGate, MosquittoGate], ids=["embedded", "mosquitto"])
def campus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Campus]:
    issuer = authority.load(tmp_path)
    issuer.make_server(["127.0.0.1"], tmp_path / "ca", datetime.now(UTC))
    lab, other = let_in(issuer, tmp_path), let_in(issuer, tmp_path, agent="other")
    gate: Gate = request.param(tmp_path, issuer)
    gate.start(admitted((lab.leaf, "lab"), (other.leaf, "other")))
    own = issuer.make_client("server", tmp_path / "ca", datetime.now(UTC))
    server = Caller(gate.port, tmp_path / "ca" / "ca.pem", own, "ingest-0-unguessable")
    made = Campus(gate, issuer, tmp_path, lab, other, server)
    try:
        assert server.inside()
        server.client.subscribe("campus/1/#", 1)
        yield made
    finally:
        for caller in [*made.callers, server]:
            caller.close()
        gate.stop()


def test_an_enrolled_agent_gets_in_and_is_heard(campus: Campus) -> None:
    agent = campus.call(campus.lab.file, "any-name")
    assert agent.inside()
    agent.client.publish(OWN, b"x", qos=1)
    until(lambda: (OWN, b"x") in campus.server.got, what="heard")


def test_whoever_has_no_certificate_of_the_campus_stays_out(campus: Campus) -> None:
    rogue = authority.load(campus.folder / "rogue")
    old = datetime.now(UTC) - timedelta(days=400)
    callers = {
        "no certificate": campus.call(None, "a"),
        "plain TCP": campus.call(None, "b", plain=True),
        "rogue authority": campus.call(let_in(rogue, campus.folder).file, "c"),
        "expired": campus.call(let_in(campus.issuer, campus.folder, now=old).file, "d"),
    }
    inside = [name for name, caller in callers.items() if caller.inside(3.0)]
    assert inside == []
    assert campus.server.lost == 0


@pytest.mark.parametrize("name", ["+", "#", "no1/+", "+/lab", "no1/lab/#"])
def test_a_certificate_named_by_a_wildcard_opens_nothing(campus: Campus, name: str) -> None:
    caller = campus.call(named(campus.issuer, campus.folder, name), "wild")
    if caller.inside(3.0):
        caller.client.subscribe("campus/1/#", 1)
        caller.client.publish(OWN, b"x", qos=1)
        campus.server.client.publish("campus/1/no1/lab/receipt", b"secret", qos=0)
        time.sleep(0.5)
    assert OWN not in campus.heard()
    assert caller.got == []


def test_an_agent_neither_speaks_nor_listens_for_another(campus: Campus) -> None:
    spy = campus.call(campus.lab.file, "lab")
    assert spy.inside()
    for topic in (
        "campus/1/no1/other/receipt",
        "campus/1/no1/other/command",
        "campus/1/#",
        "#",
        "campus/1/no1/+/receipt",
    ):
        spy.client.subscribe(topic, 1)
    time.sleep(0.3)
    for topic in (FOREIGN, "campus/1/no1/other/receipt", "campus/1/no1/lab/receipt", "campus/1/no2/lab/events"):
        spy.client.publish(topic, b"forged", qos=1)
    campus.server.client.publish("campus/1/no1/other/receipt", b"secret", qos=1)
    campus.server.client.publish("campus/1/no1/lab/receipt", b"mine", qos=1)
    time.sleep(0.5)
    heard = campus.heard()
    assert {topic for topic, body in campus.server.got if body == b"forged"} == set()
    assert FOREIGN not in heard
    assert b"secret" not in [body for _, body in spy.got]


def test_who_takes_anothers_client_id_does_not_end_its_session(campus: Campus) -> None:
    honest = campus.call(campus.lab.file, "no1-lab-0123456789abcdef")
    assert honest.inside()
    thief_ids = ["ingest-0", "no1-lab"]  # the unguessable part is missing
    if campus.gate.secure:
        thief_ids += ["ingest-0-unguessable", "no1-lab-0123456789abcdef", "no1/lab", "server"]
    for client_id in thief_ids:
        campus.call(campus.other.file, client_id).inside(3.0)
        campus.callers.pop().close()
    honest.client.publish(OWN, b"still here", qos=1)
    until(lambda: (OWN, b"still here") in campus.server.got, what="heard")
    assert (honest.lost, campus.server.lost) == (0, 0)


def test_a_packet_of_a_megabyte_ends_only_its_own_connection(campus: Campus) -> None:
    flooder = campus.call(campus.lab.file, "big")
    assert flooder.inside()
    flooder.client.publish(OWN, b"x" * 2**20, qos=1)
    until(lambda: flooder.lost > 0, what="thrown out")
    assert OWN not in campus.heard()
    assert campus.server.lost == 0


def test_a_revoked_agent_is_thrown_out_and_stays_out(campus: Campus) -> None:
    agent = campus.call(campus.lab.file, "lab")
    assert agent.inside()
    accepted = agent.accepted
    campus.gate.cut_off(campus.lab.leaf.serial, admitted((campus.other.leaf, "other")))
    until(lambda: agent.lost > 0, what="cut off")
    until(campus.server.client.is_connected, what="the server is in")
    time.sleep(2.5)  # it tries every second
    assert agent.accepted == accepted
    assert not campus.call(campus.lab.file, "again").inside(3.0)
    assert campus.call(campus.other.file, "other").inside()
