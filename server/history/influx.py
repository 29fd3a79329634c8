"""A history on a server: what is written waits on this disk until the server has it; what is read is asked of it.

Roll-ups are made here, an hour of a site at once, because InfluxDB 1, 2 and 3 have no way in common. Which hours
changed stands in the server itself, as a token that the roll-up repeats: whoever writes late, in whichever process,
gives a token that is not repeated yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from server.errors import ServerError
from server.history import influxql
from server.history.endpoint import Endpoint
from server.history.latest import Key
from server.history.outgoing import Outgoing
from server.history.rolling import Rolling
from server.history.series import HOUR_MS, MINUTE_MS, Bucket, Column, Kept, Sample, Tidied, resolution, to_ms

MOST_GAPS = 20
_MS = timedelta(milliseconds=1)
_PARTS = {MINUTE_MS: "minutes", HOUR_MS: "hours"}


@dataclass(slots=True)
class InfluxHistory:
    """A history in InfluxDB. `outgoing` is None where only pages are served."""

    endpoint: Endpoint
    outgoing: Outgoing | None = None
    _rolling: Rolling = field(init=False)

    def __post_init__(self) -> None:
        self._rolling = Rolling(self.endpoint)

    def start(self) -> None:
        """Begin to send, first what an earlier run left."""
        if self.outgoing is not None:
            self.outgoing.start()

    def write(self, samples: Sequence[Sample]) -> int:
        """Keep samples on this disk; return how many older ones had to go for them."""
        return self.outgoing.write(samples) if self.outgoing is not None else 0

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:
        """Return a series from `begin` up to but not including `end`, oldest first."""
        statement = influxql.readings(self._database, key, to_ms(begin), to_ms(end), limit)
        return influxql.kept(influxql.rows_of(self._ask(statement)[0]))

    def buckets(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Bucket]:
        """Return the numbers of each step from `begin` in short."""
        first, last, step_ms = to_ms(begin), to_ms(end), max(1, step // _MS)
        unit_ms = self._unit(first, step)
        if unit_ms == 1:
            return self._from_readings(key, [(first, last)], first, step_ms)
        asked = influxql.rolled_steps(self._database, _PARTS[unit_ms], key, first, last, step_ms)
        touched = influxql.touched(self._database, key[0], first, last)
        rows, hours = self._ask(asked, touched)
        known = {one.step: one for one in influxql.buckets(influxql.rows_of(rows), first, step_ms)}
        stale = influxql.stale(influxql.rows_of(hours))
        gaps = _gaps(sorted(stale), first, last, step_ms)
        fresh = self._from_readings(key, gaps, first, step_ms) if gaps else ()
        held = self._held_since_ms()
        known |= {one.step: one for one in fresh if first + one.step * step_ms >= held or one.step not in known}
        return [known[one] for one in sorted(known)]

    def columns(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Column]:
        """Return the lowest and the highest number of each step from `begin`."""
        return [(one.step, one.low, one.high) for one in self.buckets(key, begin, end, step)]

    def tidy(self, now: datetime, trusted: datetime | None) -> Tidied:  # noqa: ARG002 - the server deletes by age itself
        """Roll up an hour of a site that is over, if nothing waits to be sent."""
        return self._rolling.tidy(self.outgoing, now) if self.outgoing is not None else Tidied()

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

    @property
    def _database(self) -> str:
        return self.endpoint.place.database

    def _held_since_ms(self) -> int:
        return to_ms(datetime.now(UTC) - timedelta(days=self.endpoint.section.keep_days))

    def _unit(self, first: int, step: timedelta) -> int:
        """Take the coarsest that fits the step, and at least what is still kept."""
        unit_ms = resolution(step)
        if first < self._held_since_ms():
            unit_ms = max(unit_ms, MINUTE_MS)
        if first < to_ms(datetime.now(UTC) - timedelta(days=self.endpoint.section.keep_minutes_days)):
            unit_ms = HOUR_MS
        return unit_ms

    def _from_readings(self, key: Key, spans: Sequence[tuple[int, int]], first: int, step_ms: int) -> Sequence[Bucket]:
        asked = [influxql.steps(self._database, key, begin, end, step_ms) for begin, end in spans]
        return [
            bucket
            for answer in self._ask(*asked)
            for bucket in influxql.buckets(influxql.rows_of(answer), first, step_ms)
        ]

    def _ask(self, *statements: str) -> Sequence[influxql.Series]:
        try:
            found = influxql.answers(self.endpoint.ask(influxql.joined_statements(statements)))
        except ServerError as e:
            said = str(e)
            raise ServerError(
                said if said.startswith("history") else f"history {self.endpoint.place.url}: {said}"
            ) from e
        if len(found) != len(statements):
            raise ServerError(f"history {self.endpoint.place.url}: answers {len(found)} of {len(statements)} questions")
        return found


def _gaps(hours: Sequence[int], first: int, last: int, step_ms: int) -> Sequence[tuple[int, int]]:
    """Return the spans of whole steps that these hours lie in, at most `MOST_GAPS` of them."""
    spans: list[tuple[int, int]] = []
    for hour in hours:
        begin = first + max(0, hour * HOUR_MS - first) // step_ms * step_ms
        end = min(last, first + -(-(min((hour + 1) * HOUR_MS, last) - first) // step_ms) * step_ms)
        if begin >= end or hour * HOUR_MS >= last:
            continue
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    return spans if len(spans) <= MOST_GAPS else [(spans[0][0], spans[-1][1])]
