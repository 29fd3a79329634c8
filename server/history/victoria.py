"""A history in VictoriaMetrics: lines in as to InfluxDB, questions by MetricsQL.

It reads a year of one point fast enough from the readings themselves, so nothing is rolled up. It keeps no texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from server.history import metricsql
from server.history.endpoint import Endpoint
from server.history.latest import Key
from server.history.outgoing import Outgoing
from server.history.series import Bucket, Column, Kept, Sample, Tidied, to_ms

_MS = timedelta(milliseconds=1)
LONG, PARTS = timedelta(days=60), 2


@dataclass(slots=True)
class VictoriaHistory:
    """`outgoing` is None where only pages are served."""

    endpoint: Endpoint
    outgoing: Outgoing | None = None

    def start(self) -> None:
        """Begin to send, first what an earlier run left."""
        if self.outgoing is not None:
            self.outgoing.start()

    def write(self, samples: Sequence[Sample]) -> int:
        """Keep samples on this disk; return how many older ones had to go for them."""
        return self.outgoing.write(samples) if self.outgoing is not None else 0

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:
        """Return a series from `begin` up to but not including `end`, oldest first."""
        values, missing = (
            metricsql.exported(
                self.endpoint.lines("/api/v1/export", metricsql.export(key, field, to_ms(begin), to_ms(end))), limit
            )
            for field in ("value", "missing")
        )
        return metricsql.merged(values, missing, limit)

    def buckets(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Bucket]:
        """Return the numbers of each step from `begin` in short."""
        first, step_ms = to_ms(begin), max(1, step // _MS)
        asked = metricsql.steps(key, first, to_ms(end), step_ms)
        return metricsql.buckets(self.endpoint.get("/api/v1/query_range", asked), first, step_ms)

    def columns(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Column]:
        """Return the lowest and the highest number of each step from `begin`; of a long time in parts at once.

        The server reads one series on one core, and a year of a point has millions of readings.
        """
        first, last, step_ms = to_ms(begin), to_ms(end), max(1, step // _MS)
        steps, parts = -(-(last - first) // step_ms), PARTS if end - begin > LONG else 1
        edges = [*(first + steps * part // parts * step_ms for part in range(parts)), last]
        asked = [metricsql.steps(key, one, other, step_ms, extremes=True) for one, other in pairwise(edges)]
        get = partial(self.endpoint.get, "/api/v1/query_range")
        if parts == 1:
            answers = [get(asked[0])]
        else:
            with ThreadPoolExecutor(parts, "history-part") as pool:
                answers = list(pool.map(get, asked))
        return [column for answer in answers for column in metricsql.columns(answer, first, step_ms)]

    def tidy(self, now: datetime, trusted: datetime | None) -> Tidied:  # noqa: ARG002
        """Do nothing: the server deletes by age itself."""
        return Tidied()

    def trouble(self) -> str:
        """Say why a person should look; empty where nobody need."""
        return self.outgoing.trouble() if self.outgoing is not None else ""

    def behind_s(self) -> float:
        """Return how long the oldest reading of this process has waited."""
        return self.outgoing.spool.behind_s if self.outgoing is not None else 0.0

    def close(self) -> None:
        """Send what can be sent in a moment, then let go; may be called twice."""
        if self.outgoing is not None:
            self.outgoing.close()
        self.endpoint.close()
