"""What an agent may send for hours: an outage's backlog at once, then a trickle; who takes no notice waits outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from config.server import LimitsSection
from server.accounts.tables import audit
from server.alerts.alert import no_ledger
from server.alerts.tables import alerts
from server.database import connect, sqlite_address
from server.ingest.allowance import DEFIANT, FORGIVEN_S, QUIET_S, READINGS_AT_ONCE, Allowance, Flood
from server.ingest.decode import Arrival
from server.migrate import migrate
from server.presence.flooding import Flooding
from server.presence.presence import Presence
from server.presence.watch import Watch
from server.turns import OWN, Turns

AT = datetime(2026, 9, 1, tzinfo=UTC)
SMALL = LimitsSection(messages_per_s=10.0, messages_at_once=1000)


@dataclass
class Hands:
    """A clock that is moved by hand, and an allowance by it."""

    now_s: float = 0.0
    limits: LimitsSection = SMALL
    allowance: Allowance = field(init=False)

    def __post_init__(self) -> None:
        self.allowance = Allowance(self.limits, lambda: self.now_s)

    def send(self, agent: str, count: int, *, kind: str = "events", severity: str = "advisory") -> int:
        """Send so many at once; return how many were taken."""
        return sum(self.allowance.admits(arrival(agent, kind, severity)) for _ in range(count))


def arrival(agent: str, kind: str = "events", severity: str = "advisory") -> Arrival:
    return Arrival(f"campus/1/no1/{agent}/{kind}", f'{{"severity":"{severity}"}}'.encode(), AT, 0.0)


def test_a_hundred_thousand_after_an_outage_pass_and_a_flood_for_hours_is_a_trickle() -> None:
    hands = Hands(limits=LimitsSection())
    assert hands.send("honest", 100_000) == 100_000
    assert hands.allowance.floods() == []
    taken = hands.send("flooder", 250_000)
    assert taken == 200_000
    for _ in range(3600):
        hands.now_s += 1.0
        taken = hands.send("flooder", 100)
        assert taken == 10
    assert hands.send("honest", 10_000) == 10_000


def test_alarms_have_their_own_so_that_what_chatters_beside_them_takes_nothing() -> None:
    hands = Hands()
    assert hands.send("pi", 5000) == 1000
    assert hands.send("pi", 500, severity="critical") == 500
    assert hands.send("pi", 5000, kind="readings") == READINGS_AT_ONCE


def test_who_sends_again_what_was_refused_is_not_kept_out_but_who_takes_no_notice_is() -> None:
    hands = Hands()
    hands.send("honest", 1000)
    for _ in range(600):  # its whole window again, every three seconds, for half an hour
        hands.now_s += 3.0
        hands.send("honest", 200)
        assert hands.allowance.kept_out() == frozenset()
    hands.send("flooder", 1000 + DEFIANT)
    assert hands.allowance.kept_out() == {"no1.flooder"}


def test_each_time_it_is_kept_out_for_longer_until_it_was_good_for_an_hour() -> None:
    hands = Hands()

    def out_s() -> float:
        """Flood, and tell for how long it is kept out then."""
        hands.send("flooder", 1000 + DEFIANT)
        began_s = hands.now_s
        while hands.allowance.kept_out():
            hands.now_s += 1.0
        return hands.now_s - began_s

    assert [out_s() for _ in range(3)] == [10.0, 20.0, 40.0]
    hands.now_s += FORGIVEN_S + 1.0
    assert out_s() == 10.0


def test_a_queue_that_is_full_counts_as_refused_too() -> None:
    hands = Hands()
    turns: Turns[str] = Turns(refused=hands.allowance.refused)
    for n in range(OWN + DEFIANT):
        one = arrival("flooder")
        turns.offer(Arrival(one.topic, b"%d" % n, AT, 0.0))
    assert hands.allowance.floods() == [Flood("no1", "flooder", DEFIANT, out=True)]


def test_a_flood_is_a_fault_on_the_wall_and_stands_in_the_audit_until_it_is_over(tmp_path: Path) -> None:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    hands, presence = Hands(), Presence(no_ledger)
    presence.watches["no1", "pi"] = Watch("no1", "pi", "门卫室终端", heard_s=0.0)
    flooding = Flooding(hands.allowance.floods)
    with database.write.begin() as connection:
        flooding.tick(connection, presence, AT)
        hands.send("pi", 1001)
        flooding.tick(connection, presence, AT)
        hands.send("pi", DEFIANT)
        flooding.tick(connection, presence, AT)
        standing = connection.execute(select(alerts.c.point, alerts.c.reason).where(alerts.c.active)).all()
        hands.now_s += QUIET_S + 11.0
        flooding.tick(connection, presence, AT)
        over = connection.execute(select(alerts.c.point).where(alerts.c.active)).all()
        said = connection.execute(select(audit.c.action, audit.c.subject, audit.c.text).order_by(audit.c.n)).all()
    database.close()
    assert [tuple(row) for row in standing] == [("_flood", "agent-floods")]
    assert over == []
    assert [row.action for row in said] == ["flood", "flood kept out", "flood over"]
    assert {row.subject for row in said} == {"no1/pi"}
    assert "2001 messages were refused" in said[-1].text


def test_a_drain_is_paced_beside_others_and_not_where_it_is_alone() -> None:
    now_s = 0.0
    turns: Turns[str] = Turns(clock=lambda: now_s, pace=800.0)

    def drained() -> int:
        """Drain for a second: the agent keeps 200 on the way, as an honest one does."""
        nonlocal now_s
        taken, n = 0, 0
        for _ in range(1000):
            now_s += 0.001
            while len(turns) < 200:
                turns.offer(Arrival("campus/1/no1/drains/events", b"%f-%d" % (now_s, n), AT, 0.0))
                n += 1
            if turns._ready():
                taken += len(turns.take(20)[0])
        return taken

    assert drained() > 10_000
    turns.close()
    turns = Turns(clock=lambda: now_s, pace=800.0)
    turns.offer(arrival("other"))
    turns.take(500)
    assert 800 <= drained() <= 1300  # the burst of 400 first
