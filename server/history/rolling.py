"""Roll-ups of an InfluxDB: the minutes and hours of one hour of one site at a time, made whole from its readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from server.errors import ServerError
from server.history import influxql, lines
from server.history.endpoint import Endpoint
from server.history.latest import Key
from server.history.outgoing import Outgoing
from server.history.series import HOUR_MS, MINUTE_MS, Bucket, Tidied, to_ms

LOOK_BACK_HOURS = 7 * 24  # what an earlier run may have left
AFTER_MS = MINUTE_MS  # agents still send what they measured at the end of the hour
_PIECE = 5_000  # lines at once


@dataclass(slots=True)
class Rolling:
    """Belongs to the thread that tidies."""

    endpoint: Endpoint
    _looked: set[str] = field(default_factory=set[str])  # sites whose last week was looked through

    def tidy(self, outgoing: Outgoing, now: datetime) -> Tidied:
        """Roll up one hour of one site; whether there are more to do is said too."""
        if outgoing.spool.waiting_bytes:
            return Tidied()
        current = (to_ms(now) - AFTER_MS) // HOUR_MS
        with outgoing.lock:
            sites = {site for site, _ in outgoing.touches} - self._looked
        if sites:
            site = min(sites)
            self._look_back(outgoing, site, current)
            self._looked.add(site)
            return Tidied(more=True)
        with outgoing.lock:
            over = sorted(one for one in outgoing.touches if one[1] != current and one[1] != current + 1)
            if not over:
                return Tidied()
            site, hour = over[0]
            token = outgoing.touches.pop((site, hour))
            if outgoing.spool.waiting_bytes:  # a reading without a mark of its own may be among it
                outgoing.touches[site, hour] = token
                return Tidied()
        try:
            rolled = self._roll_up(site, hour)
        except ServerError:
            with outgoing.lock:
                outgoing.touches.setdefault((site, hour), token)
            raise
        return Tidied(rolled, 0, more=len(over) > 1)

    def _look_back(self, outgoing: Outgoing, site: str, current: int) -> None:
        """Find the hours that nobody rolled up, of this process or another that ended."""
        span = (current - LOOK_BACK_HOURS) * HOUR_MS, current * HOUR_MS
        asked = influxql.touched(self.endpoint.place.database, site, *span)
        (answer,) = influxql.answers(self.endpoint.ask(asked))
        found = influxql.stale(influxql.rows_of(answer))
        with outgoing.lock:
            for hour, token in found.items():
                outgoing.touches.setdefault((site, hour), token)

    def _roll_up(self, site: str, hour: int) -> int:
        database = self.endpoint.place.database
        marks, minutes = (
            influxql.touched(database, site, hour * HOUR_MS, (hour + 1) * HOUR_MS),
            influxql.minutes_of(database, site, hour),
        )
        # In this order: what is touched between the two questions keeps a token that is not repeated.
        (said,) = influxql.answers(self.endpoint.ask(marks))
        stale = influxql.stale(influxql.rows_of(said))
        if hour not in stale:
            return 0
        (found,) = influxql.answers(self.endpoint.ask(minutes))
        hours, whole = _rolled(site, hour, found)
        for begin in range(0, len(whole), _PIECE):
            self._write("minutes", whole[begin : begin + _PIECE])
        self._write("hours", hours)
        self._write("samples", [lines.rolled(site, hour, stale[hour])])
        return len(hours)

    def _write(self, part: str, written: Sequence[str]) -> None:
        if written:
            self.endpoint.write(part, "\n".join(written).encode())


def _rolled(site: str, hour: int, found: Mapping[Key, influxql.Rows]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the lines of the hours and of the minutes."""
    hours: list[str] = []
    minutes: list[str] = []
    for (_, agent, point), rows in found.items():
        key = (site, agent, point)
        whole: Bucket | None = None
        for at, low, high, mean, n in rows:
            if n:
                part = Bucket(0, float(low), float(high), float(mean), int(n))
                minutes.append(lines.summary(lines.MINUTES, key, at, part))
                whole = part if whole is None else influxql.joined(whole, part)
        if whole is not None:
            hours.append(lines.summary(lines.HOURS, key, hour * HOUR_MS, whole))
    return hours, minutes
