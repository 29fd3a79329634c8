"""A school of two exits and two classes on a real database, for tests of drills."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, insert

from config.school import SchoolConfig
from contracts.messages import Heartbeat, Stamp
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock
from server.database import Database, connect, sqlite_address
from server.drills import outcome, store
from server.drills.beats import Beats
from server.drills.clocks import Moment, Trust
from server.drills.conductor import Conductor, Flaw
from server.drills.inputs import Arrived, DrillKind, Reported, Signal, Start
from server.drills.planning import plan
from server.drills.results import Result
from server.ingest.tables import durables
from server.migrate import migrate

T = TypeVar("T")
NOW = 1_800_000_000.0
BOOT = NOW - 5000.0  # the agents' monotonic clocks started here

SCHOOL = SchoolConfig.model_validate(
    {
        "site": "s1",
        "name": "示例学校",
        "stage": [{"id": "p", "name": "小学部", "kind": "primary"}],
        "building": [
            {
                "id": "a",
                "name": "教学楼A",
                "exit": [
                    {"id": "e", "name": "东门", "width_m": 1.8, "line": [{"line": "pi-1/east", "out": "right"}]},
                    {"id": "w", "name": "西门", "width_m": 1.8, "line": [{"line": "pi-2/west", "out": "any"}]},
                ],
            }
        ],
        "class": [
            {"id": "c1", "name": "一班", "stage": "p", "building": "a", "size": 3},
            {"id": "c2", "name": "二班", "stage": "p", "building": "a", "size": 3},
        ],
        "trigger": [{"points": ["panel/siren"], "kinds": ["fire"], "signal": "evacuate"}],
    }
)


def moment(seconds: float) -> Moment:
    return Moment(NOW + seconds, 0.0, Trust.MEASURED)


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, tz=UTC)


@dataclass
class Campus:
    """A server without its network: what agents would have sent is written as the ingest writes it."""

    database: Database
    hazards: list[Flaw] = field(default_factory=list[Flaw])
    duties: list[str] = field(default_factory=list[str])
    seq: int = 0

    def write(self, work: Callable[[Connection], T], timeout_s: float = 10.0) -> T:
        with self.database.write.begin() as connection:
            return work(connection)

    def conductor(self) -> Conductor:
        def open_hazard(connection: Connection, found: Flaw) -> int:
            self.hazards.append(found)
            return len(self.hazards)

        def fulfil(connection: Connection, drill: store.Drill, now: datetime) -> None:
            self.duties.append(drill.id)

        return Conductor(self.database, self.write, {"s1": SCHOOL}, open_hazard, fulfil)

    def plan(self, **wish: Any) -> str:
        wanted = store.Wish("s1", wish.pop("kind", DrillKind.FIRE), "九月演练", **wish)
        return self.write(lambda c: store.create(c, wanted, plan(SCHOOL, wanted.kind), "校长", utc(-60)))

    def say(self, drill: str, act: Any) -> bool:
        return self.write(lambda c: store.say(c, store.get(c, drill), act, "校长", utc(0)))

    def durable(self, agent: str, place: str, seconds: float, body: dict[str, Any], came: float, kind: Kind) -> None:
        self.seq += 1
        row = {
            "site": "s1",
            "agent": agent,
            "epoch": "epoch-" + agent,
            "seq": self.seq,
            "id": f"id-{self.seq:08}",
            "kind": kind.value,
            "place": place,
            "at": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds + 5000),
            "boot_id": "boot-" + agent,
            "mono_s": NOW + seconds - BOOT,
            "clock": Clock.UNSYNCED.value,
            "received_at": utc(came),
            "body": body,
        }
        self.write(lambda c: c.execute(insert(durables).values(row)))

    def cross(
        self, line: str, seconds: float, direction: str = "right", *, came: float | None = None, **body: Any
    ) -> None:
        agent, _, place = line.partition("/")
        came = seconds + 0.1 if came is None else came
        self.durable(agent, place, seconds, {"direction": direction, "count": 1, **body}, came, Kind.CROSSINGS)

    def beat(self, start: float, stop: float, depth: int = 0) -> None:
        """Heartbeats every 5 s from both agents, each answered within 20 ms."""
        beats = Beats({("s1", "pi-1"), ("s1", "pi-2")})
        for agent in ("pi-1", "pi-2"):
            topic = Topic("s1", agent, Kind.HEARTBEAT)
            for n in range(int((stop - start) / 5) + 1):
                at = start + 5 * n
                stamp = Stamp(at=utc(at), boot_id="boot-" + agent, mono_s=NOW + at - BOOT)
                message = Heartbeat(
                    n=n,
                    stamp=stamp,
                    epoch="epoch-" + agent,
                    depth=depth,
                    oldest_unacked_s=30.0 if depth else 0.0,
                    answer_age_s=4.98 if n else None,
                    answered=n - 1 if n else None,
                )
                self.write(lambda c, m=message, t=topic, a=at: beats.hear(c, t, m, utc(a + 0.01)))

    def result(self, drill: str) -> Result:
        with self.database.read.connect() as connection:
            return outcome.revisions(connection, drill)[-1][1]

    def drill(self, drill: str) -> store.Drill:
        with self.database.read.connect() as connection:
            return store.get(connection, drill)

    def report(self, drill: str, class_id: str, seconds: float, present: int = 3) -> None:
        self.say(drill, Arrived(f"a-{class_id}", class_id, moment(seconds)))
        self.say(drill, Reported(f"r-{class_id}-{seconds}", class_id, moment(seconds + 5), 3, present, 0))


@contextmanager
def campus_in(folder: Path) -> Generator[Campus]:
    """A campus with its database in a folder."""
    database = connect(sqlite_address(folder / "campus.db"))
    migrate(database)
    yield Campus(database)
    database.close()


START = Start("button", Signal.EVACUATE, moment(0), "按钮")


def run_out(campus: Campus, drill: str, *, came: float | None = None) -> None:
    """Six people leave, the last one 25 s after the signal."""
    for i, seconds in enumerate((10, 12, 14, 16, 18, 25)):
        campus.cross(("pi-1/east", "pi-2/west")[i % 2], seconds, came=came)
    campus.report(drill, "c1", 40)
    campus.report(drill, "c2", 45)
