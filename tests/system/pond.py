"""A pond and a pool for tests: what the server knows of them, and the agent that watches them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from drilling import SITE, DrillServer
from serving import WireAgent
from waiting import until

from contracts.messages import Birth, Limit, Point, Reading, Readings, Zone
from contracts.topics import Kind
from server import broker_users

WATERS = """
[[escalation]]
kinds = ["water-person"]
dwell_s = 3
ack_s = 4
[[water]]
site = "s1"
id = "pond"
name = "荷花池"
place = "校园南侧"
grade = "orange"
points = ["pi/zone", "pi/level", "pi/ring"]
level = [{ point = "pi/level", high = 1.6, critical = 1.8 }]
armed = ["18:00-07:00"]
[[water]]
site = "s1"
id = "pool"
name = "游泳池"
grade = "red"
points = ["pi/beam"]
"""


class PondAgent(WireAgent):
    """An agent at the pond that beats, and reports its levels."""

    def live(self, stop: threading.Event) -> None:
        n = 0
        while not stop.wait(0.5):
            n += 1
            self.heartbeat(n)
            self.values()

    def birth_pond(self) -> None:
        marks = {"level": (Limit(name="high", value=1.6),)}
        names = (("level", "水位", "water-level"), ("ring", "救生圈箱", "life-ring-box"), ("beam", "池边光束", "beam"))
        birth = Birth(
            name="池塘终端", stamp=self.stamp(), session=1, epoch=self.epoch,
            points=tuple(
                Point(id=i, name=n, kind=k, unit="m" if k == "water-level" else "", limits=marks.get(i, ()))
                for i, n, k in names
            ),
            zones=(Zone(id="zone", name="岸边区域"),),
        )  # fmt: skip
        self.publish(Kind.BIRTH, birth.model_dump_json(), retain=True)

    def values(self, level: float = 1.42) -> None:
        now = self.stamp().at
        given = {"level": level, "ring": False, "beam": False}
        readings = tuple(Reading(point=p, value=v, at=now) for p, v in given.items())
        self.publish(Kind.READINGS, Readings(boot_id=self.boot_id, readings=readings).model_dump_json())


def write_waters(server: DrillServer) -> None:
    """Tell a server that has not started yet of its waters."""
    folder = server.data / "config"
    folder.mkdir()
    (folder / "waters.toml").write_text(WATERS, encoding="utf-8")


@contextmanager
def at_the_pond(server: DrillServer) -> Generator[PondAgent]:
    """Let the agent live until the block ends; nobody is at the water."""
    let_in = broker_users.enroll(server.data, SITE, "pi")
    password = let_in.password_file.read_text(encoding="utf-8").strip()
    agent = PondAgent("127.0.0.1", server.broker_port, SITE, "pi", let_in.user, password)
    until(agent.client.is_connected, "the agent to connect")
    agent.birth_pond()
    stop = threading.Event()
    beating = threading.Thread(target=agent.live, args=(stop,), name="pond")
    beating.start()
    agent.event("zone", "water-person", active=False)
    try:
        yield agent
    finally:
        stop.set()
        beating.join(5)
        agent.close()
