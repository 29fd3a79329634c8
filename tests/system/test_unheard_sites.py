"""A broker that bounds subscriptions keeps schools from a worker: pages say how many, until it takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from brokers import Broker, Nats
from postgresql import cluster
from waiting import until
from workers import Workers

from server.database import connect
from server.ingest.leases import orphaned
from server.ingest.tables import heard_sites

SITES = ("a", "b", "c")


class FewSubscriptions(Nats):
    """nats-server gives a session 65,535 messages on the way in all, so much for each of its filters."""

    def command(self, folder: Path, port: int) -> list[str]:
        command = super().command(folder, port)
        file = folder / "nats.conf"
        file.write_text(file.read_text("utf-8").replace("mqtt {", "mqtt { max_ack_pending: 20000,"), "utf-8")
        return command


def test_schools_a_worker_is_not_let_hear_count_as_nobodys_until_it_is(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    broker = Broker(FewSubscriptions(), tmp_path / "broker")
    broker.start()
    try:
        with cluster() as address:
            workers = Workers(tmp_path, address.address, [broker.port], SITES)
            workers.start(1)
            try:
                workers.share(SITES, (1,))
                database = connect(address.address)
                with database.write.begin() as connection:
                    known = [{"site": site, "first_seen_at": datetime.now(UTC)} for site in SITES]
                    connection.execute(heard_sites.insert(), known)

                def unheard() -> int:
                    with database.read.connect() as connection:
                        return orphaned(connection)

                until(lambda: unheard() == 0, "the subscriptions are young: a cluster that elects refuses for a moment")
                # Two filters for all schools, two for each; three find room, which leaves at most one school whole.
                until(lambda: unheard() >= 2, "the schools that are refused")
                file = tmp_path / "broker" / "nats.conf"
                file.write_text(file.read_text("utf-8").replace("20000", "200"), "utf-8")
                broker.restart()
                until(lambda: unheard() == 0, "all are heard")
                database.close()
            finally:
                workers.end_all()
    finally:
        broker.kill()
    said = (tmp_path / "ingest-1.log").read_text("utf-8")
    assert said.count("refuses") == 1, said
    assert "takes all subscriptions" in said
