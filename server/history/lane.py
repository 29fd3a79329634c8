"""The readings lane: its own bounded queue and thread from the broker to the newest values and the history."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Sequence

from contracts.messages import Value
from server.errors import ServerError
from server.history.bounds import samples_beside
from server.history.latest import Latest
from server.history.series import Sample, Series
from server.ingest.decode import Arrival, Invalid, Measured, decode_readings
from server.metrics import Metrics
from server.moments import in_utc

CAPACITY = 2_000  # batches
BATCH = 200
LINGER_S = 0.1  # pages hear newest values once a second
AWAY_S = 60.0  # so long not written is a fault that a person is told of
POINTS_OF_AN_AGENT = 5_000  # until the server starts again; an honest one has some hundreds
LONGEST_TEXT = 1_000
UNWRITTEN = 100_000  # samples kept in memory while the history cannot be written: about ten minutes of 200 points

_log = logging.getLogger(__name__)


class ReadingsLane:
    """Drops what it cannot keep up with, and counts that."""

    def __init__(self, latest: Latest, series: Series, metrics: Metrics, sites: frozenset[str] = frozenset()) -> None:
        self._latest = latest
        self._series = series
        self._metrics = metrics
        self._sites = sites
        self._queue: queue.Queue[Arrival | None] = queue.Queue(CAPACITY)
        self._thread = threading.Thread(target=self._run, name="readings-lane", daemon=True)
        self._failing_since_s: float | None = None
        self._unwritten: list[Sample] = []
        self._points: dict[tuple[str, str], set[str]] = {}

    def start(self) -> None:
        """Begin to take readings."""
        self._series.start()
        self._thread.start()

    def close(self) -> None:
        """Write what is queued, then end; may be called twice."""
        if self._thread.is_alive():
            try:
                self._queue.put(None, timeout=1.0)
            except queue.Full:
                _log.warning("history: %d batches are left unwritten", self._queue.qsize())
            self._thread.join(3.0)
        self._series.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def trouble(self) -> str:
        """Say why a person should look at the history; empty where nobody need."""
        since_s = self._failing_since_s
        away = since_s is not None and time.monotonic() - since_s > AWAY_S
        return "history-away" if away else self._series.trouble()

    def offer(self, arrival: Arrival) -> bool:
        """Queue one batch; False where there is no room."""
        try:
            self._queue.put_nowait(arrival)
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        going = True
        while going:
            batch = self._gather()
            going = None not in batch
            try:
                self._take([arrival for arrival in batch if arrival is not None])
            except Exception:  # noqa: BLE001 - it is logged
                # Readings may be dropped, and their lane must not end: no value of a point would ever be new again.
                _log.exception("history: a bug; what waited is not written: %d readings", len(self._unwritten))
                self._metrics.history_dropped.inc(max(1, len(self._unwritten)))
                self._unwritten = []

    def _take(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            try:
                self._unwritten += self._decode(arrival)
            except Exception:  # noqa: BLE001 - it is logged; what waits beside it is kept
                _log.exception("history: a bug; a batch of readings is not taken: %s", arrival.topic[:200])
                self._metrics.history_dropped.inc()
        if self._unwritten:
            self._write()

    def _gather(self) -> list[Arrival | None]:
        """Wait for a batch, and a moment for more: one transaction of many costs a fraction of many of one."""
        items = [self._queue.get()]
        until_s = time.monotonic() + LINGER_S
        while len(items) < BATCH and items[-1] is not None:
            try:
                items.append(self._queue.get(timeout=max(0.0, until_s - time.monotonic())))
            except queue.Empty:
                break
        return items

    def _decode(self, arrival: Arrival) -> Sequence[Sample]:
        decoded = decode_readings(arrival)
        if isinstance(decoded, Invalid):
            self._metrics.dropped.labels("readings").inc()
            _log.debug("%s: readings not taken: %s", arrival.topic[:200], decoded.reason)
            return []
        topic, batch = decoded
        if self._sites and topic.site not in self._sites:
            return []
        site, agent = topic.site, topic.agent
        readings = self._of_known(site, agent, batch["readings"])
        try:
            samples = [
                Sample((site, agent, one["point"]), in_utc(one["at"]), _storable(one["value"])) for one in readings
            ]
        except OverflowError:  # a moment at the edge of time, in another zone
            self._metrics.dropped.labels("readings").inc()
            return []
        self._latest.put_all(samples, arrival.received_at)
        self._metrics.readings.inc(len(samples))
        bounds = [
            sample
            for one in readings
            if one.get("quality") is not None
            for sample in samples_beside((site, agent, one["point"]), in_utc(one["at"]), one)
        ]
        self._latest.put_all(bounds, arrival.received_at, told=False)
        return [*samples, *bounds]

    def _of_known(self, site: str, agent: str, readings: Sequence[Measured]) -> Sequence[Measured]:
        """Return the readings of as many points as one agent may have: one that invents names leaves others room."""
        known = self._points.setdefault((site, agent), set())
        known.update(one["point"] for one in readings if len(known) < POINTS_OF_AN_AGENT)
        if len(known) < POINTS_OF_AN_AGENT:
            return readings
        taken = [one for one in readings if one["point"] in known]
        if len(taken) < len(readings):
            self._metrics.dropped.labels("readings").inc()
        return taken

    def _write(self) -> None:
        """Write all that is not written yet. Writing a sample twice keeps it once, so a doubtful write is repeated."""
        try:
            self._metrics.history_dropped.inc(self._series.write(self._unwritten))
        except ServerError as e:
            if (excess := len(self._unwritten) - UNWRITTEN) > 0:
                del self._unwritten[:excess]
                self._metrics.history_dropped.inc(excess)
            if self._failing_since_s is None:
                _log.warning("%s; readings wait in memory until it is back", e)
                self._failing_since_s = time.monotonic()
            return
        self._unwritten.clear()
        if self._failing_since_s is not None:
            self._failing_since_s = None
            _log.info("history: is written again, with what waited")


def _storable(value: Value) -> float | str | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value[:LONGEST_TEXT] if isinstance(value, str) else value
