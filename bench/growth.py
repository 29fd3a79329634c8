"""CPU an event takes in the writer's transaction when ledger, points or agents are ten times as many."""

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
POINTS = (500, 5_000)  # points that have an open entry already, at 20 agents; each event opens one more
OPENING = (20, 200, 2_000)  # agents, each event of a point of its own that opens an entry
OPENED = 1_000  # events measured of those


class Filled:
    """A database and the intake in front of it."""

    def __init__(self, file: Path, agents: int) -> None:
        self.database: Database = connect(sqlite_address(file))
        migrate(self.database)
        ledger = Ledger(load_judgement(), lambda: datetime.now(UTC))
        self._intake = Intake(Presence(ledger.record_alert), ledger.record_alert)
        self.take(births(agents))

    def open(self, agents: int, there: int) -> float:
        """Let so many points have an entry, then open more; return milliseconds of CPU each."""
        made = events(there + OPENED, agents, -(-(there + OPENED) // agents))
        self.take(made[:there])
        cost = self.take(made[there:])
        self.database.close()
        return cost

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
    by_points: dict[int, float] = {}
    by_opening: dict[int, float] = {}
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
        for count in POINTS:
            by_points[count] = Filled(Path(folder) / f"points-{count}.db", 20).open(20, count)
        for count in OPENING:
            by_opening[count] = Filled(Path(folder) / f"opening-{count}.db", count).open(count, 2_000)
    table = Table("what", "ms CPU an event", "against the smallest", "goal", title="growth")
    for name, found in (
        ("events in the ledger", by_ledger),
        ("agents", by_agents),
        ("points that stand open", by_points),
        ("agents, each event a new entry", by_opening),
    ):
        least = found[min(found)]
        for size, cost in found.items():
            table.add_row(f"{size:,} {name}", f"{cost:.3f}", f"{cost / least:.2f}", "within 1.3")
    Console().print(table)
    figures = {"by_ledger": by_ledger, "by_agents": by_agents, "by_points": by_points, "by_opening": by_opening}
    (OUT / "growth.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
