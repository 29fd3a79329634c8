"""Roll-ups of an InfluxDB: the minutes and hours of one hour of one site at a time, made whole from its readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
    _leaving: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    """(site, hour) to roll up, once the files up to this number are taken."""
    _looked: set[str] = field(default_factory=set[str])  # sites whose last week was looked through

    def tidy(self, outgoing: Outgoing, now: datetime) -> Tidied:
        """Roll up one hour of one site; whether there are more to do is said too."""
        current = (to_ms(now) - AFTER_MS) // HOUR_MS
        with outgoing.lock:
            sites = {site for site, _ in outgoing.touches} - self._looked
        if sites:
            site = min(sites)
            self._look_back(outgoing, site, current)
            self._looked.add(site)
            return Tidied(more=True)
        with outgoing.lock:
            # From here on what is written to these hours gives them a token of its own; what was written before must
            # have been sent first.
            for one in [one for one in outgoing.touches if one[1] not in (current, current + 1)]:
                del outgoing.touches[one]
                self._leaving[one] = outgoing.spool.newest
        ready = sorted(one for one, n in self._leaving.items() if outgoing.spool.all_taken(n))
        if not ready:
            return Tidied()
        rolled = self._roll_up(*ready[0])
        del self._leaving[ready[0]]
        return Tidied(rolled, 0, more=len(ready) > 1)

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
