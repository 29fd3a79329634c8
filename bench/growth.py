"""CPU an event takes in the writer's transaction when ledger or agents are ten times as many."""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.ingest import births, events
from server.database import Database, connect, sqlite_address
from server.ingest.decode import Arrival
from server.ingest.intake import Intake
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.migrate import migrate
from server.presence.presence import Presence

OUT = Path(__file__).parent / "out"
LEDGER = (3_000, 30_000)  # events in it before
AGENTS = (20, 200, 2_000)
MEASURED, BATCH = 5_000, 500
PLACES = 2_000  # points in all, however many agents they are at: to open an entry costs more than to repeat one


class Filled:
    """A database and the intake in front of it."""

    def __init__(self, file: Path, agents: int) -> None:
        self.database: Database = connect(sqlite_address(file))
        migrate(self.database)
        ledger = Ledger(load_judgement(), lambda: datetime.now(UTC))
        self._intake = Intake(Presence(ledger.record_alert), ledger.record_alert)
        self.take(births(agents))

    def take(self, arrivals: Sequence[Arrival]) -> float:
        """Write arrivals in full batches; return milliseconds of CPU each."""
        began_s = time.process_time()
        for first in range(0, len(arrivals), BATCH):
            with self.database.write.begin() as connection:
                self._intake.take(connection, arrivals[first : first + BATCH])
        return (time.process_time() - began_s) / len(arrivals) * 1e3


def main() -> None:
    """Print the table; keep the figures."""
    OUT.mkdir(exist_ok=True)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the server does
    by_ledger: dict[int, float] = {}
    by_agents: dict[int, float] = {}
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        grown = Filled(Path(folder) / "ledger.db", 20)
        story, there = events(max(LEDGER) + MEASURED, 20), 0
        for size in LEDGER:
            grown.take(story[there:size])
            by_ledger[size] = grown.take(story[size : size + MEASURED])
            there = size + MEASURED
        grown.database.close()
        for count in AGENTS:
            fresh = Filled(Path(folder) / f"{count}.db", count)
            made = events(MEASURED * 2, count, PLACES // count)
            fresh.take(made[:MEASURED])
            by_agents[count] = fresh.take(made[MEASURED:])
            fresh.database.close()
    table = Table("what", "ms CPU an event", "against the smallest", "goal", title="growth")
    for name, found in (("events in the ledger", by_ledger), ("agents", by_agents)):
        least = found[min(found)]
        for size, cost in found.items():
            table.add_row(f"{size:,} {name}", f"{cost:.3f}", f"{cost / least:.2f}", "within 1.3")
    Console().print(table)
    figures = {"by_ledger": by_ledger, "by_agents": by_agents}
    (OUT / "growth.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
